# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Train a policy on a folder of recorded episodes: rosbag2 recordings (MCAP or SQLite), or a LeRobot v3 data set.

python -m examples.train_from_bags runs/example
python -m examples.train_from_bags runs/example --policy mixture --steps 8000

If the folder of the run has no episodes yet, scripted experts record some in the simulation first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import il_ros
from il_ros.learning.training.result import TrainingProgress


def main(argv: Sequence[str] | None = None) -> Path:
    """Train, and return the folder of the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run, with its bags in RUN/episodes")
    parser.add_argument("--episodes", type=int, default=40, help="demonstrations, if there are none")
    parser.add_argument("--policy", default="diffusion", help="policy class, or a training configuration (YAML)")
    parser.add_argument("--steps", type=int, default=4000, help="gradient steps")
    args = parser.parse_args(argv)

    folder = args.run / "episodes"
    if not folder.is_dir():
        il_ros.demonstrate(args.run, task="fork", expert="left", episodes=args.episodes)

    # A contract says which fields of which topics are the observation, and what the action is.
    contract = il_ros.Contract.load("panda_plane")
    bags = sorted(path for path in folder.iterdir() if path.name.startswith("episode_"))
    episode = il_ros.read_episode(bags[0], contract)
    print(f"{bags[0].name}: {len(episode)} steps of {', '.join(contract.observation_names)}")

    def report(progress: TrainingProgress) -> None:
        print(f"step {progress.step} of {progress.steps}: loss {progress.loss:.4f}, held out {progress.held_out:.4f}")

    checkpoint = il_ros.train(folder, contract, args.policy, report, steps=args.steps)
    print(f"wrote {checkpoint}")
    return checkpoint


if __name__ == "__main__":
    main()
