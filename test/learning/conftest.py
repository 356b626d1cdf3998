"""Episodes of the loop on the disk, written as the recorder writes them, without ROS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rosbags.typesys import Stores, get_typestore

from il_ros import messages
from il_ros.episode import Record
from il_ros.evaluation.rollouts import Rollout, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.recording.bag import finalise
from il_ros.recording.episodes import Episodes
from il_ros.recording.journal import Journal
from il_ros.recording.recovery import recover
from il_ros.sim import tasks
from il_ros.sim.arm import JOINT_NAMES
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Setup, load

STORE = get_typestore(Stores.ROS2_JAZZY)
AUTHORITY = ("gate/authority", "diagnostic_msgs/msg/DiagnosticArray")


class Recorder:
    """Runs demonstrations of ``fork`` and writes each as a closed bag."""

    def __init__(self) -> None:
        self.env = ArmEnv("fork")
        self.gate = Gate(self.env.contract, GateConfig(rule="demonstration"))

    def __call__(self, folder: Path, seed: int, share: float = 1.0) -> tuple[Path, Rollout]:
        """Record the episode ``seed`` into ``folder``; returns the bag and what was recorded.

        With a ``share`` below one the recorder was killed when it had written so much of the journal.
        """
        episodes = Episodes(folder)
        path = episodes.journal_path(episodes.next_number())
        guide = tasks.Scripted(self.env.task, "random")
        expert = load("scripted", Setup(self.env.contract, guide, self.env.task.clearance))
        with Journal(path, {"task": "fork", "seed": seed}) as journal:
            rollout = run_episode(
                self.env, self.gate, seed, None, expert, lambda record: write_step(journal, self.env, record)
            )
        if share < 1.0:
            os.truncate(path, int(share * path.stat().st_size))
            (bag,) = recover(folder)
            return bag, rollout
        told = {"outcome": rollout.outcome, "way": rollout.way, "expert": guide.name, "partial": False}
        return finalise(path, folder, told), rollout


def write_step(journal: Journal, env: ArmEnv, record: Record) -> None:
    """The messages of one step: the contract's observation, and the record of authority."""
    said = messages.plain_messages(env.reading(), JOINT_NAMES)
    for topic, type_name in env.contract.topics.items():
        write(journal, topic, type_name, said[topic], record.stamp_ns)
    stamp = SimpleNamespace(sec=0, nanosec=0)
    array = SimpleNamespace(header=SimpleNamespace(stamp=stamp, frame_id=""), status=[])
    messages.fill_record(array, record, SimpleNamespace, SimpleNamespace)
    array.status[0].level = array.status[0].level[0]  # rclpy has bytes there, rosbags a number
    write(journal, *AUTHORITY, array, record.stamp_ns)


def write(journal: Journal, topic: str, type_name: str, message: Any, stamp_ns: int) -> None:
    """One message, serialised."""
    journal.write(f"/{topic}", type_name, bytes(STORE.serialize_cdr(message, type_name)), stamp_ns, stamp_ns)


@pytest.fixture(scope="session")
def record() -> Iterator[Callable[..., tuple[Path, Rollout]]]:
    """Records an episode: ``record(folder, seed)``."""
    recorder = Recorder()
    yield recorder
    recorder.env.close()
