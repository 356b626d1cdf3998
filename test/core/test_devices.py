# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a contract may say of grippers and cameras."""

from __future__ import annotations

import copy

import pytest

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError

GRIPPER = {"kind": "gripper", "low": 0.0, "high": 0.04, "max_velocity": 0.1, "rest": "tool_x"}
CAMERA = {"topic": "wrist/image_raw", "width": 84, "height": 84, "crop": [0, 40, 400, 400]}


def plain(base="panda_plane", **changes):
    """A contract with a gripper and a camera; a change of ``finger__low`` is one of that component's key ``low``."""
    data = copy.deepcopy(Contract.load(base).to_dict())
    data["action"]["finger"] = dict(GRIPPER) if base == "panda_plane" else {**GRIPPER, "rest": 0.0}
    data["images"] = {"wrist": dict(CAMERA)}
    if base == "panda_plane":
        data["command"]["gripper"] = {"topic": "gripper_command"}
    for path, value in changes.items():
        *parents, leaf = path.split("__")
        section = data
        for parent in parents:
            section = section[parent]
        section[leaf] = value
    return data


@pytest.mark.parametrize("base", ["panda_plane", "panda_joints"])
def test_a_contract_with_gripper_and_camera_comes_back_from_its_plain_form(base):
    contract = Contract.from_dict("mine", plain(base))
    assert Contract.from_dict("mine", contract.to_dict()) == contract
    assert contract.grippers == ("finger",) and contract.is_gripper.tolist()[-1]
    assert contract.tracking[-1] == float("inf") and contract.max_step[-1] == pytest.approx(0.1 / contract.rate_hz)
    assert contract.moves_tool is (base == "panda_plane")
    assert contract.images[0].stale_ns == 300_000_000


@pytest.mark.parametrize("name", ["panda_plane", "panda_joints", "panda_keys", "xarm6_joints", "mountain_car"])
def test_a_contract_without_a_gripper_says_nothing_of_one(name):
    contract = Contract.load(name)
    assert contract.grippers == () and not contract.is_gripper.any()
    assert not {"kind", "closed", "binary", "gripper", "images"} & set(
        str(contract.to_dict()).replace("'", " ").split()
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action__finger__kind": "griper"}, "kind.*'griper'.*gripper"),
        ({"action__finger__closed": "left"}, "closed.*'left'.*high, low|closed.*'left'.*low, high"),
        ({"action__tool_vx__binary": True}, "'tool_vx' is binary; only a gripper can be"),
        ({"action__finger__max_velocity": None}, "'finger' has no limit; give one of"),
        (
            {"action__finger__max_velocity": None, "action__finger__max_acceleration": 1.0},
            "max_acceleration 1; a gripper is commanded by its position, so give max_velocity",
        ),
        ({"action__finger__tracking": 0.1}, "tracking 0.1; what a gripper holds"),
        ({"action__finger__rest": 0.05}, "rest 0.05; it must be within 0 and 0.04"),
        ({"action__finger__rest": "width"}, "rest of action 'finger'.*'width'"),
        ({"command__gripper": None}, "a TwistStamped has no place for the gripper finger"),
        ({"command__gripper__topic": "/tool_pose"}, "'/tool_pose', which carries something else"),
        ({"command__gripper__topic": "command"}, "'command', which carries something else"),
        ({"command__gripper__topic": "wrist/image_raw"}, "which carries something else; choose another one"),
        (
            {"command__gripper__type": "control_msgs/msg/GripperCommand"},
            "type of the gripper's command.*JointTrajectory",
        ),
        ({"action": {"finger": GRIPPER}}, "1 of 1 components of the action are of kind gripper"),
        ({"moves": {"stay": [0.0, 0.0, 0.0]}}, "has moves, and the gripper finger"),
        ({"images__wrist__width": 0}, "width is 0; it must be 1 to 2048 pixels"),
        ({"images__wrist__height": 4000}, "height is 4000; it must be 1 to 2048 pixels"),
        ({"images__wrist__type": "std_msgs/msg/String"}, "type.*std_msgs/msg/String.*CompressedImage"),
        ({"images__wrist__crop": [0, 0, 10]}, r"crop is \[0, 0, 10\]; give left, top, width and height"),
        ({"images__wrist__crop": [0, -1, 10, 10]}, r"crop is \[0, -1, 10, 10\]"),
        ({"images__wrist__rate_hz": 0.0}, "rate_hz is 0.0; it must be above 0, up to 1000"),
        ({"images__wrist__stale_s": -1.0}, "stale_s is -1.0; it must be a time of 0 s or more"),
        ({"images__wrist__topic": "objects"}, "'objects', which carries something else"),
    ],
)
def test_what_a_gripper_or_a_camera_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Contract.from_dict("mine", plain(**changes))


def test_a_gripper_topic_without_a_gripper_is_refused():
    data = plain()
    del data["action"]["finger"]
    with pytest.raises(ConfigError, match="0 of 2 components"):
        Contract.from_dict("mine", data)
