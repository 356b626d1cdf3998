# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Five policies in stacked matrices against five in turn."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks import our_training
from benchmarks.measurement import Measurement, Side, Stretch
from benchmarks.timing import together
from benchmarks.transitions import ACTION_DIM, OBSERVATION_DIM

MEMBERS = 5
WIDTHS = (32, 128)
"""Of imitation's default network, and of our configuration for ensembles; two blocks each."""


def train_in_turn(batch: int, width: int, depth: int) -> Stretch:
    """Train five, one after the other; a step is a step of each."""
    one = our_training.ours("deterministic", batch, width, depth)
    return lambda steps: [sum(one(steps)[0] for _ in range(MEMBERS))]


def ask_together(width: int, depth: int) -> Stretch:
    """Return what all members answer to one observation, frozen as an actor has them."""
    policy = _create("ensemble", width, depth, members=MEMBERS).frozen()
    observation = torch.zeros(1, 1, OBSERVATION_DIM)
    return _inference(lambda: policy.members(observation))


def ask_in_turn(width: int, depth: int) -> Stretch:
    """Return the same of five policies of their own, frozen too."""
    policies = [_create("deterministic", width, depth).frozen() for _ in range(MEMBERS)]
    observation, generator = torch.zeros(1, 1, OBSERVATION_DIM), torch.Generator()
    return _inference(lambda: [policy.sample(observation, generator) for policy in policies])


def ask_limit(width: int, depth: int) -> Stretch:
    """Return the frozen network alone."""
    trunk = _create("ensemble", width, depth, members=MEMBERS).frozen().trunk
    observations = torch.zeros(MEMBERS, 1, OBSERVATION_DIM)
    return _inference(lambda: trunk(observations))


def _create(policy: str, width: int, depth: int, **options: Any) -> Any:
    from il_ros.policies.base import create

    sizes = {"observation_dim": OBSERVATION_DIM, "action_dim": ACTION_DIM, "n_obs_steps": 1, "horizon": 1}
    return create(policy, {**sizes, "width": width, "depth": depth, **options}, seed=0)


def _inference(step: Any) -> Stretch:
    return torch.inference_mode()(together(step))


def _measurements(width: int) -> tuple[Measurement, ...]:
    sizes: dict[str, Any] = {"width": width, "depth": 2}
    trained = {"policy": "ensemble", "batch": 32, "members": MEMBERS, **sizes}
    return (
        Measurement(
            name=f"ensemble of five, {width} x 2, training, batch 32",
            ours=Side("benchmarks.our_training:ours", trained),
            peer=Side("benchmarks.ensemble:train_in_turn", {"batch": 32, **sizes}),
            limit=Side("benchmarks.our_training:limit", trained),
            compared=f"Five residual MLPs {width} x 2 (policy 'ensemble', every member sees the batch of 32) against "
            "five trainings of 'deterministic' in turn, each with batch 32; both by our trainer, one thread. A step is "
            "one of all five.",
        ),
        Measurement(
            name=f"ensemble of five, {width} x 2, evaluation, batch 1",
            ours=Side("benchmarks.ensemble:ask_together", sizes),
            peer=Side("benchmarks.ensemble:ask_in_turn", sizes),
            limit=Side("benchmarks.ensemble:ask_limit", sizes),
            compared="All five members' answers to one observation; both frozen as an actor serves them, one thread.",
        ),
    )


MEASUREMENTS = tuple(measurement for width in WIDTHS for measurement in _measurements(width))
