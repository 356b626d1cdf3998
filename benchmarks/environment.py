# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The environments, ours and those of the peers, each with one worker process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.measurement import Side
from il_ros.core.errors import GraphError

ROOT = Path(__file__).resolve().parents[1]
OURS_ALONE = ("_ROS_WHEELS_BOOTSTRAP_COMPLETE", "PYTHONPATH", "LD_LIBRARY_PATH", "AMENT_PREFIX_PATH", "VIRTUAL_ENV")
"""Variables that our environment's start-up sets, and that would mislead another Python."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

PEERS = {name: ROOT / f".venv-{name}" / "bin" / "python" for name in ("peers", "lerobot")}
"""The interpreter of each environment of the peers, by its name."""


def variables(clean: bool) -> dict[str, str]:
    """Return the variables of a process that is measured; ``clean`` takes away what our own environment put there."""
    inherited = {name: value for name, value in os.environ.items() if not (clean and name in OURS_ALONE)}
    return {**inherited, **ONE_THREAD, "TQDM_DISABLE": "1"}  # a peer's progress bars are not its work


class Environment:
    """A Python and its worker; use as a context manager.

    Args:
        name: what it is called; its worker's log is ``runs/benchmarks/<name>.log``.
        python: the interpreter.
        clean: whether to take away what our own environment put into the variables.
    """

    def __init__(self, name: str, python: Path, clean: bool) -> None:
        self._log = ROOT / "runs" / "bench" / f"{name}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(python), "-m", "benchmarks.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=variables(clean),
            )

    def __enter__(self) -> Environment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):  # it may have died with a line on its way
            self._process.stdin.close()
        self._process.stdout.close()

    def ask(self, **request: Any) -> list[float]:
        """Send one line and wait for the answer.

        Raises:
            GraphError: if the worker has died or could not do it.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            last = (self._log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"])[-1]
            raise GraphError(f"bench: a worker has died ({last}); see {self._log}, or make its environment anew")
        response = json.loads(line)
        if "error" in response:
            what = request.get("factory") or request.get("run")
            raise GraphError(f"bench: {what} failed ({response['error']}); see {self._log}")
        durations: list[float] = response["durations"]
        return durations


class Environments:
    """All of them, selected by the side. Use as a context manager.

    Args:
        peers: the interpreter of each peers' environment, by its name.
    """

    def __init__(self, peers: Mapping[str, Path]) -> None:
        self._by_name = {"ours": Environment("ours", Path(sys.executable), clean=False)}
        self._by_name |= {name: Environment(name, python, clean=True) for name, python in peers.items()}
        self._where: dict[str, str] = {}

    def __enter__(self) -> Environments:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for environment in self._by_name.values():
            environment.__exit__(kind, error, trace)

    def build(self, sides: Mapping[str, Side]) -> None:
        """Make the stretches of all sides, under their names."""
        for name, side in sides.items():
            self._where[name] = side.environment
            self._by_name[side.environment].ask(build=name, factory=side.factory, options=dict(side.options))

    def run(self, name: str, steps: int) -> list[float]:
        """Time a side over some steps; seconds a step."""
        return self._by_name[self._where[name]].ask(run=name, steps=steps)

    def drop(self) -> None:
        """Forget all stretches, and free what they hold."""
        for name, environment in self._where.items():
            self._by_name[environment].ask(drop=name)
        self._where.clear()
