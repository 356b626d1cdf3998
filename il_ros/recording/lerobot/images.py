# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The images of a LeRobot data set, in videos or in the table of frames, decoded once for a camera of the contract.

The column of a camera is ``observation.images.`` and its name; ``observation.image`` is that of a camera ``image``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.errors import DataError, MessageError
from il_ros.core.types import Array
from il_ros.recording.episodes.image_cache import FRAMES, cache_folder, make_once, states, write_head
from il_ros.recording.export.base import library
from il_ros.recording.export.lerobot import ABOUT, INFO
from il_ros.recording.export.lerobot_images import COLUMN, VIDEO_PATH
from il_ros.recording.lerobot.tables import LAST
from il_ros.recording.lerobot.videos import images_at

DTYPES = ("image", "video")
DIGESTS = "digests.npy"
PLACE = ("chunk_index", "file_index", "from_timestamp")
"""Columns of the table of episodes that say where the images of a camera are, behind ``videos/`` and its column."""
BATCH = 32
"""Rows of the table of frames that are read at once."""


@dataclass(frozen=True)
class CameraImages:
    """The images of one camera; row f of each array is that of frame f, in the order of the frames."""

    frames: Array
    """(F, H, W, 3) uint8, mapped from a file."""
    digests: Array
    """(F,) uint64, of each image."""


def columns_of(features: Mapping[str, Any], cameras: Sequence[ImageComponent]) -> dict[str, str]:
    """Return the column of each camera that has one, by the camera's name."""
    images = [column for column, feature in features.items() if feature.get("dtype") in DTYPES]
    choices = {
        c.name: [column for column in (COLUMN + c.name, f"observation.{c.name}") if column in images] for c in cameras
    }
    return {camera: columns[0] for camera, columns in choices.items() if columns}


def episode_columns(columns: Mapping[str, str]) -> list[str]:
    """Return the columns of the table of episodes that lead to the images of these columns."""
    return [f"videos/{column}/{name}" for column in columns.values() for name in PLACE]


def notes(features: Mapping[str, Any], contract: Contract) -> Iterator[str]:
    """Yield a note for each camera of the contract without images."""
    existing = [column for column, feature in features.items() if feature.get("dtype") in DTYPES]
    for camera in contract.images:
        if camera.name not in columns_of(features, [camera]):
            choices = ", ".join(existing) or "no images"
            yield f"there is no column {COLUMN + camera.name!r} for camera {camera.name!r}; there are {choices}"


def read_images(
    folder: Path, info: Mapping[str, Any], frames: Mapping[str, Array], rows: Mapping[str, Array], contract: Contract
) -> dict[str, CameraImages]:
    """Return the images of the frames, which are ordered, by the camera's name; they are decoded if they were not yet.

    Raises:
        DataError: if one is missing or damaged, is no picture in colours, or its crop is not the contract's.
        StorageError: if the cache cannot be written.
    """
    columns = columns_of(info["features"], contract.images)
    return {
        camera.name: _cached(folder, info, columns[camera.name], frames, rows, _uncropped(folder, camera))
        for camera in contract.images
        if camera.name in columns
    }


def _uncropped(folder: Path, camera: ImageComponent) -> ImageComponent:
    """Return the camera without its crop if the images were cropped before they were exported."""
    about = json.loads((folder / ABOUT).read_bytes()) if (folder / ABOUT).is_file() else {}
    exported = about.get("contract", {}).get("images", {}).get(camera.name, {}).get("crop", [])
    if exported and tuple(exported) != camera.crop:
        raise DataError(
            f"{folder}: the images of camera {camera.name!r} were cropped to {exported} when they were exported, the "
            f"contract has {list(camera.crop)}; use the same crop"
        )
    return dataclasses.replace(camera, crop=()) if exported else camera


