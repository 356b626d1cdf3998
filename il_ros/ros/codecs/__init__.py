# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The messages of every step, read from their bytes and written as bytes, without message objects."""

from il_ros.ros.codecs.actions import (
    Answer,
    ChunkWriter,
    Command,
    CommandWriter,
    RecordReader,
    RecordWriter,
    answers,
    commands,
)
from il_ros.ros.codecs.numbers import MAX_TEMPLATES, Numbers, Reader, Stamped, Writer, object_of
from il_ros.ros.codecs.observations import observed, whole
from il_ros.ros.codecs.robot_state import ReadingWriter

__all__ = [
    "MAX_TEMPLATES",
    "Answer",
    "ChunkWriter",
    "Command",
    "CommandWriter",
    "Numbers",
    "ReadingWriter",
    "Reader",
    "RecordReader",
    "RecordWriter",
    "Stamped",
    "Writer",
    "answers",
    "commands",
    "object_of",
    "observed",
    "whole",
]
