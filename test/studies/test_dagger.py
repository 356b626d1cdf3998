# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The study of corrections: its jobs, its costs, how growth is told, and its page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from il_ros.core.errors import ConfigError
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig, rules
from il_ros.learning import critic
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load
from studies import dagger, dagger_page, delay, imitation_baseline, publishing, time_to_success
from studies.dagger import ARMS, BESIDE, HORIZONS_S, PEER, SETTINGS, DaggerJob, Growth, cost, distances, jobs


def costs_of(power: float, seeds: int = 5, episodes: int = 40) -> np.ndarray:
    """Costs that grow as so a power of the horizon, with noise."""
    noise = np.random.default_rng(0).exponential(1.0, (seeds, episodes, len(HORIZONS_S)))
    return noise * np.array(HORIZONS_S) ** power


def peer_round(labels: int, success: float) -> dict[str, object]:
    nothing = dict.fromkeys(("takeovers", "switches", "expert_steps", "expert_s", "watched_s"), 0)
    wall_s = {"collect": 0.0, "train": 2.5, "measure": 1.0}
    return {"labels": labels, "alone": {"success": success, "episodes": 2}, "wall_s": wall_s, **nothing}


def test_a_peer_that_is_not_there_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imitation_baseline, "PEERS", tmp_path / ".venv-peers")
    with pytest.raises(ConfigError, match="make .venv-peers/.complete"):
        dagger.work(DaggerJob("avoid", PEER, 0, 2), tmp_path)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_growth_is_the_slope_of_the_logarithms_and_its_interval_holds_it(power: float) -> None:
    grown = Growth.of("arm", costs_of(power))
    value, low, high = grown.exponent
    assert low < power < high and low < value < high and high - low < 0.5
    assert ((grown.low < grown.mean) & (grown.mean < grown.high)).all()


def test_intervals_know_that_seeds_differ_more_than_episodes() -> None:
    alike = costs_of(1.0)
    apart = alike * np.array([0.2, 0.5, 1.0, 2.0, 5.0])[:, None, None]
    narrow, wide = Growth.of("alike", alike), Growth.of("apart", apart)
    assert ((wide.high - wide.low) / wide.mean > 2 * (narrow.high - narrow.low) / narrow.mean).all()


def test_a_policy_without_cost_has_a_growth_too() -> None:
    assert Growth.of("perfect", np.zeros((2, 3, len(HORIZONS_S)))).exponent == pytest.approx((0.0, 0.0, 0.0))


def test_the_expert_costs_nothing_and_who_leaves_or_crashes_pays_until_the_end() -> None:
    env = ArmEnv("trace:horizon_s=5")
    expert = load("scripted", Setup(env.contract, tasks.ScriptedExpert(env.task, "tracer"), env.task.clearance))
    gate = Gate(env.contract, GateConfig(rule="demonstration"))
    shown = run_episode(env, gate, 0, None, expert)
    assert cost(shown, 100) == 0.0
    env.close()
    shortened = type(shown)(**{**vars(shown), "positions": shown.positions[:41]})  # as if it had touched the post
    assert cost(shortened, 100) == 60.0
    moved = type(shown)(**{**vars(shown), "positions": shown.positions + [0.0, 0.2]})
    assert cost(moved, 100) > 70.0


def test_distances_are_those_of_the_nearest() -> None:
    demonstrated = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert distances(np.array([[0.0, 0.3], [0.9, 0.0]]), demonstrated) == pytest.approx([0.3, 0.1])


def test_arms_are_paired_and_every_job_has_a_key_of_its_own() -> None:
    grid = list(jobs(5, 40))
    assert len({job.key() for job in grid}) == len(grid)
    assert len(grid) == 5 * (len(SETTINGS) * len(ARMS) + len(BESIDE))
    for task in SETTINGS:
        plans = [DaggerJob(task, arm, 3, 40).plan for arm in ARMS]
        assert all(rules.load(plan.rule_of(number)) for plan in plans for number in range(2))
        assert (
            len({(plan.seed, plan.labels_per_round, plan.lapses, plan.expert, plan.demonstrations) for plan in plans})
            == 1
        )