def _cached(
    folder: Path,
    info: Mapping[str, Any],
    column: str,
    frames: Mapping[str, Array],
    rows: Mapping[str, Array],
    camera: ImageComponent,
) -> CameraImages:
    feature = info["features"][column]
    if 3 not in feature["shape"] or (feature.get("info") or {}).get("is_depth_map"):
        raise DataError(f"{folder}: {column} has the shape {feature['shape']}, not three colours; name another camera")
    is_video = feature["dtype"] == "video"
    parts = [INFO, "meta/episodes", "data", *([f"videos/{column}"] if is_video else [])]
    paths = sorted(path for part in parts for path in [folder / part, *(folder / part).rglob("*")] if path.is_file())
    form = (states(paths), column, camera.width, camera.height, list(camera.crop))
    made = cache_folder(folder, form)
    images = _in_videos(folder, info, column, frames, rows) if is_video else _in_table(folder, column, frames)
    make_once(made, lambda new: _write(new, images, len(frames["episode_index"]), camera))
    return CameraImages(np.load(made / FRAMES, mmap_mode="r"), np.load(made / DIGESTS))


def _write(folder: Path, images: Iterator[tuple[int, Array]], count: int, camera: ImageComponent) -> None:
    digests = np.zeros(count, dtype=np.uint64)
    is_written = np.zeros(count, dtype=np.bool_)
    with (folder / FRAMES).open("wb") as file:
        write_head(file, count, camera)
        begin = file.tell()
        for row, pixels in images:
            try:
                image = messages.fitted_image(pixels, camera).tobytes()
            except MessageError as error:
                raise DataError(f"{error}; leave it out where the images were cropped before") from error
            file.seek(begin + row * len(image))
            file.write(image)
            digests[row] = int.from_bytes(hashlib.blake2b(image, digest_size=8).digest(), "little")
            is_written[row] = True
    if not is_written.all():
        raise DataError(f"{int((~is_written).sum())} of {count} frames have no image of camera {camera.name!r}")
    np.save(folder / DIGESTS, digests)


def _in_videos(
    folder: Path, info: Mapping[str, Any], column: str, frames: Mapping[str, Array], rows: Mapping[str, Array]
) -> Iterator[tuple[int, Array]]:
    """Yield the number of each frame and its image, episode by episode."""
    numbers, begins, counts = np.unique(frames["episode_index"], return_index=True, return_counts=True)
    row_of = {number: row for row, number in enumerate(rows["episode_index"].tolist())}
    if missing := [name for name in episode_columns({"": column}) if name not in rows]:
        raise DataError(f"meta/episodes lacks {', '.join(missing)}, so its videos cannot be used; download it again")
    for number, begin, count in zip(numbers.tolist(), begins.tolist(), counts.tolist()):
        chunk, file, start = (rows[name][row_of[number]] for name in episode_columns({"": column}))
        template = info.get("video_path") or VIDEO_PATH
        path = folder / template.format(video_key=column, chunk_index=int(chunk), file_index=int(file))
        times = float(start) + frames["frame_index"][begin : begin + count] / info["fps"]
        yield from enumerate(images_at(path, times.tolist()), begin)


def _in_table(folder: Path, column: str, frames: Mapping[str, Array]) -> Iterator[tuple[int, Array]]:
    """Yield the number of each frame and its image, in the order of the files."""
    parquet, pyarrow = library("pyarrow.parquet"), library("pyarrow")
    names = ["episode_index", "frame_index", column]
    keys = frames["episode_index"].astype(np.int64) * LAST + frames["frame_index"]
    for path in sorted((folder / "data").glob("*/*.parquet")):
        try:
            with parquet.ParquetFile(path, page_checksum_verification=True) as file:
                for batch in file.iter_batches(BATCH, columns=names):
                    episode, frame, images = (batch.column(name) for name in names)
                    own = episode.to_numpy().astype(np.int64) * LAST + frame.to_numpy()
                    for row, packed in zip(np.searchsorted(keys, own).tolist(), images.field("bytes")):
                        yield row, messages.unpacked_image(packed.as_py())
        except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, MessageError) as error:
            raise DataError(
                f"{path} has an image of {column} that cannot be read ({error}); download it again"
            ) from error
