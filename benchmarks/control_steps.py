# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Control steps of a gripper that handles a block, against panda-gym's PandaPickAndPlace at equal substeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.measurement import Measurement, Side, Stretch

SUBSTEPS, EPISODE = 12, 50
"""Steps of physics in a control step, and control steps in an episode: ours and panda-gym's."""


def ours() -> Stretch:
    """Step our task ``pick_place`` with the Panda and its gripper."""
    from il_ros.sim.env import ArmEnv

    return _stretch(ArmEnv("pick_place", "panda_gripper", time_limit=False))


def peer() -> Stretch:
    """Step its environment as its documentation has it, with our number of substeps."""
    import gymnasium
    import panda_gym  # type: ignore[import-not-found]  # noqa: F401, which registers its environments

    env: Any = gymnasium.make("PandaPickAndPlace-v3")
    env.unwrapped.sim.n_substeps = SUBSTEPS
    return _stretch(env)


def limit() -> Stretch:
    """Take the steps of physics alone, with our arm and its block at rest."""
    from benchmarks.timing import together
    from il_ros.sim.env import ArmEnv

    env = ArmEnv("pick_place", "panda_gripper")
    env.reset(seed=0)

    def step() -> None:
        for _ in range(SUBSTEPS):
            env._world.step()

    return together(step)


def _stretch(env: Any) -> Stretch:
    """Return what steps an environment by random actions, reset after every episode; the reset counts."""
    import numpy as np

    from benchmarks.timing import together

    rng, steps = np.random.default_rng(0), iter(range(10**9))
    low, high = env.action_space.low, env.action_space.high
    reset: Callable[..., Any] = env.reset

    def step() -> None:
        if next(steps) % EPISODE == 0:
            reset(seed=0)
        env.step(rng.uniform(low, high).astype(env.action_space.dtype))

    return together(step)


MEASUREMENTS = (
    Measurement(
        name="control steps with contacts, panda-gym's PandaPickAndPlace",
        ours=Side("benchmarks.control_steps:ours"),
        peer=Side("benchmarks.control_steps:peer", {}, "peers"),
        limit=Side("benchmarks.control_steps:limit"),
        stretch_s=1.0,
        compared=f"A Panda with a gripper and a block on a table, random actions, {SUBSTEPS} steps of physics in each "
        f"control step, reset after {EPISODE} steps, one thread. Peer: panda-gym 3.0.7, PandaPickAndPlace-v3, its "
        f"n_substeps set from 20 to {SUBSTEPS}. Ours: the task pick_place with the contract panda_gripper. Limit: the "
        "steps of physics alone.",
    ),
)
