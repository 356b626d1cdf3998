# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The contract: which topics and fields make an observation and an action, with units and limits.

One YAML file describes it, and the same file is read by live inference and by the reading of bags.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from il_ros.core import paths
from il_ros.core.errors import ConfigError, unknown
from il_ros.core.types import Array

COMMAND_TYPES = (
    "geometry_msgs/msg/TwistStamped",
    "trajectory_msgs/msg/JointTrajectory",
    "std_msgs/msg/Float64MultiArray",
)

FASTEST_HZ = 1000.0
"""Faster control than this is not for messages."""

BLIND_NS = 160_000_000
"""After so long without a complete observation an arm is told to rest; so it is in less than ``SILENCE_NS``."""

ABSURD = 10.0
"""A number that is as many times the width of its range away from it is no action and no reading, but a failure."""

TRACKING_S = 0.15
"""How far an arm may be behind its command, as time at the limit's speed: a step under way, and some latency."""

CLOCKS = ("header", "publish", "log")
"""Whose times messages of foreign bags may go by: their headers' stamps, or when they were published or recorded."""

LIMITS = ("max_step", "max_velocity", "max_acceleration")
"""The keys of which one says how fast a component of the action may change."""

TOOL_AXES = ("tool_vx", "tool_vy", "tool_vz")
"""What components of an action are called that are velocities of the tool, m/s, along the axes of the base frame."""


@dataclass(frozen=True)
class ObservationComponent:
    """One number that the policy sees."""

    name: str
    topic: str
    field: str
    """Path in the message: ``pose.position.x``, ``poses.0.position.x``, or ``position[panda_joint1]`` by joint name."""
    unit: str = ""


@dataclass(frozen=True)
class ActionComponent:
    """One number that is commanded, with its limits."""

    name: str
    low: float
    high: float
    max_step: float | None = None
    """The most by which the command may change in one control step, in the component's unit: the older way to give
    ``max_velocity`` or ``max_acceleration``, of which one of the three is given."""
    rest: float | str = 0.0
    """What holds the arm still: a number, or the observation component that measures it."""
    field: str = ""
    """Path in a TwistStamped; the other command types go by name and order."""
    unit: str = ""
    max_velocity: float | None = None
    """Of a position: the most by which the command may change in a second, in the component's unit."""
    max_acceleration: float | None = None
    """Of a velocity: likewise."""
    tracking: float | None = None
    """How far the measured position may stay behind the command, in the component's unit, beside one step; what the
    limit allows in ``TRACKING_S`` unless it is given."""

    @property
    def limited_by(self) -> str:
        """The key that says how fast it may change."""
        return next((key for key in LIMITS if getattr(self, key) is not None), "")


@dataclass(frozen=True)
class External:
    """How bags that other programs recorded are read."""

    topic: str = "command"
    """Where the action is."""
    fields: tuple[str, ...] = ()
    """Path of each component of the action in the messages of ``topic``; without any they are commands."""
    stale_s: float = 0.0
    """The greatest age of a message that an observation or an action may be read from; 0: see ``stale_ns``."""
    clock: str = ""
    """By which times messages are put together, one of ``CLOCKS``; empty: what the bag shows to be right."""
    offsets: Mapping[str, float] = field(default_factory=dict)
    """By topic, seconds that are added to its times: positive where its clock is behind those of the others.

    The times are those of ``clock``. If none is named, a topic's stamps are meant and, where it has none, the times of
    recording."""
    static: tuple[str, ...] = ()
    """Topics of which a message holds until the next, however old it is: a goal, a calibration."""


