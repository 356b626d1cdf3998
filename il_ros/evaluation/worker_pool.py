# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts and films on every core: a pool of worker processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from il_ros.core.errors import DataError
from il_ros.evaluation.films import FilmedEpisode, film
from il_ros.evaluation.report.clips import Clip
from il_ros.evaluation.rollouts import GymTask, Rollout, roll_out
from il_ros.gate import GateConfig
from il_ros.learning.dagger.action_perturbation import ActionPerturbation
from il_ros.learning.inference import use_one_thread

T = TypeVar("T")


class WorkerPool:
    """Worker processes, each of which rolls out one chunk of seeds at a time; they end with their parent."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=initialize_worker)
        self._processes: set[Any] = set()

    def warm_up(self) -> None:
        """Start the workers now, so that the first evaluation does not wait for them."""
        for _ in range(self.workers):
            self._submit(_nothing)

    def evaluate(
        self,
        checkpoint: Path,
        task: str | GymTask,
        seeds: Iterable[int],
        config: GateConfig | None = None,
        lapses: ActionPerturbation | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Rollout]:
        """Roll the policy of ``checkpoint`` out alone on ``seeds``; the order of the result is that of the seeds."""
        config = config or GateConfig(rule="none")
        chunks = list(_chunks(list(seeds), 10))
        futures = {
            self._submit(roll_out, Path(checkpoint), task, chunk, config, lapses): number
            for number, chunk in enumerate(chunks)
        }
        results: dict[int, list[Rollout]] = {}
        for future in as_completed(futures):
            results[futures[future]] = _result(future)
            if progress is not None:
                progress(len(results[futures[future]]))
        return [rollout for i in range(len(chunks)) for rollout in results[i]]

    def films(self, takes: Iterable[FilmedEpisode], progress: Callable[[int], None] = lambda n: None) -> list[Clip]:
        """Run episodes again before the camera; equal seeds make equal episodes."""
        futures = [self._submit(film, take) for take in takes]
        for _ in as_completed(futures):
            progress(1)
        return [_result(future) for future in futures]

    def _submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Submit work; a worker that is started for it never receives a Ctrl-C."""
        others = set(multiprocessing.active_children())
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the worker begins with it, and keeps it
        try:
            return self._pool.submit(work, *arguments)
        finally:
            self._processes |= set(multiprocessing.active_children()) - others
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """End the workers once their work is done."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def abort(self) -> None:
        """End the workers at once, in the middle of their work; a second call changes nothing."""
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
    """Return the result of a worker.

    Raises:
        DataError: if it died.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise DataError("a worker process has died, perhaps for lack of memory; free some, and try again") from error


def _chunks(seeds: list[int], size: int) -> Iterator[list[int]]:
    """Yield ``seeds`` in pieces of ``size``."""
    for start in range(0, len(seeds), size):
        yield seeds[start : start + size]


def initialize_worker() -> None:
    """Ignore Ctrl-C, use one thread, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _nothing() -> None:
    """Do nothing: the task only starts a worker."""
