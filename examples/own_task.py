# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A task of one's own: a scene, where an episode starts, when it succeeds, and a scripted expert that solves it.

python -m examples.own_task

A task is one class in a module; every command takes the module's dotted name, as in
``il-ros collect --task examples.own_task``. A pip package gives it a short name by an entry point::

    [project.entry-points."il_ros.tasks"]
    doorway = "my_package.doorway"
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import il_ros
from il_ros.core.types import Array, RobotState
from il_ros.sim.tasks.base import SceneLayout, Steer, StepState, upright
from il_ros.sim.tasks.posts import TOOL_HEIGHT_M, PostsTask

SPEED_M_S = 0.2


class Doorway(PostsTask):
    """Carry the tool between two posts; the doorway is somewhere else in each episode."""

    time_limit_s = 5.0
    post_count = 2
    post_radius_m = 0.02
    finish_x_m = 0.62
    half_width_m = 0.2
    experts = ("middle",)
    ways = 1

    def layout(self, rng: np.random.Generator) -> SceneLayout:
        """Draw where the tool starts, and where the doorway is (m, in the arm's base frame)."""
        middle = rng.uniform(-0.04, 0.04)
        posts = [[0.52, middle + side, self.post_height_m / 2] for side in (0.12, -0.12)]
        return SceneLayout(np.array([0.42, rng.uniform(-0.02, 0.02), TOOL_HEIGHT_M]), upright(np.array(posts)))

    def expert(self, name: str, rng: np.random.Generator) -> Steer:
        """Return the expert: it steers for the middle of the doorway, and beyond it straight ahead."""

        def steer(reading: RobotState) -> Array:
            middle = reading.objects[:, :2].mean(axis=0)
            ahead = max(middle[0] - reading.tool_position[0], 0.05)
            heading = np.array([ahead, middle[1] - reading.tool_position[1]])
            return np.asarray(SPEED_M_S * heading / np.linalg.norm(heading))

        return steer

    def way(self, states: Sequence[StepState]) -> int | None:
        """Return 0, the only way; None if the tool went round the posts."""
        posts = states[-1].poses
        places = [state.tool_position for state in states]
        beside = [y for x, y, _ in places if abs(x - posts[0, 0]) < self.post_radius_m]
        return 0 if all(posts[1, 1] < y < posts[0, 1] for y in beside) else None


def main(argv: Sequence[str] | None = None) -> float:
    """Demonstrate, train and evaluate; return the success rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/own_task"))
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--steps", type=int, default=2000)
    args = parser.parse_args(argv)

    task = "examples.own_task"
    il_ros.demonstrate(args.run, task, expert="middle", episodes=args.episodes)
    checkpoint = il_ros.train(args.run / "episodes", policy="deterministic", steps=args.steps)
    success = il_ros.evaluate(checkpoint, task, episodes=args.episodes)
    print(f"{task}: {success}")
    return success.rate


if __name__ == "__main__":
    main()
