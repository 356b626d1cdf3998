# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes in this process: one seed, one result."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from il_ros.cli.evaluate import rows
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import CheckpointError
from il_ros.evaluation.rollouts import check_answers, run_episode
from il_ros.evaluation.summary import summary
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.inference import PolicyRunner
from il_ros.sim import tasks

CONTRACT = Contract.load("panda_plane")
PLANE_TASKS = [name for name in tasks.available() if tasks.load(name).contract == "panda_plane"]


@pytest.mark.parametrize("task", PLANE_TASKS)
@pytest.mark.parametrize(("rule", "device_name"), [("demonstration", "scripted"), ("human", "supervisor")])
def test_an_episode_can_be_repeated_whatever_was_run_between(
    task, rule, device_name, env_of, device, checkpoint, assert_same
):
    actor = PolicyRunner(checkpoints.load(checkpoint)) if rule == "human" else None
    gate, expert = Gate(CONTRACT, GateConfig(rule=rule)), device(device_name, task)
    first, _, again = (run_episode(env_of(task), gate, seed, actor, expert) for seed in (5, 6, 5))
    assert_same(first, again)
    fresh = PolicyRunner(checkpoints.load(checkpoint)) if rule == "human" else None
    assert_same(
        first,
        run_episode(env_of(task), Gate(CONTRACT, GateConfig(rule=rule)), 5, fresh, device(device_name, task)),
    )


def test_a_rollout_says_what_happened(env_of, device):
    told = []
    gate = Gate(CONTRACT, GateConfig(rule="demonstration"))
    env = env_of("fork")
    rollout = run_episode(env, gate, 4, None, device("scripted", "fork", "left"), told.append)
    assert isinstance(rollout.episode, Episode) and rollout.success
    assert rollout.episode.facts == {"task": "fork", "seed": 4, "outcome": "success", "way": 0}
    assert len(rollout.positions) == len(rollout.episode) + 1 == len(told) + 1
    assert rollout.positions[:-1] == pytest.approx(rollout.episode.observations[:, :2], abs=1e-6)
    assert rollout.positions[-1, 0] >= env.task.finish_x_m > rollout.positions[-2, 0]
    assert set(rollout.episode.authority) == {Authority.EXPERT}
    assert [record.stamp_ns for record in told] == rollout.episode.stamps_ns.tolist()


def test_a_gate_without_anybody_holds_the_arm_until_the_time_is_up(env_of):
    rollout = run_episode(env_of("fork"), Gate(CONTRACT, GateConfig(rule="none")), 1)
    assert rollout.outcome == "timeout" and not rollout.success and rollout.way is None
    assert set(rollout.episode.authority) == {Authority.HOLD}
    assert np.isnan(rollout.episode.policy).all() and np.isnan(rollout.episode.expert).all()
    assert not rollout.episode.executed.any()


def test_a_policy_without_answers_holds_the_arm_and_is_no_result(env_of, checkpoint, monkeypatch):
    actor, gate = PolicyRunner(checkpoints.load(checkpoint)), Gate(CONTRACT, GateConfig(rule="none"))
    whole = run_episode(env_of("fork"), gate, 1, actor)
    assert whole.refused == ""
    sample = actor._policy.sample
    monkeypatch.setattr(actor._policy, "sample", lambda *given: sample(*given) + np.inf)
    held = run_episode(env_of("fork"), gate, 1, actor)
    assert set(held.episode.authority) == {Authority.HOLD} and held.outcome == "timeout"
    assert "is inf; refused" in held.refused
    with pytest.raises(CheckpointError, match="in 2 of 3 episodes .* none succeeded; the first: policy"):
        check_answers([held, held, dataclasses.replace(whole, outcome="collision")])
    check_answers([held, dataclasses.replace(whole, outcome="success")])
    told = summary([held, dataclasses.replace(whole, outcome="success", way=0)], 2)
    assert told["refused"]["episodes"] == 1 and told["success"] == 0.5


def test_episodes_of_unknown_outcome_are_shown_and_never_counted(env_of):
    one = run_episode(env_of("fork"), Gate(CONTRACT, GateConfig(rule="none")), 1)
    unknown, won = (dataclasses.replace(one, outcome=outcome, way=0) for outcome in ("unknown", "success"))
    told = summary([unknown, won, one], 2)
    assert (told["success"], told["episodes"]) == (0.5, 2)
    assert told["outcomes"] == {"success": 1, "timeout": 1, "unknown": 1}
    told = summary([unknown, unknown], 2)
    assert told["success"] is None and told["outcomes"] == {"unknown": 2}
    lines = dict(rows(told))
    assert lines["success"].startswith("unknown") and "95 % interval" not in lines and lines["unknown"] == "2"
