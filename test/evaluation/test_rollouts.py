# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes in the loop and on every core: one seed, one result, and no worker outlives its parent."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from il_ros.cli.evaluate import rows
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import CheckpointError, ConfigError
from il_ros.evaluation.rollouts import FILM_EVERY, FilmedEpisode, WorkerPool, check_answers, run_episode
from il_ros.evaluation.summary import summary
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.inference import PolicyRunner
from il_ros.sim import tasks

CONTRACT = Contract.load("panda_plane")
ROOT = Path(__file__).resolve().parents[2]
ARRAYS = ("observations", "executed", "policy", "expert", "authority", "intervention", "doubts")
SEEDS = (9, 3, 1000, *range(20, 33))
"""More than one stretch of a worker, and in no order."""


def same(one, other):
    """Equal to the last bit; the arm's clock goes on from one episode to the next, so stamps count from the first."""
    assert (one.seed, one.outcome, one.way) == (other.seed, other.outcome, other.way)
    assert np.array_equal(one.positions, other.positions)
    for name in ARRAYS:
        a, b = getattr(one.episode, name), getattr(other.episode, name)
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), name
    assert np.array_equal(np.diff(one.episode.stamps_ns), np.diff(other.episode.stamps_ns))


@pytest.fixture(scope="module")
def looped(env_of, checkpoint):
    """The rollouts of ``SEEDS`` in this process."""
    gate, actor = Gate(CONTRACT, GateConfig(rule="none")), PolicyRunner(checkpoints.load(checkpoint))
    return [run_episode(env_of("avoid"), gate, seed, actor) for seed in SEEDS]


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(2) as made:
        yield made


