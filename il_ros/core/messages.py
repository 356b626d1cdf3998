# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ROS messages to numpy and back, by field access: live messages, decoded bags and plain namespaces alike."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.types import Array, Chunk, EpisodeStart, PolicyUncertainty, RobotState

ENGAGE = "engage"
"""A component that an expert may add to a chunk: 1 while they ask to drive, 0 when they let go, -1 when contact with
their device was lost."""
DOUBTS = tuple(f.name for f in dataclasses.fields(PolicyUncertainty))
"""Components that a policy may add to its chunk: what it thinks of it."""
MOST_INTERVENTIONS = 2**31 - 1
"""The greatest id that an episode has room for."""
GREATEST = float(np.finfo(np.float32).max)
"""What is greater is infinite where observations and actions are kept."""
INCOMPLETE = "no complete observation"
"""What the reason of a record begins with that belongs to no observation: the gate holds, since one is missing."""
BYTE_OF_LEVEL = {Authority.HOLD: b"\x01", Authority.POLICY: b"\x00", Authority.EXPERT: b"\x00"}


def stamp_ns(message: Any) -> int:
    """The header's stamp, ns."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def set_stamp(message: Any, nanoseconds: int) -> None:
    """Write the header's stamp."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(nanoseconds, 1_000_000_000)


# Observations ---------------------------------------------------------------------------------------------------------


@cache
def getter(path: str) -> Callable[[Any], float]:
    """A function that reads the number at ``path`` in a message; see ``ObservationComponent.field``.

    Raises:
        ConfigError: if the path cannot be understood.
    """
    match = re.fullmatch(r"([A-Za-z_][\w.]*)(?:\[([^\]]+)\])?", path)
    if match is None:
        raise ConfigError(f"field {path!r} cannot be read; write it as pose.position.x or position[joint_name]")
    steps = [int(part) if part.isdigit() else part for part in match[1].split(".")]
    by_name = match[2]

    def read(message: Any) -> float:
        value = message
        try:
            for step in steps:
                value = value[step] if isinstance(step, int) else getattr(value, step)
            if by_name is not None:
                names = list(message.name)
                if by_name not in names:
                    raise MessageError(
                        f"field {path!r}: the message has {', '.join(names)}; check the contract's field"
                    )
                value = value[names.index(by_name)]
            return float(value)
        except (AttributeError, IndexError, ValueError, TypeError) as error:
            raise MessageError(f"field {path!r} is not in the message ({error}); check the contract's field") from error

    return read


def observation(contract: Contract, messages: Mapping[str, Any]) -> Array:
    """The observation that the contract makes of one message a topic: (Do,) float32.

    Raises:
        MessageError: if a field is missing or is not a finite number.
    """
    return observation_of(contract, [getter(part.field)(messages[part.topic]) for part in contract.observation])


def observation_of(contract: Contract, numbers: Sequence[float]) -> Array:
    """The observation that these numbers are: (Do,) float32.

    Raises:
        MessageError: if one is not finite.
    """
    values = np.array(numbers)
    if not are_finite(values):
        raise not_finite(contract, values)
    return values.astype(np.float32)


def is_finite(values: Array) -> Array:
    """Which of some numbers are finite, also as float32."""
    finite: Array = np.abs(values) <= GREATEST
    return finite


def are_finite(values: Array) -> bool:
    """Whether all of some numbers are finite, also as float32."""
    return bool(np.abs(values).max(initial=0.0) <= GREATEST)


def not_finite(contract: Contract, values: Array) -> MessageError:
    """What is wrong with an observation (Do,) that holds NaN or infinity."""
    bad = contract.observation_names[int(np.flatnonzero(~is_finite(values))[0])]
    return MessageError(f"observation {bad!r} is not a finite number; the step is dropped, check its publisher")


