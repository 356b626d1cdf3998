# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The table of topics and services: names, message types and the kind of quality of service, without rclpy."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from il_ros.core.contract import Contract, ImageComponent


class QosKind(enum.Enum):
    """Kinds of quality of service; ``il_ros.ros.qos`` has the profile of each."""

    STREAM = "stream"
    """One message per step; reliable, since a lockstep run waits for each of them."""
    LATCHED = "latched"
    """The last value is sent to every subscriber that joins later."""
    LATCHED_SUBSCRIBER = "latched_subscriber"
    """The subscriber's side of it: with very short episodes, the next value does not push out one that has come."""
    RECORDER = "recorder"
    """The recorder's side of a stream: deep enough that a slow disk loses nothing."""
    LATEST = "latest"
    """The side of a subscriber that looks now and then and needs only the newest message."""
    LATEST_OF_SEVERAL = "latest_of_several"
    """The same where several publishers send parts: the newest message of one must not push out that of another."""
    IMAGE = "image"
    """A simulated camera's images; reliable, and few of them are kept, since they are large."""
    CAMERA = "camera"
    """A subscriber of images: reliable, as most drivers are, since of large ones most would be lost otherwise."""


class Topic(NamedTuple):
    """One row of the table."""

    name: str
    type_name: str
    qos: QosKind = QosKind.STREAM


JOINT_STATE = "sensor_msgs/msg/JointState"
JOINT_TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"
STRING = "std_msgs/msg/String"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"

CLOCK = Topic("/clock", "rosgraph_msgs/msg/Clock")
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
JOINT_STATES = Topic("joint_states", JOINT_STATE)
TOOL_POSE = Topic("tool_pose", "geometry_msgs/msg/PoseStamped")
OBJECTS = Topic("objects", "geometry_msgs/msg/PoseArray")
READING = (JOINT_STATES, TOOL_POSE, OBJECTS)
"""What an expert sees of the arm and the scene."""
COMMAND_NAME = "command"
"""The topic of the command; its type is the contract's."""
EPISODE = Topic("episode", STRING, QosKind.LATCHED)
"""JSON: an episode starts (task, seed, stamp of its first observation) or ends (outcome); see ``core.events``."""
POLICY_ACTION = Topic("policy/action", JOINT_TRAJECTORY)
POLICY_DISTANCE = Topic("policy/distance", "std_msgs/msg/Float64")
"""The distance of each observation to the nearest one that the policy was trained on; for display, not recorded."""
EXPERT_ACTION = Topic("expert/action", JOINT_TRAJECTORY)
AUTHORITY = Topic("gate/authority", "diagnostic_msgs/msg/DiagnosticArray")
RECORDED = Topic("recorder/episode", STRING, QosKind.LATCHED)
"""JSON: an episode was closed and verified (path, facts)."""
CHECKPOINT = Topic("trainer/checkpoint", STRING, QosKind.LATCHED)
"""JSON: a checkpoint is ready (path, hash)."""
CAMERA = Topic("camera/image/compressed", "sensor_msgs/msg/CompressedImage")
"""A camera's images, as JPEG or PNG; for display, not recorded."""
PUSH = Topic("push", "geometry_msgs/msg/WrenchStamped")
"""A hand that pushes the simulated arm: the force in the base frame, N, on the link that ``frame_id`` names; zero when
it lets go."""

ROBOT_DESCRIPTION = Topic("robot_description", STRING, QosKind.LATCHED)
"""The simulated arm's URDF, as RViz and robot_state_publisher read it."""
TF = Topic("/tf", "tf2_msgs/msg/TFMessage")
"""The transforms of the simulated arm's joints, where ``tf2_msgs`` is installed."""
TF_STATIC = Topic("/tf_static", "tf2_msgs/msg/TFMessage", QosKind.LATCHED)
"""The transforms that never change: the base in the world, and the fixed joints."""
SCENE = Topic("scene", "visualization_msgs/msg/MarkerArray")
"""The table and the objects on it, for viewers."""
POLICY_PATH = Topic("policy/path", "visualization_msgs/msg/Marker")
"""The path of the tool that the policy's newest chunk means, for viewers."""
EXPERT_PATH = Topic("expert/path", "visualization_msgs/msg/Marker")
"""The same of the expert's."""
AUTHORITY_MARKER = Topic("gate/authority_marker", "visualization_msgs/msg/Marker")
"""Who commands, as a text in the authority's colour, for viewers."""

