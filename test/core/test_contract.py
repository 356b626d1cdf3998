# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A contract that is badly written is refused with the line that is wrong, the value and the remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from il_ros.core import paths
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError

TEXT = paths.find("config/contracts", "xarm6_joints", ".yaml").read_text()


def line_of(text: str, part: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("rate_hz: 20.0", "rate_hz: fast", "rate_hz", "'fast'; it must be a number"),
        ("rate_hz: 20.0", "rate_hz: -1", "rate_hz", "must be a positive number"),
        ("rate_hz: 20.0", "rate_herz: 20.0", "rate_herz", "did you mean 'rate_hz'"),
        (
            "topic: tool_pose, field: pose.position.y",
            "topic: tool_poze, field: pose.position.y",
            "tool_y",
            "'tool_pose'",
        ),
        ("field: pose.position.y", "fields: pose.position.y", "tool_y:", "did you mean 'field'"),
        ("low: -2.059, high: 2.0944", "low: 3, high: 2.0944", "joint2: {low", "low < high"),
        ("low: -2.059", "low: left", "joint2: {low", "'left'; it must be a number"),
        ("rest: joint3", "rest: joint33", "joint3: {low", "did you mean 'joint3'"),
        ("command: {type: trajectory_msgs/msg/JointTrajectory}", "command: {type: a/msg/B}", "command:", "choose from"),
        ("robot: xarm6", "robot: 6", "robot:", "6; it must be a string"),
        ("robot: xarm6", "robot: xarm6\nrobot: panda", "robot: panda", "key 'robot' stands there twice"),
        ("tool_pose: geometry_msgs/msg/PoseStamped", "tool_pose: PoseStamped", "tool_pose:", "write its type as in"),
        ("rest: joint3", "rest: tool_x", "joint3: {low", "is 'tool_x', in m; the action is in rad"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_remedy(tmp_path: Path, old, new, where, said):
    assert TEXT.count(old) == 1
    path = tmp_path / "mine.yaml"
    path.write_text(text := TEXT.replace(old, new))
    with pytest.raises(ConfigError) as raised:
        Contract.load(path)
    assert re.match(rf"{re.escape(str(path))}:{line_of(text, where)}\b", str(raised.value))
    assert said in str(raised.value)


def test_a_key_that_is_missing_is_told_at_the_top(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.replace("rate_hz: 20.0\n", ""))
    with pytest.raises(ConfigError, match=r"mine.yaml:1: .* lacks the key 'rate_hz'"):
        Contract.load(path)
