# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Values that are of the right kind and still cannot be: refused in one line, before anything has been done."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from il_ros.cli import demo
from il_ros.core import paths
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, IlRosError
from il_ros.launching.yaml_launch import model

PLAIN = Contract.load("panda_plane").to_dict()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--policy", "json.decoder"], "defines no Policy"),
        (["--policy", "nobody..policies"], "cannot be imported"),
        (["--policy", "./mine.yml"], "mine.yml"),
        (["--policy", "../configs/mine"], "mine"),
        (["--seed", "-1"], "seed is -1"),
        (["--seed", str(2**70)], "seed is 1180591620717411303424"),
    ],
)
def test_a_training_that_cannot_begin_is_refused(il_ros, episodes, words, said):
    before = files(episodes.parent)
    answer = il_ros("train", episodes, "--steps", "2", "--policy", "deterministic", *words)
    assert answer.code == 2 and said in answer.complaint
    assert files(episodes.parent) == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("width: 0", "width is 0; it must be at least 1"),
        ("device: cuda:7", "device 'cuda:7' is not known"),
        ("options: {componentz: 3}", "did you mean 'components'"),
        ("options: 3", "options is 3"),
        ("observation_noise: -1", "observation_noise is -1"),
        ("observation_noise: .nan", "observation_noise is nan"),
        ("horizon: 100000000", "horizon is 100000000; it must be at most"),
    ],
)
def test_a_value_of_a_training_that_cannot_be_is_named(il_ros, episodes, tmp_path, line, said):
    path = tmp_path / "mine.yaml"
    path.write_text(f"policy: mixture\nsteps: 2\n{line}\n", encoding="utf-8")
    answer = il_ros("train", episodes, "--policy", path)
    assert answer.code in (2, 4) and said in answer.complaint


def part(**changed):
    return {"action": {**PLAIN["action"], "tool_vx": {**PLAIN["action"]["tool_vx"], **changed}}}


