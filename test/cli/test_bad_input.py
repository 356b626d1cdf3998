# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bad input: one clear line that names the value, the limit and the remedy, an exit code, and nothing lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from il_ros.core import paths


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, to be compared."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["train", "nowhere"], 4, "nowhere holds no closed episode"),
        (["info", "nowhere"], 4, "nowhere is not a folder; name an episode"),
        (["recover", "nowhere"], 4, "nowhere is not a folder"),
        (["evaluate", "nowhere"], 5, "checkpoint.json cannot be read: No such file"),
        (
            ["evaluate", "nowhere", "--task", "forc"],
            2,
            "task 'forc' is not known; choose from avoid, fork, peg, pick_place, push, ",
        ),
        (["evaluate", "nowhere", "--episodes", "0"], 2, "--episodes is 0; it must be at least 1"),
        (["collect", "--episodes", "-3"], 2, "--episodes is -3; it must be at least 1"),
        (
            ["collect", "--task", "avoyd"],
            2,
            "task 'avoyd' is not known; choose from avoid, fork, peg, pick_place, push, ",
        ),
        (
            ["collect", "--expert", "middle"],
            2,
            "expert of task 'fork', 'middle' is not known; choose from left, nearest",
        ),
        (["launch", "bringupp"], 2, "bringupp"),
        (["launch", "bringup", "tusk:=fork", "--dry-run"], 2, "tusk"),
        (["launch", "bringup", "task=fork", "--dry-run"], 2, "argument 'task=fork' is not of the form name:=value"),
    ],
)
def test_a_wrong_name_or_number_is_told_with_what_there_is(il_ros, tmp_path, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    answer = il_ros(*words)
    assert answer.code == code
    assert said in answer.complaint


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--policy", "difusion"], 2, "difusion"),
        (["--policy", "nobody.policies"], 2, "policy 'nobody.policies' cannot be imported"),
        (["--steps", "0"], 2, "steps is 0; it must be at least 1"),
        (["--contract", "pandaplane"], 2, "pandaplane"),
    ],
)
def test_training_refuses_before_it_writes_anything(il_ros, episodes, words, code, said):
    before = files(episodes.parent)
    answer = il_ros("train", episodes, *words)
    assert answer.code == code and said in answer.complaint
    assert files(episodes.parent) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate_hertz": 20.0}, "key 'rate_hertz' is not known; choose from"),
        ({"rate_hz": -1}, "rate_hz is -1.0; it must be a positive number"),
        ({"rate_hz": "fast"}, "rate_hz is 'fast'; it must be a number"),
        ({"moves": {"up": [9.0, 0.0]}}, "move 'up' is [9.0, 0.0]; give a number for each of tool_vx, tool_vy, within"),
        ({"command": {"type": "geometry_msgs/msg/Twist"}}, "command type 'geometry_msgs/msg/Twist' is not known"),
    ],
)
def test_a_wrong_key_or_value_of_a_contract_is_named(il_ros, episodes, tmp_path, change, said):
    plain = yaml.safe_load(paths.find("config/contracts", "panda_plane", ".yaml").read_text(encoding="utf-8"))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**plain, **change}, sort_keys=False), encoding="utf-8")
    answer = il_ros("train", episodes, "--contract", path)
    assert answer.code == 2 and said in answer.complaint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("policy: mixture\nstepps: 3\n", "key 'stepps' is not known; choose from"),
        ("policy: mixture\nsteps: many\n", "steps is 'many'; it must be a whole number"),
        ("policy: [mixture\n", "is not YAML"),
        ("- policy\n", "holds list at its top level"),
        ("policy: mixture\noptions: {components: 0}\n", "components is 0; it must be at least 1"),
        ("policy: flow\noptions: {strides: 2}\n", "strides 2.0"),
    ],
)
def test_a_wrong_key_or_value_of_a_training_is_named(il_ros, episodes, tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    answer = il_ros("train", episodes, "--policy", path)
    assert answer.code == 2 and said in answer.complaint


def test_a_launch_file_with_a_wrong_key_is_named_with_its_line(il_ros, tmp_path):
    path = tmp_path / "mine.launch.yaml"
    path.write_text("launch:\n  - node: {pkg: il_ros, exec: sim_node, parameters: []}\n", encoding="utf-8")
    answer = il_ros("launch", path, "--dry-run")
    assert answer.code == 2 and "parameters" in answer.complaint and "mine.launch.yaml" in answer.complaint


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_truncated_bag_is_refused_by_itself_and_passed_over_among_others(il_ros, episodes, share):
    bag = episodes / "episode_000001"
    (file,) = bag.glob("*.mcap")
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    before = files(episodes)
    answer = il_ros("info", bag)
    assert answer.code == 4 and "episode_000001" in answer.complaint
    made = il_ros("train", episodes, "--policy", "deterministic", "--steps", "5", "--json")
    assert made.code == 0 and made.json["episodes"] == 1 and made.json["skipped"] == 1
    assert files(episodes) == before


def test_when_no_bag_can_be_read_the_reason_is_told(il_ros, episodes):
    for file in episodes.rglob("*.mcap"):
        file.write_bytes(file.read_bytes()[:1000])
    answer = il_ros("train", episodes)
    assert answer.code == 4 and "2 could not be read, the first:" in answer.complaint


def test_a_foreign_checkpoint_is_refused(il_ros, checkpoint):
    (checkpoint / "checkpoint.json").write_text(json.dumps({"model": "act"}), encoding="utf-8")
    answer = il_ros("evaluate", checkpoint)
    assert answer.code == 5 and "is not a checkpoint of il_ros" in answer.complaint


def test_a_checkpoint_of_a_later_program_is_refused(il_ros, checkpoint):
    path = checkpoint / "checkpoint.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "format": 999}), encoding="utf-8")
    answer = il_ros("evaluate", checkpoint)
    assert answer.code == 5 and "has format 999; this program reads up to" in answer.complaint


def test_a_checkpoint_with_a_flipped_bit_is_refused(il_ros, checkpoint):
    (path,) = checkpoint.glob("model.safetensors")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    answer = il_ros("evaluate", checkpoint)
    assert answer.code == 5 and "has another sha256" in answer.complaint


def test_a_contract_that_the_arm_cannot_take_is_refused(il_ros, checkpoint):
    path = checkpoint / "checkpoint.json"
    text = path.read_text(encoding="utf-8").replace("tool_vx", "gripper")
    path.write_text(text, encoding="utf-8")
    answer = il_ros("evaluate", checkpoint, "--episodes", "1")
    assert answer.code == 2 and "cannot be driven by gripper, tool_vy" in answer.complaint


def limit_files() -> None:
    """In a child: the disk is full after 20 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_leaves_what_there_was_and_no_half_checkpoint(child, episodes):
    words = ["--policy", "mixture", "--steps", "5"]
    assert child("train", episodes, *words, "--checkpoints", episodes.parent / "made").code == 0
    before = files(episodes.parent)
    answer = child("train", episodes, *words, "--checkpoints", episodes.parent / "made", preexec_fn=limit_files)
    assert answer.code == 6 and "cannot be written" in answer.complaint
    assert files(episodes.parent) == before


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a small disk needs root")
@pytest.mark.usefixtures("simulation")
def test_a_full_disk_ends_a_demo_with_one_line(child, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        answer = child("demo", "--quick", "--folder", disk / "demo")
        assert answer.code in (6, 7) and "No space left" in answer.complaint
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_made_is_named(il_ros, tmp_path):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    answer = il_ros("demo", "--quick", "--folder", tmp_path / "file" / "demo")
    assert answer.code == 6 and "cannot be used" in answer.complaint and "--folder" in answer.complaint
