# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The images of a bag or data set, decoded once as the policy sees them and kept in files that are mapped into memory.

They lie in ``.images`` in its folder, or in the folder that the environment variable ``IL_ROS_CACHE`` names. They
may be removed at any time: the bag is what counts.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np

from il_ros.core import messages
from il_ros.core.atomic_io import storage_errors, written_whole
from il_ros.core.contract import ImageComponent
from il_ros.core.episode import ImageTrack
from il_ros.core.errors import MessageError
from il_ros.core.types import Array
from il_ros.recording.bag.files import located
from il_ros.recording.bag.reader import CACHE, BagReader

FORM = 1
"""Of the cache; another one is made again."""
VARIABLE = "IL_ROS_CACHE"
FRAMES, ROWS, NOTES = "frames.npy", "rows.npy", "notes.json"


@dataclass(frozen=True)
class CachedImages:
    """The images of one camera in a bag; row k of every array is the same image, in the order of recording."""

    frames: Array
    """(K, H, W, 3) uint8, mapped from a file."""
    stamps_ns: Array
    log_time_ns: Array
    publish_time_ns: Array
    order: Array
    is_repeated: Array
    """Whether it equals the one before."""
    malformed: int
    """How many more could not be decoded."""
    trouble: str
    """What was wrong with the first of these."""

    def track(self, steps_ns: Array, component: ImageComponent) -> ImageTrack:
        """Return which image belongs to each step, by the stamps of both."""
        return ImageTrack(self.frames, messages.aligned(self.stamps_ns, steps_ns, component.stale_ns))

    def facts(self, track: ImageTrack) -> dict[str, int | float | str]:
        """Return what the facts of an episode say of a camera."""
        result: dict[str, int | float | str] = {
            "images": len(self.frames),
            "steps_without": int((track.index < 0).sum()),
            "longest_repeated_s": round(self._longest_repeated_ns() / 1e9, 3),
        }
        return {**result, "malformed": self.malformed, "trouble": self.trouble} if self.malformed else result

    def _longest_repeated_ns(self) -> int:
        """Return for how long at most all images were equal, by their stamps."""
        begins = np.flatnonzero(~self.is_repeated)
        ends = np.append(begins[1:], len(self.is_repeated)) - 1
        return int((self.stamps_ns[ends] - self.stamps_ns[begins]).max(initial=0)) if len(begins) else 0


def cached_images(reader: BagReader, topic: str, component: ImageComponent) -> CachedImages:
    """Return the images of a recorded topic; they are decoded if that has not been done before.

    Raises:
        DataError: if the bag is damaged.
        StorageError: if the cache cannot be written.
    """
    component = messages.as_recorded(component, reader.types[topic])
    folder = cache_folder(_folder(reader), _form(reader, topic, component))
    make_once(folder, lambda made: _write(_Decoder(reader, topic, component), component, made))
    rows, notes = np.load(folder / ROWS), json.loads((folder / NOTES).read_text())
    frames = np.load(folder / FRAMES, mmap_mode="r") if len(rows) else np.load(folder / FRAMES)
    stamps, log_times, published, order, is_repeated = rows.T
    is_repeated = is_repeated.astype(np.bool_)
    return CachedImages(frames, stamps, log_times, published, order, is_repeated, **notes)


def cache_folder(recording: Path, form: Sequence[object]) -> Path:
    """Return the folder of the images of a recording; ``form`` says of what they are made and how, as JSON can."""
    root = Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else recording / CACHE
    return root / blake2b(json.dumps((FORM, *form)).encode(), digest_size=16).hexdigest()


def make_once(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a folder that appears whole, unless it exists.

    Raises:
        StorageError: if it cannot be written.
    """
    if folder.is_dir():
        return
    remedy = f"set {VARIABLE} to a folder that can be written, with room for the decoded images"
    unfinished = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")  # others may be making it, too
    with storage_errors(folder.parent, remedy):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with written_whole(folder, unfinished) as made:
                made.mkdir()
                write(made)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise


def states(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Return path, size and time of change of files, of which another content would change one."""
    known = [(path.resolve(), path.stat()) for path in paths]
    return [(str(path), state.st_size, state.st_mtime_ns) for path, state in known]


def write_head(file: BinaryIO, count: int, component: ImageComponent) -> None:
    """Write what stands before the images in a file of numpy's; it is as long for any count."""
    shape = (count, component.height, component.width, 3)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _folder(reader: BagReader) -> Path:
    return reader.path if reader.path.is_dir() else reader.path.parent


def _form(reader: BagReader, topic: str, component: ImageComponent) -> Sequence[object]:
    """Return what stands for the content of the bag and how its images are decoded."""
    content: object = reader.contents.facts.get("digest")
    if not isinstance(content, str):
        content = states(located(_folder(reader), name) for name in reader.contents.files)
    return (content, topic, component.type, component.width, component.height, list(component.crop))


def _write(decoder: _Decoder, component: ImageComponent, folder: Path) -> None:
    rows: list[tuple[int, ...]] = []
    before: Array | None = None
    with (folder / FRAMES).open("wb") as file:
        write_head(file, 0, component)
        for image, row in decoder:
            file.write(image.tobytes())
            rows.append((*row, int(before is not None and np.array_equal(image, before))))
            before = image
        file.seek(0)
        write_head(file, len(rows), component)
    np.save(folder / ROWS, np.array(rows, np.int64).reshape(len(rows), 5))
    notes = {"malformed": decoder.malformed, "trouble": decoder.trouble}
    (folder / NOTES).write_text(json.dumps(notes))


class _Decoder:
    """Decodes the images of a topic one by one, and counts those that are none."""

    def __init__(self, reader: BagReader, topic: str, component: ImageComponent) -> None:
        self._reader, self._topic, self._component = reader, topic, component
        self.malformed, self.trouble = 0, ""

    def __iter__(self) -> Iterator[tuple[Array, tuple[int, int, int, int]]]:
        """Yield image, stamp, times of recording and publication, and order of each."""
        for _, block in self._reader.blocks({self._topic}):
            published = block.publish_time_ns
            for row in range(len(block.at)):
                data = block.message(row)
                try:
                    image = messages.decoded_image(data, self._component)
                except MessageError as error:
                    self.malformed, self.trouble = self.malformed + 1, self.trouble or str(error)
                    continue
                times = (int(block.log_time_ns[row]), int(published[row]), int(block.order[row]))
                yield image, (messages.serialized_stamp_ns(data), *times)
