# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ROS messages to numpy and back, by field access: live messages, decoded bags and plain namespaces alike."""

from il_ros.core.messages.authority_record import (
    BYTE_OF_LEVEL,
    INCOMPLETE,
    fill_record,
    record_from,
    record_texts,
    record_values,
)
from il_ros.core.messages.chunks import DOUBTS, ENGAGE, chunk_from, chunk_of, chunk_table, fill_chunk
from il_ros.core.messages.command_parts import CommandPart, command_parts
from il_ros.core.messages.commands import (
    check_frame,
    command_from,
    command_of,
    command_paths,
    fill_command,
    has_stamp,
)
from il_ros.core.messages.exact_time_sync import ExactTimeSync, are_in_step, exact_join
from il_ros.core.messages.fields import field_sources, field_value, getter, named_joint
from il_ros.core.messages.headers import (
    STAMP_FIELDS,
    nanoseconds,
    seconds,
    serialized_frame_id,
    serialized_stamp,
    serialized_stamp_ns,
    set_stamp,
    stamp_ns,
    stamps_ns,
    with_stamp,
)
from il_ros.core.messages.image_alignment import CameraBuffer, aligned, due_ns
from il_ros.core.messages.images import (
    COMPRESSED,
    IMAGE,
    as_recorded,
    decoded_image,
    image_form,
    jpeg_of_image,
    published_size,
    serialized_image,
    serialized_png,
)
from il_ros.core.messages.joint_states import JointStateMerger, check_ages, check_joints, joints_of
from il_ros.core.messages.observations import (
    are_finite,
    is_finite,
    not_finite,
    observation,
    observation_columns,
    observation_fields,
    observation_of,
    observation_of_topics,
)
from il_ros.core.messages.robot_state import fill_reading, plain_messages, reading_from

__all__ = [
    "BYTE_OF_LEVEL",
    "COMPRESSED",
    "DOUBTS",
    "ENGAGE",
    "IMAGE",
    "INCOMPLETE",
    "STAMP_FIELDS",
    "CameraBuffer",
    "CommandPart",
    "ExactTimeSync",
    "JointStateMerger",
    "aligned",
    "are_finite",
    "are_in_step",
    "as_recorded",
    "check_ages",
    "check_frame",
    "check_joints",
    "chunk_from",
    "chunk_of",
    "chunk_table",
    "command_from",
    "command_of",
    "command_parts",
    "command_paths",
    "decoded_image",
    "due_ns",
    "exact_join",
    "field_sources",
    "field_value",
    "fill_chunk",
    "fill_command",
    "fill_reading",
    "fill_record",
    "getter",
    "has_stamp",
    "image_form",
    "is_finite",
    "joints_of",
    "jpeg_of_image",
    "named_joint",
    "nanoseconds",
    "not_finite",
    "observation",
    "observation_columns",
    "observation_fields",
    "observation_of",
    "observation_of_topics",
    "plain_messages",
    "published_size",
    "reading_from",
    "record_from",
    "record_texts",
    "record_values",
    "seconds",
    "serialized_frame_id",
    "serialized_image",
    "serialized_png",
    "serialized_stamp",
    "serialized_stamp_ns",
    "set_stamp",
    "stamp_ns",
    "stamps_ns",
    "with_stamp",
]
