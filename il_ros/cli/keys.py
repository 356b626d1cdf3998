# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Drive the arm from a terminal, also over SSH: each key is a short pulse, for terminals do not tell of keys let go.

Examples:
  il-ros launch collect device:=twist          in one terminal
  il-ros keys                                  in another, with the same ROS_DOMAIN_ID
  il-ros keys --speed 0.05 --pulse 0.2         slower, in smaller steps

w s forward and back, a d left and right, r f up and down; hold a key to go on. Space stops at once, q ends.
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
WAYS = {"w": (0, 1), "s": (0, -1), "a": (1, 1), "d": (1, -1), "r": (2, 1), "f": (2, -1)}
"""By key, the axis of the base frame (x forward, y left, z up) and the direction."""
STOP, QUIT = " ", ("q", "\x03", "\x04")
RATE_HZ = 40
FAREWELL_S = 0.3
"""For so long zeros follow the last velocity, which lets go: silence alone would count as a lost line."""


class Pulses:
    """What was typed, as velocities that end by themselves.

    Args:
        speed: m/s along each axis.
        pulse_s: how long one key counts. A terminal repeats a held key only after half a second or so.
    """

    def __init__(self, speed: float, pulse_s: float) -> None:
        for name, value in (("speed", speed), ("pulse", pulse_s)):
            if not 0.0 < value < math.inf:
                raise ConfigError(f"--{name} is {value}; it must be a positive number")
        self._speed, self._pulse_s = speed, pulse_s
        self._until = [-math.inf] * 3
        self._way = [0] * 3

    def press(self, key: str, now: float) -> None:
        """Take a key; those of two axes go together, and space ends all."""
        if key == STOP:
            self._until = [-math.inf] * 3
        elif key.lower() in WAYS:
            axis, way = WAYS[key.lower()]
            self._way[axis], self._until[axis] = way, now + self._pulse_s

    def velocity(self, now: float) -> tuple[float, float, float] | None:
        """Return m/s by axis; None once every pulse is over, and the arm is nobody's."""
        x, y, z = (self._speed * way if now < until else 0.0 for way, until in zip(self._way, self._until))
        return (x, y, z) if now < max(self._until) else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros keys``."""
    parser.add_argument("--speed", type=float, default=0.1, help="m/s (default: 0.1)")
    parser.add_argument("--pulse", type=float, default=0.3, help="seconds that one key counts (default: 0.3)")
    parser.add_argument("--namespace", default="", help="where the nodes are, if they are in a namespace")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros keys``.

    Raises:
        ConfigError: if there is no terminal, or an argument is wrong.
    """
    pulses = Pulses(args.speed, args.pulse)
    if not sys.stdin.isatty():
        raise ConfigError("il-ros keys reads single keys and standard input is no terminal; run it in one")
    from il_ros.ros.client.twist_publisher import TwistPublisher

    terminal, last = sys.stdin.fileno(), -math.inf
    with TwistPublisher(args.namespace) as speaker, single_keys(terminal):
        print(f"{__doc__.strip().splitlines()[-1]} Publishing on {speaker.topic}.", flush=True)
        while True:
            keys, now = typed(terminal, 1.0 / RATE_HZ), time.monotonic()
            for key in keys:
                pulses.press(key, now)
            ends = any(key in QUIT for key in keys)
            velocity = None if ends else pulses.velocity(now)
            if velocity is not None:
                last = now
            if ends or now - last < FAREWELL_S:
                speaker.say(velocity or (0.0, 0.0, 0.0))
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