@dataclass(frozen=True)
class Contract:
    """What an observation and an action are for one robot."""

    name: str
    rate_hz: float
    topics: Mapping[str, str]
    """Topic to message type, for every topic that the observation reads."""
    observation: tuple[ObservationComponent, ...]
    action: tuple[ActionComponent, ...]
    command_type: str
    frame: str = ""
    moves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Named actions; with any, experts choose among these, and a categorical policy can imitate them."""
    points: int = 1
    """How many points a JointTrajectory has: the step that is commanded, and the rest of the policy's chunk, with which
    a trajectory controller goes on while it hears nothing new."""
    robot: str = ""
    """Which arm the simulation puts in the place of the real one: a file, or a name from ``config/robots``."""
    foreign: External = External()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ConfigError(f"contract {self.name!r}: rate_hz is {self.rate_hz}; it must be a positive number")
        if self.rate_hz > FASTEST_HZ:
            raise ConfigError(f"contract {self.name!r}: rate_hz is {self.rate_hz:g}; it must be at most {FASTEST_HZ:g}")
        if self.command_type not in COMMAND_TYPES:
            raise unknown("command type", self.command_type, COMMAND_TYPES)
        if self.points < 1 or (self.points > 1 and not self.command_type.endswith("JointTrajectory")):
            raise ConfigError(
                f"contract {self.name!r}: command points is {self.points}; it must be at least 1, and 1 for a command "
                "that is no JointTrajectory"
            )
        if not self.observation or not self.action:
            raise ConfigError(f"contract {self.name!r} needs at least one observation and one action component")
        for part in self.observation:
            if part.topic not in self.topics:
                raise unknown(f"contract {self.name!r}: topic of observation {part.name!r},", part.topic, self.topics)
        units = {part.name: part.unit for part in self.observation}
        for a in self.action:
            self._check_limits(a)
            if not isinstance(a.rest, str) and not math.isfinite(a.rest):
                raise ConfigError(f"contract {self.name!r}: rest of action {a.name!r} is {a.rest}; it must be finite")
            if self.command_type.endswith("TwistStamped") and not a.field:
                raise ConfigError(
                    f"contract {self.name!r}: action {a.name!r} lacks its field; name one such as twist.linear.x"
                )
            if isinstance(a.rest, str):
                if a.rest not in units:
                    raise unknown(f"contract {self.name!r}: rest of action {a.name!r},", a.rest, units)
                if a.unit and units[a.rest] and units[a.rest] != a.unit:
                    raise ConfigError(
                        f"contract {self.name!r}: rest of action {a.name!r} is {a.rest!r}, in {units[a.rest]}; the "
                        f"action is in {a.unit}, so name what measures it"
                    )
        if len(self.foreign.fields) not in (0, len(self.action)):
            raise ConfigError(
                f"contract {self.name!r}: foreign has {len(self.foreign.fields)} fields; name one for each of "
                f"{', '.join(self.action_names)}, or none if {self.foreign.topic!r} carries commands"
            )
        if not 0.0 <= self.foreign.stale_s < math.inf:
            raise ConfigError(
                f"contract {self.name!r}: foreign: stale_s is {self.foreign.stale_s}; it must be a time of 0 s or more"
            )
        self._check_clocks()
        for name, move in self.moves.items():
            if len(move) != len(self.action) or not all(a.low <= v <= a.high for a, v in zip(self.action, move)):
                raise ConfigError(
                    f"contract {self.name!r}: move {name!r} is {list(move)}; give a number for each of "
                    f"{', '.join(self.action_names)}, within its limits"
                )

    def _check_clocks(self) -> None:
        """Check what is said of the times of topics in bags of other programs.

        Raises:
            ConfigError: naming the key that is wrong.
        """
        where, foreign = f"contract {self.name!r}: foreign", self.foreign
        if foreign.clock not in ("", *CLOCKS):
            raise unknown(f"{where}: clock", foreign.clock, CLOCKS)
        topics = dict.fromkeys((*self.topics, foreign.topic))
        for key, named in (("offsets", foreign.offsets), ("static", foreign.static)):
            for topic in named:
                if topic not in topics:
                    raise unknown(f"{where}: {key}: topic", topic, topics)
        for topic, offset_s in foreign.offsets.items():
            if not math.isfinite(offset_s):
                raise ConfigError(f"{where}: offsets: {topic!r} is {offset_s}; it must be a finite number of seconds")

    def _check_limits(self, part: ActionComponent) -> None:
        """Check range and rate of a component of the action.

        Raises:
            ConfigError: naming the key that is wrong.
        """
        where = f"contract {self.name!r}: action {part.name!r}"
        given = {key: getattr(part, key) for key in LIMITS if getattr(part, key) is not None}
        if len(given) != 1:
            raise ConfigError(f"{where} has {' and '.join(given) or 'no limit'}; give one of {', '.join(LIMITS)}")
        ((key, limit),) = given.items()
        if not (part.low < part.high and limit > 0 and math.isfinite(part.low + part.high + limit)):
            raise ConfigError(
                f"{where} has low {part.low}, high {part.high}, {key} {limit}; they must be finite, with low < high "
                f"and {key} > 0"
            )
        is_measured = isinstance(part.rest, str)
        if key == "max_velocity" and self.command_type.endswith("TwistStamped"):
            raise ConfigError(f"{where} has max_velocity; a twist is a velocity, so give max_acceleration")
        if key == "max_acceleration" and is_measured:
            raise ConfigError(f"{where} has max_acceleration, and rests where it is measured; give max_velocity")
        if part.tracking is not None and not (is_measured and 0 <= part.tracking < math.inf):
            raise ConfigError(
                f"{where} has tracking {part.tracking}; it must be a distance of 0 or more, of a component whose rest "
                "names what measures it"
            )

    @property
    def step_ns(self) -> int:
        """The length of one control step, ns."""
        return round(1e9 / self.rate_hz)

    @property
    def stale_ns(self) -> int:
        """The greatest age of a message of a foreign bag, ns: two steps or 0.1 s, if the contract does not say."""
        return round(1e9 * self.foreign.stale_s) or max(2 * self.step_ns, 100_000_000)

    @cached_property
    def observation_names(self) -> tuple[str, ...]:
        """The names of the observation's components, in order."""
        return tuple(part.name for part in self.observation)

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """The names of the action's components, in order."""
        return tuple(part.name for part in self.action)

    @cached_property
    def moves_tool(self) -> bool:
        """Whether its action is made of velocities of the tool, some of ``TOOL_AXES``."""
        return set(self.action_names) <= set(TOOL_AXES)

    @cached_property
    def low(self) -> Array:
        """(Da,) float64, the least that may be commanded."""
        return np.array([a.low for a in self.action])

    @cached_property
    def high(self) -> Array:
        """(Da,) float64, the most that may be commanded."""
        return np.array([a.high for a in self.action])

    @cached_property
    def max_step(self) -> Array:
        """(Da,) float64, the most by which the command may change in one step."""
        rates = [a.max_velocity or a.max_acceleration or math.nan for a in self.action]  # per second
        return np.array([a.max_step or rate / self.rate_hz for a, rate in zip(self.action, rates)])

    @cached_property
    def is_measured(self) -> Array:
        """(Da,) bool, the components that are positions whose place is measured."""
        return np.array([isinstance(a.rest, str) for a in self.action])

    @cached_property
    def tracking(self) -> Array:
        """(Da,) float64, how far the command may be from the measured position beside one step; else infinite."""
        default = self.max_step * self.rate_hz * TRACKING_S
        given = [a.tracking if a.tracking is not None else d for a, d in zip(self.action, default.tolist())]
        return np.array([a if m else math.inf for a, m in zip(given, self.is_measured)])

    @property
    def persists(self) -> bool:
        """Whether a command goes on until another one comes, as a velocity does."""
        return not self.command_type.endswith("JointTrajectory") and not self.is_measured.all()

    @property
    def blind_ns(self) -> int:
        """How long an arm is commanded without a complete observation, ns; then it gets a last command, to rest."""
        return max(BLIND_NS, 3 * self.step_ns // 2)

    @cached_property
    def _move_table(self) -> Array:
        return np.array(list(self.moves.values()), dtype=np.float64)  # (K, Da)

    def nearest_move(self, action: Array) -> Array:
        """(Da,) the named move nearest to ``action``, components by their ranges; ``action`` itself without moves."""
        if not self.moves:
            return action
        away = np.square((self._move_table - action) / (self.high - self.low)).sum(axis=1)
        nearest: Array = self._move_table[int(away.argmin())]
        return nearest

    @cached_property
    def _resting(self) -> tuple[Array, Array, Array]:
        """The action at rest, which of its components are measured, and by which of the observation's."""
        names, rests = self.observation_names, [a.rest for a in self.action]
        numbers = np.array([0.0 if isinstance(rest, str) else rest for rest in rests])
        by = np.array([names.index(rest) for rest in rests if isinstance(rest, str)], dtype=np.intp)
        return numbers, np.flatnonzero(self.is_measured), by

    @property
    def rest_numbers(self) -> Array:
        """(Da,) float64, the action at rest; 0 where that is measured."""
        return self._resting[0]

    def rest(self, observation: Array) -> Array:
        """(Da,) float64, the action that holds the arm where ``observation`` measured it."""
        numbers, measured, by = self._resting
        resting: Array = numbers.copy()
        resting[measured] = observation[by]
        return resting

    def to_dict(self) -> dict[str, Any]:
        """The plain form, as in the YAML file; ``from_dict`` is its inverse."""

        def plain(part: ObservationComponent | ActionComponent) -> dict[str, Any]:
            return {k: v for k, v in dataclasses.asdict(part).items() if k != "name" and v is not None}

        points = {} if self.points == 1 else {"points": self.points}
        return {
            "rate_hz": self.rate_hz,
            "topics": dict(self.topics),
            "observation": {part.name: plain(part) for part in self.observation},
            "action": {part.name: plain(part) for part in self.action},
            "command": {"type": self.command_type, "frame": self.frame, **points},
            **({"moves": {name: list(move) for name, move in self.moves.items()}} if self.moves else {}),
            **({"robot": self.robot} if self.robot else {}),
            **({"foreign": self._foreign_to_dict()} if self.foreign != External() else {}),
        }

    def _foreign_to_dict(self) -> dict[str, Any]:
        told = {"topic": self.foreign.topic, "fields": list(self.foreign.fields), "stale_s": self.foreign.stale_s}
        more = {"clock": self.foreign.clock, "offsets": dict(self.foreign.offsets), "static": list(self.foreign.static)}
        return {**told, **{key: value for key, value in more.items() if value}}

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Any]) -> Contract:
        """Read the plain form.

        Raises:
            ConfigError: for a key that is missing, unknown or of the wrong type.
        """
        where = f"contract {name!r}"
        check_keys(
            where, data, ("rate_hz", "topics", "observation", "action", "command"), ("moves", "robot", "foreign")
        )
        command, robot = data["command"], data.get("robot", "")
        check_keys(f"{where}: command", command, required=("type",), optional=("frame", "points"))
        told = {"command type": command["type"], "command frame": command.get("frame", ""), "robot": robot}
        for key, value in told.items():
            if not isinstance(value, str):
                raise ConfigError(f"{where}: {key} is {value!r}; it must be a string")
        return cls(
            name=name,
            rate_hz=_number(where, "rate_hz", data["rate_hz"]),
            topics=_topics(where, data["topics"]),
            observation=tuple(
                build(ObservationComponent, f"{where}: observation {key!r}", {"name": key, **part})
                for key, part in _section(where, "observation", data)
            ),
            action=tuple(
                build(ActionComponent, f"{where}: action {key!r}", {"name": key, **part})
                for key, part in _section(where, "action", data)
            ),
            command_type=command["type"],
            frame=command.get("frame", ""),
            moves=_moves(where, data.get("moves", {})),
            points=_whole(where, "command points", command.get("points", 1)),
            robot=robot,
            foreign=_foreign(f"{where}: foreign", data.get("foreign", {})),
        )

    @classmethod
    def load(cls, name: str | Path) -> Contract:
        """Read a contract from a YAML file, or one of ours by its bare name.

        Raises:
            ConfigError: if there is no such file, or it does not say what a contract says, with the line.
        """
        path = paths.find("config/contracts", name, ".yaml")
        with located(path):
            return cls.from_dict(path.stem, read_yaml(path))


