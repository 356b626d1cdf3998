# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Runs of rounds in the loop: the ledger tells what was done, and a run that was ended goes on as if it was not."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.cli import main
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, DataError
from il_ros.gate import rules
from il_ros.learning.checkpoint_files import read_document
from il_ros.learning.dagger import ledger
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.in_process import InProcessBackend
from il_ros.learning.dagger.run import DaggerRun
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.sim import tasks

CONTRACT = Contract.load("panda_plane")
TINY = {
    "eval_episodes": 3,
    "rounds": 2,
    "episodes": 2,
    "success_threshold": 2.0,
    "policy": str(Path(__file__).with_name("tiny.yaml")),
}
HG = DaggerConfig(**TINY)
ONE_ROUND = {**TINY, "rounds": 1, "eval_episodes": 1}
SHORT = DaggerConfig(**ONE_ROUND)
DAGGER = DaggerConfig(
    **{**TINY, "policy": "one_step", "steps": 40},
    execute_steps=1,
    gating_rule="beta",
    schedule="linear",
    labels="relabelled",
)


def run(folder: Path, plan: DaggerConfig, crew: Any = None) -> dict[str, Any]:
    with InProcessBackend(folder, plan) as ours:
        DaggerRun(folder, plan, ours if crew is None else crew(ours)).run()
    return ledger.read(folder)


def essence(told: dict[str, Any]) -> list[Any]:
    """The ledger without times and names; checkpoints by the bits of their weights."""
    rows = []
    for row in told["rounds"]:
        kept = {key: value for key, value in row.items() if key not in ("wall_s", "checkpoint")}
        kept["weights"] = read_document(Path(row["checkpoint"]["path"]))["weights_sha256"]
        rows.append(kept)
    return [rows, {key: value for key, value in told["confirmed"].items() if key != "wall_s"}]


def data(folder: Path) -> list[Any]:
    episodes = [read_episode(path, CONTRACT) for path in EpisodeStore(folder / "episodes").closed()]
    return [(e.facts["seed"], e.observations.tobytes(), e.executed.tobytes(), e.authority.tobytes()) for e in episodes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, simulation: None) -> Callable[[DaggerConfig], Path]:
    """The folder of a run that nobody disturbed."""
    made: dict[DaggerConfig, Path] = {}

    def of(plan: DaggerConfig) -> Path:
        if plan not in made:
            made[plan] = tmp_path_factory.mktemp("whole")
            run(made[plan], plan)
        return made[plan]

    return of