@pytest.mark.parametrize("task", tasks.available())
@pytest.mark.parametrize(("rule", "device_name"), [("demonstration", "scripted"), ("human", "supervisor")])
def test_an_episode_can_be_repeated_whatever_was_run_between(task, rule, device_name, env_of, device, checkpoint):
    actor = PolicyRunner(checkpoints.load(checkpoint)) if rule == "human" else None
    gate, expert = Gate(CONTRACT, GateConfig(rule=rule)), device(device_name, task)
    first, _, again = (run_episode(env_of(task), gate, seed, actor, expert) for seed in (5, 6, 5))
    same(first, again)
    fresh = PolicyRunner(checkpoints.load(checkpoint)) if rule == "human" else None
    same(
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


# Workers --------------------------------------------------------------------------------------------------------------


def test_the_pool_gives_what_the_loop_gives_in_the_order_of_the_seeds(pool, checkpoint, looped):
    told = []
    rollouts = pool.evaluate(checkpoint, "avoid", SEEDS, progress=told.append)
    assert [rollout.seed for rollout in rollouts] == list(SEEDS)
    assert sum(told) == len(SEEDS)
    for one, other in zip(rollouts, looped):
        same(one, other)
    assert len({rollout.positions.tobytes() for rollout in rollouts}) == len(SEEDS)  # or equality would say little


def test_the_number_of_workers_and_what_they_did_before_change_nothing(checkpoint, looped):
    with WorkerPool(1) as pool:
        pool.evaluate(checkpoint, "fork", [1, 2])
        for one, other in zip(pool.evaluate(checkpoint, "avoid", SEEDS), looped):
            same(one, other)


def test_no_seeds_are_no_rollouts(pool, checkpoint):
    assert pool.evaluate(checkpoint, "avoid", []) == []


def test_what_goes_wrong_in_a_worker_is_told_here_and_the_pool_lives_on(pool, checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        pool.evaluate(tmp_path / "nowhere", "avoid", [1])
    with pytest.raises(ConfigError, match="task 'forc' is not known"):
        pool.evaluate(checkpoint, "forc", [1])
    assert len(pool.evaluate(checkpoint, "avoid", [1])) == 1


def test_another_number_of_executed_steps_is_another_rollout(pool, checkpoint, looped):
    (one,) = pool.evaluate(checkpoint, "avoid", SEEDS[:1], GateConfig(rule="none", execute_steps=1))
    assert not np.array_equal(one.positions, looped[0].positions)


def test_a_film_shows_who_drives_and_how_it_ends(pool, env_of, device, checkpoint):
    gate, actor = Gate(CONTRACT, GateConfig(rule="human")), PolicyRunner(checkpoints.load(checkpoint))
    supervised = (run_episode(env_of("avoid"), gate, n, actor, device("supervisor", "avoid")) for n in range(30))
    rollout = next(one for one in supervised if one.episode.interventions)
    progress = []
    takes = [
        FilmedEpisode("watched", "avoid", rollout.seed, checkpoint, supervised=True),
        FilmedEpisode("alone", "avoid", 3, checkpoint),
    ]
    watched, alone = pool.films(takes, progress.append)
    assert progress == [1, 1]
    drivers = [Authority(who).name for who in rollout.episode.authority[::FILM_EVERY]]
    assert Authority.EXPERT.name in drivers and Authority.POLICY.name in drivers
    assert [caption.partition(":")[0] for caption in watched.captions[:-1]] == drivers
    assert watched.captions[-1].endswith(f": {rollout.outcome}") and watched.title == f"watched: {rollout.outcome}"
    assert watched.fps == CONTRACT.rate_hz / FILM_EVERY
    assert {caption.partition(":")[0] for caption in alone.captions} == {"POLICY"}
    assert all(frame.dtype == np.uint8 and frame.ndim == 3 for frame in watched.frames)
    assert not np.array_equal(watched.frames[0], watched.frames[-1])


PARENT = """
import os, signal, sys
from il_ros.evaluation.rollouts import Pool

def work():
    os.write(1, f"{os.getpid()}\\n".encode())  # in one piece: an unbuffered print is two, and another may come between
    signal.pause()

if __name__ == "__main__":
    pool = Pool(2)
    for _ in range(2):
        pool._pool.submit(work)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_in_the_middle_of_their_work_end_when_their_parent_is_killed(tmp_path, how):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # these sources, whichever are installed
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        workers, handles = [], []
        try:
            workers = [int(parent.stdout.readline()) for _ in range(2)]
            handles = [os.pidfd_open(worker) for worker in workers]
            parent.send_signal(how)
            for handle in handles:  # readable once the process is gone
                assert select.select([handle], [], [], 20)[0], "a worker outlives its parent"
        finally:
            if parent.poll() is None and not handles:
                parent.kill()  # else it would wait for its workers, and we for it
            for worker, handle in zip(workers, handles):
                if not select.select([handle], [], [], 0)[0]:
                    os.kill(worker, signal.SIGKILL)
                os.close(handle)
    assert parent.returncode == -how


INTERRUPTED = """
import os, signal, sys
from il_ros.evaluation.rollouts import Pool

def work():
    os.write(1, f"{os.getpid()}\\n".encode())
    signal.pause()

if __name__ == "__main__":
    try:
        with Pool(2) as pool:
            for future in [pool._submit(work) for _ in range(2)]:
                future.result()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(130)
"""


@pytest.mark.parametrize(("times", "to_all"), [(1, False), (3, False), (2, True)])
def test_an_interrupted_evaluation_ends_at_once_however_often_and_to_whom_it_is_said(tmp_path, times, to_all):
    script = tmp_path / "parent.py"
    script.write_text(INTERRUPTED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as parent:
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        handles = [os.pidfd_open(worker) for worker in workers]
        try:
            for _ in range(times):
                (os.killpg if to_all else os.kill)(parent.pid, signal.SIGINT)
            for handle in handles:
                assert select.select([handle], [], [], 20)[0], "a worker goes on"
            _, err = parent.communicate(timeout=20)
        finally:
            if parent.poll() is None:
                parent.kill()
            for handle in handles:
                os.close(handle)
    assert parent.returncode == 130 and "Traceback" not in err, err


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
