# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The dead-man switch of a teleoperation device: held, released, or lost with the contact to its driver."""

from __future__ import annotations

DEAD_MAN_S = 0.1
"""A driver that has been silent this long while somebody drove is lost. It is two periods of the slowest that are
usual: joy_node repeats at 20 Hz. With a step of 50 ms, and one or two more in which the gate brings the command to
rest, the arm stands 0.25 s after the device's last message."""


class DeadMan:
    """Whether the operator holds the switch, has released it, or was lost while they held it.

    Releasing is an act: the switch is seen up. Silence and impossible values are none: an operator who held the switch
    is *lost* then, until it has been seen up and is held again. A switch that is stuck or tied down at the start, or
    that was silent for a while, holds nothing before it was seen up.

    Args:
        timeout_s: how long a silence may last.
        seen_up: whether the switch may be held from the very beginning.
    """

    def __init__(self, timeout_s: float, seen_up: bool = False) -> None:
        self.timeout_s = timeout_s
        self._seen_up = seen_up
        self._held = False
        self._received_ns: int | None = None
        self.lost = False
        """Whether contact was lost; see ``ExpertAction.lost``."""
        self.silence_lets_go = False
        """Whether a silence counts as releasing the switch from here on."""

    def hear(self, down: bool, now_ns: int) -> None:
        """Take the position of a switch whose driver repeats it."""
        self.alive(now_ns)
        self.press(down)

    def alive(self, now_ns: int) -> None:
        """Note that a message of the driver was received."""
        self._watch(now_ns)
        self._received_ns = now_ns if self._received_ns is None else max(now_ns, self._received_ns)

    def press(self, down: bool) -> None:
        """Take the position of a switch that is published when it changes."""
        self._seen_up = self._seen_up or not down
        self._held = down and self._seen_up
        self.lost = self.lost and not self._held

    def lose(self) -> None:
        """Count an operator who held the switch as lost: a message was impossible, or came too late."""
        self.lost = self.lost or self._held
        self._held = self._seen_up = False

    def holds(self, now_ns: int) -> bool:
        """Return whether the operator holds the switch."""
        self._watch(now_ns)
        return self._held and self._received_ns is not None

    def _watch(self, now_ns: int) -> None:
        if self._received_ns is None or now_ns - self._received_ns <= self.timeout_s * 1e9:
            return
        self._received_ns = None  # what is done with the switch from here on is done after the silence
        if self.silence_lets_go:
            self._held, self._seen_up = False, True
        else:
            self.lose()
