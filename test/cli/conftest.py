# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes and a checkpoint for the commands to work on, and what a command says and returns."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from il_ros import cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def record() -> Iterator[Callable[..., Any]]:
    """The recorder of the tests of learning."""
    spec = importlib.util.spec_from_file_location("recorded", ROOT / "test" / "learning" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    recorder = module.Recorder()
    yield recorder
    recorder.env.close()


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory, record: Callable[..., Any]) -> Path:
    """A folder of two demonstrations that nobody changes."""
    folder = tmp_path_factory.mktemp("shown") / "episodes"
    for seed in (0, 1):
        record(folder, seed)
    return folder


@pytest.fixture
def episodes(tmp_path: Path, shown: Path) -> Path:
    """A folder of two demonstrations of one's own."""
    return Path(shutil.copytree(shown, tmp_path / "episodes"))


@pytest.fixture(scope="session")
def learnt(tmp_path_factory: pytest.TempPathFactory, shown: Path) -> Path:
    """A checkpoint, hardly trained, that nobody changes."""
    folder = tmp_path_factory.mktemp("learnt")
    words = ["train", str(shown), "--policy", "deterministic", "--steps", "20", "--checkpoints", str(folder)]
    assert cli.main(words) == 0
    return next(folder.iterdir())


@pytest.fixture
def checkpoint(tmp_path: Path, learnt: Path) -> Path:
    """A checkpoint of one's own."""
    return Path(shutil.copytree(learnt, tmp_path / "checkpoint"))


@dataclass
class Said:
    """What a command said and returned."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line with which it refused; the rest of stderr are progress bars."""
        lines = [line for line in self.err.splitlines() if line.startswith("il-ros: error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err and "Exception" not in self.err, self.err
        assert self.err.rstrip().endswith(lines[0]), self.err
        return lines[0].removeprefix("il-ros: error: ")

    @property
    def json(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)


@pytest.fixture
def il_ros(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command in this process; no error of the user's may escape it."""

    def run(*words: object) -> Said:
        capfd.readouterr()
        code = cli.main(list(map(str, words)))
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def child() -> Callable[..., Said]:
    """Runs a command in a process of its own."""

    def run(*words: object, **options: Any) -> Said:
        command = [sys.executable, "-m", "il_ros.cli", *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, **{"env": environment, "text": True, "timeout": 120, "capture_output": True, **options}
        )
        return Said(done.returncode, done.stdout or "", done.stderr)

    return run
