# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Write robomimic's HDF5 files, for its ``SequenceDataset``; https://robomimic.github.io/docs/datasets/overview.html.

A filter key of robomimic's chooses whole demos, so every span of one authority is a demo of its own. Images pass one
at a time, from the files that they are mapped from, so memory does not grow with a demo.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.atomic_io import write_all
from il_ros.core.contract import Contract, gap_ns
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.export.base import (
    NO_IMAGES,
    Exporter,
    cameras_left_out,
    frames_shown,
    library,
    new_output,
    with_images,
)

GYM = 2
"""The number of gymnasium among robomimic's types of environments."""
LOSSLESS = "lossless"
COMPRESSED = {"compression": "gzip", "compression_opts": 1}
"""Of each image: a fifth of the size for drawn ones, at a tenth of the time that the highest level takes."""
HELD_OUT = 10
"""One in so many episodes is for validation."""


@dataclass(frozen=True)
class Demo:
    """A span of an episode that one side drove."""

    name: str
    """Of the episode."""
    episode: Episode
    start: int
    stop: int
    kind: str
    """``demonstrations``, ``interventions`` or ``policy``."""
    is_held_out: bool


class Robomimic(Exporter):
    """Writes one demo for each span that one side drove without a gap; what nobody drove (``hold``) is left out.

    Filter keys: ``demonstrations``, ``interventions`` and ``policy``; ``train`` and ``valid`` are what the expert
    drove, every tenth episode being for validation; each of the three is parted likewise, as in
    ``interventions_train``. A key without a demo is not there.

    ``obs/state`` and ``next_obs/state`` are in the contract's order and units. ``actions`` is what the arm was given,
    scaled by the contract's limits to [-1, 1], as robomimic's networks have it; the attributes ``action_low`` and
    ``action_high`` of ``data`` lead back. ``expert_actions`` and ``policy_actions`` are NaN where they were not asked.
    ``next_obs`` repeats the last observation where none follows: before a gap and at an episode's end. The step that
    ends an episode has ``dones``, and ``rewards`` 1 if it succeeded. Nothing is resampled: robomimic has no times.
    ``obs/CAMERA_image`` are the images (N, H, W, 3) uint8; steps without one of each camera are left out.
    """

    image_forms = (LOSSLESS, NO_IMAGES)

    def write(
        self, episodes: Mapping[str, Episode], contract: Contract, target: Path, images: str = LOSSLESS
    ) -> dict[str, Any]:
        """See ``Exporter``; returns how many demos each filter key has."""
        cameras = [camera.name for camera in contract.images if self.known_form(images) == LOSSLESS]
        seeing = with_images(episodes, cameras)
        demos = list(_demos(seeing))
        if not demos:
            what = "was driven by anybody who saw an image of each camera" if cameras else "was driven by anybody"
            raise DataError(f"none of {len(episodes)} episodes {what}, so there is nothing to export")
        keys = _keys(demos)
        with new_output(target) as path, _new_file(path) as (file, disk):
            data = file.create_group("data")
            for number, demo in enumerate(demos):
                group = data.create_group(f"demo_{number}")
                _write(group, demo, contract)
                for camera in cameras:
                    _write_images(group, demo, camera)
                disk.check()
            data.attrs.update(_attributes(demos, contract))
            for key, numbers in keys.items():
                file[f"mask/{key}"] = np.array([f"demo_{number}" for number in numbers], dtype="S")
        steps = sum(demo.stop - demo.start for demo in demos)
        return {
            "recorded_episodes": len(episodes),
            "demos": len(demos),
            "steps": steps,
            "held_steps": sum(map(len, seeing.values())) - steps,
            "filter_keys": {key: len(numbers) for key, numbers in keys.items()},
            "cameras": dict.fromkeys(cameras, images),
            "cameras_left_out": cameras_left_out(episodes.values(), cameras),
            "steps_without_image": sum(map(len, episodes.values())) - sum(map(len, seeing.values())),
        }


