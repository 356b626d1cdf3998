# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Collect, train, evaluate, look: each command does what its help says, and what it prints can be piped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import il_ros as api
from il_ros.cli import default_contract
from il_ros.core.contract import Contract
from il_ros.core.types import EpisodeStart
from il_ros.evaluation.rollouts import Rollout
from il_ros.evaluation.worker_pool import WorkerPool
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.training.resume import ResumePoint
from il_ros.recording.bag import metadata
from il_ros.recording.episodes.reader import read_episode

CONTRACT = Contract.load("panda_plane")
RESULT = {"success", "episodes", "interval", "entropy", "outcomes", "task", "checkpoint", "seed", "wall_s"}


def test_train_writes_a_checkpoint_and_tells_what_it_learnt_from(il_ros, episodes):
    said = il_ros("train", episodes, "--policy", "deterministic", "--steps", "5", "--seed", "3", "--json")
    assert said.code == 0
    loaded = checkpoints.load(Path(said.json["path"]))
    assert loaded.path.parent == episodes.parent / "checkpoints"
    assert (said.json["hash"], said.json["policy"], said.json["episodes"]) == (loaded.hash, "deterministic", 2)
    assert said.json["labels"] == sum(len(read_episode(bag, CONTRACT)) for bag in episodes.iterdir())
    training = loaded.document["training"]
    assert (training["steps"], training["seed"]) == (5, 3)


@pytest.mark.parametrize("task", ["fork", "pick_place", "trace:horizon_s=40", "somebody_elses"])
def test_the_contract_is_that_of_the_task_that_was_recorded_unless_another_is_named(episodes, task):
    for bag in episodes.iterdir():
        metadata.amend(bag, {"task": task})
    expected = {"pick_place": "panda_gripper"}.get(task, "panda_plane")
    for path in (episodes, next(episodes.iterdir())):  # a recording alone, too
        assert default_contract.load(None, path).name == expected
    assert default_contract.load(None, episodes / "nothing").name == "panda_plane"
    assert default_contract.load("panda_joints", episodes).name == "panda_joints"


def test_export_and_info_take_that_contract_too(il_ros, tmp_path):
    run = tmp_path / "reach" / "episodes"
    api.demonstrate(run.parent, task="reach", episodes=1)
    assert il_ros("export", "lerobot", run, tmp_path / "exported", "--json").json["frames"] > 0
    assert il_ros("info", run, "--experts", "--json").json["rows"]


