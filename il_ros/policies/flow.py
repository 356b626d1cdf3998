# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Flow matching over the whole action chunk, by mean flows: one to four network calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.core.errors import ConfigError
from il_ros.policies.base import MOST_CALLS, PolicyConfig, PrefixConfig, PrefixPolicy, label_mean
from il_ros.policies.layers import ConditionedTrunk, Trunk, sinusoids, without_overflow
from il_ros.policies.layers.prefix import Prefix

TIME_FEATURES = 32
WAVES = 5.0
"""Radians of the fastest wave by which time is encoded: of faster ones the derivative is noise."""
LATEST = 0.99
"""No line is looked at later: its mean velocity divides by the time that is left."""
DIFFERENCE = 0.005
"""Between the two times of the difference quotient."""
STEADY = 0.01
"""Errors well below it weigh as they are, larger ones by their share."""


@dataclass(frozen=True)
class FlowConfig(PrefixConfig):
    """The options of a flow policy beside the sizes.

    Raises:
        ConfigError: for a value outside its limits.
    """

    num_inference_steps: int = 4
    """Network calls for one chunk."""
    strides: float = 0.25
    """Share of each batch that learns long strides (mean flows); more of them for 1 call, 0 for plain flow matching."""
    clip: float = 1.5
    """Bound of a drawn chunk, in normalised units."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.num_inference_steps <= MOST_CALLS or not 0 <= self.strides <= 1 or self.clip <= 0:
            raise ConfigError(
                f"policy 'flow': num_inference_steps is {self.num_inference_steps}, strides {self.strides}, clip "
                f"{self.clip}; choose num_inference_steps >= 1, 0 <= strides <= 1 and clip > 0, and at "
                f"most {MOST_CALLS}"
            )


class Flow(PrefixPolicy):
    """A velocity field that carries noise (time 0) to chunks (time 1), conditioned on the history.

    Flow matching: Lipman 2022, arXiv:2210.02747, equation 23 with sigma 0; Liu 2022, arXiv:2209.03003, equation 1.
    Mean flows (``strides``): Geng 2025, arXiv:2505.13447, equations 6 and 10, with time the other way round: the field
    takes the length of the stride as input and predicts its mean velocity, so that few strides need not be short ones.
    Its derivative along the path is a difference quotient here, one more pass forward and no second differentiation;
    errors weigh as in their equation 22 with p = 1. With many experts, one, two and four calls succeed in 394, 400 and
    400 of 400 episodes of a fork, and in 182, 199 and 199 of 200 of ``avoid``; shortcuts (Frans 2024, arXiv:2410.12557)
    gave 369 of 400 at the fork with one call, and are not kept.

    The network names the chunk where the stride's line would end at time 1, not the velocity: chunks are few and
    smooth, and a small network learns them faster than differences to noise.
    """

    Config: ClassVar[type[PolicyConfig]] = FlowConfig
    config: FlowConfig

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        size = math.prod(self.shape)
        self.condition = Trunk(config.n_obs_steps * config.observation_dim, config.width, config.depth, config.width)
        self.time = nn.Linear(2 * TIME_FEATURES, config.width)
        told = config.horizon if config.prefix_steps else 0
        self.trunk = ConditionedTrunk(size + told, config.width, config.depth, size)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the squared error of the line's end, averaged over the labels, (B,); with strides in shares of it."""
        size, device = len(actions), actions.device
        seen = self.condition(observations.flatten(1))
        noise = torch.randn(actions.shape, generator=generator, device=device)
        draw = torch.rand((size, 3), generator=generator, device=device)
        prefix = Prefix.drawn(actions, self.config.prefix_steps, generator)
        time, until = self._times(draw)
        velocity = actions - noise
        at = prefix.keep(noise + time[:, None, None] * velocity)
        end, target = self._end(at * (mask > 0)[..., None], time, until - time, seen, prefix), actions
        if self.config.strides:
            with torch.no_grad():
                later = time + DIFFERENCE
                then = prefix.keep(at + DIFFERENCE * velocity)
                left, left_then = (1 - time)[:, None, None], (1 - later)[:, None, None]
                then_end = self._end(then * (mask > 0)[..., None], later, (until - later).clamp(min=0), seen, prefix)
                change = ((then_end - then) / left_then - (end - at) / left) / DIFFERENCE  # of the mean velocity
                target = actions + left * (until - time)[:, None, None] * change
        error = label_mean((end - target).square().mean(-1), prefix.free(mask))  # (B,)
        return error / (error.detach() + STEADY) if self.config.strides else error

    def _times(self, draw: Tensor) -> tuple[Tensor, Tensor]:
        """Return from three draws a row, (B, 3), where each stride begins and ends; most are of no length."""
        one, other, lot = draw.unbind(1)
        strides, whole = lot < self.config.strides, lot < self.config.strides / 4  # the latter go to the end
        time = torch.where(strides, torch.minimum(one, other), one)
        if self.config.strides:
            time = time.clamp(max=LATEST)
        until = torch.where(strides, torch.maximum(one, other), time)
        return time, torch.where(whole, 1.0, until)

    def sample_given(self, observations: Tensor, prefix: Tensor | None, generator: torch.Generator) -> Tensor:
        """Carry noise to one chunk for each history, whose first rows (B, n, Da) are given, or none: (B, Ta, Da)."""
        chunk = torch.randn((len(observations), *self.shape), generator=generator, device=observations.device)
        given = Prefix.of(prefix, chunk, self.config.prefix_steps > 0)
        seen = self.condition(observations.flatten(1))
        stride = 1.0 / self.config.num_inference_steps
        ahead = stride if self.config.strides else 0.0
        for i in range(self.config.num_inference_steps):
            time = torch.full((len(chunk),), i * stride, device=chunk.device)
            chunk = given.keep(chunk)
            end = self._end(chunk, time, torch.full_like(time, ahead), seen, given)
            chunk = chunk + stride / (1 - i * stride) * (end - chunk)
        chunk = given.keep(chunk)
        return without_overflow(chunk.clamp(-self.config.clip, self.config.clip), chunk)

    def _end(self, chunk: Tensor, time: Tensor, stride: Tensor, seen: Tensor, prefix: Prefix) -> Tensor:
        features = torch.cat([sinusoids(WAVES * time, TIME_FEATURES), sinusoids(WAVES * stride, TIME_FEATURES)], dim=-1)
        out: Tensor = self.trunk(prefix.inputs(chunk), seen + self.time(features))
        return out.reshape(-1, *self.shape)
