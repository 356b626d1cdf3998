# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one table of topics: names, types and qualities of service."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any, NamedTuple

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, unknown
from il_ros.core.messages import READING_TOPICS

STREAM = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""One message a step; reliable, since a lockstep run waits for each of them."""
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""The last value is there for whoever joins later."""
LATCHED_HEARD = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=16,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""A subscriber's side of it: a value that has come is not pushed out by the next one, when an episode is very short."""
RECORD = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=10_000,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
"""The recorder's side of a stream: deep enough that a slow disk loses nothing."""
GLANCE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)
"""The side of who looks now and then, and wants the newest alone."""


class Topic(NamedTuple):
    """One row of the table."""

    name: str
    type_name: str
    qos: QoSProfile = STREAM


CLOCK = Topic("/clock", "rosgraph_msgs/msg/Clock")
EPISODE = Topic("episode", "std_msgs/msg/String", LATCHED)
"""JSON: an episode starts (task, seed, stamp of its first observation) or ends (outcome)."""
POLICY_ACTION = Topic("policy/action", "trajectory_msgs/msg/JointTrajectory")
POLICY_DISTANCE = Topic("policy/distance", "std_msgs/msg/Float64")
"""How far each observation is from the nearest that the policy was trained on; to be watched, not recorded."""
EXPERT_ACTION = Topic("expert/action", "trajectory_msgs/msg/JointTrajectory")
TWIST = Topic("delta_twist_cmds", "geometry_msgs/msg/TwistStamped")
"""What the device ``twist`` hears, as MoveIt Servo does."""
HANDS = Topic("web_ui/input", "sensor_msgs/msg/Joy")
"""What the operator does in the web interface, for the device ``browser``."""
PUSH = Topic("push", "geometry_msgs/msg/WrenchStamped")
"""A hand that pushes the simulated arm: the force in the base frame, N, on the link that ``frame_id`` names."""
GUIDING = Topic("guiding", "std_msgs/msg/Bool")
"""Whether the arm gives way to a hand now, for the device ``kinesthetic``."""
CAMERA = Topic("camera/image/compressed", "sensor_msgs/msg/CompressedImage")
"""What a camera sees, as JPEG or PNG: to be looked at, not recorded."""
AUTHORITY = Topic("gate/authority", "diagnostic_msgs/msg/DiagnosticArray")
RECORDED = Topic("recorder/episode", "std_msgs/msg/String", LATCHED)
"""JSON: an episode was closed and verified (path, facts)."""
CHECKPOINT = Topic("trainer/checkpoint", "std_msgs/msg/String", LATCHED)
"""JSON: a checkpoint is ready (path, hash)."""
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
READING = tuple(Topic(name, type_name) for name, type_name in READING_TOPICS.items())

ROBOT_DESCRIPTION = Topic("robot_description", "std_msgs/msg/String", LATCHED)
"""The simulated arm's URDF, as RViz and robot_state_publisher read it."""
TF = Topic("/tf", "tf2_msgs/msg/TFMessage")
"""The transforms of the simulated arm's joints, where ``tf2_msgs`` is installed."""
TF_STATIC = Topic("/tf_static", "tf2_msgs/msg/TFMessage", LATCHED)
"""Those that never change: the base in the world, and the fixed joints."""
SCENE = Topic("scene", "visualization_msgs/msg/MarkerArray")
"""The table and what stands on it, for viewers."""
POLICY_PATH = Topic("policy/path", "visualization_msgs/msg/Marker")
"""Where the policy's newest chunk means to move the tool, for viewers."""
EXPERT_PATH = Topic("expert/path", "visualization_msgs/msg/Marker")
"""The same of the expert's."""
AUTHORITY_MARKER = Topic("gate/authority_marker", "visualization_msgs/msg/Marker")
"""Who commands, as a text in the authority's colour, for viewers."""

TAKE_OVER, RELEASE = "gate/take_over", "gate/release"
START, STOP, DISCARD = "recorder/start", "recorder/stop", "recorder/discard"
SAVE = "recorder/save"
"""SetBool: the person says whether the episode, which ends with that, was a success."""
TRAIN = "trainer/train"


def command(contract: Contract) -> Topic:
    """The command's topic, of the contract's type."""
    return Topic("command", contract.command_type)


def observed(contract: Contract) -> tuple[Topic, ...]:
    """The topics that the contract's observation reads.

    Raises:
        ConfigError: if one has no header, or a field of the contract is none of it.
    """
    for part in contract.observation:
        kind = message_class(contract.topics[part.topic])
        if not _begins_with_header(kind):
            raise ConfigError(
                f"topic {part.topic!r} is a {contract.topics[part.topic]}, which has no header, so no stamp; choose "
                "another type"
            )
        names, first = kind.get_fields_and_field_types(), re.split(r"[.\[]", part.field)[0]
        if first not in names:
            raise unknown(
                f"contract {contract.name!r}: field {part.field!r} of observation {part.name!r}:", first, names
            )
    return tuple(Topic(name, type_name) for name, type_name in contract.topics.items())


def _begins_with_header(kind: type[Any]) -> bool:
    """Whether a type of messages has a stamp, where everybody looks for it."""
    return next(iter(kind.get_fields_and_field_types().values()), "") == "std_msgs/Header"


@cache
def message_class(type_name: str) -> type[Any]:
    """The class of a message type such as ``geometry_msgs/msg/Twist``.

    Raises:
        ConfigError: if its package is not installed.
    """
    try:
        package, kind, name = type_name.split("/")
        return getattr(importlib.import_module(f"{package}.{kind}"), name)
    except (ValueError, ImportError, AttributeError) as error:
        raise ConfigError(f"message type {type_name!r} is not installed; check its spelling and its package") from error
