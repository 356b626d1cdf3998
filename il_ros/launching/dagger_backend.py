# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ROS backend of a DAgger run: a running graph, whose nodes collect, record and train over topics."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from il_ros.launching.graph import running
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.in_process import Measure, success_alone
from il_ros.learning.training.config import TrainingConfig

TRAINING = "training.yaml"


class RosBackend:
    """Six nodes, started when they are needed first and ended with the run; a context manager.

    Args:
        folder: of the run.
        plan: of the run.
        measure: rolls a policy out alone, in this process, step by step as the graph does.
        paced: in real time, in the domain of the environment, where the operator's device publishes.
        composed: all nodes but the trainer in one process.
        progress: called with the step and the number of steps while a training runs.
    """

    def __init__(
        self,
        folder: Path,
        plan: DaggerConfig,
        measure: Measure,
        paced: bool = False,
        composed: bool = False,
        progress: Callable[[int, int], None] = lambda step, steps: None,
    ) -> None:
        self._folder, self._plan, self._measure = folder, plan, measure
        self._paced, self._composed, self._progress = paced, composed, progress
        self._stack = contextlib.ExitStack()
        self._client: Any = None

    def _start(self, device: str) -> Any:
        """Return the client of the graph; its nodes start with this device, since some need topics of their own."""
        if self._client is None:
            plan = self._plan
            arguments: dict[str, object] = {"task": plan.task, "contract": plan.contract, "device": device}
            arguments |= {"expert": plan.expert, "lockstep": not self._paced, "composed": self._composed}
            arguments |= {"folder": self._folder / "episodes", "checkpoints": self._folder / "checkpoints"}
            arguments |= {"policy": self._training(plan.training()), "rule": "demonstration"}
            logs = self._folder / "logs"
            graph = running("dagger", logs, isolated=not self._paced, **arguments)
            self._client = self._stack.enter_context(graph)
            self._client.set("gate_node", execute_steps=plan.execute_steps)
            self._client.set("policy_node", lapses=plan.lapses, lapse_reach=plan.lapse_reach)
        return self._client

    def _training(self, config: TrainingConfig) -> Path:
        """Write the configuration as a file, whose path the trainer gets as its parameter."""
        path = self._folder / TRAINING
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {**dataclasses.asdict(config), "options": dict(config.options)}
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return path

    def prepare(self, rule: str, device: str, checkpoint: Path | None) -> None:
        """Get ready for episodes under this rule, with the expert at this device and this policy."""
        client = self._start(device)
        client.set("expert_node", device=device)
        client.set("gate_node", rule=rule)
        if checkpoint is not None:
            client.set("policy_node", checkpoint=str(checkpoint))
            client.wait_policy(checkpoints.load(checkpoint, verify=False).hash)

    def episode(self, seed: int) -> Path:
        """Run one; returns its closed bag."""
        (facts,) = self._client.episodes([seed])
        return Path(facts["path"])

    def train(self, config: TrainingConfig) -> dict[str, Any]:
        """Train on all episodes of the run."""
        made: dict[str, Any] = self._start(self._plan.device_of(0)).train(self._progress)
        return made

    def measure(self, checkpoint: Path, seeds: range) -> dict[str, Any]:
        """Measure how well the policy does alone."""
        return success_alone(self._measure, self._plan, checkpoint, seeds)

    def __enter__(self) -> RosBackend:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()
