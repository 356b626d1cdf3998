#!/usr/bin/env bash
# LeRobot 0.4.4: of a number that never changed in a data set, NormalizerProcessorStep divides the difference from that by
# its eps of 1e-8, in both common modes (MEAN_STD: standard deviation 0; MIN_MAX: range 0), and clips nothing. In training
# the network sees 0 or -1 there. On the arm a joint that was not used in the demonstrations, or a height that was held, is
# never the same to the last bit: a count of a 4096-step encoder beside it is shown as a hundred thousand, and whatever the
# other numbers are, it decides what the policy does. 0.6.0 has the same lines. Who trains on such data: leave out features
# that never moved, or give them a standard deviation (and a range) by hand in the data set's stats. Statistics are
# LeRobot's own here. Seen here (2026-12-01), a joint that was at 0.5 rad in all of 100 frames:
#   MEAN_STD: shown 0 in training, and one count (1.5 mrad) beside it 153399
#   MIN_MAX: shown -1 in training, and one count (1.5 mrad) beside it 306796
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip"
"$pip" install -q torch==2.13.0 numpy==2.2.6 einops==0.8.2 safetensors==0.8.0 huggingface-hub==0.35.3 draccus==0.10.0 \
  datasets==4.8.4 pillow==12.3.0 accelerate==1.12.0 imageio==2.37.0 pyserial==3.5 deepdiff==8.6.1 gymnasium==1.2.3 \
  av==15.1.0 jsonlines==4.0.0
"$pip" install -q --no-deps lerobot==0.4.4 torchvision==0.25.0
cat > "$folder/constant.py" <<'P'
"""Normalise a joint that never moved, as it was in training and one count of its encoder beside that."""

import math
import sys

import numpy as np
import torch
from torch import library as operators

try:
    import torchvision  # noqa: F401
except RuntimeError:  # the index has its build for CUDA alone, whose operators do not load beside torch's for processors
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    for operator in ("nms", "qnms"):
        operators.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.datasets.compute_stats import compute_episode_stats
from lerobot.processor import NormalizerProcessorStep
from lerobot.processor.core import TransitionKey

STATE, COUNT = "observation.state", 2 * math.pi / 4096
seen = np.stack([np.linspace(-1.0, 1.0, 100), np.full(100, 0.5)], axis=1).astype(np.float32)
stats = compute_episode_stats({STATE: seen}, {STATE: {"dtype": "float32", "shape": (2,), "names": ["moves", "rests"]}})
shown = {}
for mode in (NormalizationMode.MEAN_STD, NormalizationMode.MIN_MAX):
    step = NormalizerProcessorStep(
        features={STATE: PolicyFeature(FeatureType.STATE, (2,))}, norm_map={FeatureType.STATE: mode}, stats=stats
    )
    values = []
    for beside in (0.0, COUNT):
        state = torch.tensor([[0.0, 0.5 + beside]], dtype=torch.float32)
        out = step({TransitionKey.OBSERVATION: {STATE: state}})
        values.append(float(out[TransitionKey.OBSERVATION][STATE][0, 1]))
    shown[mode.name] = values
    print(f"{mode.name}: shown {values[0]:.0f} in training, and one count ({1000 * COUNT:.1f} mrad) beside it {values[1]:.0f}")
sys.exit(not all(abs(before) <= 1 and beside > 1e5 for before, beside in shown.values()))
P
"$folder/venv/bin/python" "$folder/constant.py"
