# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What an operator wants of the gripper: as it is, until they have pressed or squeezed since they took hold."""

from __future__ import annotations

import dataclasses
import math

from il_ros.core.contract import Contract
from il_ros.core.types import RobotState

OPEN = 0.1
"""A gripper that is closed by a smaller share than this counts as open: what it can hold keeps it farther closed."""
MOVED = 0.1
"""A trigger that has moved by a smaller share than this since the operator took hold has not been touched."""
NEAR = 0.02
"""By so much a trigger may be less far closed than the gripper for the gripper to go with it."""


class GripperInput:
    """Follows a button that toggles the gripper, and a trigger that it goes with.

    Taking hold changes nothing: the gripper is left as it was commanded, ``None``, until the operator acts. A trigger
    counts once it was moved and is squeezed, or was when they took hold, as far as the gripper is measured to be
    closed, so that one that is only touched drops nothing.
    """

    def __init__(self) -> None:
        self._grip: float | None = None
        self._toggled = self._follows = False
        self._squeeze: float | None = None
        self._first: float | None = None
        """How far the trigger was squeezed when the operator took hold."""

    def let_go(self) -> None:
        """Forget what was wanted: nobody drives."""
        self._grip, self._toggled, self._follows, self._first = None, False, False, self._squeeze

    def toggle(self) -> None:
        """Open a gripper that is closed, or holds something; close one that is open."""
        self._toggled = not self._toggled

    def squeeze(self, share: float, at_rest: float | None = None) -> None:
        """Take how far a trigger is squeezed, from 0, open, to 1, closed.

        Args:
            share: beyond these, the nearer of them.
            at_rest: where a trigger rests that is published only when it changes; others are where they are seen first.
        """
        self._squeeze = min(1.0, max(0.0, share))
        if self._first is None:
            self._first = self._squeeze if at_rest is None else at_rest

    def wanted(self, reading: RobotState) -> float | None:
        """Return how far the gripper is to close, from 0 to 1; None to leave it as it was commanded last."""
        if self._toggled:
            closed = reading.grip >= OPEN if self._grip is None else self._grip > 0.5
            self._grip = 0.0 if closed else 1.0
            self._toggled = self._follows = False
            self._first = self._squeeze
        if self._squeeze is not None and self._first is not None:
            reaches = max(self._squeeze, self._first) >= (1.0 if math.isnan(reading.grip) else reading.grip) - NEAR
            self._follows = self._follows or (reaches and abs(self._squeeze - self._first) > MOVED)
            self._grip = self._squeeze if self._follows else self._grip
        return self._grip


def with_grip(contract: Contract, reading: RobotState) -> RobotState:
    """Return the reading with how far the gripper is closed, where its joint is measured and that is not known yet.

    The joint is the one that the gripper's ``rest`` is measured by, or one of its own name.
    """
    part = next((part for part in contract.action if part.kind == "gripper"), None)
    if part is None or not math.isnan(reading.grip):
        return reading
    fields = {seen.name: seen.field for seen in contract.observation}
    name = fields.get(str(part.rest), "").removeprefix("position[").removesuffix("]") or part.name
    if name not in reading.joint_names:
        return reading
    position = float(reading.joint_positions[reading.joint_names.index(name)])
    return dataclasses.replace(reading, grip=min(1.0, max(0.0, part.share(position))))
