# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstrations with pictures that every image training of the bench learns from, in the files of each project.

Run as ``python -m benchmarks.image_data FORMAT FOLDER`` it writes them, so that who trains need not have held them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.transitions import Array, transitions

IMAGES, LENGTH, SIZE, RATE = 20, 100, 96, 10
"""Episodes, steps of each, pixels on a side, Hz."""
NOISE = 2
"""Levels up to which a pixel differs by chance, as a sensor's do."""


def episodes() -> Iterator[tuple[Array, Array, Array]]:
    """Yield (T, Do) observations, (T, Da) actions and (T, H, W, 3) uint8 pictures of each episode; ever the same."""
    observations, actions = transitions()
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    table = np.stack([150 + 40 * np.sin(rows / 30 + k) + 30 * np.cos(columns / 25 - k) for k in range(3)], axis=2)
    for start in range(0, IMAGES * LENGTH, LENGTH):
        steps = slice(start, start + LENGTH)
        noise = rng.integers(-NOISE, NOISE + 1, (LENGTH, SIZE, SIZE, 3))
        pictures = np.clip(table + noise, 0, 255).astype(np.uint8)
        for picture, place in zip(pictures, (40 + 30 * observations[steps, :2]).astype(int)):
            picture[place[0] : place[0] + 12, place[1] : place[1] + 12] = (200, 60, 30)
        yield observations[steps], actions[steps], pictures


def mapped(folder: Path) -> None:
    """Write one array of pictures an episode, which our training maps as it maps its cache."""
    for number, (_, _, pictures) in enumerate(episodes()):
        np.save(folder / f"{number:03}.npy", pictures)


def robomimic(folder: Path) -> None:
    """Write robomimic's HDF5, with the observation of its image configuration."""
    import h5py

    from benchmarks.robomimic_bc import PARTS

    ends = np.cumsum([0, *PARTS.values()])
    with h5py.File(folder / "images.hdf5", "w") as file:
        for number, (observations, actions, pictures) in enumerate(episodes()):
            demo = file.create_group(f"data/demo_{number}")
            demo.attrs["num_samples"] = LENGTH
            demo["actions"], demo["obs/front_image"] = actions, pictures
            demo["rewards"] = demo["dones"] = np.zeros(LENGTH, dtype=np.float32)
            for name, start, stop in zip(PARTS, ends, ends[1:]):
                demo[f"obs/{name}"] = observations[:, start:stop]


def lerobot(folder: Path) -> None:
    """Write a data set by LeRobot's own writer, its pictures lossless, as PNG."""
    from benchmarks.robomimic_bc import mend_torchvision

    mend_torchvision()
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    axes = ["height", "width", "channels"]
    picture = {"dtype": "image", "shape": (SIZE, SIZE, 3), "names": axes}
    features = {
        "observation.state": {"dtype": "float32", "shape": (19,), "names": None},
        "action": {"dtype": "float32", "shape": (7,), "names": None},
        "observation.images.front": picture,
    }
    made: Any = LeRobotDataset.create("il_ros/bench", RATE, features, root=folder / "data", use_videos=False)
    for observations, actions, pictures in episodes():
        for state, action, image in zip(observations, actions, pictures):
            frame = {"observation.state": state, "action": action, "observation.images.front": image}
            made.add_frame({**frame, "task": "push"})
        made.save_episode()
    made.finalize()


WRITERS: dict[str, Callable[[Path], None]] = {"mapped": mapped, "robomimic": robomimic, "lerobot": lerobot}


def written(name: str) -> Path:
    """Let another process write the demonstrations in the format ``name``, once; return the folder."""
    folder = Path(tempfile.gettempdir()) / f"il_ros_bench_{name}"
    if not (folder / "complete").exists():
        folder.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "benchmarks.image_data", name, str(folder)], check=True)
        (folder / "complete").touch()
    return folder


if __name__ == "__main__":
    WRITERS[sys.argv[1]](Path(sys.argv[2]))