class ExactTimeSync:
    """Joins the messages of one step: the ones that carry the same stamp, one of every topic.

    A stamp that is overtaken by a complete later one before it is complete itself is dropped and counted. Where the
    stamps of a topic go back by more than ``step_ns`` its clock was set, and all begins anew.
    """

    def __init__(self, topics: Sequence[str], remember: int = 64, step_ns: float = math.inf) -> None:
        self._topics, self._remember, self._step_ns = tuple(topics), remember, step_ns
        self._waiting: dict[int, dict[str, Any]] = {}
        self._newest = -1
        self.newest: dict[str, int] = {}
        """The newest stamp of each topic, ns."""
        self.dropped = 0

    def add(self, topic: str, stamp: int, message: Any) -> tuple[int, dict[str, Any]] | None:
        """Take a message, or what it says; returns ``(stamp, messages by topic)`` when it completes its step."""
        last = self.newest.get(topic, stamp)
        went_back = stamp < last - self._step_ns
        if went_back:
            self._newest = -1
            self._waiting = {waiting: parts for waiting, parts in self._waiting.items() if waiting <= stamp}
        self.newest[topic] = stamp if went_back else max(stamp, last)
        if stamp <= self._newest:
            return None
        step = self._waiting.setdefault(stamp, {})
        step[topic] = message
        if len(step) < len(self._topics):
            if len(self._waiting) > self._remember:
                self._waiting.pop(min(self._waiting))
                self.dropped += 1
            return None
        self._newest = stamp
        self.dropped += sum(waiting < stamp for waiting in self._waiting)
        self._waiting = {waiting: parts for waiting, parts in self._waiting.items() if waiting > stamp}
        return stamp, step


# Joint states of one publisher or of several --------------------------------------------------------------------------

JOINT_STATE = "sensor_msgs/msg/JointState"
MOST_SOURCES = 16
"""Publishers of one topic that are told apart by the joints that they name; of more, the oldest are forgotten."""


def named_joint(path: str) -> str | None:
    """The joint that a contract's field names, as in ``position[panda_joint1]``; None if it names none."""
    return path[path.index("[") + 1 : -1] if path.endswith("]") and "[" in path else None


def joints_of(contract: Contract, topic: str) -> tuple[str, ...]:
    """The joints of a topic that the contract's observation names, in its order; the first one makes a step.

    There are none unless it is a topic of joint states all of whose fields name a joint.
    """
    paths = [part.field for part in contract.observation if part.topic == topic]
    joints = [named_joint(path) for path in paths]
    if contract.topics.get(topic) != JOINT_STATE or None in joints:
        return ()
    return tuple(dict.fromkeys(joint for joint in joints if joint is not None))


def check_joints(message: Any) -> None:
    """Refuse a JointState that does not say which number belongs to which joint.

    Raises:
        MessageError: if it names no joint or one twice, or has another number of values than of names.
    """
    names = message.name
    count = len(set(names))
    if not count or count < len(names):
        told = ", ".join(names) or "no joint"
        raise MessageError(f"joint states name {told}; their publisher must name each joint once")
    for what in ("position", "velocity", "effort"):
        values = len(getattr(message, what, ()))
        if values not in (0, count):
            raise MessageError(f"joint states have {count} names and {values} numbers of {what}; send one a name")


def check_ages(ages_ns: Mapping[str, int | None], stale_ns: int) -> None:
    """Refuse joints that are not told of, or were told of too long before (or after) the others.

    Args:
        ages_ns: how much older each joint is than the newest message; None for one that never came.
        stale_ns: the greatest age.

    Raises:
        MessageError: naming the joint, its age and the limit.
    """
    for joint, age_ns in ages_ns.items():
        if age_ns is None:
            raise MessageError(f"joint {joint!r} is not in the joint states; start its publisher, or check its name")
        if abs(age_ns) > stale_ns:
            raise MessageError(
                f"joint {joint!r} is {age_ns / 1e9:.3f} s older than the newest; {stale_ns / 1e9:g} s are allowed: "
                "check its publisher and its clock, or raise the contract's external: stale_s"
            )


