# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Read the parquet files of a LeRobot data set as numpy columns, and check that they agree.

A column is read whatever tool wrote it: lists of any kind and precision, of fixed length or not, nested for several
axes. What cannot be right is rejected; what LeRobot does not check either is read and noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.export.base import library
from il_ros.recording.export.lerobot import INFO
from il_ros.recording.lerobot.names import Place, is_number, width

LENGTH, FROM, TO = "length", "dataset_from_index", "dataset_to_index"
TIMESTAMP, INDEX = "timestamp", "index"
STATISTICS = ("min", "max", "mean")
EXACT, MEAN = 1e-7, 4e-7
"""How far from ours LeRobot's statistics may be, as a share of the greatest number: it adds up in float32, so that the
mean's error grows with the root of the number of frames. Its standard deviation is of no use here: where that is small
beside the mean, nothing of it is left."""
LAST = 1_000_000_000
"""No frame of an episode has this number: at 30 a second it would come after a year."""
SHOWN = 5
"""The most of a kind that a message names."""


def read(folder: Path, name: str, columns: Sequence[str], more: Iterable[str] = ()) -> dict[str, Array]:
    """Read ``columns``, and those of ``more`` that any file has, from all parquet files below ``folder/name``.

    A file that lacks one of ``more`` gives None for each of its rows, as files that LeRobot's tools added do.

    Raises:
        DataError: if a file is damaged or lacks a column.
    """
    parquet, pyarrow = library("pyarrow.parquet"), library("pyarrow")
    paths = sorted((folder / name).glob("*/*.parquet"))
    if not paths:
        raise DataError(f"{folder} has no parquet files in {name}; get the rest of its files")
    parts = []
    for path in paths:
        try:
            parts.append(_read_file(path, columns, set(more), parquet, pyarrow))
        except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError) as error:
            raise DataError(f"{path} is damaged ({' '.join(str(error).split())}); download it again") from error
    return {column: _joined(parts, column, paths) for column in dict.fromkeys(c for _, part in parts for c in part)}


def doubts_of_columns(folder: Path, features: Mapping[str, Any]) -> Iterator[str]:
    """Yield notes on columns that only the frames or only ``features`` have; images may be in videos."""
    path = min((folder / "data").glob("*/*.parquet"))
    existing = set(library("pyarrow.parquet").read_schema(path).names)
    named = {name for name, feature in features.items() if feature.get("dtype") != "video"}
    if unnamed := existing - named - features.keys():
        yield f"{INFO} does not have these columns of the frames: {', '.join(sorted(unnamed))}"
    if missing := named - existing:
        yield f"the frames do not have these columns of {INFO}: {', '.join(sorted(missing))}"


def _read_file(
    path: Path, columns: Sequence[str], more: set[str], parquet: Any, pyarrow: Any
) -> tuple[int, dict[str, Array]]:
    with parquet.ParquetFile(path, page_checksum_verification=True) as file:
        existing = file.schema_arrow.names
        if missing := sorted(set(columns) - set(existing)):
            raise DataError(f"{path} lacks {', '.join(missing)}, which {INFO} has; download it again")
        selected = [*dict.fromkeys(columns), *(name for name in existing if name in more and name not in columns)]
        table = file.read(columns=selected).select(selected)  # `read` takes what begins with a name and a dot as well
        table.validate(full=True)
        if len(table) != file.metadata.num_rows:
            raise ValueError(f"{len(table)} rows of {file.metadata.num_rows}")
        return len(table), {name: _plain(table[name].combine_chunks(), name, pyarrow) for name in selected}


def _joined(parts: Sequence[tuple[int, Mapping[str, Array]]], column: str, paths: Sequence[Path]) -> Array:
    own = [part.get(column, np.full(count, None)) for count, part in parts if count]
    own = own or [part[column][:0] for _, part in parts if column in part]
    if len(shapes := {values.shape[1:] for values in own if values.dtype != object}) > 1:
        raise DataError(
            f"{column} has the widths {sorted(shapes)} in the files of {paths[0].parents[1]}; download it again"
        )
    return np.concatenate(own)


def _plain(values: Any, column: str, pyarrow: Any) -> Array:
    """Return (F,) or (F, W) numbers, a list of several axes in C order; else (F,) objects: strings or lists of them."""
    types = pyarrow.types
    while isinstance(values.type, pyarrow.BaseExtensionType):
        values = values.storage
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    leaf = values.type
    while _is_list(leaf, types):
        leaf = leaf.value_type
    is_number = types.is_floating(leaf) or types.is_integer(leaf) or types.is_boolean(leaf)
    if not is_number or leaf is values.type:
        plain: Array = values.to_numpy(zero_copy_only=False)
        return plain
    count, original = len(values), values
    while _is_list(values.type, types):
        if values.null_count:
            objects = np.full(count, None)
            for row, each in enumerate(original.to_pylist()):
                objects[row] = each
            return objects
        sizes = np.unique(np.asarray(library("pyarrow.compute").list_value_length(values)))
        if len(sizes) > 1:
            raise ValueError(f"{column} has from {sizes[0]} to {sizes[-1]} numbers in a row")
        values = values.flatten()
    flat: Array = values.to_numpy(zero_copy_only=False)
    return flat.reshape(count, -1) if count else flat.reshape(0, 1)


