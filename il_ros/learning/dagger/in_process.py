# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A DAgger run in this process: what the nodes do over topics, without ROS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from il_ros import teleop
from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Record
from il_ros.evaluation.metrics import Success
from il_ros.evaluation.rollouts import Rollout, check_answers, roll_out, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.dagger.action_perturbation import ActionPerturbation
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import TrainingProgress
from il_ros.recording.write.in_process import InProcessRecorder
from il_ros.robot.ik import Kinematics
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.sim.timeline import UNKNOWN
from il_ros.teleop import Device

Measure = Callable[[Path, str, range, GateConfig, ActionPerturbation], list[Rollout]]


def success_alone(measure: Measure, plan: DaggerConfig, checkpoint: Path, seeds: range) -> dict[str, Any]:
    """Return how well a policy does alone, executed and perturbed as the configuration says, in this process."""
    config = GateConfig(rule="none", execute_steps=plan.execute_steps)
    rollouts = measure(checkpoint, plan.task, seeds, config, plan.attention())
    check_answers(rollouts)
    return Success.of([rollout.success for rollout in rollouts if rollout.outcome != UNKNOWN]).to_dict()


class InProcessBackend:
    """Runs, records, trains and measures; a context manager.

    Args:
        folder: of the run.
        plan: of the run.
        measure: rolls a policy out alone; ``WorkerPool.evaluate`` does it on every core.
        progress: called with each report of a training.
    """

    def __init__(
        self,
        folder: Path,
        plan: DaggerConfig,
        measure: Measure = roll_out,
        progress: Callable[[TrainingProgress], None] | None = None,
    ) -> None:
        self._folder, self._plan, self._measure, self._progress = folder / "episodes", plan, measure, progress
        self._contract, self._lapses = Contract.load(plan.contract), plan.attention()
        self._env = ArmEnv(plan.task, self._contract)
        self._solve = Kinematics.of(self._contract)
        self._pipeline = TrainingPipeline(self._folder, folder / "checkpoints", self._contract)
        self._gate: Gate | None = None
        self._device: Device | None = None
        self._actor: PolicyRunner | None = None

    def prepare(self, rule: str, device: str, checkpoint: Path | None) -> None:
        """Get ready for episodes under this rule, with the expert at this device and this policy."""
        guide = tasks.ScriptedExpert(self._env.task, self._plan.expert)
        setup = teleop.Setup(self._contract, guide, self._env.task.clearance, solve=self._solve)
        self._device = teleop.load(device, setup)
        self._gate = Gate(self._contract, GateConfig(rule=rule, execute_steps=self._plan.execute_steps))
        uses_policy = checkpoint is not None and "policy" in self._gate.rule.sources
        self._actor = (
            PolicyRunner(checkpoints.load(checkpoint), lapses=self._lapses) if checkpoint and uses_policy else None
        )

    def episode(self, seed: int) -> Path:
        """Run one; return its closed bag."""
        assert self._gate is not None
        names: dict[str, dict[str, None]] = {"expert": {}, "checkpoint": {}}
        with InProcessRecorder(self._folder, self._contract, {"task": self._plan.task, "seed": seed}) as recorder:

            def keep(record: Record) -> None:
                recorder.add(messages.plain_messages(self._env.reading()), record)
                names["expert"].setdefault(record.expert_name)
                names["checkpoint"].setdefault(record.checkpoint)

            on_image = recorder.add_image if self._contract.images else None
            rollout = run_episode(self._env, self._gate, seed, self._actor, self._device, keep, on_image)
            facts: dict[str, Any] = {role: ", ".join(filter(None, each)) for role, each in names.items()}
            facts |= {"outcome": rollout.outcome, "way": rollout.way, "steps": len(rollout.episode)}
            return recorder.close(facts)

    def train(self, config: TrainingConfig) -> dict[str, Any]:
        """Train on all episodes of the run."""
        return self._pipeline.train(config, self._progress)

    def measure(self, checkpoint: Path, seeds: range) -> dict[str, Any]:
        """Return how well the policy does alone."""
        return success_alone(self._measure, self._plan, checkpoint, seeds)

    def close(self) -> None:
        """Free the physics client."""
        self._env.close()

    def __enter__(self) -> InProcessBackend:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()
