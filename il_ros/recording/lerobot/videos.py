# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Single images of the videos of a LeRobot data set, by their times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.export.base import library

TOLERANCE_S = 1e-4
"""How far an image may be from its time; LeRobot's own tolerance."""


def images_at(path: Path, times_s: Sequence[float]) -> Iterator[Array]:
    """Yield the image (H, W, 3) uint8 of a video at each of the times, which increase, in seconds.

    Raises:
        ConfigError: if PyAV is not installed.
        DataError: if the video is missing or damaged, or has no image at one of the times.
    """
    av = library("av")
    if not path.is_file():
        raise DataError(f"{path} does not exist; get the rest of its files, or use a contract without its camera")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            container.seek(max(0, round(times_s[0] / stream.time_base) - 1), stream=stream)  # to a key frame before
            yield from _chosen(path, container.decode(stream), times_s)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise DataError(f"{path} cannot be read as a video ({error}); download it again") from error


def _chosen(path: Path, frames: Iterator[Any], times_s: Sequence[float]) -> Iterator[Array]:
    frame: Any = None
    at = -np.inf
    for time in times_s:
        while at < time - TOLERANCE_S:
            frame = next(frames, None)
            if frame is None:
                raise DataError(f"{path} ends before {time:.4f} s, where it should have an image; download it again")
            at = frame.time if frame.time is not None else at
        if at > time + TOLERANCE_S:
            raise DataError(f"{path} has no image at {time:.4f} s, the next is at {at:.4f} s; download it again")
        if frame.is_corrupt:
            raise DataError(f"{path} has a damaged image at {time:.4f} s; download it again")
        yield frame.to_ndarray(format="rgb24")
