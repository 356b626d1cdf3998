# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The three steps of imitation learning as functions, without ROS: demonstrate, train, evaluate.

They do what ``il-ros collect``, ``il-ros train`` and ``il-ros evaluate`` do, and are what a script begins with::

    bags = il_ros.demonstrate("runs/mine", task="fork", episodes=40)
    checkpoint = il_ros.train("runs/mine/episodes", policy="diffusion")
    print(il_ros.evaluate(checkpoint, task="fork"))
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.evaluation.metrics import Success
from il_ros.evaluation.rollouts import GymTask, check_answers, roll_out
from il_ros.evaluation.worker_pool import WorkerPool
from il_ros.gate import GateConfig
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.in_process import InProcessBackend
from il_ros.learning.data.seeds import EVALUATION
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import TrainingProgress
from il_ros.sim.timeline import UNKNOWN


def demonstrate(
    run: str | Path,
    task: str = "fork",
    contract: str = "",
    expert: str = "random",
    episodes: int = 20,
    seed: int = 0,
    disturbance: float = 0.0,
) -> list[Path]:
    """Record demonstrations of a task's scripted expert in the simulation; return their bags.

    Args:
        run: the folder of the run; the bags go to ``run/episodes``.
        task: a task by its name, with options as in ``trace:horizon_s=40``, or the dotted name of a module.
        contract: what is observed and commanded, by name or path; it names the arm. If empty, it is the task's own.
        expert: which of the task's experts; ``random`` draws one for each episode.
        episodes: how many.
        seed: of the first episode; the others count up.
        disturbance: how strongly the arm is pushed off the expert's way now and then, as a share of its speed; what the
            expert asks for stays the label.

    Raises:
        ConfigError: if there is no such task, contract or expert.
        StorageError: if the bags cannot be written.
    """
    _at_least_one("episodes", episodes)
    plan = DaggerConfig(task=task, contract=contract, expert=expert, disturbance=disturbance)
    with InProcessBackend(Path(run), plan) as backend:
        backend.prepare(plan.rule_of(0), "scripted", None)
        return [backend.episode(number) for number in range(seed, seed + episodes)]


def train(
    episodes: str | Path,
    contract: str | Contract = "panda_plane",
    policy: str | Path = "diffusion",
    progress: Callable[[TrainingProgress], None] | None = None,
    checkpoints: str | Path | None = None,
    **changes: Any,
) -> Path:
    """Train a policy on recorded episodes; return the folder of its checkpoint.

    Args:
        episodes: a folder of bags, or of a LeRobot v3 data set.
        contract: what the bags' messages mean, by name or path.
        policy: a policy class by its name or dotted module name, or a training configuration (YAML).
        progress: called at regular intervals with step, loss and held-out loss.
        checkpoints: where the checkpoint goes; beside ``episodes`` if not given.
        changes: keys of the training configuration, such as ``steps=8000`` or ``seed=3``.

    Raises:
        ConfigError: if a name or a key is unknown, or a value is outside its limits.
        DataError: if there is no episode to train on, or the loss is no longer finite.
        StorageError: if the checkpoint cannot be written.
    """
    folder = Path(episodes)
    meant = contract if isinstance(contract, Contract) else Contract.load(contract)
    pipeline = TrainingPipeline(folder, Path(checkpoints or folder.parent / "checkpoints"), meant)
    return Path(pipeline.train(TrainingConfig.load(policy, **changes), progress)["path"])


def evaluate(
    checkpoint: str | Path,
    task: str | GymTask = "fork",
    episodes: int = 200,
    seed: int = EVALUATION,
    execute_steps: int = GateConfig.execute_steps,
    workers: int = 1,
) -> Success:
    """Let a policy drive alone in the simulation; return its success rate with a 95 % interval.

    Args:
        checkpoint: the folder that ``train`` returned.
        task: as in ``demonstrate``, or a ``GymTask``, a gymnasium environment.
        episodes: how many.
        seed: of the first episode; the others count up. By default they are none that demonstrations use.
        execute_steps: steps of each action chunk that are executed before the next one is asked for; 0: as many as the
            policy was trained for, else 8.
        workers: processes; 0 for one on each core. With more than one, the script needs ``if __name__ == "__main__"``.

    Raises:
        ConfigError: if there is no such task.
        CheckpointError: if the checkpoint cannot be read, or its policy gave no answer in any episode.
    """
    _at_least_one("episodes", episodes)
    path, config = Path(checkpoint), GateConfig(rule="none", execute_steps=execute_steps)
    seeds = range(seed, seed + episodes)
    if workers == 1:
        rollouts = roll_out(path, task, seeds, config)
    else:
        with WorkerPool(workers or None) as pool:
            rollouts = pool.evaluate(path, task, seeds, config)
    check_answers(rollouts)
    return Success.of([rollout.success for rollout in rollouts if rollout.outcome != UNKNOWN])


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ConfigError(f"{name} is {value}; it must be at least 1")