def _is_list(kind: Any, types: Any) -> bool:
    return any(getattr(types, f"is_{name}")(kind) for name in ("list", "large_list", "fixed_size_list"))


def ordered(frames: Mapping[str, Array], rows: Mapping[str, Array], features: Mapping[str, Any]) -> dict[str, Array]:
    """Return the frames, episode by episode, each in the order of its frames.

    Raises:
        DataError: if a frame is there twice or is missing, or a column has another width than its shape.
    """
    frames = {name: values.ravel() if values.shape[1:] == (1,) else values for name, values in frames.items()}
    for name in ("episode_index", "frame_index"):
        if frames[name].dtype.kind not in "iu" or frames[name].ndim > 1:
            raise DataError(f"{name} is not a whole number in each frame; download it again")
    for name, values in frames.items():
        feature = features.get(name, {})
        if is_number(feature) and values.dtype == object:
            raise DataError(f"{name} has frames without a number, or of text; {INFO} says {feature['dtype']}")
        if is_number(feature) and values.size // max(len(values), 1) != width(feature):
            shape = f"{INFO} has the shape {feature.get('shape')}"
            raise DataError(
                f"{name} has {values.size // max(len(values), 1)} numbers in a frame, {shape}; download it again"
            )
    order = np.lexsort((frames["frame_index"], frames["episode_index"]))
    sorted_frames = {name: values[order] for name, values in frames.items()}
    episode, frame = sorted_frames["episode_index"], sorted_frames["frame_index"]
    if len(twice := np.flatnonzero((np.diff(episode) == 0) & (np.diff(frame) == 0))):
        where = f"frame {frame[twice[0]]} of episode {episode[twice[0]]}"
        also = f", as are {len(twice) - 1} other frames" if len(twice) > 1 else ""
        raise DataError(f"{where} is there twice{also}; download it again or delete the episode")
    for worst in (frame.min(initial=0), frame.max(initial=0)):
        if not 0 <= worst < LAST:
            raise DataError(
                f"there is a frame {worst} of an episode; they count from 0 to {LAST - 1:,}; download it again"
            )
    _check_lengths(episode, rows)
    return sorted_frames


def _check_lengths(episode: Array, rows: Mapping[str, Array]) -> None:
    own = rows["episode_index"]
    if own.dtype.kind not in "iu" or len(set(own.tolist())) < len(own):
        raise DataError(
            f"meta/episodes has {len(own)} episodes with {len(set(own.tolist()))} numbers; download it again"
        )
    numbers, counts = np.unique(episode, return_counts=True)
    count_of = dict(zip(numbers.tolist(), counts.tolist()))
    lengths = dict(zip(own.tolist(), rows.get(LENGTH, np.full(len(own), None)).tolist()))
    for number in sorted({*count_of, *lengths}):
        length = lengths.get(number, 0)
        if count_of.get(number, 0) != (count_of.get(number, 0) if length is None else length):
            raise DataError(
                f"episode {number} has {count_of.get(number, 0)} frames, meta/episodes says {length}; "
                "get the rest of its files, or the set again"
            )


def doubts(frames: Mapping[str, Array], rows: Mapping[str, Array], fps: float, columns: Iterable[str]) -> Iterator[str]:
    """Yield a note for each inconsistency in the frames, which are ordered, that does not prevent reading."""
    yield from _doubts_of_times(frames, fps)
    yield from _doubts_of_index(frames, rows)
    for column in sorted(columns):
        yield from _doubts_of_statistics(column, frames, rows)


def _doubts_of_times(frames: Mapping[str, Array], fps: float) -> Iterator[str]:
    times = frames.get(TIMESTAMP)
    if times is None or times.ndim > 1 or times.dtype.kind not in "fiu":
        yield f"there is no column {TIMESTAMP!r} of numbers; frames are taken to be 1 / {fps:g} s apart"
        return
    even = frames["frame_index"] / fps
    late = np.abs(times - even)
    wrong = ~(late <= 1e-4 + 1e-6 * np.abs(even))  # what LeRobot tolerates, and what float32 does
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        yield (
            f"{int(wrong.sum())} frames are not at frame_index / {fps:g} s by their {TIMESTAMP}, the first frame "
            f"{frames['frame_index'][first]} of episode {frames['episode_index'][first]} ({times[first]:g} s, not "
            f"{even[first]:g}), the greatest distance {np.nanmax(late):g} s; frame_index is what counts, as in LeRobot"
        )
    is_first = np.diff(frames["episode_index"], prepend=-1) != 0
    is_next = np.diff(frames["frame_index"], prepend=0) == 1
    if len(uneven := frames["episode_index"][np.where(is_first, frames["frame_index"] != 0, ~is_next)]):
        which = _some(dict.fromkeys(uneven.tolist()), "episode")
        yield f"the frame_index of {which} does not count 0, 1, 2, ...; where it jumps a gap is read"


