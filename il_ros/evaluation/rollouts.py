"""The loop: simulation, policy, expert and gate called in one process, step by step as the graph does it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from il_ros import messages
from il_ros.episode import Episode, Record
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.actor import Actor
from il_ros.signals import Array, Chunk
from il_ros.sim.arm import JOINT_NAMES
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Device


@dataclass(frozen=True)
class Rollout:
    """How one episode went."""

    seed: int
    outcome: str
    way: int | None
    """The way that a success took."""
    episode: Episode
    positions: Array = field(repr=False)
    """(T + 1, 2) float64, m: where the tool was, the end included."""

    @property
    def success(self) -> bool:
        """Whether the task was done."""
        return self.outcome == "success"


def run_episode(
    env: ArmEnv, gate: Gate, seed: int, actor: Actor | None = None, expert: Device | None = None
) -> Rollout:
    """Run the episode ``seed`` to its end."""
    contract = env.contract
    env.reset(seed=seed)
    gate.reset()
    for part in (actor, expert):
        if part is not None:
            part.reset(env.start)
    observations: list[Array] = []
    records: list[Record] = []
    reading, outcome = env.reading(), None
    positions = [reading.tool_position[:2]]
    while outcome is None:
        stamp = reading.stamp_ns
        parts = messages.plain_messages(reading, JOINT_NAMES)
        observation = messages.observation(contract, parts)
        if actor is not None:
            actor.observe(stamp, observation)
            gate.offer_policy(stamp, actor.chunk, stamp)
        if expert is not None:
            answer = expert.answer(reading)
            width = len(contract.action)
            actions = np.empty((0, width)) if answer.action is None else answer.action.reshape(1, width)
            gate.offer_expert(Chunk(stamp, actions, answer.author, answer.engaged), stamp)
        record = gate.step(stamp, observation, stamp)
        if actor is not None and records and record.authority is not records[-1].authority:
            actor.forget()
        observations.append(observation)
        records.append(record)
        reading, outcome = env.advance(record.executed)
        positions.append(reading.tool_position[:2])
    facts = {"task": env.task_name, "seed": seed, "outcome": outcome, "way": env.way}
    episode = Episode.from_steps(observations, records, contract.step_ns, facts)
    return Rollout(seed, outcome, env.way, episode, np.array(positions))


# Many episodes on every core -----------------------------------------------------------------------------------------


class Pool:
    """Worker processes that stay; each evaluates one stretch of seeds at a time."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self.workers, mp_context=context)

    def evaluate(
        self,
        checkpoint: Path,
        task: str,
        seeds: Iterable[int],
        config: GateConfig | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Rollout]:
        """Roll the policy of ``checkpoint`` out alone on ``seeds``; the order of the result is that of the seeds."""
        config = config or GateConfig(rule="none")
        stretches = list(_stretches(list(seeds), 10))
        futures = {self._pool.submit(_evaluate, Path(checkpoint), task, s, config): i for i, s in enumerate(stretches)}
        results: dict[int, list[Rollout]] = {}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            if progress is not None:
                progress(len(results[futures[future]]))
        return [rollout for i in range(len(stretches)) for rollout in results[i]]

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def _stretches(seeds: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(seeds), size):
        yield seeds[start : start + size]


_environments: dict[tuple[str, str], ArmEnv] = {}
_actors: dict[Path, Actor] = {}


def _evaluate(checkpoint: Path, task: str, seeds: list[int], config: GateConfig) -> list[Rollout]:
    """In a worker: environments and checkpoints are kept from one call to the next."""
    if checkpoint not in _actors:
        _actors.clear()
        _actors[checkpoint] = Actor(checkpoints.load(checkpoint))
    actor = _actors[checkpoint]
    key = (task, str(actor.contract.to_dict()))
    if key not in _environments:
        _environments[key] = ArmEnv(task, actor.contract)
    gate = Gate(actor.contract, config)
    return [run_episode(_environments[key], gate, seed, actor) for seed in seeds]