def test_train_takes_a_configuration_of_ones_own(il_ros, episodes, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("policy: mixture\nwidth: 16\ndepth: 1\nsteps: 3\noptions: {components: 2}\n", encoding="utf-8")
    said = il_ros("train", episodes, "--policy", path, "--json")
    sizes = checkpoints.load(Path(said.json["path"])).document["sizes"]
    assert (sizes["width"], sizes["components"]) == (16, 2)


def test_without_json_train_prints_a_table(il_ros, episodes):
    said = il_ros("train", episodes, "--policy", "deterministic", "--steps", "5")
    assert said.code == 0 and "deterministic" in said.out and "labels" in said.out
    with pytest.raises(ValueError):
        said.json  # noqa: B018


def test_evaluating_twice_with_one_seed_gives_one_result(il_ros, checkpoint):
    words = ["evaluate", checkpoint, "--task", "avoid", "--episodes", "4", "--json"]
    first, again = (il_ros(*words, "--seed", 7) for _ in range(2))
    assert first.code == 0 and set(first.json) == RESULT
    told = {key: value for key, value in first.json.items() if key != "wall_s"}
    assert told == {key: value for key, value in again.json.items() if key != "wall_s"}
    assert (told["episodes"], told["seed"], told["task"]) == (4, 7, "avoid")
    assert sum(told["outcomes"].values()) == 4
    assert told["success"] == told["outcomes"].get("success", 0) / 4
    low, high = told["interval"]
    assert 0 <= low <= told["success"] <= high <= 1 and low < high
    assert told["checkpoint"] == checkpoints.load(checkpoint).hash


def test_evaluate_rolls_out_the_seeds_that_were_asked_for(il_ros, checkpoint, monkeypatch):
    asked = []
    evaluate = WorkerPool.evaluate

    def spy(self, path, task, seeds, config, progress):
        asked.append((task, list(seeds), config.rule, config.execute_steps))
        return evaluate(self, path, task, seeds, config, progress=progress)

    monkeypatch.setattr(WorkerPool, "evaluate", spy)
    words = ["--task", "fork", "--episodes", "2", "--seed", "70", "--execute-steps", "3"]
    assert il_ros("evaluate", checkpoint, *words).code == 0
    assert asked == [("fork", [70, 71], "none", 3)]


def test_the_best_number_of_executed_steps_is_measured_kept_and_used(il_ros, checkpoint, monkeypatch, capfd):
    asked, successes = [], {1: 2, 2: 3, 4: 3, 8: 0}

    def evaluate(self, path, task, seeds, config, progress):
        asked.append(config.execute_steps)
        outcomes = ["success"] * successes[config.execute_steps] + ["timeout"] * 4
        return [Rollout(seed, outcome, 0, None, None) for seed, outcome in zip(seeds, outcomes)]

    monkeypatch.setattr(WorkerPool, "evaluate", evaluate)
    words = ["evaluate", checkpoint, "--task", "avoid", "--episodes", "4", "--execute-steps", "best"]
    told = il_ros(*words, "--json").json
    assert asked == [1, 2, 4, 8]
    assert (told["execute_steps"], told["success"]) == (4, 0.75)
    assert told["tried"] == {"1": 0.5, "2": 0.75, "4": 0.75, "8": 0.0}
    loaded = checkpoints.load(checkpoint)
    assert loaded.execute_steps == 4 and loaded.hash == told["checkpoint"]  # whose policy is the same as before
    policy = PolicyRunner(loaded)
    policy.reset(EpisodeStart("avoid", 0, 0))
    policy.observe(0, np.zeros(len(CONTRACT.observation)))
    assert policy.chunk().execute == 4
    kept = json.loads((checkpoint / "execution.json").read_text())
    assert kept["interval"] == told["interval"] and (kept["task"], kept["episodes"]) == ("avoid", 4)
    successes.update(dict.fromkeys(successes, 1))
    assert "with 8" in il_ros(*words).out and checkpoints.load(checkpoint).execute_steps == 8
    with pytest.raises(SystemExit):
        il_ros(*words[:-1], "often")
    assert "'often' is neither a whole number nor 'best'" in capfd.readouterr().err


def test_evaluate_tells_how_many_of_the_episodes_were_taught(il_ros, checkpoint):
    words = ["evaluate", checkpoint, "--task", "fork", "--episodes", "3"]
    own = il_ros(*words, "--seed", 1, "--json")
    assert own.code == 0 and own.json["taught"] == 1
    assert "warning: 1 of the 3 episodes were taught to this policy" in own.err and "--seed 910000" in own.err
    new = il_ros(*words, "--json")
    assert set(new.json) == RESULT and "taught" not in new.err and new.json["seed"] == 910_000
    document = json.loads((checkpoint / "checkpoint.json").read_text())
    assert document.pop("taught") == {"fork": [[0, 1]]}
    (checkpoint / "checkpoint.json").write_text(json.dumps(document))
    old = il_ros(*words, "--json")
    assert old.json["taught"] is None and "does not say what it was taught" in old.err


def test_demonstrations_are_not_recorded_on_seeds_for_evaluation(il_ros):
    assert "for demonstrations, the others for evaluation" in il_ros("collect", "--seed", 910_000).complaint


def test_train_goes_on_with_more_steps_refuses_another_and_begins_anew_when_told(il_ros, episodes, monkeypatch):
    words = ["train", episodes, "--policy", "deterministic", "--json"]
    folder = episodes.parent / "checkpoints"
    with monkeypatch.context() as patch:
        patch.setattr(ResumePoint, "forget", lambda self: None)  # as if it had been killed after its last report
        assert il_ros(*words, "--steps", 5).code == 0
    (kept,) = folder.glob("unfinished_*")
    refused = il_ros(*words, "--steps", 5, "--seed", 3)
    assert refused.code == 2 and "seed was 0, now 3" in refused.complaint and kept.exists()
    more = il_ros(*words, "--steps", 8)
    assert more.code == 0 and more.json["notes"][-1].startswith("went on at step 5 of 5 towards 8")
    assert not kept.exists()
    kept.write_bytes(b"another")
    anew = il_ros(*words, "--steps", 5, "--fresh")
    assert anew.code == 0 and "is now" in anew.err
    assert kept.with_name("unfinished_deterministic_001.safetensors").read_bytes() == b"another"


def test_info_tells_what_an_episode_a_folder_and_a_checkpoint_hold(il_ros, episodes, checkpoint):
    bag = episodes / "episode_000001"
    steps = len(read_episode(bag, CONTRACT))
    told = il_ros("info", bag, "--json").json
    assert (told["kind"], told["steps"], told["messages"]) == ("episode", {"expert": steps}, 3 * steps)
    told = il_ros("info", episodes, "--json").json
    assert told["kind"] == "episodes" and sum(row["episodes"] for row in told["rows"]) == 2
    assert {row["expert"] for row in told["rows"]} == {"left", "right"}  # of two seeds, each expert gets one
    told = il_ros("info", checkpoint, "--json").json
    assert (told["kind"], told["policy"], len(told["manifest"])) == ("checkpoint", "deterministic", 2)
    for path in (bag, episodes, checkpoint):
        assert il_ros("info", path).code == 0


def test_recover_makes_an_episode_of_what_a_killed_recorder_left_and_finds_nothing_more(
    il_ros, episodes, record, tmp_path
):
    assert "nothing to recover" in il_ros("recover", episodes).out
    bag = episodes / "episode_000002"
    (bag / "metadata.yaml").unlink()
    told = il_ros("recover", episodes, "--json").json["recovered"]
    assert [row["episode"] for row in told] == ["episode_000002"]
    assert il_ros("recover", episodes, "--json").json == {"recovered": []}
    assert il_ros("train", episodes, "--policy", "deterministic", "--steps", "3", "--json").json["episodes"] == 2


@pytest.mark.graph
@pytest.mark.slow
@pytest.mark.usefixtures("simulation")
def test_collect_records_what_the_experts_do_and_train_learns_from_it(child, tmp_path):
    folder = tmp_path / "runs" / "episodes"
    words = ["--task", "fork", "--episodes", "3", "--seed", "10", "--folder", folder, "--composed", "--json"]
    said = child("collect", *words)
    assert said.code == 0, said.err
    assert [facts["seed"] for facts in said.json] == [10, 11, 12]
    assert {facts["outcome"] for facts in said.json} == {"success"}
    for facts in said.json:
        episode = read_episode(Path(facts["path"]), CONTRACT)
        assert len(episode) == facts["steps"] > 30
        assert Path(facts["path"]).parent == folder
    made = child("train", folder, "--policy", "deterministic", "--steps", "3", "--json")
    assert json.loads(made.out)["episodes"] == 3


def test_info_tells_of_a_checkpoint(il_ros, checkpoint):
    assert il_ros("info", checkpoint, "--json").json["policy"] == "deterministic"
    assert "deterministic" in il_ros("info", checkpoint).out


def test_onnx_writes_a_graph_and_a_page_about_it(il_ros, checkpoint, tmp_path):
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    path = tmp_path / "out" / "policy.onnx"
    said = il_ros("onnx", checkpoint, path, "--json")
    assert said.code == 0, said.err
    assert said.json == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert said.json["checkpoint"] == checkpoints.load(checkpoint).hash
    assert "already there" in il_ros("onnx", checkpoint, path).complaint


def test_the_programs_that_the_page_about_elsewhere_shows_run_as_they_are(il_ros, checkpoint, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "gymnasium-and-onnx.md").read_text(encoding="utf-8")
    drive, *reach = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec("\n".join(reach), names)
    assert names["action"].shape == (2,)
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    monkeypatch.chdir(tmp_path)
    assert il_ros("onnx", checkpoint, "avoid.onnx").code == 0
    exec(drive, names)
    assert names["info"]["outcome"] in ("success", "collision", "lost", "timeout")


def test_the_ledger_of_a_run_without_a_plan_is_told_by_the_checkpoint_that_drove(il_ros, episodes, tmp_path):
    (row,) = json.loads(il_ros("ledger", episodes.parent, "--json").out)["checkpoints"]
    assert row["checkpoint"] == "" and row["takeovers"] == 0 and 0 < row["labels"] == row["expert_steps"]
    words = il_ros("ledger", episodes.parent).out
    assert "none" in words and f"{row['labels']:,}" in words
    (tmp_path / "empty" / "episodes").mkdir(parents=True)
    answer = il_ros("ledger", tmp_path / "empty")
    assert answer.code == 4 and "holds no episode" in answer.complaint
