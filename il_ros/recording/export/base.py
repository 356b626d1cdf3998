# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base of exporters: episodes in the formats of other projects, one file a format, found by its name.

``il-ros export lerobot`` selects an exporter by name. Its output appears as a whole or not at all. The libraries of
the formats (pyarrow, h5py) are optional; they come with ``pip install 'il_ros[export]'``.
"""

from __future__ import annotations

import abc
import dataclasses
import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from il_ros.core import plugins
from il_ros.core.atomic_io import check_writable, storage_errors, written_whole
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode, ImageTrack
from il_ros.core.errors import ConfigError, DataError, unknown
from il_ros.core.types import Array

NO_IMAGES = "none"
"""The form of images of a data set without them."""


class Exporter(abc.ABC):
    """Writes episodes in one format."""

    image_forms: ClassVar[tuple[str, ...]] = (NO_IMAGES,)
    """The forms in which images can be written, the default first; for the option ``--images``."""

    def known_form(self, images: str) -> str:
        """Return the form ``images`` if it is one of ``image_forms``.

        Raises:
            ConfigError: if it is not.
        """
        if images not in self.image_forms:
            raise unknown("form of images", images, self.image_forms)
        return images

    @abc.abstractmethod
    def write(
        self, episodes: Mapping[str, Episode], contract: Contract, target: Path, images: str = NO_IMAGES
    ) -> dict[str, Any]:
        """Write the episodes, which are known by name, to ``target``; returns what was written and what was not.

        Args:
            images: the form of the images, one of ``image_forms``.

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


def cameras_left_out(episodes: Iterable[Episode], written: Iterable[str]) -> list[str]:
    """Return the names of the cameras whose images are not among those ``written``."""
    return sorted({camera for episode in episodes for camera in episode.images} - set(written))


def never_changed(observations: Iterable[Array], contract: Contract) -> list[str]:
    """Return the components that were the same in every frame, as float32, of observations (frames, Do)."""
    seen = np.concatenate(list(observations)).astype(np.float32)
    still = (seen == seen[:1]).all(axis=0)
    return [name for name, is_still in zip(contract.observation_names, still) if is_still]


def with_images(episodes: Mapping[str, Episode], cameras: Iterable[str]) -> dict[str, Episode]:
    """Return the episodes without the steps that lack an image of one of the cameras; what is left has gaps there.

    Raises:
        DataError: if an episode has no images of a camera at all.
    """
    selected = tuple(cameras)
    for name, episode in episodes.items():
        if missing := [camera for camera in selected if camera not in episode.images]:
            raise DataError(
                f"{name} has no images of {', '.join(missing)}; export with --images {NO_IMAGES}, or use a contract "
                "without these cameras"
            )
    return {name: _seeing(episode, selected) for name, episode in episodes.items()}


def _seeing(episode: Episode, cameras: Iterable[str]) -> Episode:
    sees = np.ones(len(episode), dtype=np.bool_)
    for camera in cameras:
        sees &= episode.images[camera].index >= 0
    if sees.all():
        return episode
    fields = {f.name: getattr(episode, f.name) for f in dataclasses.fields(episode)}
    columns: dict[str, Any] = {n: values[sees] for n, values in fields.items() if isinstance(values, np.ndarray)}
    tracks = {name: ImageTrack(track.frames, track.index[sees]) for name, track in episode.images.items()}
    return dataclasses.replace(episode, **columns, images=tracks)


def frames_shown(track: ImageTrack, rows: Array) -> Iterator[Array]:
    """Yield the image (H, W, 3) uint8 that the step in each of ``rows`` was taken with, one at a time."""
    for row in track.index[rows].tolist():
        yield np.asarray(track.frames[row])


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
