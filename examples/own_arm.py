# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An arm of one's own: two YAML files, one of the arm for the simulation, one of its topics (the contract).

python -m examples.own_arm

The arm is KUKA's LBR iiwa, whose URDF comes with PyBullet. With a real arm the contract alone is needed: its driver
publishes the topics, and whatever stands in ``examples/iiwa/iiwa.yaml`` is known to the driver.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import il_ros

CONTRACT = "examples/iiwa/iiwa_plane.yaml"


def main(argv: Sequence[str] | None = None) -> float:
    """Demonstrate, train and evaluate with this arm; return the success rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/own_arm"))
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--steps", type=int, default=2000)
    args = parser.parse_args(argv)

    contract = il_ros.Contract.load(CONTRACT)
    print(f"{contract.name} at {contract.rate_hz:g} Hz commands {', '.join(contract.action_names)}")

    task = "examples.own_task"  # within this arm's reach
    il_ros.demonstrate(args.run, task, CONTRACT, expert="middle", episodes=args.episodes)
    checkpoint = il_ros.train(args.run / "episodes", contract, "deterministic", steps=args.steps)
    success = il_ros.evaluate(checkpoint, task, episodes=args.episodes)
    print(f"iiwa: {success}")
    return success.rate


if __name__ == "__main__":
    main()