class JointStateMerger:
    """The joints of one topic, whoever publishes them: an arm and its gripper, or two arms, each its own.

    Of each publisher the message that came last counts, and of each joint the message that came last and names it.

    Args:
        joints: those that must be there, for example ``joints_of`` a contract; a message that carries the first of them
            makes a step. Without any, every message makes one.
        stale_ns: the greatest age of a joint, by whatever clock the times are that are handed in.
    """

    def __init__(self, joints: Sequence[str], stale_ns: int) -> None:
        self._joints, self._wanted, self._stale_ns = tuple(joints), frozenset(joints), stale_ns
        self._latest: dict[tuple[str, ...], tuple[int, Any]] = {}
        """When the last message with these joints was from, and what it was; in the order in which they came."""

    def add(self, message: Any, time_ns: int) -> bool:
        """Keep a message of ``time_ns``; returns whether it makes a step.

        Raises:
            MessageError: if it names no joint or one twice, or has another number of values than of names.
        """
        check_joints(message)
        names = tuple(message.name)
        self._latest.pop(names, None)
        self._latest[names] = time_ns, message
        if len(self._latest) > MOST_SOURCES:
            self._latest.pop(next(iter(self._latest)))
        return not self._joints or self._joints[0] in names

    def ages_ns(self, now_ns: int) -> dict[str, int | None]:
        """How old each joint is, ns; None for one that must be there and never came."""
        times = {name: time_ns for names, (time_ns, _) in self._latest.items() for name in names}
        return {name: now_ns - times[name] if name in times else None for name in (*self._joints, *times)}

    def check(self, now_ns: int) -> None:
        """Make sure that all joints are there that must be.

        Raises:
            MessageError: if one never came or is too old, naming it and its age.
        """
        ages = self.ages_ns(now_ns)
        check_ages({joint: ages[joint] for joint in self._joints}, self._stale_ns)

    def merged(self, now_ns: int) -> Any:
        """All joints at ``now_ns`` in one message of the type, and with the header, of the one that came last.

        A joint that is too old is left out, unless it must be there. What some publishers leave out (velocities,
        efforts) is NaN for their joints.

        Raises:
            MessageError: as ``check``; or if all are too old.
        """
        if len(self._latest) == 1:  # nearly always
            ((names, (time_ns, message)),) = self._latest.items()
            if time_ns == now_ns and self._wanted.issubset(names):
                return message
        self.check(now_ns)
        fresh = [message for time_ns, message in self._latest.values() if abs(now_ns - time_ns) <= self._stale_ns]
        if not fresh:
            raise MessageError(f"no joint states came for {self._stale_ns / 1e9:g} s; start their publisher")
        return fresh[0] if len(fresh) == 1 else _one_of(fresh)


def _one_of(parts: Sequence[Any]) -> Any:
    """One JointState of several, of which a later one counts more; the joints of the last come first."""
    made = copy.copy(parts[-1])
    made.name = list(dict.fromkeys(name for part in reversed(parts) for name in part.name))
    for what in ("position", "velocity", "effort"):
        known = {name: value for part in parts for name, value in zip(part.name, getattr(part, what, ()))}
        setattr(made, what, array("d", [known.get(name, math.nan) for name in made.name] if known else []))
    return made


# Readings -------------------------------------------------------------------------------------------------------------

OBJECTS = "objects"
READING_TOPICS: dict[str, str] = {
    "joint_states": "sensor_msgs/msg/JointState",
    "tool_pose": "geometry_msgs/msg/PoseStamped",
    OBJECTS: "geometry_msgs/msg/PoseArray",
}


def reading_from(messages: Mapping[str, Any]) -> RobotState:
    """What an expert sees, from the topics of ``READING_TOPICS``; no objects where nobody tells of them."""
    joints, tool = messages["joint_states"], messages["tool_pose"].pose
    objects = messages[OBJECTS].poses if OBJECTS in messages else []
    return RobotState(
        stamp_ns=stamp_ns(messages["tool_pose"]),
        joint_positions=np.array(joints.position, dtype=np.float64),
        joint_velocities=np.array(joints.velocity, dtype=np.float64),
        tool_position=np.array([tool.position.x, tool.position.y, tool.position.z]),
        tool_quaternion=np.array([tool.orientation.x, tool.orientation.y, tool.orientation.z, tool.orientation.w]),
        objects=np.array([[o.position.x, o.position.y, o.position.z] for o in objects]).reshape(-1, 3),
        joint_names=tuple(joints.name),
    )


