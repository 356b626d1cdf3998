"""Flow matching over the whole chunk, with shortcuts: one to four network calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.errors import ConfigError
from il_ros.policies.base import Policy, PolicyConfig
from il_ros.policies.networks import ConditionedTrunk, Trunk, sinusoids

TIME_FEATURES = 32


@dataclass(frozen=True)
class FlowConfig(PolicyConfig):
    """What a flow policy may be told beside the sizes.

    Raises:
        ConfigError: if the number of calls is not a power of two up to the finest division.
    """

    calls: int = 4
    """Network calls for one chunk: 1, 2, 4, ..."""
    finest: int = 32
    """Steps of the finest division that shortcuts are built upon; a power of two."""
    shortcuts: float = 0.25
    """Share of each batch that learns shortcuts; 0 for plain flow matching."""
    clip: float = 1.5
    """Bound of a drawn chunk, in normalised units."""

    def __post_init__(self) -> None:
        super().__post_init__()
        powers = all(n >= 1 and n & (n - 1) == 0 for n in (self.calls, self.finest))
        if not (powers and self.calls <= self.finest and 0 <= self.shortcuts < 1):
            raise ConfigError(
                f"policy 'flow': calls is {self.calls}, finest {self.finest}, shortcuts {self.shortcuts}; "
                "choose powers of two with calls <= finest, and 0 <= shortcuts < 1"
            )


class Flow(Policy):
    """A velocity field that carries noise to chunks along straight lines, conditioned on the history.

    The network names the chunk where a line would end, not the velocity, which is the way there over the time left:
    chunks are few and smooth, and a small network learns them faster than differences to noise.

    Flow matching: Lipman 2022, arXiv:2210.02747, equation 23 with sigma 0; Liu 2022, arXiv:2209.03003, equation 1.
    Shortcuts: Frans 2024, arXiv:2410.12557, equation 4: the field is told how long a step it is asked for, and one
    long step must lead where two of half the length do, so that few steps need not be small ones.
    """

    Config: ClassVar[type[PolicyConfig]] = FlowConfig
    config: FlowConfig

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        size = math.prod(self.shape)
        self.condition = Trunk(config.history * config.observation_dim, config.width, config.depth, config.width)
        self.time = nn.Linear(2 * TIME_FEATURES, config.width)
        self.trunk = ConditionedTrunk(size, config.width, config.depth, size)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Squared error of the velocity, averaged over the labelled numbers: (B,)."""
        size, device = len(actions), actions.device
        seen = self.condition(observations.flatten(1))
        noise = torch.randn(actions.shape, generator=generator, device=device)
        draw = torch.rand((size, 2), generator=generator, device=device)
        learns = draw[:, 1] < self.config.shortcuts  # (B,), which rows learn a shortcut
        levels = int(math.log2(self.config.finest))
        level = (draw[:, 1] / max(self.config.shortcuts, 1e-9) * levels).long().clamp(0, levels - 1)
        length = torch.where(learns, 2.0 ** -level.float(), 0.0)  # of the shortcut: 1, 1/2, ... 2/finest
        time = torch.where(learns, (draw[:, 0] / length.clamp(min=1e-9)).floor() * length, draw[:, 0])
        at = noise + time[:, None, None] * (actions - noise)
        target = actions
        if self.config.shortcuts:
            rows = learns.nonzero()[:, 0]
            with torch.no_grad():
                ends = self._two_halves(at[rows], mask[rows], time[rows], length[rows], seen[rows])
            target = actions.index_copy(0, rows, ends)
        error = (self._end(at * mask[..., None], time, length, seen) - target).square().mean(-1)  # (B, Ta)
        return (error * mask).sum(-1) / mask.sum(-1)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Carry noise to one chunk for each history: (B, Ta, Da)."""
        chunk = torch.randn((len(observations), *self.shape), generator=generator, device=observations.device)
        seen = self.condition(observations.flatten(1))
        length = 1.0 / self.config.calls
        told = length if self.config.shortcuts else 0.0
        for i in range(self.config.calls):
            time = torch.full((len(chunk),), i * length, device=chunk.device)
            end = self._end(chunk, time, torch.full_like(time, told), seen)
            chunk = chunk + length / (1 - i * length) * (end - chunk)
        return chunk.clamp(-self.config.clip, self.config.clip)

    def _two_halves(self, at: Tensor, mask: Tensor, time: Tensor, length: Tensor, seen: Tensor) -> Tensor:
        """Where a line would end that goes as two steps of half the length do together."""
        half = length / 2
        told = torch.where(half * self.config.finest < 1.5, 0.0, half)  # the finest steps are the field itself
        there = self._step(at, mask, time, half, told, seen)
        arrived = self._step(there, mask, time + half, half, told, seen)
        return at + ((1 - time) / length)[:, None, None] * (arrived - at)

    def _step(self, at: Tensor, mask: Tensor, time: Tensor, length: Tensor, told: Tensor, seen: Tensor) -> Tensor:
        end = self._end(at * mask[..., None], time, told, seen)
        return at + (length / (1 - time))[:, None, None] * (end - at)

    def _end(self, chunk: Tensor, time: Tensor, length: Tensor, seen: Tensor) -> Tensor:
        features = torch.cat([sinusoids(100 * time, TIME_FEATURES), sinusoids(100 * length, TIME_FEATURES)], dim=-1)
        out: Tensor = self.trunk(chunk.flatten(1), seen + self.time(features))
        return out.reshape(-1, *self.shape)