@pytest.mark.parametrize(
    "change",
    [
        {"command": 3},
        {"rate_hz": math.inf},
        {"observation": []},
        {"observation": {"a": {"topic": ["x"], "field": "pose.position.x"}}},
        {"observation": {"a": {"topic": "camera", "field": "pose.position.x"}}},
        part(low=1.0, high=-1.0),
        part(max_step=0),
        part(field=3),
        part(rest="tool_z"),
        {"topics": 3},
        {"topics": ["objects"]},
        {"topics": {**PLAIN["topics"], "objects": 7}},
        {"command": {"type": 3}},
        part(rest=math.nan),
        part(field=""),
        {"rate_hz": 1e12},
    ],
    ids=str,
)
def test_a_contract_that_cannot_be_is_refused_when_it_is_read(change):
    with pytest.raises(ConfigError) as refused:
        Contract.from_dict("mine", {**PLAIN, **change})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--execute-steps", "-1"], "execute_steps is -1; it must be 0 or a number of steps"),
        (["--task", "nobody.tasks"], "task 'nobody.tasks' cannot be imported"),
        (["--task", ""], "task '' is not known; choose from avoid, fork, peg, pick_place, push, reach, stack, trace"),
        (["--task", "./fork"], "task './fork' is not known"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_an_evaluation_that_cannot_begin_is_refused(il_ros, checkpoint, words, said):
    before = files(checkpoint)
    answer = il_ros("evaluate", checkpoint, "--episodes", "1", *words)
    assert answer.code == 2 and said in answer.complaint
    assert files(checkpoint) == before


@pytest.mark.parametrize("text", ["{}", '{"model": "act"}', '{"format": 999}'])
def test_info_refuses_a_foreign_checkpoint_as_evaluate_does(il_ros, checkpoint, text):
    (checkpoint / "checkpoint.json").write_text(text, encoding="utf-8")
    assert il_ros("info", checkpoint).code == 5


def test_info_refuses_a_checkpoint_that_is_cut_short(il_ros, checkpoint):
    path = checkpoint / "checkpoint.json"
    path.write_bytes(path.read_bytes()[:100])
    answer = il_ros("info", checkpoint)
    assert answer.code == 5 and "is not JSON" in answer.complaint


@pytest.mark.parametrize(
    "words",
    [
        ["collect", "--folder", "file/runs/episodes"],
        ["launch", "bringup", "--log-folder", "file/log"],
    ],
    ids=["collect", "launch"],
)
def test_a_folder_that_cannot_be_made_is_named(il_ros, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    answer = il_ros(*words)
    assert answer.code == 6 and "file" in answer.complaint


def test_where_the_checkpoint_goes_is_tried_before_the_training(il_ros, episodes, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    words = ["--policy", "deterministic", "--steps", "20"]
    answer = il_ros("train", episodes, *words, "--checkpoints", tmp_path / "file")
    assert answer.code == 6 and "cannot be written" in answer.complaint
    assert "loss" not in answer.err


def test_a_demo_moves_nothing_aside_that_is_not_a_demo(tmp_path):
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter.tex").write_text("three years", encoding="utf-8")
    with pytest.raises(IlRosError, match="thesis"):
        demo.make_room(mine)
    assert (mine / "chapter.tex").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_output_that_cannot_be_written_is_a_full_disk(checkpoint):
    command = [sys.executable, "-m", "il_ros.cli", "info", str(checkpoint), "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 6
    assert done.stderr.startswith("il-ros: error: the output cannot be written: No space left on device; free some")
    assert done.stderr.count("\n") == 1


@pytest.mark.graph
@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            "sim_node task:=nope",
            2,
            "task 'nope' is not known; choose from avoid, fork, peg, pick_place",
        ),
        ("sim_node contract:=nope", 2, "nope is not a file, nor one of ours"),
        ("gate_node rule:=humann", 2, "gating rule 'humann' is not known; choose from beta, demonstration"),
        ("expert_node device:=joi", 2, "device 'joi' is not known; choose from browser, function, joy, kinesthetic"),
        ("expert_node expert:=middle", 2, "expert of task 'fork', 'middle' is not known; choose from left"),
        ("policy_node checkpoint:=/nowhere", 5, "/nowhere/checkpoint.json cannot be read"),
        ("trainer_node policy:=nope", 2, "policy 'nope' is not known; choose from "),
        ("recorder_node folder:=/proc/x", 6, "/proc/x cannot be written"),
        ("sim_node rate:=-1.0", 2, "rate is -1"),
        ("gym_node environment:=Nix-v0", 2, "environment 'Nix-v0' cannot be made"),
        ("gym_node environment_options:=3", 2, "'environment_options'"),
        ("sim_node task:=3", 2, "'task'"),
        ("gripper_bridge_node contract:=panda_plane", 2, "'panda_plane' commands 0 grippers"),
    ],
    ids=str,
)
def test_a_node_refuses_what_it_cannot_be(words, code, said):
    node, parameter = words.split()
    command = [sys.executable, "-m", "il_ros.launching.ros_domain", sys.executable, "-m", f"il_ros.nodes.{node}"]
    done = subprocess.run(
        [*command, "--ros-args", "-p", parameter], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert len(done.stderr.strip().splitlines()) == 1 and said in done.stderr


@pytest.mark.graph
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("collect", '{"enable_button": -1}', "device option enable_button is -1; it must be a number from 0 on"),
        ("dagger", '{"enable_buton": 6}', "turbo_button; did you mean 'enable_button'?"),
        ("teleop", '{"scale_m_s": "fast"}', "scale_m_s is 'fast'; it must be a number"),
        ("teleop", '{"enable_button": ', "not JSON"),
        ("collect", "6", "it must be a JSON object"),
    ],
)
def test_the_options_of_a_device_that_launch_is_given_reach_it_and_are_checked(name, options, said):
    given = {"device": "joy", "options": options}
    launch = model.resolve(paths.find("launch", name, ".launch.yaml"), given, os.environ)
    (expert,) = (node for node in launch.commands if node.name == "expert_node")
    command = [sys.executable, "-m", "il_ros.launching.ros_domain", *expert.command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and said in done.stderr


def test_a_checkpoint_whose_contract_is_damaged_is_refused(il_ros, checkpoint):
    path = checkpoint / "checkpoint.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["contract"]["action"]["tool_vx"]["low"] = 9.0
    path.write_text(json.dumps(document), encoding="utf-8")
    answer = il_ros("evaluate", checkpoint, "--episodes", "1")
    assert answer.code == 5 and "does not fit this program" in answer.complaint and "low 9.0" in answer.complaint


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["device:=joi"], 2, "device 'joi' is not known"),
        (["device:=joy"], 2, "add --shared"),
        (["rule:=humane"], 2, "did you mean 'human'"),
        (["options:={bad"], 2, "not JSON"),
        (["--checkpoint", "nowhere"], 5, "checkpoint nowhere is not there"),
    ],
    ids=str,
)
def test_what_teleop_is_given_is_refused_before_there_is_a_page(il_ros, words, code, said):
    answer = il_ros("teleop", "--no-browser", *words)
    assert answer.code == code and said in answer.complaint and "the page is at" not in answer.out