def test_a_study_leaves_a_page_and_is_not_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arm in ("HG, weighted by IWR", "HG, weighted by Sirius", "EnsembleDAgger", "learned doubt", "SafeDAgger"):
        monkeypatch.delitem(dagger.ARMS, arm)
    monkeypatch.setattr(dagger, "HORIZONS_S", (1, 2))
    monkeypatch.setattr(dagger, "SHOWN_S", 2)
    few = {"steps": 20, "rounds": 1, "labels_per_round": 30, "demonstrations": 1}
    monkeypatch.setitem(dagger.SETTINGS, "trace", {**SETTINGS["trace"], **few, "task": "trace:horizon_s=4"})
    monkeypatch.setitem(dagger.SETTINGS, "avoid", {**SETTINGS["avoid"], **few, "episodes": 2})
    for arm, like in ((dagger_page.LONGER, "behaviour cloning"), (dagger_page.SMALLER, "HG-DAgger")):
        monkeypatch.setitem(dagger.BESIDE, arm, {**ARMS[like], **few, "labels_per_round": 31})  # a key of its own
    monkeypatch.setattr(delay, "DELAYS", (0, 3))
    monkeypatch.setattr(delay, "DEMONSTRATIONS", 2)
    monkeypatch.setitem(delay.TRAINING, "steps", 20)
    monkeypatch.setattr(critic, "STEPS", 20)
    monkeypatch.setattr(dagger, "rounds_of", lambda plan: [peer_round(0, 0.0), peer_round(70, 0.5)])
    monkeypatch.setattr(time_to_success, "rounds_of", lambda plan: [peer_round(0, 0.0), peer_round(70, 1.0)])
    monkeypatch.setattr(time_to_success, "_ours", lambda job, run: [peer_round(0, 1.0)])
    for job in [*jobs(1, 2), *delay.jobs(1, 2), *time_to_success.jobs(1, 2)]:
        dagger._work(job, tmp_path)
    monkeypatch.setattr(dagger, "work", None)  # whoever works again fails
    words = ["--seeds", "1", "--rollouts", "2", "--folder", str(tmp_path), "--output", str(tmp_path / "docs")]
    words += ["--results", str(tmp_path / "results")]
    assert dagger.main(words) == 0
    rows = json.loads((tmp_path / "results" / "dagger.json").read_text())
    assert len(rows) == 2 * (len(SETTINGS) * len(ARMS) + len(BESIDE))
    (peers,) = (row for row in rows if row["arm"] == PEER and row["round"] == 1)
    assert (peers["labels"], peers["success"], peers["wall_s"]) == (70, 0.5, 5.0)
    asked = {"task", "rule", "labels_scheme", "labels", "takeovers", "expert_steps", "success", "interval", "seeds"}
    assert all(asked <= row.keys() for row in rows)
    text = (tmp_path / "docs" / "dagger.md").read_text()
    for name in (
        "dagger-cost.png",
        "dagger-states.png",
        "dagger-distance.png",
        "dagger-frontier.png",
        "dagger-delay.png",
    ):
        assert name in text and (tmp_path / "docs" / name).stat().st_size > 5_000
    assert text == dagger_page.page(rows, json.loads((tmp_path / "results" / "dagger-more.json").read_text()))
    assert "behaviour cloning" in capsys.readouterr().out
    more = json.loads((tmp_path / "results" / "dagger-more.json").read_text())
    assert [(row["who"], row["wall_s"], row["there"]) for row in more["wall"]] == [
        (time_to_success.LOOP, 2.5, 1), (time_to_success.GRAPH, 2.5, 1), (time_to_success.PEER, 5.0, 1),
    ]  # fmt: skip
    pictured = [job for job in jobs(1, 2) if job.is_pictured]
    kept = {job.key(): json.loads((tmp_path / f"{job.key()}.json").read_text()) for job in jobs(1, 2)}
    for job in jobs(1, 2):
        (tmp_path / f"{job.key()}.json").unlink()
    for job in pictured:
        (tmp_path / f"{job.key()}.json").write_text(json.dumps(kept[job.key()]))
    monkeypatch.setattr(dagger, "publish", lambda *_: None)  # the pictures are drawn already
    assert dagger.main(words) == 0  # what is published is not run again
    assert json.loads((tmp_path / "results" / "dagger.json").read_text()) == rows
    with pytest.raises(ConfigError, match="'nothing' is in no 'task arm'"):
        dagger.main([*words, "--only", "nothing"])


def test_the_published_page_is_that_of_the_published_rows() -> None:
    rows, more = (publishing.read_json(publishing.RESULTS / name) for name in ("dagger.json", "dagger-more.json"))
    assert (publishing.PAGES / "dagger.md").read_text() == dagger_page.page(rows, more)
    assert {(row["task"], row["arm"]) for row in rows} == {(job.task, job.arm) for job in jobs(1, 20)}
    assert all(row["seeds"] == len(row["per_seed"]) for row in rows)
