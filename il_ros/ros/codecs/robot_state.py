# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writers of the state of arm and scene: ``joint_states``, ``tool_pose`` and ``objects``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import Pose

from il_ros.core import messages, topics
from il_ros.core.messages import STAMP_FIELDS
from il_ros.core.topics import JOINT_STATES, OBJECTS, TOOL_POSE
from il_ros.core.types import RobotState
from il_ros.ros.codecs.numbers import Numbers, NumberWriter
from il_ros.ros.message_types import message_class


class ReadingWriter(NumberWriter[RobotState]):
    """Makes the messages of one of ``topics.READING``."""

    def message(self, content: RobotState) -> Any:
        """Return a JointState, a PoseStamped or a PoseArray."""
        filled = {topic.name: message_class(topic.type_name)() for topic in topics.READING}
        messages.fill_reading(filled, content, Pose)
        return filled[self.topic.name]

    def numbers(self, content: RobotState) -> tuple[Any, Numbers]:
        """Return frame, joints and count as the key, and stamp and numbers."""
        arrays = {
            JOINT_STATES.name: (content.joint_positions, content.joint_velocities),
            TOOL_POSE.name: (content.tool_position, content.tool_quaternion),
            OBJECTS.name: (content.object_poses,),
        }[self.topic.name]
        numbers = [number for array in arrays for number in array.ravel().tolist()]
        return (content.frame, content.joint_names, len(numbers)), [*messages.seconds(content.stamp_ns), *numbers]

    def paths(self, content: RobotState) -> Sequence[str]:
        """Return the paths of the stamp and of each number."""
        joints = range(len(content.joint_names))
        paths = {
            JOINT_STATES.name: [f"{column}.{i}" for column in ("position", "velocity") for i in joints],
            TOOL_POSE.name: [*(f"pose.position.{c}" for c in "xyz"), *(f"pose.orientation.{c}" for c in "xyzw")],
            OBJECTS.name: [
                f"poses.{i}.{part}"
                for i in range(len(content.objects))
                for part in (*(f"position.{c}" for c in "xyz"), *(f"orientation.{c}" for c in "xyzw"))
            ],
        }
        return [*STAMP_FIELDS, *paths[self.topic.name]]