def plain_messages(reading: RobotState) -> dict[str, Any]:
    """The same messages that the simulation node publishes, as plain namespaces: what the loop reads instead."""
    stamp = SimpleNamespace(sec=reading.stamp_ns // 1_000_000_000, nanosec=reading.stamp_ns % 1_000_000_000)
    header = SimpleNamespace(stamp=stamp, frame_id=reading.frame)
    return {
        "joint_states": SimpleNamespace(
            header=header,
            name=list(reading.joint_names),
            position=reading.joint_positions,
            velocity=reading.joint_velocities,
            effort=np.empty(0),
        ),
        "tool_pose": SimpleNamespace(header=header, pose=_pose(reading.tool_position, reading.tool_quaternion)),
        "objects": SimpleNamespace(header=header, poses=[_pose(o, (0.0, 0.0, 0.0, 1.0)) for o in reading.objects]),
    }


def _pose(position: Any, quaternion: Any) -> SimpleNamespace:
    x, y, z = position
    qx, qy, qz, qw = quaternion
    return SimpleNamespace(position=SimpleNamespace(x=x, y=y, z=z), orientation=SimpleNamespace(x=qx, y=qy, z=qz, w=qw))


def fill_reading(messages: Mapping[str, Any], reading: RobotState, pose: type[Any]) -> None:
    """Write a reading into a JointState, a PoseStamped and a PoseArray; ``pose`` makes the elements of the last."""
    for message in messages.values():
        set_stamp(message, reading.stamp_ns)
        message.header.frame_id = reading.frame
    joints = messages["joint_states"]
    joints.name = list(reading.joint_names)
    joints.position = array("d", reading.joint_positions.tolist())
    joints.velocity = array("d", reading.joint_velocities.tolist())
    _fill_pose(messages["tool_pose"].pose, reading.tool_position, reading.tool_quaternion)
    poses = messages["objects"].poses
    while len(poses) < len(reading.objects):
        poses.append(pose())
    for element, position in zip(poses, reading.objects):
        _fill_pose(element, position, (0.0, 0.0, 0.0, 1.0))


def _fill_pose(pose: Any, position: Any, quaternion: Any) -> None:
    p, q = pose.position, pose.orientation
    p.x, p.y, p.z = map(float, position)
    q.x, q.y, q.z, q.w = map(float, quaternion)


# Chunks: JointTrajectory on policy/action and expert/action -----------------------------------------------------------


def fill_chunk(message: Any, chunk: Chunk, contract: Contract, point: type[Any]) -> None:
    """Write a chunk into a JointTrajectory; ``point`` makes its elements. The author travels in ``frame_id``."""
    set_stamp(message, chunk.stamp_ns)
    message.header.frame_id = chunk.author
    message.joint_names, rows = chunk_table(chunk, contract)
    message.points = [point() for _ in rows]
    for i, (element, row) in enumerate(zip(message.points, rows)):
        element.positions = array("d", row)
        element.time_from_start.sec, element.time_from_start.nanosec = divmod(i * contract.step_ns, 1_000_000_000)


def chunk_table(chunk: Chunk, contract: Contract) -> tuple[list[str], list[list[float]]]:
    """What a chunk's columns are called, and its rows; a chunk without actions has a row for what else it says."""
    more = {ENGAGE: 1.0 if chunk.engaged else -1.0 if chunk.lost else 0.0}
    more |= {name: value for name, value in vars(chunk.doubts).items() if not math.isnan(value)}
    if not len(chunk.actions):
        return [*more], [[*more.values()]]
    return [*contract.action_names, *more], [[*row, *more.values()] for row in chunk.actions.tolist()]


def chunk_from(message: Any, contract: Contract) -> Chunk:
    """Read a chunk; a message without the ``engage`` component asks to drive, as in twist_mux.

    Raises:
        MessageError: if the names are not the contract's, a row has another number of values than there are names, a
            number is not finite, or the points are not one control step apart.
    """
    names, points = list(message.joint_names), list(message.points)
    _check_names(names, contract)
    _check_points(points, len(names), contract.step_ns)
    table = np.array([p.positions for p in points], dtype=np.float64).reshape(len(points), len(names))
    return chunk_of(stamp_ns(message), names, table, str(message.header.frame_id), contract)


def _check_names(names: Sequence[str], contract: Contract) -> None:
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise MessageError(f"chunk names {', '.join(twice)} more than once; name each component once")
    wanted, given = set(contract.action_names), set(names) - {ENGAGE, *DOUBTS}
    if given != wanted and (given or ENGAGE not in names):
        raise MessageError(f"chunk names {sorted(given)}; the contract's action is {sorted(wanted)}")


def _check_points(points: Sequence[Any], width: int, step_ns: int) -> None:
    if not points:
        raise MessageError("chunk has no points; send at least one, or stop publishing to be silent")
    if any(len(point.positions) != width for point in points):
        raise MessageError(f"chunk has a point whose positions are not {width} numbers; send one a name")
    times = [point.time_from_start.sec * 1_000_000_000 + point.time_from_start.nanosec for point in points]
    for i, at in enumerate(times):
        if abs(at - i * step_ns) > step_ns // 2 and any(times):  # all zero: they are not told
            raise MessageError(f"chunk point {i} is at {at / 1e9:.3f} s; points must be {step_ns / 1e9:g} s apart")


def chunk_of(stamp: int, names: Sequence[str], table: Array, author: str, contract: Contract) -> Chunk:
    """The chunk that a table (Ta, N) of numbers with these N names means; see ``chunk_from``.

    Raises:
        MessageError: if a number is not finite.
    """
    if not are_finite(table):
        raise MessageError("chunk holds NaN or infinity; it is refused, check the network and its normaliser")
    engage = float(table[0, names.index(ENGAGE)]) if ENGAGE in names else 1.0
    doubts = PolicyUncertainty(**{name: float(table[0, names.index(name)]) for name in DOUBTS if name in names})
    wanted = contract.action_names
    actions = table[:, [names.index(n) for n in wanted]] if wanted[0] in names else np.empty((0, len(wanted)))
    return Chunk(stamp, actions, author, engage > 0.5, doubts, lost=engage < -0.5)


# Commands -------------------------------------------------------------------------------------------------------------


def fill_command(
    message: Any, stamp: int, action: Array, contract: Contract, point: type[Any], ahead: Sequence[Array] = ()
) -> None:
    """Write one action into a command of the contract's type; ``ahead`` are those after it, for a JointTrajectory."""
    if contract.command_type.endswith("Float64MultiArray"):
        message.data = array("d", action.tolist())
        return
    set_stamp(message, stamp)
    if contract.command_type.endswith("JointTrajectory"):
        message.joint_names = list(contract.action_names)
        message.points = [point() for _ in range(1 + len(ahead))]
        for i, (element, values) in enumerate(zip(message.points, (action, *ahead)), 1):
            element.positions = array("d", values.tolist())
            element.time_from_start.sec, element.time_from_start.nanosec = divmod(i * contract.step_ns, 1_000_000_000)
        return
    message.header.frame_id = contract.frame
    for part, value in zip(contract.action, action.tolist()):
        *parents, leaf = part.field.split(".")
        target = message
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, leaf, value)


