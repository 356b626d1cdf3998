# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The trainer node: ingests closed episodes, trains on request or after every few, and announces its checkpoints.

When things fail: a training that fails is reported in the diagnostics (``state``), and the node goes on. Episodes that
cannot be read are passed over and counted. A training that a signal ends is given up, and nothing of it is announced.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from std_msgs.msg import String

from il_ros.core import events, topics
from il_ros.core.errors import ConfigError, IlRosError
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import TrainingProgress
from il_ros.learning.training.resume import OtherTrainingError
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import SEEDS, NodeParameters, param
from il_ros.ros.spin import main as run


@dataclass(frozen=True)
class TrainerParameters(NodeParameters):
    """Parameters of the trainer node."""

    folder: str = param("runs/live/episodes", "folder whose closed episodes are ingested", read_only=True)
    checkpoints: str = param("runs/live/checkpoints", "folder in which checkpoints are written", read_only=True)
    policy: str = param("diffusion", "policy class, or the path of a training configuration")
    steps: int = param(0, "gradient steps; 0 for the configuration's", (0, 10**9))
    seed: int = param(0, "seed of the training", SEEDS)
    every: int = param(0, "train by itself after so many new episodes; 0 for only when asked", (0, 10**6))


BUSY = ("ingesting", "training")
"""States in which there is no time for another training."""


class TrainerNode(IlNode[TrainerParameters]):
    """Trains in a thread, so that the node goes on answering."""

    def __init__(self) -> None:
        super().__init__("trainer_node", TrainerParameters)
        self._config(self.parameters)
        self._workshop = TrainingPipeline(
            Path(self.parameters.folder), Path(self.parameters.checkpoints), self.contract
        )
        self._new_episodes, self._state, self._progress = 0, "idle", (0, 0)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._topic = self.publisher(topics.CHECKPOINT)
        self.subscribe(topics.RECORDED, self._on_episode)
        self.serve(topics.TRAIN, self._train)
        self.every(0.5, self._report_progress)
        self.start()

    def _config(self, parameters: TrainerParameters) -> TrainingConfig:
        changes: dict[str, Any] = {"seed": parameters.seed}
        if parameters.steps:
            changes["steps"] = parameters.steps
        return TrainingConfig.load(parameters.policy, **changes)

    def prepare(self, parameters: TrainerParameters) -> None:
        """Check the training configuration; it may be changed between trainings."""
        self._config(parameters)

    def _on_episode(self, message: String) -> None:
        recorded = events.recorded_episode_from_json(message.data)
        if recorded.path is not None and not recorded.amended:
            self._new_episodes += 1
        if self.parameters.every and self._new_episodes >= self.parameters.every and not self._is_busy():
            self._train()

    def _is_busy(self) -> bool:
        """Return whether a training is under way; one that only announces its result no longer counts."""
        return self._thread is not None and self._thread.is_alive() and self._state in BUSY

    def _train(self) -> str:
        if self._is_busy():
            raise ConfigError(f"a training is under way ({self._state}); ask again when it has ended")
        config = self._config(self.parameters)
        if self._thread is not None:
            self._thread.join()  # it has no more than its announcement to make
        self._new_episodes, self._state, self._progress = 0, "ingesting", (0, config.steps)
        self._thread = threading.Thread(target=self._work, args=(config,), daemon=True)
        self._thread.start()
        return f"training {config.policy} for {config.steps} steps"

    def _work(self, config: TrainingConfig) -> None:
        began = time.monotonic()
        try:
            made = self._learn(config)
        except IlRosError as error:
            self._state = f"failed: {error}"
            self._publish({"error": str(error)})
            return
        self._state = "idle"
        self._publish({**made, "train_s": round(time.monotonic() - began, 3)})

    def _learn(self, config: TrainingConfig) -> dict[str, Any]:
        """Train; an unfinished training of another configuration is set aside, and kept."""
        try:
            return self._workshop.train(config, self._on_progress, self._stop.is_set)
        except OtherTrainingError as error:
            self.get_logger().warning(f"{error}; now it is {self._workshop.put_aside(config)}")
            return self._workshop.train(config, self._on_progress, self._stop.is_set)

    def _publish(self, announcement: dict[str, Any]) -> None:
        if "error" in announcement:
            self.complain(announcement["error"])
        else:
            for note in announcement.get("notes", ()):
                self.get_logger().warning(note)
            self._topic.publish(String(data=events.to_json(events.trained_checkpoint(announcement))))
        self.report()

    def _on_progress(self, progress: TrainingProgress) -> None:
        self._state, self._progress = "training", (progress.step, progress.steps)

    def _report_progress(self) -> None:
        if self._is_busy():
            self.report()

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        step, steps = self._progress
        return {"state": self._state, "step": step, "steps": steps, "new_episodes": self._new_episodes}

    def close(self) -> None:
        """Abort a running training; its result is not announced."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        super().close()


def main() -> int:
    """Run the node; the entry point."""
    return run(TrainerNode)


if __name__ == "__main__":
    raise SystemExit(main())
