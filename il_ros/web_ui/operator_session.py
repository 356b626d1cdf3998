# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The session of the web operator: a lease for one operator at a time, and their input; silence releases the switch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from il_ros.core.errors import MessageError
from il_ros.core.types import BROWSER_SILENCE_S

LEASE_S = 5.0
"""A lease without input for this long is free again."""
NAME_LENGTH = 40


@dataclass(frozen=True)
class OperatorInput:
    """The input of an operator at the page."""

    held: bool = False
    """Whether the dead-man switch is held."""
    deflection: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of keys or sticks, in [-1, 1], along x, y and z of the base frame."""
    fast: bool = False
    pointer: bool = False
    """Whether the pointer is pressed on the picture: the dead-man switch while dragging."""
    turn: float = 0.0
    """The deflection about z, in [-1, 1]."""
    gripper: bool = False
    """Whether the gripper's key is down: each press opens or closes it."""
    lost: bool = field(default=False, compare=False)
    """Whether they are off the switch because contact with the page was lost, and not by an act."""

    @classmethod
    def from_json(cls, message: dict[str, Any]) -> OperatorInput:
        """Read a message of the page.

        Raises:
            MessageError: if it is of another form.
        """
        flags = {name: message.get(name, False) for name in ("held", "fast", "pointer", "gripper")}
        turn = message.get("turn", 0.0)
        deflection = message.get("deflection", (0.0, 0.0, 0.0))
        if not all(isinstance(flag, bool) for flag in flags.values()):
            raise MessageError(f"hands: {flags} are not all true or false")
        if not isinstance(deflection, (list, tuple)) or len(deflection) != 3 or not all(map(_is_share, deflection)):
            raise MessageError(f"hands: deflection is {deflection!r:.80}; it must be three numbers from -1 to 1")
        if not _is_share(turn):
            raise MessageError(f"hands: turn is {turn!r:.80}; it must be a number from -1 to 1")
        x, y, z = map(float, deflection)
        return cls(deflection=(x, y, z), turn=float(turn), **flags)


RELEASED, LOST = OperatorInput(), OperatorInput(lost=True)


def _is_share(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and -1.0 <= value <= 1.0


class OperatorLease:
    """A lease for one operator at a time; others may watch. Time comes in as an argument, ns of the steady clock.

    An operator who fell silent while holding the switch has to let go of it before it counts again, so that a page
    which was slow does not make the arm move on by itself.
    """

    def __init__(self) -> None:
        self.viewer: str | None = None
        """The page that holds the lease."""
        self.name = ""
        self._hands, self._received_ns, self._must_let_go = RELEASED, 0, False

    def sit(self, viewer: str, name: str, now_ns: int) -> None:
        """Take the lease.

        Raises:
            MessageError: if somebody else holds it, or the name is not one.
        """
        name = " ".join(name.split())
        if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
            raise MessageError(f"name {name!r:.60} cannot be used; give one of 1 to {NAME_LENGTH} letters")
        if self.viewer not in (None, viewer) and now_ns - self._received_ns < LEASE_S * 1e9:
            raise MessageError(f"{self.name} drives; wait until the seat is free")
        self.viewer, self.name = viewer, name
        self._hands, self._received_ns, self._must_let_go = RELEASED, now_ns, True

    def leave(self, viewer: str) -> bool:
        """Give the lease up, which releases the switch; returns whether the viewer held it."""
        sat = viewer == self.viewer
        if sat:
            self.viewer, self._hands = None, LOST if self._are_on_the_switch() else RELEASED
        return sat

    def hear(self, viewer: str, hands: OperatorInput, now_ns: int) -> None:
        """Take the operator's input.

        Raises:
            MessageError: if the viewer does not hold the lease.
        """
        if viewer != self.viewer:
            raise MessageError(f"{self.name or 'nobody'} drives; take the seat first")
        self.hands(now_ns)
        self._must_let_go = self._must_let_go and (hands.held or hands.pointer)
        self._hands, self._received_ns = RELEASED if self._must_let_go else hands, now_ns

    def hands(self, now_ns: int) -> OperatorInput:
        """Return the operator's input now: released once none has been received for a while."""
        if self.viewer is None or now_ns - self._received_ns > BROWSER_SILENCE_S * 1e9:
            if self._are_on_the_switch():
                self._hands, self._must_let_go = LOST, True
            elif not self._hands.lost:
                self._hands = RELEASED
        return self._hands

    def _are_on_the_switch(self) -> bool:
        return self._hands.held or self._hands.pointer
