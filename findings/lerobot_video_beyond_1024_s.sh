#!/usr/bin/env bash
# LeRobot 0.4.4 (and 0.6.1, whose lines are the same): an image of a video is found by its time within the file, and both
# times, the one asked for and the one decoded, are compared as float32 (torch.tensor of Python floats), to 0.1 ms. From
# 1024 s on two float32 numbers are 0.12 ms apart: where the two round to different sides, the image is refused. The
# recorder appends episodes to one file until it has 200 MB, which small images reach after hours, so a data set that
# LeRobot wrote itself ends a training in the middle of an epoch. Seen here (2026-11-30), at 15 images a second:
#   before 1024 s: 0 of 120 images from 800.0 s on are refused
#   after 1024 s: 13 of 120 images from 1126.7 s on are refused
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip"
"$pip" install -q torch==2.13.0 numpy==2.2.6 av==15.1.0 datasets==4.8.4 pyarrow==25.0.1 pillow==12.3.0
"$pip" install -q --no-deps lerobot==0.4.4 torchvision==0.25.0
cat > "$folder/long_video.py" <<'P'
"""Write a video of 1500 s with PyAV and let LeRobot's decoder look for each image where LeRobot's own table says it is."""

import os
import sys

import av
import numpy as np
from torch import library as operators

try:
    import torchvision  # noqa: F401
except RuntimeError:  # the index has its build for CUDA alone, whose operators do not load beside torch's for processors
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    for operator in ("nms", "qnms"):
        operators.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
from lerobot.datasets.video_utils import decode_video_frames

FPS, LENGTH, FRAMES = 15, 3000, 22_500  # episodes of 200 s
path = os.path.join(sys.argv[1], "long.mp4")
with av.open(path, "w") as container:
    stream = container.add_stream("mpeg4", FPS, options={"g": "2"})
    stream.width = stream.height = 16
    for _ in range(FRAMES):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
    container.mux(stream.encode())


def is_found(index):
    """Look for an image as LeRobotDataset does: from_timestamp of the episode and the float32 column timestamp."""
    episode, frame = divmod(index, LENGTH)
    time = episode * LENGTH / FPS + float(np.float32(frame / FPS))
    try:
        decode_video_frames(path, [time], 1e-4, "pyav")
    except (AssertionError, ValueError):  # FrameTimestampError is a ValueError
        return False
    return True


results = {}
for name, first in (("before 1024 s", 12_000), ("after 1024 s", 16_900)):
    found = [is_found(index) for index in range(first, first + 120)]
    results[name] = found.count(False)
    print(f"{name}: {found.count(False)} of {len(found)} images from {first / FPS:.1f} s on are refused")
sys.exit(not (results["before 1024 s"] == 0 and results["after 1024 s"] > 0))
P
OMP_NUM_THREADS=1 "$folder/venv/bin/python" -W ignore "$folder/long_video.py" "$folder"
