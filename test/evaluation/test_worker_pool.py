# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes on every core: the same rollouts as in this process, and no worker outlives its parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority
from il_ros.core.errors import CheckpointError, ConfigError
from il_ros.evaluation.films import FILM_EVERY, FilmedEpisode
from il_ros.evaluation.rollouts import run_episode
from il_ros.evaluation.worker_pool import WorkerPool
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.inference import PolicyRunner

CONTRACT = Contract.load("panda_plane")
ROOT = Path(__file__).resolve().parents[2]
SEEDS = (9, 3, 1000, *range(20, 29))
"""More than one chunk of a worker, and in no order."""


@pytest.fixture(scope="module")
def looped(env_of, checkpoint):
    """The rollouts of ``SEEDS`` in this process."""
    gate, actor = Gate(CONTRACT, GateConfig(rule="none")), PolicyRunner(checkpoints.load(checkpoint))
    return [run_episode(env_of("avoid"), gate, seed, actor) for seed in SEEDS]


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(2) as made:
        yield made


def test_the_pool_gives_what_the_loop_gives_in_the_order_of_the_seeds(pool, checkpoint, looped, assert_same):
    told = []
    rollouts = pool.evaluate(checkpoint, "avoid", SEEDS, progress=told.append)
    assert [rollout.seed for rollout in rollouts] == list(SEEDS)
    assert sum(told) == len(SEEDS)
    for one, other in zip(rollouts, looped):
        assert_same(one, other)
    assert len({rollout.positions.tobytes() for rollout in rollouts}) == len(SEEDS)  # or equality would say little


def test_the_number_of_workers_and_what_they_did_before_change_nothing(checkpoint, looped, assert_same):
    with WorkerPool(1) as pool:
        pool.evaluate(checkpoint, "fork", [1, 2])
        for one, other in zip(pool.evaluate(checkpoint, "avoid", SEEDS), looped):
            assert_same(one, other)


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
from il_ros.evaluation.worker_pool import WorkerPool

def work():
    os.write(1, f"{os.getpid()}\\n".encode())  # in one piece: an unbuffered print is two, and another may come between
    signal.pause()

if __name__ == "__main__":
    pool = WorkerPool(2)
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
from il_ros.evaluation.worker_pool import WorkerPool

def work():
    os.write(1, f"{os.getpid()}\\n".encode())
    signal.pause()

if __name__ == "__main__":
    try:
        with WorkerPool(2) as pool:
            for future in [pool._submit(work) for _ in range(2)]:
                future.result()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(130)
"""


@pytest.mark.parametrize(("times", "to_all"), [(3, False), (1, True)])
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