def test_the_ledger_is_drawn_with_who_drove_where(
    whole: Callable[[DaggerConfig], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = whole(HG)
    assert main(["ledger", str(folder), "--report"]) == 0
    page = folder / "report.html"
    assert f"wrote {page}" in capsys.readouterr().out.replace("\n", "")
    text, told = page.read_text(), ledger.read(folder)
    results = json.loads(re.search(r"(\{.policies.*\})</script>", text).group(1))  # type: ignore[union-attr]
    assert [r["success"] for r in results["rounds"]] == [row["alone"]["success"] for row in told["rounds"]]
    assert [r.get("interventions") for r in results["rounds"]] == [None, *(r["takeovers"] for r in told["rounds"][1:])]
    assert results["confirmed"] == told["confirmed"]
    for number, row in enumerate(told["rounds"][1:], 1):
        drawn = re.search(rf"<em>(\d+) episodes?</em><strong>Round {number}<", text)
        assert drawn is not None and int(drawn.group(1)) == row["episodes"]


def test_a_run_that_has_just_begun_can_be_drawn_too(tmp_path: Path) -> None:
    ledger.Ledger(tmp_path, dataclasses.asdict(HG))._write()
    assert main(["ledger", str(tmp_path), "--report"]) == 0
    assert "had no rounds of correction" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("task", [*tasks.available(), "trace:horizon_s=40"])
def test_a_run_uses_the_contract_of_its_task_unless_another_is_named(task: str) -> None:
    assert DaggerConfig(task=task).contract == tasks.load(task).contract
    assert DaggerConfig(task=task, contract="xarm6_joints").contract == "xarm6_joints"


def test_the_share_of_new_labels_is_on_record(tmp_path: Path, whole: Callable[[DaggerConfig], Path]) -> None:
    told = ledger.read(whole(HG))
    for row in told["rounds"]:
        assert 0 < row["checkpoint"]["new_labels"] <= row["checkpoint"]["labels"]
    first, second = told["rounds"][0]["checkpoint"], told["rounds"][1]["checkpoint"]
    assert first["new_labels"] == first["labels"] == second["labels"] - second["new_labels"]


def test_the_ledger_has_a_row_a_round_and_counts_what_the_expert_did(whole: Callable[[DaggerConfig], Path]) -> None:
    told = ledger.read(whole(HG))
    first, *others = told["rounds"]
    assert [row["round"] for row in told["rounds"]] == [0, 1, 2]
    assert (first["episodes"], first["takeovers"], first["assisted"]) == (2, 0, None)
    assert first["labels"] == first["expert_steps"] == first["asked_steps"]
    for row in others:
        assert row["labels"] == row["expert_steps"] > 0 < row["takeovers"] <= row["switches"]
        assert row["assisted"]["episodes"] == 2 and row["alone"]["episodes"] == 3
        assert row["expert_s"] == pytest.approx(row["expert_steps"] * 0.05) and row["watched_s"] > row["expert_s"]
    assert told["rounds"][2]["checkpoint"]["episodes"] == 6
    assert told["confirmed"]["episodes"] == 3 and told["open"] == {}
    seeds = [tuple(row["seeds"]) for row in told["rounds"]] + [tuple(row["alone"]["seeds"]) for row in told["rounds"]]
    assert len({*seeds, tuple(told["confirmed"]["seeds"])}) == 7


def test_dagger_labels_every_state_and_leaves_ever_more_to_the_policy(whole: Callable[[DaggerConfig], Path]) -> None:
    rows = ledger.read(whole(DAGGER))["rounds"]
    assert [row["rule"] for row in rows] == ["demonstration", "beta:beta=0.5,every=1", "beta:beta=0.0,every=1"]
    assert all(row["labels"] == row["asked_steps"] for row in rows)
    assert rows[1]["labels"] > rows[1]["expert_steps"] > 0 == rows[2]["expert_steps"]


def test_a_round_ends_once_it_has_the_labels_that_were_asked_for(tmp_path: Path) -> None:
    plan = DaggerConfig(
        **{**TINY, "rounds": 1, "eval_episodes": 1, "episodes": 9}, gating_rule="demonstration", labels_per_round=200
    )
    row = run(tmp_path, plan)["rounds"][1]
    assert 200 <= row["labels"] < 350 and 2 < row["episodes"] < 9


class Killed(Exception):
    """What a test does to a run."""


class Mortal:
    """A crew that is killed at one of its calls: before it has done its work, or after it, when nobody knows of it."""

    def __init__(self, crew: InProcessBackend, at: int, after: bool) -> None:
        self._crew, self._left, self._after = crew, at, after

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed(name)
            result = getattr(self._crew, name)(*given)
            if self._left == 0:
                raise Killed(name)
            return result

        return call


@pytest.mark.parametrize(
    ("at", "after"),
    [(3, True), (4, False), (4, True), (5, False), (7, True), (10, True), (11, False)],
    ids=["collected", "training", "trained", "measuring", "in a round", "measured", "measuring once more"],
)
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(
    at: int, after: bool, whole: Callable[[DaggerConfig], Path], tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, SHORT, lambda crew: Mortal(crew, at, after))
    assert essence(run(tmp_path, SHORT)) == essence(ledger.read(whole(SHORT)))
    assert data(tmp_path) == data(whole(SHORT))


def test_a_process_that_is_killed_in_the_middle_of_a_round_loses_nothing(
    whole: Callable[[DaggerConfig], Path], tmp_path: Path
) -> None:
    words = ["dagger", str(tmp_path / "run"), "--no-ros", "--json"]
    words += [word for key, value in ONE_ROUND.items() for word in (f"--{key}", str(value))]
    for seen in ("episodes/episode_000004.journal.mcap", "checkpoints/checkpoint_002_mixture"):
        process = subprocess.Popen([sys.executable, "-m", "il_ros.cli", *words], stdout=subprocess.DEVNULL)
        limit = time.monotonic() + 60
        while not (tmp_path / "run" / seen).exists() and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.002)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    done = subprocess.run([sys.executable, "-m", "il_ros.cli", *words], capture_output=True, check=True, text=True)
    assert essence(json.loads(done.stdout)) == essence(ledger.read(whole(SHORT)))
    assert data(tmp_path / "run") == data(whole(SHORT))


def test_a_run_that_is_over_is_left_as_it_is(whole: Callable[[DaggerConfig], Path]) -> None:
    before = {path: os.stat(path).st_mtime_ns for path in whole(HG).rglob("*")}
    run(whole(HG), HG)
    assert {path: os.stat(path).st_mtime_ns for path in whole(HG).rglob("*")} == before


def test_another_plan_in_the_same_folder_is_refused(whole: Callable[[DaggerConfig], Path]) -> None:
    with pytest.raises(ConfigError, match="holds a run whose episodes is 2, not 3; go on with that plan, or choose"):
        run(whole(HG), DaggerConfig(**{**TINY, "episodes": 3}))


def test_a_run_of_an_earlier_version_goes_on_where_an_option_that_it_did_not_know_is_at_its_default(
    tmp_path: Path,
) -> None:
    plan = dataclasses.asdict(DaggerConfig(**TINY))
    older = {key: value for key, value in plan.items() if key != "disturbance"}
    document = {"format": 1, "plan": older, "rounds": [], "open": {}, "confirmed": None}
    (tmp_path / "ledger.json").write_text(json.dumps(document))
    assert ledger.Ledger(tmp_path, plan).rounds == []
    with pytest.raises(ConfigError, match=r"holds a run whose disturbance is 0\.0, not 0\.3"):
        ledger.Ledger(tmp_path, {**plan, "disturbance": 0.3})


@pytest.mark.parametrize(("share", "rule"), [(0.0, "demonstration"), (0.3, "demonstration:disturbance=0.3")])
def test_demonstrations_are_disturbed_where_that_is_asked_for_and_corrections_are_not(share: float, rule: str) -> None:
    plan = DaggerConfig(disturbance=share)
    assert plan.rule_of(0) == rule and rules.load(rule)
    assert plan.rule_of(1) == "human"


def test_a_policy_that_is_good_enough_ends_the_run_and_is_measured_once_more(tmp_path: Path) -> None:
    told = run(tmp_path, DaggerConfig(**{**TINY, "success_threshold": 0.0}))
    assert len(told["rounds"]) == 1 and told["confirmed"] is not None


def test_a_warm_start_goes_on_from_the_round_before(tmp_path: Path) -> None:
    plan = DaggerConfig(**{**TINY, "rounds": 1}, warm_start=True)
    rows = run(tmp_path, plan)["rounds"]
    documents = [read_document(Path(row["checkpoint"]["path"])) for row in rows]
    assert documents[0]["normalizer"] == documents[1]["normalizer"]  # that of the weights which it went on from
    assert documents[1]["training"]["warm_start"] is True


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"demonstrations": 0}, "demonstrations is 0; it must be at least 1"),
        ({"rounds": -1}, "rounds is -1; it must not be negative"),
        ({"rounds": 40}, "rounds is 40; there are seeds for less than 40"),
        ({"episodes": 20_000}, "episodes is 20000; it must be at most 10,000"),
        ({"schedule": "steep"}, "schedule 'steep' is not known; choose from exponential, indicator, linear"),
        ({"labels": "none"}, "label scheme 'none' is not known"),
        ({"policy": "mixtur"}, "did you mean 'mixture'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        DaggerConfig(**changes)


def test_the_command_prints_the_rounds(
    whole: Callable[[DaggerConfig], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ledger", str(whole(HG))]) == 0
    told = capsys.readouterr().out
    assert re.search(r"avoid, rule human, labels expert_driven, policy \S*tiny\.yaml", told.replace("\n", ""))
    assert re.findall(r"^ +(\d|again)  ", told, re.MULTILINE) == ["0", "1", "2", "again"]
    assert main(["ledger", str(whole(HG)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ledger.read(whole(HG))


def test_a_folder_without_a_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ledger.json cannot be read: No such file"):
        ledger.read(tmp_path)
    (tmp_path / "ledger.json").write_text("[]")
    with pytest.raises(DataError, match="is no ledger"):
        ledger.read(tmp_path)


def test_seeds_of_runs_and_rounds_and_kinds_never_meet() -> None:
    plans = [DaggerConfig(seed=seed) for seed in range(3)]
    taken = [set(p.seeds(kind, number, 2000)) for p in plans for kind in (0, 500_000) for number in range(39)]
    taken += [set(p.seeds(900_000, 0, 2000)) for p in plans]
    assert len(set().union(*taken)) == sum(map(len, taken))
    assert np.all([len(each) == 2000 for each in taken])
