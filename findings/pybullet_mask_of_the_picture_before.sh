#!/usr/bin/env bash
# PyBullet 3.2.7 (wheel, CPython 3.11), software renderer: getCameraImage with the flag ER_NO_SEGMENTATION_MASK does not
# return an empty mask: it returns that of the picture before, which shows where things were then. Whoever reads it takes
# an old mask for a new one. Seen here (2026-11-30), a box that has moved by 0.14 m between two pictures:
#   with the flag: the mask of the picture before; without it: another one
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pybullet==3.2.7 numpy==2.4.0
cat > "$folder/mask.py" <<'P'
import sys

import numpy as np
import pybullet as p

p.connect(p.DIRECT)
view = p.computeViewMatrix([0.3, 0.3, 0.3], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0])
lens = p.computeProjectionMatrixFOV(60.0, 1.0, 0.05, 2.0)
shape = p.createVisualShape(p.GEOM_BOX, halfExtents=[0.05] * 3, rgbaColor=[1.0, 0.0, 0.0, 1.0])
body = p.createMultiBody(0, -1, shape)


def mask(**options):
    return np.reshape(p.getCameraImage(64, 64, view, lens, renderer=p.ER_TINY_RENDERER, **options)[4], (64, 64)).copy()


before = mask()
p.resetBasePositionAndOrientation(body, [0.1, -0.1, 0.0], [0.0, 0.0, 0.0, 1.0])
flagged, now = mask(flags=p.ER_NO_SEGMENTATION_MASK), mask()
same, changed = np.array_equal(before, flagged), not np.array_equal(before, now)
print(f"with the flag: {'the mask of the picture before' if same else 'another one'}; "
      f"without it: {'another one' if changed else 'the same'}")
sys.exit(not (same and changed))
P
env -u _ROS_WHEELS_BOOTSTRAP_COMPLETE -u PYTHONPATH timeout 120 "$folder/venv/bin/python" "$folder/mask.py"
