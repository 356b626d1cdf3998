# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy class of one's own: a loss to train it by, and a way to draw an action chunk from it.

python -m examples.own_policy

Every command takes the module's dotted name, as in ``il-ros train runs/episodes --policy examples.own_policy``. A pip
package gives it a short name by an entry point in the group ``il_ros.policies``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

import il_ros
from il_ros.policies.base import Policy, PolicyConfig
from il_ros.policies.layers import Trunk


@dataclass(frozen=True)
class AbsoluteErrorConfig(PolicyConfig):
    """The sizes that all policies have, and an option of one's own: ``options: {decay: 0.9}`` in a training file."""

    decay: float = 0.95
    """How much less each further step of a chunk counts."""


class AbsoluteError(Policy):
    """Regression by the absolute error (L1), in which the first steps of a chunk count most."""

    Config: ClassVar[type[PolicyConfig]] = AbsoluteErrorConfig
    importance: Tensor

    def __init__(self, config: AbsoluteErrorConfig) -> None:
        super().__init__(config)
        self.shape = (config.horizon, config.action_dim)
        inputs = config.n_obs_steps * config.observation_dim
        self.trunk = Trunk(inputs, config.width, config.depth, config.horizon * config.action_dim)
        self.register_buffer("importance", config.decay ** torch.arange(config.horizon))

    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return one number for each window: (B,). The mask (B, Ta) is 0 where the chunk is padding."""
        error = (self.sample(observations, generator) - actions).abs().mean(-1)  # (B, Ta)
        weights = mask * self.importance
        return (error * weights).sum(-1) / weights.sum(-1)

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Return a chunk for each history: (B, To, Do) to (B, Ta, Da)."""
        chunk: Tensor = self.trunk(observations.flatten(1))
        return chunk.reshape(-1, *self.shape)


def main(argv: Sequence[str] | None = None) -> float:
    """Demonstrate, train and evaluate; return the success rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/own_policy"))
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--steps", type=int, default=2000)
    args = parser.parse_args(argv)

    il_ros.demonstrate(args.run, task="fork", expert="left", episodes=args.episodes)
    checkpoint = il_ros.train(args.run / "episodes", policy="examples.own_policy", steps=args.steps)
    success = il_ros.evaluate(checkpoint, task="fork", episodes=args.episodes)
    print(f"examples.own_policy: {success}")
    return success.rate


if __name__ == "__main__":
    main()
