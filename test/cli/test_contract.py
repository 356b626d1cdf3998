# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``il-ros contract check``: a bag and a live graph are held against a contract."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from il_ros.cli import contract as command
from il_ros.core.contract import Contract
from il_ros.launching import graph
from il_ros.recording.check.contract_check import ERROR
from il_ros.recording.episodes.store import EpisodeStore


def test_a_bag_satisfies_the_contract_that_it_was_recorded_with(il_ros, shown: Path):
    answer = il_ros("contract", "check", "panda_plane", "--bag", shown / "episode_000001", "--json")
    assert answer.code == 0 and answer.json["satisfied"]
    assert {finding["about"] for finding in answer.json["findings"]} >= {"tool_pose", "tool_x", "stamps", "command"}


def test_another_contract_is_not_satisfied_and_the_table_says_why(il_ros, shown: Path):
    answer = il_ros("contract", "check", "xarm6_joints", "--bag", shown / "episode_000001")
    words = " ".join(re.sub("[│─]", " ", answer.out).split())
    assert answer.code == 1 and "not satisfied" in words
    assert "is not there; nobody publishes a sensor_msgs/msg/JointState" in words


@pytest.mark.parametrize("seconds", [0, -1, "nan", 1e9])
def test_seconds_that_are_no_length_of_time_are_refused(il_ros, seconds):
    answer = il_ros("contract", "check", "panda_plane", "--seconds", seconds)
    assert answer.code == 2 and "--seconds is" in answer.complaint


@pytest.mark.graph
def test_a_live_graph_satisfies_its_contract_and_an_empty_namespace_none(tmp_path: Path):
    plane = Contract.load("panda_plane")
    given = {"lockstep": "false", "auto_reset": "true", "expert": "left", "composed": "true"}
    journal = EpisodeStore(tmp_path / "episodes").journal_path(1)
    with graph.started("collect", tmp_path / "logs", folder=tmp_path / "episodes", **given) as processes:
        limit = time.monotonic() + 40
        while not journal.exists():  # the arm moves
            processes.check()
            assert time.monotonic() < limit
            time.sleep(0.02)
        levels = [finding.level for finding in command.of_graph(plane, "", 3.0)]
        missing = command.of_graph(plane, "elsewhere", 0.5)
    assert ERROR not in levels
    assert [finding.about for finding in missing if finding.level == ERROR] == ["tool_pose", "objects", "stamps"]


def test_the_contract_of_an_environment_is_written_so_that_it_can_be_read(il_ros, tmp_path: Path):
    answer = il_ros("contract", "from-gym", "Pendulum-v1", "--options", '{"g": 9.81}', "--rate", 20)
    assert answer.code == 0
    path = tmp_path / "pendulum.yaml"
    path.write_text(answer.out, encoding="utf-8")
    contract = Contract.load(path)
    assert (contract.rate_hz, len(contract.observation), contract.high.tolist()) == (20.0, 3, [2.0])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["Nix-v0"], "environment 'Nix-v0' cannot be made"),
        (["Pendulum-v1", "--options", "[1]"], "--options is '[1]'; it must be a JSON object"),
        (["Pendulum-v1", "--options", "{"], "--options is '{', not JSON"),
        (["Pendulum-v1", "--rate", "0"], "rate_hz is 0.0; it must be a positive number"),
        (["CartPole-v1"], "is not continuous"),
    ],
)
def test_an_environment_that_can_have_no_contract_is_refused(il_ros, words, complaint):
    answer = il_ros("contract", "from-gym", *words)
    assert answer.code == 2 and complaint in answer.complaint
