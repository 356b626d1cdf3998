# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base of exporters: episodes in the formats of other projects, one file a format, found by its name.

``il-ros export lerobot`` selects an exporter by name. Its output appears as a whole or not at all. The libraries of
the formats (pyarrow, h5py) are optional; they come with ``pip install 'il_ros[export]'``.
"""

from __future__ import annotations

import abc
import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from il_ros.core import plugins
from il_ros.core.atomic_io import check_writable, storage_errors, written_whole
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import ConfigError


class Exporter(abc.ABC):
    """Writes episodes in one format."""

    @abc.abstractmethod
    def write(self, episodes: Mapping[str, Episode], contract: Contract, target: Path) -> dict[str, Any]:
        """Write the episodes, which are known by name, to ``target``; returns what was written and what was not.

        Raises:
            ConfigError: if ``target`` exists, or the library of the format is not installed.
            DataError: if there is no step to write.
            StorageError: if the disk takes no more; then nothing is at ``target``.
        """


def available() -> tuple[str, ...]:
    """Return the names of all formats."""
    return tuple(plugins.available("export format"))


def load(name: str) -> Exporter:
    """Return the exporter ``name``.

    Raises:
        ConfigError: if there is none.
    """
    exporter: Exporter = plugins.make("export format", name)
    return exporter


# What exporters are made of -------------------------------------------------------------------------------------------


def library(name: str) -> Any:
    """Import the optional module ``name``.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = name.partition(".")[0]
        raise ConfigError(f"{missing} cannot be imported ({error}); run pip install 'il_ros[export]'") from error


def cameras_left_out(episodes: Iterable[Episode]) -> list[str]:
    """Return the names of the cameras whose images are not written, for the report of a format of numbers."""
    return sorted({camera for episode in episodes for camera in episode.images})


@contextmanager
def new_output(target: Path) -> Iterator[Path]:
    """Yield the path at which to write the file or folder that will be ``target`` once all of it is on the disk.

    Raises:
        ConfigError: if ``target`` exists.
        StorageError: if it cannot be written; then nothing is left.
    """
    if target.exists():
        raise ConfigError(f"{target} exists already and is not overwritten; name another path, or remove it")
    check_writable(target.parent)
    with storage_errors(target.parent, "nothing was exported; free some space or choose another place"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(target) as unfinished:
            yield unfinished