def json_object(where: str, text: str) -> dict[str, Any]:
    """The options that ``text`` holds, an object in JSON.

    Raises:
        ConfigError: if it is anything else.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{where} is {text!r}, not JSON ({error}); write an object") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{where} is {text!r}; it must be a JSON object such as {{}}")
    return data


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file whose top level is a mapping.

    Raises:
        ConfigError: if it cannot be read, with the line that is wrong.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise ConfigError(f"{path}{line} is not YAML: {error.problem or error}; mend that line") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}; mend that line") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds {type(data).__name__} at its top level; it must be a mapping of keys")
    return data


@contextlib.contextmanager
def located(path: Path) -> Iterator[None]:
    """Tells of what is wrong with the content of a YAML file together with the line.

    It is that of the innermost key that the complaint, without its remedy, names.
    """
    try:
        yield
    except ConfigError as error:
        if str(error).startswith(str(path)):
            raise
        named = set(re.findall(r"[\w.]+", str(error).partition(";")[0]))
        node, line = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader), 1
        while isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value in named]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        raise ConfigError(f"{path}:{line}: {error}") from error


def check_keys(where: str, data: Any, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> None:
    """Refuse a mapping with a key that is unknown or missing.

    Raises:
        ConfigError: naming the key and the keys that there may be.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} is {data!r}; it must be a mapping of {', '.join(required + optional)}")
    for key in data:
        if key not in required + optional:
            raise unknown(f"{where}: key", str(key), required + optional)
    for key in required:
        if key not in data:
            raise ConfigError(f"{where} lacks the key {key!r}; it needs {', '.join(required)}")