JOY = Topic("joy", "sensor_msgs/msg/Joy")
"""Input of the device ``joy``."""
TWIST = Topic("delta_twist_cmds", "geometry_msgs/msg/TwistStamped")
"""Input of the device ``twist``, under the name that MoveIt Servo uses."""
HAND_POSE = Topic("hand_pose", "geometry_msgs/msg/PoseStamped")
"""Input of the device ``pose``."""
HAND_GRIPPER = Topic("hand_gripper", "std_msgs/msg/Float64")
"""Input of the devices ``twist``, ``pose`` and ``kinesthetic``: how far the gripper is to close, from 0 to 1."""
LEADER_STATES = Topic("leader/joint_states", JOINT_STATE)
"""Input of the device ``leader``: the joints of the leader arm."""
LEADER_PEDAL = Topic("leader/pedal", "std_msgs/msg/Bool")
"""Input of the device ``leader``: the enable pedal."""
BROWSER_INPUT = Topic("web_ui/input", "sensor_msgs/msg/Joy")
"""What the operator does on the web page, for the device ``browser``."""
GUIDING = Topic("guiding", "std_msgs/msg/Bool")
"""Whether the arm is compliant now, for the device ``kinesthetic``."""

TAKE_OVER, RELEASE = "gate/take_over", "gate/release"
"""Services, Trigger: the operator takes over from the policy, or gives control back."""
START, STOP, DISCARD = "recorder/start", "recorder/stop", "recorder/discard"
"""Services, Trigger: recording without announced episodes."""
SAVE = "recorder/save"
"""Service, SetBool: the operator ends the episode and says whether it was a success."""
TRAIN = "trainer/train"
"""Service, Trigger: train on all recorded episodes."""
RESET = "sim_node/reset"
"""Service, Trigger: begin the next episode of the simulation."""


def command(contract: Contract) -> Topic:
    """Return the topic of the arm's command, with the contract's type."""
    return Topic(COMMAND_NAME, contract.command_type)


def commands(contract: Contract) -> tuple[Topic, ...]:
    """Return the topics of a command, that of a gripper first, if it has one of its own."""
    gripper = (Topic(contract.gripper_topic, contract.gripper_type),) if contract.gripper_topic else ()
    return (*gripper, command(contract))


def observed(contract: Contract) -> tuple[Topic, ...]:
    """Return the topics that the contract's observation reads."""
    return tuple(Topic(name, type_name) for name, type_name in contract.topics.items())


def camera(image: ImageComponent, qos: QosKind = QosKind.IMAGE) -> Topic:
    """Return the topic of a camera's images."""
    return Topic(image.topic, image.type, qos)


def camera_info(image: ImageComponent, qos: QosKind = QosKind.IMAGE) -> Topic:
    """Return the topic of a camera's calibration, ``camera_info`` beside that of its images."""
    parents = image.topic.removesuffix("/compressed").split("/")[:-1]
    return Topic("/".join([*parents, "camera_info"]), CAMERA_INFO, qos)


def attention(image: ImageComponent, qos: QosKind = QosKind.IMAGE) -> Topic:
    """Return the topic on which it is published what the policy attends to in a camera's images: brighter for more.

    For display, not recorded.
    """
    name = re.sub(r"[^A-Za-z0-9_]|^(?=\d)", "_", image.name)
    return Topic(f"policy/attention/{name}", "sensor_msgs/msg/Image", qos)
