# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The loop: simulation, policy, expert and gate called in one process, step by step as the graph does it."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from il_ros import teleop
from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode, Record
from il_ros.core.errors import CheckpointError, DataError, MessageError
from il_ros.core.types import Array, Chunk
from il_ros.evaluation.report.clips import Clip
from il_ros.gate import Gate, GateConfig
from il_ros.gate.gate import STEADY
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.inference import ActionPerturbation, PolicyRunner, use_one_thread
from il_ros.robot.ik import Kinematics
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.teleop import Device

T = TypeVar("T")
FILM_EVERY = 2
"""Every so many steps a film has a picture."""


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
    refused: str = ""
    """What was wrong with the first answer of the policy that was none; empty if all were answers."""

    @property
    def success(self) -> bool:
        """Whether the task was done."""
        return self.outcome == "success"


def run_episode(
    env: ArmEnv,
    gate: Gate,
    seed: int,
    actor: PolicyRunner | None = None,
    expert: Device | None = None,
    on_step: Callable[[Record], None] = lambda record: None,
) -> Rollout:
    """Run the episode ``seed`` to its end; ``on_step`` hears of each step that was decided, before it is executed."""
    contract = env.contract
    env.reset(seed=seed)
    gate.reset(seed)
    for part in (actor, expert):
        if part is not None:
            part.reset(env.start)
    answers = None if actor is None else PolicyChunks(actor)
    observations: list[Array] = []
    records: list[Record] = []
    reading, outcome = env.reading(), None
    positions = [reading.tool_position[:2]]
    while outcome is None:
        stamp = reading.stamp_ns
        parts = messages.plain_messages(reading)
        observation = messages.observation(contract, parts)
        if answers is not None:
            answers.actor.observe(stamp, observation)
            gate.offer_policy(stamp, answers.chunk, stamp)
        if expert is not None:
            gate.offer_expert(expert.answer(reading).chunk(stamp, len(contract.action)), stamp)
        record = gate.step(stamp, observation, stamp)
        if actor is not None and records and record.authority is not records[-1].authority:
            actor.forget()
        observations.append(observation)
        records.append(record)
        on_step(record)
        reading, outcome = env.advance(record.executed)
        positions.append(reading.tool_position[:2])
    facts = {"task": env.task_name, "seed": seed, "outcome": outcome, "way": env.way}
    episode = Episode.from_steps(observations, records, contract.step_ns, facts)
    return Rollout(seed, outcome, env.way, episode, np.array(positions), "" if answers is None else answers.refused)


class PolicyChunks:
    """The chunks of an actor; where the network gives no answer the policy says nothing, and the gate holds the arm."""

    def __init__(self, actor: PolicyRunner) -> None:
        self.actor, self.refused = actor, ""

    def chunk(self) -> Chunk:
        """The answer to the newest observation; without rows if there is none."""
        try:
            return self.actor.chunk()
        except MessageError as error:
            self.refused = self.refused or str(error)
            return self.actor.silence()


def check_answers(rollouts: Sequence[Rollout]) -> None:
    """Make sure that what was measured is a policy, and not a network that has overflowed.

    Raises:
        CheckpointError: if it gave no answer in some episodes, and no other succeeded.
    """
    refused = [rollout.refused for rollout in rollouts if rollout.refused]
    if refused and not any(rollout.success for rollout in rollouts):
        raise CheckpointError(
            f"in {len(refused)} of {len(rollouts)} episodes the arm was held, since the network gave no answer, and "
            f"none succeeded; the first: {refused[0]}"
        )


# Many episodes on every core -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FilmedEpisode:
    """An episode that is to be filmed."""

    title: str
    task: str
    seed: int
    checkpoint: Path
    supervised: bool = False
    """Whether the simulated supervisor watches and takes over."""


