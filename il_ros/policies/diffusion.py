# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Diffusion policy: denoising diffusion over the whole action chunk, trained as DDPM and sampled by DDIM."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from il_ros.core.errors import ConfigError, unknown
from il_ros.policies.base import MOST_CALLS, PolicyConfig, PrefixConfig, PrefixPolicy, label_mean
from il_ros.policies.layers import ConditionedTrunk, Trunk, sinusoids, without_overflow
from il_ros.policies.layers.prefix import Prefix

TIME_FEATURES = 32
PREDICTION_TYPES = ("sample", "epsilon")


@dataclass(frozen=True)
class DiffusionConfig(PrefixConfig):
    """The options of a diffusion policy beside the sizes.

    Raises:
        ConfigError: if it is asked for more network calls than there are noise levels, or to name something else.
    """

    num_train_timesteps: int = 50
    """N, noise levels in training."""
    num_inference_steps: int = 8
    """Network calls for one chunk."""
    prediction_type: str = "sample"
    """What the network predicts: the clean chunk (``sample``), or the noise in the noisy one (``epsilon``), which needs
    many more calls: at the first level its errors are multiplied by a hundred. With many experts and 16 calls
    ``epsilon`` succeeded in 778 of 800 episodes of ``fork`` and 154 of 200 of ``avoid``; ``sample`` with 8 calls in 797
    and 200."""
    clip: float = 1.5
    """Bound of the estimated clean chunk while sampling, in normalised units."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_inference_steps > min(self.num_train_timesteps, MOST_CALLS) or self.clip <= 0:
            raise ConfigError(
                f"policy 'diffusion': num_inference_steps is {self.num_inference_steps}, num_train_timesteps "
                f"{self.num_train_timesteps}, clip {self.clip}; choose num_inference_steps <= num_train_timesteps, at "
                f"most {MOST_CALLS}, and clip > 0",
                at=("num_inference_steps",),
            )
        if self.prediction_type not in PREDICTION_TYPES:
            raise unknown(
                "policy 'diffusion': prediction_type", self.prediction_type, PREDICTION_TYPES, at=("prediction_type",)
            )


class Diffusion(PrefixPolicy):
    """Denoising of action chunks, conditioned on the history.

    Training: Ho 2020 (arXiv:2006.11239), algorithm 1 and equation 14, where the network names the noise
    (``prediction_type: epsilon``). By default it predicts the clean chunk (their section 3.2; Salimans and Ho 2022,
    arXiv:2202.00512, section 4): chunks are few and smooth, noise is neither, and a small network learns the former
    faster. Noise schedule (``alphas_cumprod``): the squared cosine of Nichol and Dhariwal 2021 (arXiv:2102.09672),
    equation 17. Sampling: deterministic DDIM (Song 2020, arXiv:2010.02502, equation 12 with sigma 0) over a few of the
    levels.
    As a policy: Chi 2023, arXiv:2303.04137.
    """

    Config: ClassVar[type[PolicyConfig]] = DiffusionConfig
    config: DiffusionConfig
    signal: Tensor
    noise: Tensor
    times: Tensor

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        size = math.prod(self.shape)
        inputs = config.n_obs_steps * config.observation_dim
        self.condition = Trunk(inputs, config.width, config.depth, config.width)  # runs once a chunk
        self.time = nn.Linear(TIME_FEATURES, config.width)
        told = config.horizon if config.prefix_steps else 0
        self.trunk = ConditionedTrunk(size + told, config.width, config.depth, size)
        power = _squared_cosine(config.num_train_timesteps)
        tables = {"signal": power.sqrt(), "noise": (1 - power).sqrt()}  # (N + 1,), shares of chunk and noise by level
        times = torch.arange(config.num_train_timesteps + 1) / config.num_train_timesteps
        tables["times"] = sinusoids(100 * times, TIME_FEATURES)
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)
        self.visited, self.jumps = _jumps(tables["signal"], tables["noise"], config.num_inference_steps)

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return the squared error of the prediction at a random noise level, averaged over the labels: (B,)."""
        size, device = (len(actions),), actions.device
        level = torch.randint(1, self.config.num_train_timesteps + 1, size, generator=generator, device=device)
        noise = torch.randn(actions.shape, generator=generator, device=device)
        prefix = Prefix.drawn(actions, self.config.prefix_steps, generator)
        noisy = self.signal[level, None, None] * actions + self.noise[level, None, None] * noise
        noisy = prefix.keep(noisy)
        condition = self.condition(observations.flatten(1)) + self.time(self.times[level])
        truth = actions if self.config.prediction_type == "sample" else noise
        error = (self._named(noisy * (mask > 0)[..., None], condition, prefix) - truth).square().mean(-1)  # (B, Ta)
        return label_mean(error, prefix.free(mask))

    def sample_given(self, observations: Tensor, prefix: Tensor | None, generator: torch.Generator) -> Tensor:
        """Denoise one chunk for each history, whose first rows (B, n, Da) are given, or none: (B, Ta, Da)."""
        clip = self.config.clip
        chunk = torch.randn((len(observations), *self.shape), generator=generator, device=observations.device)
        given = Prefix.of(prefix, chunk, self.config.prefix_steps > 0)
        seen = self.condition(observations.flatten(1))
        times = self.time(self.times[self.visited])
        for i, (level, (of_clean, of_chunk)) in enumerate(zip(self.visited, self.jumps)):
            chunk = given.keep(chunk)
            named = self._named(chunk, seen + times[i], given)
            if self.config.prediction_type == "epsilon":
                named = (chunk - self.noise[level] * named) / self.signal[level]
            chunk = of_clean * named.clamp(-clip, clip) + of_chunk * chunk
        return without_overflow(given.keep(chunk), named)

    def _named(self, noisy: Tensor, condition: Tensor, prefix: Prefix) -> Tensor:
        out: Tensor = self.trunk(prefix.inputs(noisy), condition)
        return out.reshape(-1, *self.shape)


def _jumps(signal: Tensor, noise: Tensor, calls: int) -> tuple[list[int], list[tuple[float, float]]]:
    """Return the levels visited, and for each what the next chunk takes from the clean one and from the present one.

    DDIM goes from ``s x + n e`` to ``s' x + n' e``, and ``e`` is what the present chunk implies once ``x`` is named.
    """
    levels = [round((len(signal) - 1) * (calls - i) / calls) for i in range(calls + 1)]
    jumps = []
    for now, then in zip(levels, levels[1:]):
        of_chunk = float(noise[then] / noise[now])
        jumps.append((float(signal[then]) - of_chunk * float(signal[now]), of_chunk))
    return levels[:-1], jumps


def _squared_cosine(levels: int) -> Tensor:
    """Return (N + 1,), the clean chunk's share of the power at each level: 1 at level 0, nearly 0 at level N."""
    at = torch.arange(levels + 1, dtype=torch.float64) / levels
    power = torch.cos((at + 0.008) / 1.008 * math.pi / 2).square()
    return (power / power[0]).clamp(min=1e-4).float()