def build(cls: type[Any], where: str, data: Mapping[str, Any]) -> Any:
    """An instance of the data class ``cls`` from a mapping, keys and number types checked.

    Raises:
        ConfigError: for an unknown or missing key, or a value of the wrong type.
    """
    fields = dataclasses.fields(cls)
    missing = dataclasses.MISSING
    required = tuple(f.name for f in fields if f.default is missing and f.default_factory is missing)
    optional = tuple(f.name for f in fields if f.name not in required)
    check_keys(where, data, required, optional)
    values = dict(data)
    for f in fields:
        if f.name not in values:
            continue
        kind, value = str(f.type), values[f.name]
        if kind in ("float", "float | None") or (kind == "float | str" and not isinstance(value, str)):
            values[f.name] = _number(where, f.name, value)
        elif kind == "int":
            _whole(where, f.name, value)
        elif kind == "bool" and not isinstance(value, bool):
            raise ConfigError(f"{where}: {f.name} is {value!r}; it must be true or false")
        elif kind == "str" and not isinstance(value, str):
            raise ConfigError(f"{where}: {f.name} is {value!r}; it must be a string")
    return cls(**values)


def _number(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{where}: {key} is {value!r}; it must be a number")
    return float(value)


def _whole(where: str, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{where}: {key} is {value!r}; it must be a whole number")
    return value


def _topics(where: str, data: Any) -> dict[str, str]:
    if not isinstance(data, Mapping) or not all(isinstance(kind, str) for kind in data.values()):
        raise ConfigError(f"{where}: topics is {data!r}; it must map each topic to a type such as sensor_msgs/msg/Joy")
    for topic, kind in data.items():
        if not re.fullmatch(r"\w+/msg/\w+", kind):
            raise ConfigError(f"{where}: topics: {topic!r} is {kind!r}; write its type as in sensor_msgs/msg/Joy")
    return {str(topic): kind for topic, kind in data.items()}


def _moves(where: str, data: Any) -> dict[str, tuple[float, ...]]:
    if not isinstance(data, Mapping) or not all(isinstance(move, list) for move in data.values()):
        raise ConfigError(f"{where}: moves must map each move's name to a list of numbers")
    return {str(name): tuple(_number(where, f"move {name!r}", v) for v in move) for name, move in data.items()}


def _foreign(where: str, data: Any) -> External:
    check_keys(where, data, optional=("topic", "fields", "stale_s", "clock", "offsets", "static"))
    lists = {"fields": "paths such as position[panda_joint1]", "static": "topics"}
    for key, what in lists.items():
        told = data.get(key, [])
        if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
            raise ConfigError(f"{where}: {key} is {told!r}; it must be a list of {what}")
    offsets = data.get("offsets", {})
    if not isinstance(offsets, Mapping):
        raise ConfigError(f"{where}: offsets is {offsets!r}; it must map topics to seconds, as in objects: 0.12")
    seconds = {str(topic): _number(where, f"offsets: {topic!r}", value) for topic, value in offsets.items()}
    plain = {**data, **{key: tuple(data.get(key, [])) for key in lists}, "offsets": seconds}
    made: External = build(External, where, plain)
    return made


def _section(where: str, key: str, data: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    section = data[key]
    if not isinstance(section, Mapping) or not all(isinstance(part, Mapping) for part in section.values()):
        raise ConfigError(f"{where}: {key} must map each component's name to its keys")
    return list(section.items())
