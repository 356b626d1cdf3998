# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An episode as a strip of pictures."""

from __future__ import annotations

from pathlib import Path

from il_ros.core.types import Array
from il_ros.evaluation.rollouts import policy_runner, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.sim.env import ArmEnv
from studies import pictures

PICTURES = 6
WIDTH, HEIGHT = 320, 240
EVERY_S = 0.25
"""So often a picture is taken; those that are shown are some of them."""


def draw(checkpoint: Path, task: str, seed: int, config: GateConfig, title: str, file: Path) -> None:
    """Draw the episode ``seed`` of a policy that drives alone, from its start to its end."""
    actor = policy_runner(checkpoint)
    env, taken = ArmEnv(task, actor.contract), list[Array]()
    every = round(EVERY_S * env.contract.rate_hz)
    steps = iter(range(10**9))
    try:
        run_episode(
            env, Gate(env.contract, config), seed, actor,
            on_step=lambda record: None if next(steps) % every else taken.append(env.render(WIDTH, HEIGHT)),
        )  # fmt: skip
        taken.append(env.render(WIDTH, HEIGHT))
    finally:
        env.close()
    figure, (axes,) = pictures.new_grid(1, PICTURES, 1.5)
    for number, place in enumerate(axes):
        index = round(number * (len(taken) - 1) / (PICTURES - 1))
        place.imshow(taken[index])
        place.set_title(f"{EVERY_S * index:.1f} s", fontsize=7, pad=2)
    figure.suptitle(title, fontsize=9)
    pictures.save(figure, file)
