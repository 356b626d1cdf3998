# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Let a trained policy drive alone in the simulation, and measure how often it succeeds.

python -m examples.evaluate_policy runs/example/checkpoints/checkpoint_001_diffusion --workers 0
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import il_ros


def main(argv: Sequence[str] | None = None) -> float:
    """Evaluate, and return the success rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1, help="processes; 0 for one on each core")
    args = parser.parse_args(argv)

    # How well does it do? Seeds of the evaluation are none that demonstrations use.
    success = il_ros.evaluate(args.checkpoint, task="fork", episodes=args.episodes, workers=args.workers)
    low, high = success.interval
    print(f"success {success.rate:.1%} of {success.episodes} episodes (95 % interval {low:.1%} to {high:.1%})")

    # What does it answer to an observation? A chunk: one action for each of the next steps.
    checkpoint = il_ros.load_checkpoint(args.checkpoint)
    policy = il_ros.PolicyRunner(checkpoint)
    env = il_ros.ArmEnv("fork", checkpoint.contract)
    observation, _ = env.reset(seed=0)
    policy.reset(env.start)
    policy.observe(env.reading().stamp_ns, np.asarray(observation))
    actions = policy.chunk().actions  # (Ta, Da)
    first = ", ".join(f"{name} {value:.3f}" for name, value in zip(checkpoint.contract.action_names, actions[0]))
    print(f"first of {len(actions)} actions: {first}")
    env.close()
    return success.rate


if __name__ == "__main__":
    main()
