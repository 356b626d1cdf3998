# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drive the arm from a terminal, also over SSH: each key is a short pulse, for terminals do not tell of keys let go.

Examples:
  il-ros launch collect device:=twist          in one terminal
  il-ros keys                                  in another, with the same ROS_DOMAIN_ID
  il-ros keys --speed 0.05 --pulse 0.2         slower, in smaller steps

The keys are those of the page: w s forward and back, a d left and right, r f up and down, q e turn the tool; hold a key
to go on. c closes the gripper, and opens it the next time. Space stops at once, x or Ctrl-D ends.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import select
import sys
import time
from collections.abc import Iterator

from il_ros.core.errors import ConfigError

HELP = "drive the arm from a terminal"
KEYS = __doc__.strip().split("\n\n")[-1]
"""What each key does."""
WAYS = {"w": (0, 1), "s": (0, -1), "a": (1, 1), "d": (1, -1), "r": (2, 1), "f": (2, -1), "q": (3, 1), "e": (3, -1)}
"""By key, the axis of the base frame (x forward, y left, z up; 3 for a turn about z) and the direction."""
GRIPPER, STOP, QUIT = "c", " ", ("x", "\x03", "\x04")
RATE_HZ = 40
FAREWELL_S = 0.3
"""For so long zeros follow the last velocity, which lets go: silence alone would count as a lost line."""
GRIP_S, GRIP_AFTER_S = 1.2, 0.2
"""How long the gripper's key drives, in which a gripper closes, and when the gripper is commanded in that time: the
device takes it only from who drives."""
REPEAT_S = 0.6
"""A key that comes again sooner is one that is held: a terminal repeats it after half a second or so."""
STANDS_M_S = 1e-6
"""The velocity of an arm that is driven and stands still: one of zero lets go."""


class Pulses:
    """What was typed, as velocities that end by themselves, and as commands of the gripper.

    Args:
        speed: m/s along each axis.
        pulse_s: how long one key counts. A terminal repeats a held key only after half a second or so.
        turn: rad/s about the vertical.
    """

    def __init__(self, speed: float, pulse_s: float, turn: float = 0.6) -> None:
        for name, value in (("speed", speed), ("pulse", pulse_s), ("turn", turn)):
            if not 0.0 < value < math.inf:
                raise ConfigError(f"--{name} is {value}; it must be a positive number")
        self._speeds, self._pulse_s = (speed, speed, speed, turn), pulse_s
        self._until = [-math.inf] * len(self._speeds)
        self._way = [0] * len(self._speeds)
        self._gripper_pressed = self._grips_until = -math.inf
        self._grips_at: float | None = None
        self._closes = False

    def press(self, key: str, now: float) -> None:
        """Take a key; those of two axes go together, and space ends all."""
        key = key.lower()
        if key == STOP:
            self._until = [-math.inf] * len(self._speeds)
            self._grips_at, self._grips_until = None, -math.inf
        elif key in WAYS:
            axis, way = WAYS[key]
            self._way[axis], self._until[axis] = way, now + self._pulse_s
        elif key == GRIPPER:
            if now - self._gripper_pressed > REPEAT_S:
                self._grips_at, self._grips_until = now + GRIP_AFTER_S, now + GRIP_S
            self._gripper_pressed = now

    def velocity(self, now: float) -> tuple[float, float, float, float] | None:
        """Return m/s by axis and rad/s about z; None once every pulse is over, and the arm is nobody's."""
        x, y, z, turn = (
            speed * way if now < until else 0.0 for speed, way, until in zip(self._speeds, self._way, self._until)
        )
        if any((x, y, z, turn)):
            return x, y, z, turn
        return (STANDS_M_S, 0.0, 0.0, 0.0) if now < self._grips_until else None

    def grip(self, now: float) -> float | None:
        """Return how far the gripper is to close, from 0 to 1, once for each press of its key; otherwise None."""
        if self._grips_at is None or now < self._grips_at:
            return None
        self._grips_at, self._closes = None, not self._closes
        return float(self._closes)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros keys``."""
    parser.add_argument("--speed", type=float, default=0.1, help="m/s (default: 0.1)")
    parser.add_argument("--pulse", type=float, default=0.3, help="seconds that one key counts (default: 0.3)")
    parser.add_argument("--turn", type=float, default=0.6, help="rad/s (default: 0.6)")
    parser.add_argument("--namespace", default="", help="where the nodes are, if they are in a namespace")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros keys``.

    Raises:
        ConfigError: if there is no terminal, or an argument is wrong.
    """
    pulses = Pulses(args.speed, args.pulse, args.turn)
    if not sys.stdin.isatty():
        raise ConfigError("il-ros keys reads single keys and standard input is no terminal; run it in one")
    from il_ros.ros.client.twist_publisher import TwistPublisher

    terminal, last = sys.stdin.fileno(), -math.inf
    with TwistPublisher(args.namespace) as speaker, single_keys(terminal):
        print(f"{KEYS} Publishing on {speaker.topic}.", flush=True)
        while True:
            keys, now = typed(terminal, 1.0 / RATE_HZ), time.monotonic()
            for key in keys:
                pulses.press(key, now)
            ends = any(key in QUIT for key in keys)
            velocity = None if ends else pulses.velocity(now)
            if velocity is not None:
                last = now
            if ends or now - last < FAREWELL_S:
                speaker.say(velocity or (0.0, 0.0, 0.0, 0.0))
            if (share := pulses.grip(now)) is not None:
                speaker.grip(share)
            if ends:
                return 0


@contextlib.contextmanager
def single_keys(terminal: int) -> Iterator[None]:
    """Receive each key as it is typed, without echo; afterwards the terminal is as it was."""
    import termios
    import tty

    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def typed(terminal: int, within_s: float) -> str:
    """Yield the keys as they come; the end of the input counts as ``q``."""
    if not select.select([terminal], [], [], within_s)[0]:
        return ""
    return os.read(terminal, 64).decode(errors="ignore") or QUIT[0]
