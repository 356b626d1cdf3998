# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import bag, results
from benchmarks.environment import Environment
from benchmarks.interleave import rounds_of
from benchmarks.measurement import Measurement, Side, measurements
from benchmarks.transitions import transitions
from il_ros.core.contract import Contract
from il_ros.core.errors import GraphError
from il_ros.policies.base import create
from il_ros.recording.episodes.reader import read_observations

STEP_S = {"ours": 0.001, "peer": 0.004, "limit": 0.0005}
NOTHING = Side("benchmarks.nothing:at_all")
TOY = Measurement("toy", NOTHING, NOTHING, NOTHING, "in words", stretch_s=0.1)


class Machine:
    """Takes as long as it is told, and all sides longer from run to run."""

    def __init__(self, slower: float = 1.0) -> None:
        self.asked: list[tuple[str, int]] = []
        self._factor, self._slower = 1.0, slower

    def __call__(self, name: str, steps: int) -> list[float]:
        self.asked.append((name, steps))
        self._factor *= self._slower
        return [STEP_S[name] * self._factor]


def row(**changes: object) -> dict[str, object]:
    return {"name": "toy", "spread": 0.05, **changes}


def test_ratio_and_limit_are_those_of_neighbouring_stretches() -> None:
    (told,) = rounds_of(TOY, Machine(), 7).rows()
    assert told["ours"] == 1000 and told["peer"] == 250 and told["ratio"] == 4
    assert told["limit_fraction"] == 0.5 and told["spread"] == 0


def test_a_machine_that_slows_down_favours_nobody() -> None:
    (told,) = rounds_of(TOY, Machine(slower=1.02), 8).rows()
    assert told["ratio"] == pytest.approx(4, rel=0.01)


def test_sides_take_turns_and_every_other_round_goes_backwards() -> None:
    machine = Machine()
    rounds_of(TOY, machine, 2)
    assert [name for name, _ in machine.asked[-6:]] == ["ours", "peer", "limit", "limit", "peer", "ours"]
    assert dict(machine.asked[-6:]) == {"ours": 100, "peer": 25, "limit": 200}


def test_latencies_are_milliseconds_and_each_quantile_is_a_row() -> None:
    measurement = Measurement("wait", NOTHING, NOTHING, NOTHING, "", unit="ms", quantiles=(50, 99))
    p50, p99 = rounds_of(measurement, lambda name, _: [STEP_S[name]] * 9 + [9 * STEP_S[name]], 3).rows()
    assert (p50["name"], p50["ours"], p50["peer"], p50["ratio"]) == ("wait p50", 1, 4, 4)
    assert p99["name"] == "wait p99" and p99["ours"] > 8


def test_every_measurement_has_a_name_of_its_own() -> None:
    names = [m.row_name(q) for m in measurements() for q in m.quantiles]
    assert len(names) == len(set(names)) >= 8


@pytest.mark.parametrize(
    ("rows", "others", "rounds", "is_all", "why"),
    [
        ([row(spread=0.5)], 0.0, 7, True, "spread"),
        ([row(spread=float("nan"))], 0.0, 7, True, "spread"),
        ([row()], 1.0, 7, True, "others"),
        ([row()], 0.0, 2, True, "rounds"),
        ([row()], 0.0, 7, False, "part"),
    ],
)
def test_nothing_is_published_that_says_nothing(
    rows: list[dict[str, object]], others: float, rounds: int, is_all: bool, why: str
) -> None:
    (reason,) = command.objections([TOY], rows, others, rounds, is_all)
    assert why in reason


def test_a_quiet_run_is_published() -> None:
    assert command.objections([TOY], [row()], 0.0, 7, True) == []


def test_a_busy_machine_is_refused_in_one_line_and_the_old_results_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    results.write_text("old")
    monkeypatch.setattr(command, "PEERS", dict.fromkeys(command.PEERS, Path(sys.executable)))
    monkeypatch.setattr(command, "_busy_before", lambda: ["others use 1.50 cores, the limit is 0.2"])
    assert command.main(["--output", str(results)]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "1.50 cores" in line and "--force" in line
    assert results.read_text() == "old"


def test_what_is_published_is_a_list_of_rows_that_others_join(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results.join([row(), row(name="another")], path)
    results.join([row(ratio=2.0)], path)
    here = {"processor": results.processor()}
    assert json.loads(path.read_text()) == [row(ratio=2.0) | here, row(name="another") | here]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with Environment("test", Path(sys.executable), clean=False) as made:
        yield made


def test_a_worker_times_our_trainer_and_its_limit(environment: Environment) -> None:
    options = {"policy": "benchmarks.plain_mlp", "batch": 32, "width": 8, "depth": 1}
    for side in ("ours", "limit"):
        assert environment.ask(build=side, factory=f"benchmarks.our_training:{side}", options=options) == []
        (step_s,) = environment.ask(run=side, steps=5)
        assert 0 < step_s < 1


def test_a_worker_tells_what_went_wrong_and_goes_on(environment: Environment) -> None:
    with pytest.raises(GraphError, match="benchmarks.nothing:at_all failed .ModuleNotFoundError"):
        environment.ask(build="x", factory="benchmarks.nothing:at_all", options={})
    assert environment.ask(drop="x") == []


def test_a_worker_that_dies_is_reported() -> None:
    with Environment("dead", Path("/bin/false"), clean=True) as dead, pytest.raises(GraphError, match="has died"):
        dead.ask(drop="x")


@pytest.mark.parametrize("options", [{}, {"activation": "relu", "gaussian": False}])
def test_the_plain_mlp_has_the_gradient_of_the_loss_that_it_stands_for(options: dict[str, object]) -> None:
    sizes = {"observation_dim": 19, "action_dim": 7, "n_obs_steps": 1, "horizon": 1, "width": 8, "depth": 2, **options}
    policy = create("benchmarks.plain_mlp", sizes, seed=0)
    observations, actions = (torch.from_numpy(rows[:16]) for rows in transitions())
    weights = list(policy.parameters())
    judged = policy.loss(observations[:, None], actions[:, None], torch.ones(16, 1), torch.Generator()).mean()
    means = policy.sample(observations[:, None], torch.Generator())[:, 0]
    if options:
        expected = torch.nn.functional.mse_loss(means, actions)
    else:
        normal = torch.distributions.Normal(means, weights[0].exp().expand_as(means))
        likelihood = normal.log_prob(actions).sum(-1)  # type: ignore[no-untyped-call]
        expected = -(likelihood + 1e-3 * normal.entropy().sum(-1)).mean()  # type: ignore[no-untyped-call]
    for ours, theirs in zip(torch.autograd.grad(judged, weights), torch.autograd.grad(expected, weights)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_our_reader_makes_of_the_benchs_bag_what_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bag, "BAG", tmp_path / "bench" / "episode_000001")
    bag.ours(1)
    (tmp_path / "bench" / bag.DIGEST).write_text("another")
    with pytest.raises(ValueError, match="what was read is not what was written"):
        bag._timed(lambda: read_observations(bag.BAG, Contract.load("panda_joints")))
