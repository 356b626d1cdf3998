# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Read episodes from LeRobot data sets, version 3: our exports and those of others.

``names`` finds which number is which component, ``drivers`` who drove, ``tables`` reads the files and checks that
they agree, and ``images`` decodes what the cameras took.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode, ImageTrack
from il_ros.core.errors import ConfigError, DataError
from il_ros.core.messages import DOUBTS
from il_ros.core.types import Array
from il_ros.recording.export.lerobot import ACTION, DOUBT, EXPERT, FACTS, FIRST_STAMP, INFO, POLICY, RECORDED, SOURCE
from il_ros.recording.lerobot import drivers, images, tables
from il_ros.recording.lerobot import names as feature_names
from il_ros.recording.lerobot.drivers import Driven
from il_ros.recording.lerobot.images import CameraImages
from il_ros.recording.lerobot.info import is_dataset, read_info
from il_ros.recording.lerobot.names import Place
from il_ros.recording.lerobot.recorded import recorded_episodes

ROWS = (tables.LENGTH, tables.FROM, tables.TO, "tasks", RECORDED, FACTS, FIRST_STAMP)


__all__ = ["is_dataset", "read_dataset"]


def read_dataset(folder: Path, contract: Contract, notes: list[str] | None = None) -> dict[str, Episode]:
    """Read the episodes of the data set in ``folder``, by name, as the contract orders their components.

    The stretches of one recorded episode are put together again, with the gaps between them. Stamps are those of the
    frames: they differ from the recorded ones by the resampling error. The fact ``digest`` is that of what was read.
    A camera of the contract for which the data set has no images is noted and has none in the episodes.
    Inconsistencies that do not prevent reading, and assumptions, are added to ``notes``.

    Raises:
        DataError: if it is damaged, of another version, or has not the rate or the components of the contract.
    """
    info = read_info(folder)
    if info["fps"] != contract.rate_hz:
        raise DataError(
            f"{folder} has {info['fps']} frames a second, contract {contract.name!r} {contract.rate_hz:g} steps; "
            "use a contract with that rate"
        )
    features = info["features"]
    places = _all_places(folder, features, contract)
    selected = sorted({column for of_kind in places.values() for column, _ in of_kind})
    meanings = drivers.meanings(folder)
    places_of_images = images.episode_columns(images.columns_of(features, contract.images))
    frames, rows = read_tables(folder, info, selected, drivers.columns(features, meanings), places_of_images)
    with understood(folder):
        driven, remarks = drivers.who_drove(folder, features, frames, meanings)
        remarks += [*notes_on_format(folder, info), *_unread(features, places)]
        remarks += [*tables.doubts(frames, rows, info["fps"], selected), *images.notes(features, contract)]
        cameras = images.read_images(folder, info, frames, rows, contract)
        episodes = dict(_episodes(frames, rows, driven, places, cameras, contract))
        remarks += _beyond(episodes.values(), contract)
        if notes is not None:
            notes.extend(f"{folder}: {each}" for each in remarks)
        return episodes


