# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The images of a LeRobot data set: AV1 as LeRobot 0.6 encodes it, or PNG in the table of frames, without loss.

Images pass one at a time, from the files that they are mapped from, so memory does not grow with an episode.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from il_ros.core.contract import ImageComponent
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.recording.export.base import library

COLUMN = "observation.images."
"""What stands before the name of the camera in the name of its column."""
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
CHUNK_FILES = 1000
"""Files in a folder, at most."""
CODEC, PIXELS = "libsvtav1", "yuv420p"
ENCODER = {"g": 2, "crf": 30, "preset": 12}
"""What LeRobot 0.6 sets: every second image is a key frame, so that single ones are found quickly."""
LEAST_PIXELS = 4
"""Narrower or lower images are refused by the encoder."""
LONGEST_S = 500.0
"""LeRobot compares times within a file in float32, to 0.1 ms, which after 1024 s is less than the distance of two
numbers: its reader then refuses its own videos. So a longer one continues in another file."""
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


def image_feature(camera: ImageComponent, dtype: str, fps: float) -> dict[str, Any]:
    """Return how ``info.json`` describes the images of a camera; ``dtype`` is ``video`` or ``image``."""
    shape = [camera.height, camera.width, 3]
    feature: dict[str, Any] = {"dtype": dtype, "shape": shape, "names": ["height", "width", "channels"]}
    if dtype == "video":
        feature["info"] = {
            "video.height": camera.height,
            "video.width": camera.width,
            "video.codec": "av1",
            "video.pix_fmt": PIXELS,
            "video.fps": int(fps) if fps.is_integer() else fps,
            "video.channels": 3,
            "has_audio": False,
            **{f"video.{option}": value for option, value in ENCODER.items()},
            "video.fast_decode": 0,
            "video.video_backend": "pyav",
            "video.extra_options": {},
            "is_depth_map": False,
        }
    return feature


class ImageStatistics:
    """Counts how often each channel has each of its 256 levels, of which all of LeRobot's statistics follow."""

    def __init__(self) -> None:
        self._levels = np.zeros((3, 256), dtype=np.int64)
        self._images = 0

    def add(self, image: Array) -> None:
        """Count one more image, (H, W, 3) uint8."""
        for channel, levels in enumerate(self._levels):
            levels += np.bincount(image[..., channel].ravel(), minlength=256)
        self._images += 1

    def counted(self, images: Iterable[Array]) -> Iterator[Array]:
        """Yield the images, and count each."""
        for image in images:
            self.add(image)
            yield image

    def merge(self, other: ImageStatistics) -> None:
        """Count the images that another one counted."""
        self._levels += other._levels
        self._images += other._images

    def statistics(self) -> dict[str, Any]:
        """Return minimum, maximum, mean, standard deviation and quantiles (3, 1, 1), from 0 to 1, and the count."""
        level, pixels = np.arange(256) / 255.0, self._levels.sum(axis=1)
        below = np.cumsum(self._levels, axis=1)
        mean = self._levels @ level / pixels
        whole = {
            "min": level[(self._levels > 0).argmax(axis=1)],
            "max": level[255 - (self._levels[:, ::-1] > 0).argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt((self._levels * (level - mean[:, None]) ** 2).sum(axis=1) / pixels),
        }
        whole |= {name: level[(below >= share * pixels[:, None]).argmax(axis=1)] for name, share in QUANTILES.items()}
        result = {name: values.reshape(3, 1, 1).tolist() for name, values in whole.items()}
        return {**result, "count": [self._images]}


class VideoWriter:
    """Writes the images of one camera, episode after episode, into files of at most ``LONGEST_S`` or one episode.

    Args:
        folder: of the data set.
        camera: whose images they are.
        fps: frames per second.

    Raises:
        ConfigError: if PyAV is not installed, or the images are too small for the encoder.
    """

    def __init__(self, folder: Path, camera: ImageComponent, fps: float) -> None:
        self._av = library("av")
        if min(camera.width, camera.height) < LEAST_PIXELS:
            raise ConfigError(
                f"camera {camera.name!r} has {camera.width} x {camera.height} pixels, the encoder of videos takes "
                f"{LEAST_PIXELS} x {LEAST_PIXELS} or more; export with --images lossless"
            )
        os.environ.setdefault("SVT_LOG", "1")  # errors alone: the encoder writes its settings to standard error
        self._folder, self._camera, self._fps = folder, camera, fps
        self._column = COLUMN + camera.name
        self._file, self._frames = -1, 0
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._finish()
        elif self._container is not None:
            self._container.close()

    def add(self, images: Iterable[Array], count: int) -> Mapping[str, Any]:
        """Write the ``count`` images of an episode; returns its columns of the table of episodes."""
        if self._container is None or (self._frames + count) / self._fps > LONGEST_S:
            self._finish()
            self._begin()
        first = self._frames
        for image in images:
            frame = self._av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = self._frames
            self._container.mux(self._stream.encode(frame))
            self._frames += 1
        chunk, file = divmod(self._file, CHUNK_FILES)
        columns: dict[str, float] = {"chunk_index": chunk, "file_index": file}
        columns |= {"from_timestamp": first / self._fps, "to_timestamp": self._frames / self._fps}
        return {f"videos/{self._column}/{name}": value for name, value in columns.items()}

    def _begin(self) -> None:
        self._file, self._frames = self._file + 1, 0
        chunk, file = divmod(self._file, CHUNK_FILES)
        path = self._folder / VIDEO_PATH.format(video_key=self._column, chunk_index=chunk, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {**{name: str(value) for name, value in ENCODER.items()}, "svtav1-params": "fast-decode=0"}
        rate = Fraction(self._fps).limit_denominator(1001)
        self._container = self._av.open(str(path), "w")
        self._stream = self._container.add_stream(CODEC, rate, options=options)
        self._stream.pix_fmt = PIXELS
        self._stream.width, self._stream.height = self._camera.width, self._camera.height
        self._stream.codec_context.time_base = 1 / rate

    def _finish(self) -> None:
        if self._container is not None:
            self._container.mux(self._stream.encode())
            self._container.close()
            self._container = None