def command_from(message: Any, contract: Contract) -> tuple[int | None, Array]:
    """Read ``(stamp_ns, action)`` of a command; the stamp is None for a Float64MultiArray, which has none.

    Of a trajectory it is the first point: the others are for when no command follows.

    Raises:
        MessageError: if the command is not the contract's, or is not finite.
    """
    stamp = stamp_ns(message) if has_stamp(contract) else None
    check_frame(message, contract)
    return stamp, command_of([getter(path)(message) for path in command_paths(message, contract)], contract)


def check_frame(message: Any, contract: Contract) -> None:
    """Refuse a TwistStamped in another frame than the contract's; one that names no frame is taken to be in it.

    Raises:
        MessageError: naming both frames.
    """
    if contract.frame and contract.command_type.endswith("TwistStamped"):
        frame = str(message.header.frame_id)
        if frame not in ("", contract.frame):
            raise MessageError(f"command is in frame {frame!r}; turn it into the contract's, {contract.frame!r}")


def has_stamp(contract: Contract) -> bool:
    """Whether a command of the contract's type says which observation it answers."""
    return not contract.command_type.endswith("Float64MultiArray")


def command_paths(message: Any, contract: Contract) -> list[str]:
    """Where the action's components are in a command.

    Raises:
        MessageError: if the command is not the contract's.
    """
    if not has_stamp(contract):
        return [f"data.{n}" for n in range(len(message.data))]
    if not contract.command_type.endswith("JointTrajectory"):
        return [part.field for part in contract.action]
    names = list(message.joint_names)
    if sorted(names) != sorted(contract.action_names):
        raise MessageError(f"command names {sorted(names)}; the contract's action is {sorted(contract.action_names)}")
    if not message.points or any(len(point.positions) != len(names) for point in message.points):
        raise MessageError(f"command has no points, or one without {len(names)} positions; send one position a name")
    return [f"points.0.positions.{names.index(n)}" for n in contract.action_names]


