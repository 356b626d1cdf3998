# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the studies share: work on every core whose results are kept, so that a study which was ended goes on."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from il_ros.core.atomic_io import replace_file
from il_ros.core.errors import DataError, IlRosError
from il_ros.evaluation.worker_pool import initialize_worker
from studies import publishing


def keep(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result, whole or not at all."""
    replace_file(path, json.dumps(result))


LATER = ("experts", "where")
"""Fields that came after studies were published; empty, they change nothing."""


def key(inputs: Any) -> str:
    """Return a key that is equal for equal work: a digest of its inputs."""
    return hashlib.sha256(json.dumps(_plain(inputs)).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if each or name not in LATER}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def published(path: Path) -> dict[str, dict[str, Any]]:
    """Return what was published of earlier work, by its key.

    Raises:
        DataError: if the file is damaged.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return {each["key"]: each for each in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error!r}); restore it, or remove it and run all again") from error


def publish(path: Path, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the results, by key; one a line."""
    lines = ",\n".join(json.dumps({"key": key, **each}) for key, each in results.items())
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def run(work: Callable[..., None], missing: Collection[Any], folder: Path, workers: int, words: str) -> None:
    """Call ``work(each, folder=folder)`` for all of ``missing``, so many at a time; ``words`` stand before the bar."""
    if not missing:
        return
    processes = min(workers, len(missing))
    with multiprocessing.get_context("spawn").Pool(processes, initialize_worker) as pool:  # leaving it ends them
        done = pool.imap_unordered(functools.partial(work, folder=folder), missing)
        deque(track(done, words, total=len(missing), console=Console(stderr=True)), maxlen=0)


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the options for how the study called ``name`` runs, and where its rows go."""
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--folder", type=Path, default=Path("runs") / name, help="where what was done is kept")
    parser.add_argument("--results", type=Path, default=publishing.RESULTS, help="a folder for the rows")


def end(main: Callable[[], int], name: str) -> None:
    """Run a study from the command line."""
    try:
        sys.exit(main())
    except IlRosError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
