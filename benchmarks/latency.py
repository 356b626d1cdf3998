# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How long a robot waits for a chunk: our actor against a DDIM sampler on a U-Net of the Diffusion Policy kind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measurement import Measurement, Side, Stretch
from benchmarks.timing import each
from benchmarks.unet import UNet

CONTRACT = "panda_plane"
HISTORY, HORIZON, OBSERVATION_DIM, ACTION_DIM = 2, 16, 4, 2
"""Of our configurations, with that contract."""
CALLS = 16


def ours(policy: str) -> Stretch:
    """Run ``PolicyRunner.chunk``: history, seeds, network, units and limits, as the policy node does at every step."""
    import numpy as np

    from il_ros.core.types import EpisodeStart
    from il_ros.learning.inference import PolicyRunner

    actor = PolicyRunner(_checkpoint(policy))
    actor.reset(EpisodeStart("fork", 0, 0))
    stamps = iter(range(0, 10**18, actor.contract.step_ns))
    rng = np.random.default_rng(0)
    return each(actor.chunk, before=lambda: actor.observe(next(stamps), rng.uniform(-1, 1, OBSERVATION_DIM)))


def limit(policy: str) -> Stretch:
    """Return the calls of the frozen network alone, as many and as large as one chunk takes."""
    served = _checkpoint(policy).policy.frozen()
    calls: list[tuple[nn.Module, tuple[Tensor, ...]]] = []
    for module in list(served.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.jit.ScriptModule):
                setattr(module, name, Noted(child, calls))
    with torch.inference_mode():
        served.sample(torch.zeros(1, HISTORY, OBSERVATION_DIM), torch.Generator())
    assert calls, f"policy {policy} calls no frozen network"

    def chunk() -> None:
        for network, inputs in calls:
            network(*inputs)

    return torch.inference_mode()(each(chunk))


def peer() -> Stretch:
    """Run DDIM over the U-Net at batch 1, with the schedule and steps of diffusers, as Diffusion Policy has them."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler  # type: ignore[import-not-found]

    scheduler = DDIMScheduler(
        num_train_timesteps=100, beta_schedule="squaredcos_cap_v2", clip_sample=True, prediction_type="epsilon"
    )
    scheduler.set_timesteps(CALLS)
    network = UNet(ACTION_DIM, HISTORY * OBSERVATION_DIM).eval().requires_grad_(False)
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    assert 62 < millions < 68, millions
    observations = torch.zeros(1, HISTORY * OBSERVATION_DIM)

    def chunk() -> Tensor:
        chunk = torch.randn(1, HORIZON, ACTION_DIM)
        for level in scheduler.timesteps:
            noise = network(chunk, level[None], observations)
            chunk = scheduler.step(noise, level, chunk).prev_sample
        return chunk

    return torch.inference_mode()(each(chunk))


class Noted(nn.Module):
    """A network that notes what it is called with."""

    def __init__(self, network: nn.Module, calls: list[tuple[nn.Module, tuple[Tensor, ...]]]) -> None:
        super().__init__()
        self._network, self._calls = network, calls

    def forward(self, *inputs: Tensor) -> Any:
        """Return the output of the network."""
        self._calls.append((self._network, tuple(value.clone() for value in inputs)))
        return self._network(*inputs)


def _checkpoint(policy: str) -> Any:
    """Make what our configuration for a policy class would be trained from: fresh weights, which take as long."""
    from pathlib import Path

    import numpy as np

    from il_ros.core.contract import Contract
    from il_ros.learning.checkpoint import Checkpoint
    from il_ros.learning.data.normalizer import Normalizer
    from il_ros.learning.training.config import TrainingConfig
    from il_ros.policies.base import create

    config = TrainingConfig.load(policy)
    sizes = {name: getattr(config, name) for name in ("n_obs_steps", "horizon", "width", "depth")}
    sizes |= {"observation_dim": OBSERVATION_DIM, "action_dim": ACTION_DIM, **config.options}
    assert (config.n_obs_steps, config.horizon) == (HISTORY, HORIZON), sizes
    bounds = np.array([[-1.0], [1.0]])
    normaliser = Normalizer.fit(bounds.repeat(OBSERVATION_DIM, 1), bounds.repeat(ACTION_DIM, 1))
    return Checkpoint(Path(), {}, create(config.policy, sizes, 0).eval(), normaliser, Contract.load(CONTRACT))


MEASUREMENTS = tuple(
    Measurement(
        name=f"chunk latency, {policy}",
        ours=Side("benchmarks.latency:ours", {"policy": policy}),
        peer=Side("benchmarks.latency:peer", {}, "peers"),
        limit=Side("benchmarks.latency:limit", {"policy": policy}),
        compared=f"One chunk of 16 actions at batch 1 on one thread. Ours: Actor.chunk with the configuration of "
        f"'{policy}'; its limit: the frozen network's calls alone. Peer: {CALLS} DDIM steps (diffusers' DDIMScheduler) "
        "on a U-Net of 65 million weights with Diffusion Policy's published sizes, written by us, in inference mode; "
        "its p99 is over the few chunks of a round. Both with fresh weights, which take as long as trained ones.",
        unit="ms",
        quantiles=(50, 99),
        stretch_s=1.0,
        greatest_spread=0.5,
    )
    for policy in ("mixture", "flow", "diffusion")
)