def command_of(values: Sequence[float], contract: Contract) -> Array:
    """(Da,) the action that the numbers of a command mean.

    Raises:
        MessageError: if they are too few or too many, or one is not finite.
    """
    if len(values) != len(contract.action) or not all(map(math.isfinite, values)):
        raise MessageError(f"command {list(values)} is not {len(contract.action)} finite numbers; it is refused")
    return np.array(values, dtype=np.float64)


# The record of authority: DiagnosticArray on gate/authority -----------------------------------------------------------


def fill_record(message: Any, record: Record, status: type[Any], key_value: type[Any]) -> None:
    """Write a record; floats are written so that reading them back gives the same bits."""
    set_stamp(message, record.stamp_ns)
    element = status()
    element.level = BYTE_OF_LEVEL[record.authority]
    element.name, element.message, element.hardware_id = "gate", record.reason, record.checkpoint
    element.values = [key_value(key=key, value=value) for key, value in record_values(record).items()]
    message.status = [element]


def record_values(record: Record) -> dict[str, str]:
    """What a record says beside its stamp, reason and checkpoint."""
    return {
        "authority": record.authority.name.lower(),
        "intervention": str(record.intervention),
        "executed": _numbers(record.executed),
        "policy": _numbers(record.policy),
        "expert": _numbers(record.expert),
        "expert_name": record.expert_name,
        "score": repr(record.score),
        "doubts": " ".join(map(repr, vars(record.doubts).values())),
    }