def _doubts_of_index(frames: Mapping[str, Array], rows: Mapping[str, Array]) -> Iterator[str]:
    index = frames.get(INDEX)
    if index is None or FROM not in rows or TO not in rows or rows[FROM].dtype.kind not in "iuf":
        return
    numbers, first, counts = np.unique(frames["episode_index"], return_index=True, return_counts=True)
    begin = dict(zip(rows["episode_index"].tolist(), rows[FROM].tolist()))
    end = dict(zip(rows["episode_index"].tolist(), rows[TO].tolist()))
    wrong = []
    for number, start, count in zip(numbers.tolist(), first.tolist(), counts.tolist()):
        own = index[start : start + count]
        if not np.array_equal(own, np.arange(count) + begin[number]) or end[number] != begin[number] + count:
            wrong.append(number)
    if wrong:
        yield f"the index of {_some(wrong, 'episode')} is not from {FROM} to {TO}: LeRobot shows other frames there"


def _doubts_of_statistics(column: str, frames: Mapping[str, Array], rows: Mapping[str, Array]) -> Iterator[str]:
    """Yield a note on episodes whose numbers differ from their statistics: edited since, or damaged."""
    stored = {name: rows[key] for name in STATISTICS if (key := f"stats/{column}/{name}") in rows}
    if len(stored) < len(STATISTICS):
        return
    numbers, first = np.unique(frames["episode_index"], return_index=True)
    place = {number: i for i, number in enumerate(rows["episode_index"].tolist())}
    values = frames[column].reshape(len(frames[column]), -1).astype(np.float64)
    counts = np.diff([*first, len(values)])[:, None]
    own = {
        "min": np.minimum.reduceat(values, first),
        "max": np.maximum.reduceat(values, first),
        "mean": np.add.reduceat(values, first) / counts,
    }
    greatest = np.maximum(np.abs(own["min"]), np.abs(own["max"]))
    limit = {"min": EXACT * greatest, "max": EXACT * greatest, "mean": MEAN * np.sqrt(counts) * greatest}
    wrong = [
        number
        for i, number in enumerate(numbers.tolist())
        if any(_differs(stored[name][place[number]], own[name][i], limit[name][i]) for name in STATISTICS)
    ]
    if wrong:
        yield (
            f"{column} of {_some(wrong, 'episode')} has other numbers than its statistics in meta/episodes say: it was "
            "edited since, or is damaged"
        )


def _differs(stated: Any, own: Array, limit: Array) -> bool:
    """Return whether a statistic is stated, of as many numbers, and is further from ours than the limit."""
    try:
        values = np.asarray(stated, np.float64).ravel()
    except (TypeError, ValueError):
        return False
    is_stated = values.shape == own.shape and bool(np.isfinite(values).all())
    return is_stated and bool((np.abs(values - own) > limit + 1e-12).any())


def not_finite(frames: Mapping[str, Array], names: Sequence[str], places: Sequence[Place], values: Array) -> str | None:
    """Return where ``values`` (F, W), a component a column, are not finite numbers; None if they are everywhere."""
    wrong = np.argwhere(~np.isfinite(values))
    if not len(wrong):
        return None
    episodes = np.unique(frames["episode_index"][wrong[:, 0]]).tolist()
    examples = [
        f"episode {frames['episode_index'][row]}, frame {frames['frame_index'][row]}: {names[i]} "
        f"({places[i][0]}[{places[i][1]}]) is {values[row, i]:g}"
        for row, i in wrong[:SHOWN]
    ]
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    listed = f'"{episodes}"' if len(episodes) <= 4 * SHOWN else "..."
    count = f"{len(wrong)} numbers are" if len(wrong) > 1 else "1 number is"
    return (
        f"{count} not finite in float32: {'; '.join(examples)}{more}; download it again, or leave those episodes out: "
        f"lerobot-edit-dataset --operation.type delete_episodes --operation.episode_indices {listed}"
    )


def _some(numbers: Iterable[int], what: str) -> str:
    every = list(numbers)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return f"{what}{'s' * (len(every) > 1)} {', '.join(map(str, every[:SHOWN]))}{more}"
