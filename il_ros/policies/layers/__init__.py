# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The networks that the policy classes share."""

from il_ros.policies.layers.fast_linear import Linear
from il_ros.policies.layers.transformer import DecoderBlock, TransformerBlock
from il_ros.policies.layers.trunk import (
    AutoregressiveHead,
    ConditionedTrunk,
    Residual,
    StackedTrunk,
    Trunk,
    draw,
    sinusoids,
    without_overflow,
)

__all__ = [
    "AutoregressiveHead",
    "ConditionedTrunk",
    "DecoderBlock",
    "Linear",
    "Residual",
    "StackedTrunk",
    "TransformerBlock",
    "Trunk",
    "draw",
    "sinusoids",
    "without_overflow",
]
