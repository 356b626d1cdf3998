# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Puppeteering: a leader arm of the same build is led by hand, and the follower does as its joints do.

Zhao et al. 2023, arXiv:2304.13705, section III: leader and follower share their joints, so that nothing is solved for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.schema import build
from il_ros.core.topics import LEADER_PEDAL, LEADER_STATES
from il_ros.core.types import Array, EpisodeStart, ExpertAction, RobotState
from il_ros.teleop.base import HUGE, Operated, Setup, at_least, grips, joints_at
from il_ros.teleop.deadman import DEAD_MAN_S, DeadMan

HASTE, SHORTEST_S = 2.0, 0.02
"""How many times faster than the follower may be a leader's joint is led, and how near two messages may come."""


@dataclass(frozen=True)
class LeaderOptions:
    """How the leader's joints are those of the follower."""

    prefix: str = ""
    """Stands before the follower's name of a joint in the leader's."""
    degrees: bool = False
    """Whether the leader publishes its angles in degrees."""
    signs: Mapping[str, float] = field(default_factory=dict)
    """By the follower's name, -1 for a joint that turns the other way."""
    scales: Mapping[str, float] = field(default_factory=dict)
    """By the follower's name, how far the follower goes for 1 of the leader."""
    offsets_rad: Mapping[str, float] = field(default_factory=dict)
    """By the follower's name, what the follower has where the leader has 0."""
    ranges: Mapping[str, Any] = field(default_factory=dict)
    """By the follower's name, the leader's values, in whatever unit, where the follower is at its low and at its
    high: ``{"gripper": [0, 100]}``. Instead of sign, scale and offset."""
    align_rad: float = 0.1
    """Control passes once no joint of both differs by more."""
    pedal: bool = True
    """Whether a pedal, or any switch, must be held, which was seen up before; otherwise who is aligned drives."""
    timeout_s: float = DEAD_MAN_S
    """A leader that has been silent this long while it drove is lost."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("align_rad", "timeout_s"))
        for name in ("signs", "scales", "offsets_rad"):
            values = getattr(self, name)
            if not isinstance(values, Mapping) or not all(map(_is_number, values.values())):
                raise ConfigError(f"device option {name} is {values!r}; it must map joints to numbers")
        if not all(abs(sign) == 1 for sign in self.signs.values()):
            raise ConfigError(f"device option signs is {dict(self.signs)}; a sign is 1 or -1")
        if not all(self.scales.values()):
            raise ConfigError(f"device option scales is {dict(self.scales)}; a scale must not be 0")
        if not isinstance(self.ranges, Mapping) or not all(map(_is_range, self.ranges.values())):
            raise ConfigError(f"device option ranges is {self.ranges!r}; it must map joints to [at low, at high]")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_range(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_number, value)) and value[0] != value[1]


class Leader(Operated):
    """Follow the leader's joints while the pedal is held; to take over, first bring the leader to where the arm is.

    Angles that a leader reports anew at the end of a turn go on, and whole turns between both do not count.
    """

    topics: ClassVar[Mapping[str, str]] = {t.name: t.type_name for t in (LEADER_STATES, LEADER_PEDAL)}

    def __init__(self, setup: Setup) -> None:
        o: LeaderOptions = build(LeaderOptions, "device 'leader'", setup.options)
        super().__init__(setup, "leader", DeadMan(o.timeout_s, seen_up=not o.pedal))
        self.options, contract = o, setup.contract
        names = contract.action_names
        if contract.moves_tool:
            raise ConfigError(
                f"device 'leader': contract {contract.name!r} commands no joints but {', '.join(names)}; choose "
                "one that commands the leader's joints, such as panda_joints"
            )
        unknown = sorted({*o.signs, *o.scales, *o.offsets_rad, *o.ranges} - set(names))
        if unknown:
            raise ConfigError(f"device 'leader': contract {contract.name!r} commands no {', '.join(unknown)}")
        twice = sorted(set(o.ranges) & {*o.signs, *o.scales, *o.offsets_rad})
        if twice:
            raise ConfigError(f"device 'leader': {', '.join(twice)} has a range and a sign, scale or offset; give one")
        self._scale, self._offset, self._turn = np.array([self._map(i) for i in range(len(names))]).T
        self._fastest = HASTE * contract.max_step * contract.rate_hz
        self._target: Array | None = None
        """(Da,) the leader's joint positions in the follower's units; None until they are received."""
        self._received_ns = 0
        self._drives = False

    def _map(self, i: int) -> tuple[float, float, float]:
        """Return scale and offset from the leader's number to joint ``i`` of the follower, and a turn or infinity."""
        o, part = self.options, self.setup.contract.action[i]
        if part.name in o.ranges:
            low, high = o.ranges[part.name]
            scale = (part.high - part.low) / (high - low)
            return scale, part.low - scale * low, math.inf
        turns = part.unit in ("", "rad") and part.kind != "gripper"
        scale = o.signs.get(part.name, 1.0) * o.scales.get(part.name, 1.0)
        turn = 2.0 * math.pi * abs(scale) if turns else math.inf
        return scale * (math.pi / 180.0 if o.degrees and turns else 1.0), o.offsets_rad.get(part.name, 0.0), turn

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Process the leader's joints, or the pedal.

        Raises:
            MessageError: if a joint is missing or not finite; the leader then counts as lost, as it does when a joint
                is where it cannot have come to.
        """
        if topic == LEADER_PEDAL.name:
            self.dead_man.holds(now_ns)  # or it is known already that the leader fell silent before
            self.dead_man.press(bool(message.data))
            return
        contract = self.setup.contract
        names = [self.options.prefix + name for name in contract.action_names]
        values = dict(zip(message.name, message.position))
        optional = {name for name, is_gripper in zip(names, contract.is_gripper) if is_gripper and name not in values}
        missing = [name for name in names if name not in optional and not abs(values.get(name, math.nan)) < HUGE]
        if missing:
            self._lose()
            raise MessageError(
                f"{topic} has no position of {', '.join(missing)} but of {', '.join(values) or 'none'}; the leader "
                "counts as lost; set the device's option 'prefix', or a contract that commands the leader's joints"
            )
        absent = ", ".join(sorted(optional))
        self.note("gripper", absent and f"{topic} has no position of {absent}: the gripper stays as it is")
        positions = self._scale * [values.get(name, math.nan) for name in names] + self._offset
        for part, position in zip(contract.action, positions.tolist()):
            if part.kind == "gripper" and not math.isnan(position):
                self.gripper.squeeze(part.share(position))
        self._follow(topic, np.where(contract.is_gripper, 0.0, positions), now_ns)

    def _follow(self, topic: str, positions: Array, now_ns: int) -> None:
        """Continue from the leader's last joint positions."""
        last, passed_s = self._target, max((now_ns - self._received_ns) / 1e9, SHORTEST_S)
        self._received_ns = now_ns
        if last is None:
            self._target = positions
        else:
            way = positions - last - self._whole_turns(positions - last)
            self._target = last + way
            joint = int(np.argmax(np.abs(way) / (self._fastest * passed_s + self.options.align_rad)))
            jumps = abs(way[joint]) > self._fastest[joint] * passed_s + self.options.align_rad
            if jumps:
                self._lose()
            self.note(
                "jump",
                f"{topic}: {self.setup.contract.action_names[joint]} went by {way[joint]:.2f} in {passed_s:.3f} s, "
                f"where {self._fastest[joint]:.1f} a second are plausible; the leader counts as lost, align it anew"
                if jumps
                else "",
            )
        self.dead_man.alive(now_ns)
        if not self.options.pedal:
            self.dead_man.press(False)
            self.dead_man.press(True)

    def _whole_turns(self, way: Array) -> Array:
        """Return (Da,), the whole turns in a difference (Da,) of angles."""
        counted = np.isfinite(self._turn)
        return np.where(counted, self._turn, 0.0) * np.round(way / np.where(counted, self._turn, 1.0))

    def _lose(self) -> None:
        self.dead_man.lose()
        self._drives = False

    def interrupt(self) -> None:
        """Count the leader as lost; it must be aligned anew."""
        self._lose()

    def reset(self, start: EpisodeStart) -> None:
        """Require alignment anew: the arm has been put elsewhere."""
        self._drives = False

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the leader's joint positions, once it has been aligned with the arm."""
        held = self.dead_man.holds(now_ns) and self._target is not None
        self._drives = held and (self._drives or self._is_aligned(reading))
        if self._target is None or not self._drives:
            return self.away()
        self.note("lost", "")
        contract = self.setup.contract
        wanted = grips(contract, self.gripper.wanted(reading))
        target = np.clip(np.where(contract.is_gripper, wanted, self._target), contract.low, contract.high)
        return ExpertAction(target, engaged=True, author=self.name)

    def _is_aligned(self, reading: RobotState) -> bool:
        """Return whether the leader is aligned with the arm; if so, its turns are counted from there."""
        assert self._target is not None
        at = joints_at(reading, self.setup.contract, "leader")
        at = np.where(self.setup.contract.is_gripper, self._target, at)  # what it holds keeps it from its command
        near = self._target + self._whole_turns(at - self._target)
        if not np.abs(near - at).max() <= self.options.align_rad:
            return False
        self._target = near
        return True
