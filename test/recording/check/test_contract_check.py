# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a bag or a graph says is compared with a contract, and everything that does not fit is told with its remedy."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.recording.check.contract_check import COMMAND, ERROR, OK, WARNING, Finding, check

PLANE = Contract.load("panda_plane")
TYPES = {"/cell/tool_pose": PLANE.topics["tool_pose"], "/cell/objects": PLANE.topics["objects"]}
TYPES |= {"/cell/command": PLANE.command_type}
WANTED = {name: name.rpartition("/")[2] for name in TYPES}


def header(i):
    stamp_ns = (i + 1) * PLANE.step_ns
    return SimpleNamespace(stamp=SimpleNamespace(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id="")


def pose(x=0.4):
    return SimpleNamespace(position=SimpleNamespace(x=x, y=0.1, z=0.0))


def said(steps=20, period_ns=PLANE.step_ns, x=0.4, speed=0.1, late=0):
    """Messages of all topics; those of objects carry stamps that are ``late`` steps behind."""
    for i in range(steps):
        time_ns = i * period_ns
        yield "/cell/tool_pose", time_ns, SimpleNamespace(header=header(i), pose=pose(x))
        yield "/cell/objects", time_ns, SimpleNamespace(header=header(i - late), poses=[pose()])
        linear = SimpleNamespace(x=speed * (i % 2), y=0.0, z=0.0)
        yield "/cell/command", time_ns, SimpleNamespace(header=header(i), twist=SimpleNamespace(linear=linear))


def found(heard=(), types=TYPES, wanted=WANTED, contract=PLANE):
    return {finding.about: finding for finding in check(contract, types, heard, wanted)}


def test_what_satisfies_the_contract_is_all_ok():
    told = found(said())
    assert {finding.level for finding in told.values()} == {OK}
    assert told["tool_x"] == Finding("tool_x", OK, "0.4 m")
    assert "20.0 Hz" in told["tool_pose"].told and "20 of 20" in told["stamps"].told
    assert "0 to 0.1 m/s, 0.1 a step" in told["tool_vx"].told


@pytest.mark.parametrize(
    ("about", "level", "words", "heard", "changes"),
    [
        (
            "tool_pose",
            ERROR,
            "is not there; remap /cell/tool_pose, or",
            (),
            {"wanted": {"/cell/objects": "objects"}},
        ),
        ("tool_pose", ERROR, "is a/msg/B, not geometry_msgs", (), {"types": {**TYPES, "/cell/tool_pose": "a/msg/B"}}),
        ("objects", ERROR, "is silent; start its publisher", (), {}),
        ("tool_pose", WARNING, "comes at 5.0 Hz; the contract's rate is 20 Hz", {"period_ns": 200_000_000}, {}),
        ("tool_x", ERROR, "nan is not a finite number", {"x": np.nan}, {}),
        ("stamps", ERROR, "0 of 20 .* resync_node between", {"late": 40}, {}),
        ("stamps", WARNING, "12 of 20 ", {"late": 8}, {}),
        ("stamps", ERROR, "cannot be compared", (), {}),
        ("tool_vx", WARNING, "the limits are -0.25 to 0.25: widen them", {"speed": 0.3}, {}),
        ("tool_vx", WARNING, "max_step allows 0.12: raise it", {"speed": 0.2}, {}),
        (COMMAND, ERROR, "not finite|is not 2 finite numbers", {"speed": np.nan}, {}),
        (COMMAND, WARNING, "nothing is published yet", (), {"wanted": {"/cell/objects": "objects"}}),
    ],
)
def test_what_does_not_fit_is_told_with_its_remedy(about, level, words, heard, changes):
    told = found(said(**heard) if isinstance(heard, dict) else heard, **changes)[about]
    assert told.level == level
    assert re.search(words, told.told), told.told


def test_a_joint_that_the_message_has_not_is_named_with_those_that_it_has():
    part = dataclasses.replace(PLANE.observation[0], topic="joint_states", field="position[elbow]")
    contract = dataclasses.replace(PLANE, topics={"joint_states": "sensor_msgs/msg/JointState"}, observation=(part,))
    message = SimpleNamespace(header=header(0), name=["wrist", "hip"], position=[0.0, 1.0])
    told = found([("joint_states", 0, message)], dict(contract.topics), {"joint_states": "joint_states"}, contract)
    assert told["tool_x"].level == ERROR and "the message has wrist, hip" in told["tool_x"].told


def test_a_pause_between_two_episodes_is_no_slowness():
    heard = [*said(), *((name, time_ns + 10**10, message) for name, time_ns, message in said())]
    assert found(heard)["tool_pose"].level == OK


JOINT_TYPES = {"/joint_states": "sensor_msgs/msg/JointState"}
JOINT = {
    "rate_hz": 20.0,
    "topics": {"joint_states": "sensor_msgs/msg/JointState"},
    "observation": {"joint1": {"topic": "joint_states", "field": "position[joint1]", "unit": "rad"}},
    "action": {"joint1": {"low": -3.0, "high": 3.0, "max_step": 0.1, "rest": "joint1", "unit": "rad"}},
    "command": {"type": "trajectory_msgs/msg/JointTrajectory"},
}


def joints(ns, **positions):
    stamp = SimpleNamespace(sec=ns // 10**9, nanosec=ns % 10**9)
    names, values = list(positions), list(positions.values())
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp, frame_id=""), name=names, position=values)


@pytest.mark.parametrize(
    ("rate_hz", "level"), [(10, "warning"), (19, "ok"), (21, "ok"), (40, "warning"), (500, "warning")]
)
def test_a_rate_that_is_too_high_is_named_as_one_that_is_too_low(rate_hz, level):
    contract = Contract.from_dict("joint", JOINT)
    heard = [("/joint_states", n * 10**9 // rate_hz, joints(n * 10**9 // rate_hz, joint1=0.0)) for n in range(60)]
    told = found(heard, JOINT_TYPES, {"/joint_states": "joint_states"}, contract)
    assert told["joint_states"].level == level and f"{rate_hz}.0 Hz" in told["joint_states"].told
    assert ("raise rate_hz or lower the driver's rate" in told["joint_states"].told) == (rate_hz > 21)


def test_joints_of_two_publishers_are_looked_at_together_and_one_that_is_silent_is_named():
    plain = JOINT | {
        "observation": {n: {"topic": "joint_states", "field": f"position[{n}]"} for n in ("joint1", "grip")}
    }
    contract, heard = Contract.from_dict("two", plain), []
    for n in range(20):
        ns = n * contract.step_ns
        heard += [("/joint_states", ns, joints(ns, joint1=0.5))]
        heard += [("/joint_states", ns + 5, joints(ns + 5, grip=0.02))] if n < 10 else []
    for until, level in ((20, "ok"), (len(heard), "error")):
        told = found(heard[:until], JOINT_TYPES, {"/joint_states": "joint_states"}, contract)
        assert told["joint_states"].level == level
    assert "'grip' is 0.500 s older" in told["joint_states"].told
    assert told["joint1"].level == "ok" and told["stamps"].level == "ok"
