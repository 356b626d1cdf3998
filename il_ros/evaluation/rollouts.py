# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts in this process: simulation, policy, expert and gate, called step by step as the nodes do it."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode, Record
from il_ros.core.errors import CheckpointError, MessageError
from il_ros.core.types import Array, Chunk
from il_ros.evaluation.rollout_cameras import OnImage, RolloutCameras
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.dagger.action_perturbation import ActionPerturbation
from il_ros.learning.inference import PolicyRunner
from il_ros.sim.env import ArmEnv
from il_ros.sim.gym_adapter import GymEnvAdapter
from il_ros.teleop import Device


@dataclass(frozen=True)
class GymTask:
    """A gymnasium environment in the place of one of our tasks."""

    environment: str
    """Its name, ``ID`` or ``MODULE:ID``."""
    options: str = "{}"
    """Further arguments of ``gymnasium.make``, as a JSON object."""

    def make(self, contract: Contract) -> GymEnvAdapter:
        """Make the environment."""
        return GymEnvAdapter(self.environment, contract, json.loads(self.options))


@dataclass(frozen=True)
class Rollout:
    """The result of one episode."""

    seed: int
    outcome: str
    way: int | None
    """The way that a success took."""
    episode: Episode
    positions: Array = field(repr=False)
    """(T + 1, 2) float64, m: where the tool was, the end included; NaN where that is not known."""
    refused: str = ""
    """What was wrong with the first answer of the policy that could not be used; empty if all could."""

    @property
    def success(self) -> bool:
        """Whether the episode succeeded."""
        return self.outcome == "success"


def run_episode(
    env: ArmEnv | GymEnvAdapter,
    gate: Gate,
    seed: int,
    actor: PolicyRunner | None = None,
    expert: Device | None = None,
    on_step: Callable[[Record], None] = lambda record: None,
    on_image: OnImage | None = None,
) -> Rollout:
    """Run the episode ``seed`` to its end; ``on_step`` is called with each step before it is executed.

    ``on_image`` is called before that with each image that a camera of the contract takes. Without it, images are drawn
    only for a policy that sees them.
    """
    contract = env.contract
    env.reset(seed=seed)
    gate.reset(seed)
    for part in (actor, expert):
        if part is not None:
            part.reset(env.start)
    answers = None if actor is None else PolicyChunks(actor)
    cameras = None
    if isinstance(env, ArmEnv) and (on_image or (actor is not None and actor.cameras)):
        cameras = RolloutCameras(env, on_image)
    observations: list[Array] = []
    records: list[Record] = []
    reading, outcome = env.reading(), None
    positions = [reading.tool_position[:2]]
    while outcome is None:
        stamp = reading.stamp_ns
        observation = env.observe(reading)
        images = cameras.at(stamp) if cameras is not None else None
        if answers is not None:
            answers.actor.observe(stamp, observation, images)
            gate.offer_policy(stamp, answers.chunk, stamp)
        if expert is not None:
            gate.offer_expert(expert.answer(reading).chunk(stamp, len(contract.action)), stamp)
        record = gate.step(stamp, observation, stamp)
        if actor is not None:
            if records and record.authority is not records[-1].authority:
                actor.forget()
            actor.follow(record)
        observations.append(observation)
        records.append(record)
        on_step(record)
        reading, outcome = env.advance(record.executed)
        positions.append(reading.tool_position[:2])
    facts = {"task": env.start.task, "seed": seed, "outcome": outcome, "way": env.way}
    episode = Episode.from_steps(observations, records, contract.step_ns, facts)
    return Rollout(seed, outcome, env.way, episode, np.array(positions), "" if answers is None else answers.refused)


class PolicyChunks:
    """The chunks of a policy; one without rows where its answer cannot be used, so that the gate holds the arm."""

    def __init__(self, actor: PolicyRunner) -> None:
        self.actor, self.refused = actor, ""

    def chunk(self) -> Chunk:
        """Return the answer to the newest observation; without rows if it cannot be used."""
        try:
            return self.actor.chunk()
        except MessageError as error:
            self.refused = self.refused or str(error)
            return self.actor.silence()


def check_answers(rollouts: Sequence[Rollout]) -> None:
    """Check that what was measured is a policy, and not a network that has overflowed.

    Raises:
        CheckpointError: if it gave no answer in some episodes, and no other succeeded.
    """
    refused = [rollout.refused for rollout in rollouts if rollout.refused]
    if refused and not any(rollout.success for rollout in rollouts):
        raise CheckpointError(
            f"in {len(refused)} of {len(rollouts)} episodes the arm was held, since the network gave no answer, and "
            f"none succeeded; the first: {refused[0]}"
        )


@functools.lru_cache(maxsize=1)
def policy_runner(checkpoint: Path, lapses: ActionPerturbation | None = None) -> PolicyRunner:
    """Return the policy of a checkpoint; the last one is kept."""
    return PolicyRunner(checkpoints.load(checkpoint), lapses=lapses)


_environments: dict[tuple[str, str], ArmEnv] = {}


def environment(task: str, contract: Contract) -> ArmEnv:
    """Return the environment of a task, made once in a process."""
    key = (task, str(contract.to_dict()))
    if key not in _environments:
        _environments[key] = ArmEnv(task, contract)
    return _environments[key]


def roll_out(
    checkpoint: Path,
    task: str | GymTask,
    seeds: Iterable[int],
    config: GateConfig,
    lapses: ActionPerturbation | None = None,
) -> list[Rollout]:
    """Roll the policy of ``checkpoint`` out alone on ``seeds``; policy and task are kept for the next call.

    A gymnasium environment is made anew, since not all of them forget the episodes before: so the result does not
    depend on which worker has had which seeds.
    """
    actor = policy_runner(checkpoint, lapses)
    gate = Gate(actor.contract, config)
    if isinstance(task, GymTask):
        with contextlib.closing(task.make(actor.contract)) as env:
            return [run_episode(env, gate, seed, actor) for seed in seeds]
    return [run_episode(environment(task, actor.contract), gate, seed, actor) for seed in seeds]
