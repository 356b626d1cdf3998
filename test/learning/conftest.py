# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes of the loop on the disk, written as the recorder writes them, without ROS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from il_ros.core import messages
from il_ros.core.episode import Record
from il_ros.evaluation.rollouts import Rollout, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.recording.write.in_process import InProcessRecorder
from il_ros.recording.write.journal import SUFFIX
from il_ros.recording.write.recovery import recover
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load


class Recorder:
    """Runs demonstrations of ``fork`` and writes each as a closed bag."""

    def __init__(self) -> None:
        self.env = ArmEnv("fork")
        self.gate = Gate(self.env.contract, GateConfig(rule="demonstration"))

    def __call__(self, folder: Path, seed: int, share: float = 1.0) -> tuple[Path, Rollout]:
        """Record the episode ``seed`` into ``folder``; returns the bag and what was recorded.

        With a ``share`` below one the recorder was killed when it had written so much of the journal.
        """
        guide = tasks.ScriptedExpert(self.env.task, "random")
        expert = load("scripted", Setup(self.env.contract, guide, self.env.task.clearance))
        with InProcessRecorder(folder, self.env.contract, {"task": "fork", "seed": seed}) as recorder:

            def keep(record: Record) -> None:
                recorder.add(messages.plain_messages(self.env.reading()), record)

            rollout = run_episode(self.env, self.gate, seed, None, expert, keep)
            if share == 1.0:
                return recorder.close({"outcome": rollout.outcome, "way": rollout.way, "expert": guide.name}), rollout
        (path,) = folder.glob(f"*{SUFFIX}")
        os.truncate(path, int(share * path.stat().st_size))
        (bag,) = recover(folder)
        return bag, rollout


@pytest.fixture(scope="session")
def record() -> Iterator[Callable[..., tuple[Path, Rollout]]]:
    """Records an episode: ``record(folder, seed)``."""
    recorder = Recorder()
    yield recorder
    recorder.env.close()
