# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Episodes in the forms of other people's tools, and back: one file a form, found by its name.

An exporter is asked for as in ``il-ros export lerobot``. What it writes appears under its name all at once, or not at
all. The libraries of the forms (pyarrow, h5py) are optional; they come with ``pip install 'il_ros[export]'``.
"""

from __future__ import annotations

import abc
import importlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from il_ros.core import plugins
from il_ros.core.atomic_io import check_writable, storage_errors, sync
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import ConfigError


class Exporter(abc.ABC):
    """Writes episodes in one form."""

    @abc.abstractmethod
    def write(self, episodes: Mapping[str, Episode], contract: Contract, target: Path) -> dict[str, Any]:
        """Write the episodes, which are known by name, to ``target``; returns what was written and what was not.

        Raises:
            ConfigError: if ``target`` is there already, or the library of the form is not installed.
            DataError: if there is no step to write.
            StorageError: if the disk takes no more; then nothing is at ``target``.
        """


def available() -> tuple[str, ...]:
    """The names of all forms."""
    return tuple(plugins.available("export format"))


def load(name: str) -> Exporter:
    """Make the exporter called ``name``.

    Raises:
        ConfigError: if there is none.
    """
    exporter: Exporter = plugins.make("export format", name)
    return exporter


# What exporters are made of -------------------------------------------------------------------------------------------


def library(name: str) -> Any:
    """The optional module called ``name``.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = name.partition(".")[0]
        raise ConfigError(f"{missing} cannot be imported ({error}); run pip install 'il_ros[export]'") from error


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Where the body is to write the file or folder that will be ``target`` once all of it is on the disk.

    Raises:
        ConfigError: if ``target`` is there already.
        StorageError: if it cannot be written; then nothing is left.
    """
    if target.exists():
        raise ConfigError(f"{target} is there already and is not overwritten; name another place, or remove it")
    unfinished = target.with_name(target.name + ".part")
    check_writable(target.parent)
    with storage_errors(target.parent, "nothing was exported; free some space or choose another place"):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(unfinished)  # of an export that was killed
        try:
            yield unfinished
            for path in (unfinished, *unfinished.rglob("*")):
                sync(path)
            unfinished.rename(target)
        finally:
            _remove(unfinished)
        sync(target.parent)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