def record_from(message: Any) -> Record:
    """Read a record.

    Raises:
        MessageError: if the message is not a record of authority.
    """
    try:
        status = message.status[0]
        values = {item.key: item.value for item in status.values}
        executed, policy, expert = (_array(values[who]) for who in ("executed", "policy", "expert"))
        if executed is None or any(wish is not None and len(wish) != len(executed) for wish in (policy, expert)):
            raise ValueError("executed, policy and expert differ in length, or executed is empty")
        return Record(
            stamp_ns=stamp_ns(message),
            authority=Authority[values["authority"].upper()],
            reason=status.message,
            intervention=_within(int(values["intervention"]), MOST_INTERVENTIONS),
            executed=executed,
            policy=policy,
            expert=expert,
            checkpoint=status.hardware_id,
            expert_name=values["expert_name"],
            score=float(values["score"]),
            doubts=PolicyUncertainty(*map(float, values.get("doubts", "").split())),  # older bags have none
        )
    except (IndexError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise MessageError(
            f"gate/authority holds no record of authority ({error!r}); check who publishes it"
        ) from error


def _within(number: int, most: int) -> int:
    if not 0 <= number <= most:
        raise ValueError(f"{number} is not within 0 and {most}")
    return number


def _numbers(values: Array | None) -> str:
    return "" if values is None else " ".join(map(repr, values.tolist()))


def _array(text: str) -> Array | None:
    return np.array([float(part) for part in text.split()]) if text else None


# Words: String (JSON) on episode, recorder/episode and trainer/checkpoint ---------------------------------------------

DEEPEST = 32
"""Objects and lists within each other that words may hold; more are refused, since nobody could keep them."""
GREATEST_SEED = 2**63 - 1
LONGEST_PATH, LONGEST_NAME = 4096, 255
"""Bytes of a path, and of each name in it, that a disk knows of."""


@dataclasses.dataclass(frozen=True)
class EpisodeEnd:
    """What is told when an episode has ended."""

    task: str
    seed: int
    outcome: str
    steps: int
    last_stamp_ns: int
    first_stamp_ns: int = -1
    """-1 if it is not told."""
    way: int | None = None
    number: int = 0
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


def start_to_json(start: EpisodeStart) -> str:
    """The announcement that an episode begins."""
    return json.dumps({"event": "start", **vars(start)})


def start_from_json(text: str) -> EpisodeStart | None:
    """The start that ``text`` announces, or None if it announces something else.

    Raises:
        MessageError: if the text is not an episode event.
    """
    event = event_from_json(text)
    return event if isinstance(event, EpisodeStart) else None


def event_from_json(text: str) -> EpisodeStart | EpisodeEnd | None:
    """The beginning or the end of an episode that ``text`` announces, or None if it announces something else.

    Raises:
        MessageError: if the text is not an episode event: no JSON object, a key that is missing or of another type, or
            a seed or a stamp that cannot be.
    """
    where = "episode event"
    told = _words(where, text)
    kind = told.pop("event", None)
    if not isinstance(kind, str):
        raise _refused(where, text, "it has no 'event'")
    if kind not in ("start", "end"):
        return None
    try:
        known = {field.name for field in dataclasses.fields(EpisodeEnd)}
        end = {key: value for key, value in told.items() if key in known}
        event = EpisodeStart(**told) if kind == "start" else EpisodeEnd(**end)
    except TypeError as error:
        raise _refused(where, text, str(error).partition("() ")[2]) from error
    _check_event(text, event)
    return event


def recorded_from_json(text: str) -> dict[str, Any]:
    """What the recorder tells of an episode; ``path`` is where its bag lies, or None if there is none.

    Raises:
        MessageError: if the text is no JSON object, or its path is none.
    """
    where = "recorder/episode"
    told = {"path": None, **_words(where, text)}
    if told["path"] is not None:
        _check_path(where, text, told["path"])
    return told


def checkpoint_from_json(text: str) -> dict[str, Any]:
    """What the trainer tells of a checkpoint: ``path``, where it lies, and its ``hash``, among others.

    Raises:
        MessageError: if the text is no JSON object, or lacks one of the two.
    """
    where = "trainer/checkpoint"
    told = _words(where, text)
    _check_path(where, text, told.get("path"))
    if not isinstance(told.get("hash"), str) or not told["hash"]:
        raise _refused(where, text, "'hash' is no text")
    return told


def _words(where: str, text: str) -> dict[str, Any]:
    """The JSON object that ``text`` holds; text that nobody could keep or pass on is refused, too."""
    try:
        told = json.loads(text)
        json.dumps(told, ensure_ascii=False).encode()  # half a character cannot be encoded
    except (ValueError, RecursionError) as error:
        raise _refused(where, text, str(error)) from error
    if not isinstance(told, dict):
        raise _refused(where, text, "it is no object")
    if not _is_shallow(told, DEEPEST):
        raise _refused(where, text, f"it is nested more than {DEEPEST} deep")
    return told


def _is_shallow(value: Any, deepest: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return deepest > 0 and all(_is_shallow(part, deepest - 1) for part in parts)


def _check_event(text: str, event: EpisodeStart | EpisodeEnd) -> None:
    told = vars(event)
    least = {"seed": 0, "number": 0, "steps": 0, "first_stamp_ns": 0, "last_stamp_ns": 0}
    if isinstance(event, EpisodeEnd) and event.first_stamp_ns == -1:
        least["first_stamp_ns"] = -1
    for key in least.keys() & told.keys():
        if type(told[key]) is not int or not least[key] <= told[key] <= GREATEST_SEED:
            raise _refused("episode event", text, f"{key!r} is no whole number from {least[key]} to 2**63 - 1")
    for key in {"task", "outcome"} & told.keys():
        if not isinstance(told[key], str):
            raise _refused("episode event", text, f"{key!r} is no text")
    if type(told.get("way")) not in (int, type(None)) or not isinstance(event.facts, dict):
        raise _refused("episode event", text, "'way' is no number, or 'facts' no object")


def _check_path(where: str, text: str, path: Any) -> None:
    if not isinstance(path, str) or not path or "\0" in path:
        raise _refused(where, text, "'path' is no path")
    if len(path.encode()) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in path.split("/")):
        raise _refused(where, text, "'path' is too long")


def _refused(where: str, text: str, why: str) -> MessageError:
    return MessageError(f"{where} {text[:80]!r} cannot be read ({why}); check who publishes it")
