# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training against the behavioural cloning of HumanCompatibleAI/imitation."""

from __future__ import annotations

from typing import Any

from benchmarks.measurement import Measurement, Side, Stretch
from benchmarks.transitions import ACTION_DIM, OBSERVATION_DIM, STEPS, transitions

EQUAL = (
    "Tanh MLP {}, batch {}, Adam, Gaussian log-likelihood with entropy weight 1e-3, the same 10,000 transitions in "
    "memory, one thread. Peer: imitation 1.0.1, BC.train(n_batches=...) without progress bar or rollouts, logging "
    "once. Ours: the trainer with all it does (clipping, averaged weights, schedule). {}"
)


def peer(batch: int, width: int, depth: int) -> Stretch:
    """Run ``BC.train`` as its documentation has it; ``depth`` 0 asks for its default network."""
    import time

    import gymnasium
    import numpy as np
    from imitation.algorithms.bc import BC
    from imitation.data.types import Transitions
    from imitation.util.logger import configure
    from stable_baselines3.common.policies import ActorCriticPolicy

    observations, actions = transitions()
    spaces = {
        "observation_space": gymnasium.spaces.Box(-1, 1, (OBSERVATION_DIM,), np.float32),
        "action_space": gymnasium.spaces.Box(-1, 1, (ACTION_DIM,), np.float32),
    }
    policy: Any = None
    if depth:  # no layers for values, which behavioural cloning computes but never learns from
        arch = {"pi": [width] * depth, "vf": []}
        policy = ActorCriticPolicy(**spaces, lr_schedule=lambda _: 1.0, net_arch=arch)
    starts = np.roll(observations, -1, axis=0)  # next observations, which its loader wants and its loss does not
    ends = np.arange(1, len(actions) + 1) % STEPS == 0
    demonstrations = Transitions(observations, actions, np.array([{}] * len(actions)), starts, ends)
    trainer = BC(
        **spaces,
        rng=np.random.default_rng(0),
        policy=policy,
        demonstrations=demonstrations,
        batch_size=batch,
        device="cpu",
        custom_logger=configure(format_strs=[]),
    )

    def stretch(steps: int) -> list[float]:
        started = time.perf_counter()
        trainer.train(n_batches=steps, log_interval=10**9, progress_bar=False)
        return [(time.perf_counter() - started) / steps]

    return stretch


def _measurement(name: str, batch: int, width: int, depth: int, default: bool, note: str) -> Measurement:
    options = {"policy": "benchmarks.plain_mlp", "batch": batch, "width": width, "depth": depth}
    return Measurement(
        name=name,
        ours=Side("benchmarks.our_training:ours", options),
        peer=Side(
            "benchmarks.imitation_bc:peer", {"batch": batch, "width": width, "depth": 0 if default else depth}, "peers"
        ),
        limit=Side("benchmarks.our_training:limit", options),
        compared=EQUAL.format(f"{width} x {depth}", batch, note),
    )


MEASUREMENTS = (
    _measurement(
        *("training, imitation's BC, default network, batch 32", 32, 32, 2, True),
        "Its default policy also computes a value network of the same size, forward only; ours has none.",
    ),
    _measurement(
        *("training, imitation's BC, 256 x 3, batch 256", 256, 256, 3, False),
        "Its value network is a single layer, so that it computes little in vain.",
    ),
)
