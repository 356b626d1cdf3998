# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Puppeteering: a leader arm of the same build is led by hand, and the follower does as its joints do.

Zhao et al. 2023, arXiv:2304.13705, section III: leader and follower share their joints, so that nothing is solved for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from il_ros import specs
from il_ros.errors import ConfigError, MessageError
from il_ros.signals import Answer, Array, EpisodeStart, Reading
from il_ros.teleop import Device, Setup, Switch, at_least, is_silent, joints_at

STATES, PEDAL = "leader/joint_states", "leader/pedal"


@dataclass(frozen=True)
class LeaderOptions:
    """How the leader's joints are those of the follower."""

    prefix: str = ""
    """Stands before the follower's name of a joint in the leader's."""
    signs: Mapping[str, float] = field(default_factory=dict)
    """By the follower's name, -1 for a joint that turns the other way."""
    offsets_rad: Mapping[str, float] = field(default_factory=dict)
    """By the follower's name, what the follower has where the leader has 0."""
    align_rad: float = 0.1
    """Control passes once no joint of both differs by more."""
    pedal: bool = True
    """Whether a pedal, or any switch, must be held, which was seen up before; otherwise who is aligned drives."""
    timeout_s: float = 0.2
    """A leader that has been silent this long counts as let go."""

    def __post_init__(self) -> None:
        at_least(self, 0.0, ("align_rad", "timeout_s"))
        for name in ("signs", "offsets_rad"):
            values = getattr(self, name)
            if not isinstance(values, Mapping) or not all(map(_is_number, values.values())):
                raise ConfigError(f"device option {name} is {values!r}; it must map joints to numbers")
        if not all(abs(sign) == 1 for sign in self.signs.values()):
            raise ConfigError(f"device option signs is {dict(self.signs)}; a sign is 1 or -1")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class Leader(Device):
    """Follow the leader's joints while the pedal is held; to take over, first bring the leader to where the arm is."""

    topics: ClassVar[Mapping[str, str]] = {STATES: "sensor_msgs/msg/JointState", PEDAL: "std_msgs/msg/Bool"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.options: LeaderOptions = specs.build(LeaderOptions, "device 'leader'", setup.options)
        names = setup.contract.action_names
        if setup.contract.moves_tool:
            raise ConfigError(
                f"device 'leader': contract {setup.contract.name!r} commands no joints but {', '.join(names)}; choose "
                "one that commands the leader's joints, such as panda_joints"
            )
        unknown = sorted({*self.options.signs, *self.options.offsets_rad} - set(names))
        if unknown:
            raise ConfigError(f"device 'leader': contract {setup.contract.name!r} commands no {', '.join(unknown)}")
        self._signs = np.array([self.options.signs.get(name, 1.0) for name in names])
        self._offsets = np.array([self.options.offsets_rad.get(name, 0.0) for name in names])
        self._wanted: Array = np.zeros(len(names))
        self._heard_ns: int | None = None
        self._pedal = Switch()
        self._drives = False

    def hear(self, topic: str, message: Any, now_ns: int) -> None:
        """Take the leader's joints, or the pedal.

        Raises:
            MessageError: if a joint is missing or not finite; the leader then counts as let go.
        """
        if topic == PEDAL:
            self._pedal.hear(bool(message.data))
            return
        names = [self.options.prefix + name for name in self.setup.contract.action_names]
        told = dict(zip(message.name, message.position))
        missing = [name for name in names if not math.isfinite(told.get(name, math.nan))]
        if missing:
            self._heard_ns = None
            raise MessageError(
                f"{topic} tells no position of {', '.join(missing)} but of {', '.join(told) or 'none'}; the leader "
                "counts as let go; set the device's option 'prefix', or a contract that commands the leader's joints"
            )
        self._wanted = self._signs * np.array([told[name] for name in names]) + self._offsets
        self._heard_ns = now_ns

    def reset(self, start: EpisodeStart) -> None:
        """The arm has been put elsewhere, so the leader must be brought there anew."""
        self._drives = False

    def answer(self, reading: Reading, now_ns: int = 0) -> Answer:
        """Where the leader is, once it has been where the arm is."""
        silent = is_silent(self._heard_ns, now_ns, self.options.timeout_s)
        held = self._pedal.held or not self.options.pedal
        self._drives = held and not silent and (self._drives or self._is_aligned(reading))
        if not self._drives:
            return Answer(None, engaged=False, author="leader")
        contract = self.setup.contract
        return Answer(np.clip(self._wanted, contract.low, contract.high), engaged=True, author="leader")

    def _is_aligned(self, reading: Reading) -> bool:
        at = joints_at(reading, self.setup.contract, "leader")
        return bool(np.abs(self._wanted - at).max() <= self.options.align_rad)
