# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What stands on the table of a task, as it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from il_ros.core.types import Array


@dataclass(frozen=True)
class SceneProps:
    """What stands on the table, metres in the base frame."""

    post_radius: float = 0.02
    post_height: float = 0.065
    finish_x: float | None = None
    half_width: float = 0.2
    groove: Array | None = None
    """(N, 2)"""