def read_tables(
    folder: Path,
    info: Mapping[str, Any],
    columns: Iterable[str],
    more: Iterable[str],
    more_of_episodes: Iterable[str] = (),
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Read the frames in order, with ``columns`` and the existing ones of ``more``, and the table of episodes.

    The latter has the existing ones of ``more_of_episodes``, too.

    Raises:
        DataError: if they are not as many as ``info`` says, or do not belong together.
    """
    needed = [*dict.fromkeys(["episode_index", "frame_index", *columns])]
    frames = tables.read(folder, "data", needed, [*more, tables.TIMESTAMP, tables.INDEX])
    statistics = [f"stats/{column}/{name}" for column in columns for name in tables.STATISTICS]
    rows = tables.read(folder, "meta/episodes", ["episode_index"], [*ROWS, *statistics, *more_of_episodes])
    counts = len(frames["episode_index"]), len(rows["episode_index"])
    if counts != (info["total_frames"], info["total_episodes"]):
        is_less = counts[0] < info["total_frames"] or counts[1] < info["total_episodes"]
        remedy = "get the rest of its files" if is_less else "take away the files that are not its own"
        raise DataError(
            f"{folder} holds {counts[0]} frames of {counts[1]} episodes, its {INFO} says {info['total_frames']} of "
            f"{info['total_episodes']}; {remedy}"
        )
    if 0 in counts:
        raise DataError(f"{folder} holds {counts[0]} frames of {counts[1]} episodes; record some first")
    with understood(folder):
        return tables.ordered(frames, rows, info["features"]), rows


@contextmanager
def understood(folder: Path) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(str(error) if str(folder) in str(error) else f"{folder}: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError) as error:
        raise DataError(f"{folder} cannot be understood ({error!r}); download it again") from error


def notes_on_format(folder: Path, info: Mapping[str, Any]) -> Iterator[str]:
    if (version := info["codebase_version"]) != "v3.0":
        yield f"its format is {version}; it was read as v3.0"
    yield from tables.doubts_of_columns(folder, info["features"])


def _unread(features: Mapping[str, Any], places: Mapping[str, list[Place]]) -> Iterator[str]:
    """Yield a note for each column of our exports that is not read, since its names are other ones."""
    for column in (POLICY, EXPERT, DOUBT):
        if SOURCE in features and column in features and column not in places:
            yield f"column {column!r} is not read: its names are not those of an export, or the action's are not"


def _beyond(episodes: Iterable[Episode], contract: Contract) -> Iterator[str]:
    """Yield a note for each action component outside the contract's limits, as one in another unit is."""
    actions = np.concatenate([episode.executed for episode in episodes])
    slack = 1e-5 * (contract.high - contract.low)
    outside = (actions < contract.low - slack) | (actions > contract.high + slack)
    for i in np.flatnonzero(outside.any(axis=0)).tolist():
        yield (
            f"action {contract.action_names[i]!r} is outside {contract.low[i]:g} to {contract.high[i]:g} in "
            f"{outside[:, i].mean():.1%} of the frames, from {actions[:, i].min():g} to {actions[:, i].max():g}; "
            "compare the units and limits of the contract with those of the data set"
        )


def _all_places(folder: Path, features: Mapping[str, Any], contract: Contract) -> dict[str, list[Place]]:
    """Return column and place of every component of the existing fields of an episode."""
    try:
        places = {
            "observation": feature_names.places(features, "observation", contract.observation_names),
            "action": feature_names.places(features, "action", contract.action_names),
        }
    except ConfigError as error:
        raise DataError(
            f"{folder}: {error}; use a contract with the data set's names, not {contract.name!r}"
        ) from error
    if SOURCE not in features or any(column != ACTION for column, _ in places["action"]):
        return places
    for kind in (POLICY, EXPERT):  # ours: what each side wanted, component by component as in the action
        if kind in features and features[kind].get("names") == features[ACTION].get("names"):
            places[kind] = [(kind, place) for _, place in places["action"]]
    if DOUBT in features and feature_names.names_of(features[DOUBT]).by_place == tuple(DOUBTS):
        places[DOUBT] = [(DOUBT, place) for place in range(len(DOUBTS))]
    return places


def _episodes(
    frames: Mapping[str, Array],
    rows: Mapping[str, Array],
    driven: Driven,
    places: Mapping[str, list[Place]],
    cameras: Mapping[str, CameraImages],
    contract: Contract,
) -> Iterator[tuple[str, Episode]]:
    """Yield name and episode, in the order of the data set."""
    fields = _fields(frames, driven, places, contract)
    times_ns = np.round(frames["frame_index"] * 1e9 / contract.rate_hz).astype(np.int64)
    numbers, begins, counts = np.unique(frames["episode_index"], return_index=True, return_counts=True)
    at = {n: slice(b, b + c) for n, b, c in zip(numbers.tolist(), begins.tolist(), counts.tolist())}
    for each in recorded_episodes(rows):
        parts = [(at[number], first) for number, first in each.parts if number in at]
        if not parts:
            continue
        own: dict[str, Any] = {
            name: np.concatenate([values[span] for span, _ in parts]) for name, values in fields.items()
        }
        own["stamps_ns"] = np.concatenate([first + times_ns[span] for span, first in parts])
        span = slice(parts[0][0].start, parts[-1][0].stop)  # stretches of a recording follow each other
        tracks = {
            name: ImageTrack(camera.frames[span], np.arange(span.stop - span.start)) for name, camera in cameras.items()
        }
        content = [*own.values(), *(camera.digests[span] for camera in cameras.values())]
        digest = hashlib.blake2b(b"".join(value.tobytes() for value in content), digest_size=16).hexdigest()
        facts = {**each.facts, "digest": digest}
        yield each.name, Episode(**own, step_ns=contract.step_ns, facts=facts, images=tracks)


def _fields(
    frames: Mapping[str, Array], driven: Driven, places: Mapping[str, list[Place]], contract: Contract
) -> dict[str, Array]:
    """Return the fields of an episode for all frames at once.

    Raises:
        DataError: if an observation or an action is not a finite number.
    """
    count, width = len(frames["frame_index"]), len(contract.action)
    both = [*places["observation"], *places["action"]]
    matrix = matrix_of(frames, both)
    names = [*contract.observation_names, *contract.action_names]
    if why := tables.not_finite(frames, names, both, matrix):
        raise DataError(why)

    def known(kind: str, width: int) -> Array:
        return matrix_of(frames, places[kind]) if kind in places else np.full((count, width), np.nan, dtype=np.float32)

    return {
        "observations": matrix[:, : len(contract.observation)].copy(),
        "executed": matrix[:, len(contract.observation) :].copy(),
        "policy": known(POLICY, width),
        "expert": known(EXPERT, width),
        "authority": driven.authority,
        "intervention": driven.intervention,
        "doubts": known(DOUBT, len(DOUBTS)),
    }


def matrix_of(frames: Mapping[str, Array], places: Iterable[Place]) -> Array:
    """Return (F, W) float32, the numbers at ``places``; those beyond float32 become infinite."""
    count = len(frames["frame_index"])
    parts = [frames[column].reshape(count, -1)[:, place] for column, place in places]
    with np.errstate(over="ignore"):
        return np.column_stack([part.astype(np.float32) for part in parts])