class _Disk(io.FileIO):
    """A file that h5py writes to. It crashes where a write fails, so the error is kept and no more is written."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of ``data``, unless a write has failed."""
        if self.error is None:
            try:
                write_all(self.fileno(), data)
            except OSError as error:
                self.error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Make the file as long as ``size``, bytes, unless a write has failed."""
        return super().truncate(size) if self.error is None else size or 0

    def check(self) -> None:
        """Raise the error of the write that failed, if one did."""
        if self.error is not None:
            raise self.error


@contextmanager
def _new_file(path: Path) -> Iterator[tuple[Any, _Disk]]:
    """Yield a new HDF5 file, and where it is written.

    Raises:
        OSError: if the disk takes no more.
    """
    with _Disk(path, "w+") as disk:
        with library("h5py").File(disk, "w") as file:
            yield file, disk
        disk.check()


def _write_images(group: Any, demo: Demo, camera: str) -> None:
    """Write the images of a camera: with the observations, and with the next ones; see ``_row_after``."""
    track = demo.episode.images[camera]
    rows = np.arange(demo.start, demo.stop)
    shape = (len(rows), *track.frames.shape[1:])
    for name, selected in (("obs", rows), ("next_obs", np.append(rows[1:], _row_after(demo)))):
        made = group.create_dataset(f"{name}/{camera}_image", shape, np.uint8, chunks=(1, *shape[1:]), **COMPRESSED)
        for row, image in enumerate(frames_shown(track, selected)):
            made[row] = image


def _demos(episodes: Mapping[str, Episode]) -> Iterator[Demo]:
    for number, (name, episode) in enumerate(episodes.items()):
        for start, stop, authority in episode.spans():
            if authority is not Authority.HOLD:
                by_expert = "interventions" if episode.intervention[start] > 0 else "demonstrations"
                kind = by_expert if authority is Authority.EXPERT else "policy"
                yield Demo(name, episode, start, stop, kind, number % HELD_OUT == HELD_OUT - 1)


def _keys(demos: list[Demo]) -> dict[str, list[int]]:
    """Return the numbers of the demos of each filter key."""
    keys: dict[str, list[int]] = {}
    for number, demo in enumerate(demos):
        part = "valid" if demo.is_held_out else "train"
        for key in (demo.kind, f"{demo.kind}_{part}", *[part] * (demo.kind != "policy")):
            keys.setdefault(key, []).append(number)
    return keys


def _write(group: Any, demo: Demo, contract: Contract) -> None:
    episode, span = demo.episode, slice(demo.start, demo.stop)
    group.attrs["num_samples"] = demo.stop - demo.start
    group.attrs["recorded_episode"] = demo.name
    group.attrs["first_stamp_ns"] = int(episode.stamps_ns[demo.start])
    group.attrs["intervention"] = int(episode.intervention[demo.start])
    seen = episode.observations[span]
    group["obs/state"] = seen
    group["next_obs/state"] = np.vstack([seen[1:], episode.observations[_row_after(demo)]])
    for name, actions in (("", episode.executed), ("expert_", episode.expert), ("policy_", episode.policy)):
        group[f"{name}actions"] = scaled(actions[span], contract)
    is_end = np.arange(demo.start, demo.stop) == len(episode) - 1
    is_end &= not episode.facts.get("partial")
    group["dones"] = is_end.astype(np.int64)
    group["rewards"] = (is_end & (episode.facts.get("outcome") == "success")).astype(np.float32)


def _row_after(demo: Demo) -> int:
    """Return the step after the demo's last one, or the last one if nothing follows at once."""
    episode, last = demo.episode, demo.stop - 1
    follows = demo.stop < len(episode) and episode.stamps_ns[demo.stop] - episode.stamps_ns[last] <= gap_ns(
        episode.step_ns
    )
    return last + int(follows)


def scaled(actions: Array, contract: Contract) -> Array:
    """Return (T, Da) float32, -1 for the least that may be commanded and 1 for the most."""
    share = (actions - contract.low) / (contract.high - contract.low)
    result: Array = (2.0 * share - 1.0).astype(np.float32)
    return result


def _attributes(demos: list[Demo], contract: Contract) -> dict[str, Any]:
    task = str(demos[0].episode.facts.get("task") or "unknown")
    return {
        "total": sum(demo.stop - demo.start for demo in demos),
        "env_args": json.dumps({"env_name": task, "type": GYM, "env_kwargs": {}}),
        "observation_names": list(contract.observation_names),
        "action_names": list(contract.action_names),
        "action_low": contract.low,
        "action_high": contract.high,
    }