class WorkerPool:
    """Worker processes that stay; each evaluates one stretch of seeds at a time. They end when we end, or die."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=be_a_worker)
        self._processes: set[Any] = set()

    def warm_up(self) -> None:
        """Start the workers now, so that the first evaluation does not wait for them."""
        for _ in range(self.workers):
            self._submit(_nothing)

    def evaluate(
        self,
        checkpoint: Path,
        task: str,
        seeds: Iterable[int],
        config: GateConfig | None = None,
        lapses: ActionPerturbation | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Rollout]:
        """Roll the policy of ``checkpoint`` out alone on ``seeds``; the order of the result is that of the seeds."""
        config = config or GateConfig(rule="none")
        stretches = list(_stretches(list(seeds), 10))
        asked = (Path(checkpoint), task)
        futures = {self._submit(roll_out, *asked, s, config, lapses): i for i, s in enumerate(stretches)}
        results: dict[int, list[Rollout]] = {}
        for future in as_completed(futures):
            results[futures[future]] = _result(future)
            if progress is not None:
                progress(len(results[futures[future]]))
        return [rollout for i in range(len(stretches)) for rollout in results[i]]

    def films(self, takes: Iterable[FilmedEpisode], progress: Callable[[int], None] = lambda n: None) -> list[Clip]:
        """Run episodes again before the camera; equal seeds make equal episodes."""
        futures = [self._submit(_film, take) for take in takes]
        for _ in as_completed(futures):
            progress(1)
        return [_result(future) for future in futures]

    def _submit(self, work: Callable[..., T], *given: Any) -> Future[T]:
        """Give work to the workers; one that is started for it never hears of a Ctrl-C."""
        others = set(multiprocessing.active_children())
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the worker begins with it, and keeps it
        try:
            return self._pool.submit(work, *given)
        finally:
            self._processes |= set(multiprocessing.active_children()) - others
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """End the workers once they have done what they are at."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def abort(self) -> None:
        """End the workers at once, whatever they are at; to ask for it twice changes nothing."""
        in_main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
        try:
            for process in self._processes:
                process.kill()
            self.close()
        finally:
            if in_main:
                signal.signal(signal.SIGINT, before)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def _result(future: Future[T]) -> T:
    """What a worker made.

    Raises:
        DataError: if it died over it.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise DataError("a worker process has died, perhaps for lack of memory; free some, and try again") from error


def _stretches(seeds: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(seeds), size):
        yield seeds[start : start + size]


# In a worker, which keeps environments and the last checkpoint from one call to the next -----------------------------


def be_a_worker() -> None:
    """Leave Ctrl-C to the parent, and end when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _nothing() -> None:
    """A task that only wakes a worker."""


@functools.lru_cache(maxsize=1)
def _actor(checkpoint: Path, lapses: ActionPerturbation | None = None) -> PolicyRunner:
    return PolicyRunner(checkpoints.load(checkpoint), lapses=lapses)


_environments: dict[tuple[str, str], ArmEnv] = {}


def _environment(task: str, contract: Contract) -> ArmEnv:
    key = (task, str(contract.to_dict()))
    if key not in _environments:
        _environments[key] = ArmEnv(task, contract)
    return _environments[key]


def roll_out(
    checkpoint: Path, task: str, seeds: Iterable[int], config: GateConfig, lapses: ActionPerturbation | None = None
) -> list[Rollout]:
    """The policy alone on the episodes ``seeds``; the environment is kept for the next call."""
    actor = _actor(checkpoint, lapses)
    gate = Gate(actor.contract, config)
    return [run_episode(_environment(task, actor.contract), gate, seed, actor) for seed in seeds]


def _film(take: FilmedEpisode) -> Clip:
    actor = _actor(take.checkpoint)
    env = _environment(take.task, actor.contract)
    guide, solve = tasks.ScriptedExpert(env.task, "nearest"), Kinematics.of(actor.contract)
    setup = teleop.Setup(actor.contract, guide, env.task.clearance, solve=solve)
    supervisor = teleop.load("supervisor", setup) if take.supervised else None
    gate = Gate(actor.contract, GateConfig(rule="human" if take.supervised else "none"))
    frames: list[Array] = []
    captions: list[str] = []

    def shoot(record: Record) -> None:
        if (record.stamp_ns - env.start.first_stamp_ns) // actor.contract.step_ns % FILM_EVERY == 0:
            frames.append(env.render())
            captions.append(f"{record.authority.name}: {'' if record.reason == STEADY else record.reason}")

    rollout = run_episode(env, gate, take.seed, actor, supervisor, shoot)
    frames.append(env.render())
    captions.append(f"{captions[-1].partition(':')[0]}: {rollout.outcome}")
    return Clip(f"{take.title}: {rollout.outcome}", frames, captions, actor.contract.rate_hz / FILM_EVERY)
