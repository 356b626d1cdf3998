# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What must hold between the keys of a contract, and within each component of its action."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from il_ros.core.contract import devices
from il_ros.core.contract.components import CLOCKS, LIMITS, ActionComponent
from il_ros.core.contract.devices import FASTEST_HZ
from il_ros.core.errors import ConfigError, unknown

if TYPE_CHECKING:
    from il_ros.core.contract import Contract

COMMAND_TYPES = (
    "geometry_msgs/msg/TwistStamped",
    "trajectory_msgs/msg/JointTrajectory",
    "std_msgs/msg/Float64MultiArray",
)


def check(contract: Contract) -> None:
    """Check a contract as a whole.

    Raises:
        ConfigError: naming the key that is wrong, the limit and the remedy.
    """
    where = f"contract {contract.name!r}"
    _check_command(where, contract)
    if not contract.observation or not contract.action:
        raise ConfigError(f"{where} needs at least one observation and one action component")
    for part in contract.observation:
        if part.topic not in contract.topics:
            at = ("observation", part.name, "topic")
            raise unknown(f"{where}: topic of observation {part.name!r},", part.topic, contract.topics, at)
    devices.check_grippers(where, contract)
    for action in contract.action:
        _check_rate(f"{where}: action {action.name!r}", contract, action)
        _check_rest(where, contract, action)
        if contract.command_type.endswith("TwistStamped") and not (action.field or action.kind):
            raise ConfigError(
                f"{where}: action {action.name!r} lacks its field; name one such as twist.linear.x",
                at=("action", action.name),
            )
    devices.check_images(where, contract)
    try:
        _ = contract.layout
    except ConfigError as error:
        raise ConfigError(f"{where}: equal_objects: {error}", at=("equal_objects",)) from error
    _check_external(f"{where}: external", contract)
    _check_moves(where, contract)


def _check_command(where: str, contract: Contract) -> None:
    rate_hz, points = contract.rate_hz, contract.points
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise ConfigError(f"{where}: rate_hz is {rate_hz}; it must be a positive number", at=("rate_hz",))
    if rate_hz > FASTEST_HZ:
        raise ConfigError(f"{where}: rate_hz is {rate_hz:g}; it must be at most {FASTEST_HZ:g}", at=("rate_hz",))
    if contract.command_type not in COMMAND_TYPES:
        raise unknown("command type", contract.command_type, COMMAND_TYPES, at=("command", "type"))
    if points < 1 or (points > 1 and not contract.command_type.endswith("JointTrajectory")):
        raise ConfigError(
            f"{where}: command points is {points}; it must be at least 1, and 1 for a command that is no "
            "JointTrajectory",
            at=("command", "points"),
        )


def _check_rate(where: str, contract: Contract, part: ActionComponent) -> None:
    """Check range and rate of a component of the action."""
    given = {key: getattr(part, key) for key in LIMITS if getattr(part, key) is not None}
    at: tuple[str, ...] = ("action", part.name)
    if len(given) != 1:
        raise ConfigError(f"{where} has {' and '.join(given) or 'no limit'}; give one of {', '.join(LIMITS)}", at)
    ((key, limit),) = given.items()
    if not (part.low < part.high and limit > 0 and math.isfinite(part.low + part.high + limit)):
        raise ConfigError(
            f"{where} has low {part.low}, high {part.high}, {key} {limit}; they must be finite, with low < high "
            f"and {key} > 0",
            (*at, "low" if limit > 0 else key),
        )
    if part.kind == "gripper":
        return
    is_measured = isinstance(part.rest, str)
    if key == "max_velocity" and contract.command_type.endswith("TwistStamped"):
        raise ConfigError(f"{where} has max_velocity; a twist is a velocity, so give max_acceleration", (*at, key))
    if key == "max_acceleration" and is_measured:
        raise ConfigError(
            f"{where} has max_acceleration, and rests where it is measured; give max_velocity", (*at, key)
        )
    if part.tracking is not None and not (is_measured and 0 <= part.tracking < math.inf):
        raise ConfigError(
            f"{where} has tracking {part.tracking}; it must be a distance of 0 or more, of a component whose rest "
            "names what measures it",
            (*at, "tracking"),
        )


def _check_rest(where: str, contract: Contract, part: ActionComponent) -> None:
    """Check that a component can be held where it rests."""
    at, rest = ("action", part.name, "rest"), part.rest
    units = {seen.name: seen.unit for seen in contract.observation}
    if not isinstance(rest, str):
        if not math.isfinite(rest):
            raise ConfigError(f"{where}: rest of action {part.name!r} is {rest}; it must be finite", at)
        return
    if rest not in units:
        raise unknown(f"{where}: rest of action {part.name!r},", rest, units, at)
    if part.unit and units[rest] and units[rest] != part.unit:
        raise ConfigError(
            f"{where}: rest of action {part.name!r} is {rest!r}, in {units[rest]}; the action is in {part.unit}, so "
            "name what measures it",
            at,
        )


def _check_external(where: str, contract: Contract) -> None:
    """Check how bags of other programs are read."""
    external = contract.external
    if len(external.fields) not in (0, len(contract.action)):
        raise ConfigError(
            f"{where} has {len(external.fields)} fields; name one for each of {', '.join(contract.action_names)}, or "
            f"none if {external.topic!r} carries commands",
            at=("external", "fields"),
        )
    if not 0.0 <= external.stale_s < math.inf:
        raise ConfigError(
            f"{where}: stale_s is {external.stale_s}; it must be a time of 0 s or more", at=("external", "stale_s")
        )
    if external.clock not in ("", *CLOCKS):
        raise unknown(f"{where}: clock", external.clock, CLOCKS, at=("external", "clock"))
    topics = dict.fromkeys((*contract.topics, external.topic, *filter(None, [contract.gripper_topic])))
    for key, named in (("offsets", external.offsets), ("static", external.static)):
        for topic in named:
            if topic not in topics:
                raise unknown(f"{where}: {key}: topic", topic, topics, at=("external", key, topic))
    for topic, offset_s in external.offsets.items():
        if not math.isfinite(offset_s):
            raise ConfigError(
                f"{where}: offsets: {topic!r} is {offset_s}; it must be a finite number of seconds",
                at=("external", "offsets", topic),
            )


def _check_moves(where: str, contract: Contract) -> None:
    for name, move in contract.moves.items():
        within = all(part.low <= value <= part.high for part, value in zip(contract.action, move))
        if len(move) != len(contract.action) or not within:
            raise ConfigError(
                f"{where}: move {name!r} is {list(move)}; give a number for each of "
                f"{', '.join(contract.action_names)}, within its limits",
                at=("moves", name),
            )
