#!/usr/bin/env bash
# PyBullet 3.2.7 (wheel, CPython 3.11), software renderer: light options of one call of getCameraImage hold for every later
# call that does not give them, also after resetSimulation. So two cameras of one scene change each other's pictures, and
# pictures of a policy's rollouts are not those that it was trained on, if anybody drew one otherwise between. Whoever wants
# repeatable pictures passes all of them in every call. Seen here (2026-11-30), a red box:
#   with other light: another picture; then without options: that of the other light; after resetSimulation: that one still
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pybullet==3.2.7 numpy==2.4.0
cat > "$folder/light.py" <<'P'
import sys

import numpy as np
import pybullet as p

p.connect(p.DIRECT)
view = p.computeViewMatrix([0.3, 0.3, 0.3], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0])
lens = p.computeProjectionMatrixFOV(60.0, 1.0, 0.05, 2.0)


def box():
    shape = p.createVisualShape(p.GEOM_BOX, halfExtents=[0.05] * 3, rgbaColor=[1.0, 0.0, 0.0, 1.0])
    p.createMultiBody(0, -1, shape)


def picture(**light):
    image = p.getCameraImage(64, 64, view, lens, renderer=p.ER_TINY_RENDERER, **light)
    return np.reshape(image[2], (64, 64, 4)).copy()


box()
plain, other, after = picture(), picture(lightAmbientCoeff=0.1, lightDiffuseCoeff=0.1), picture()
p.resetSimulation()
box()
reset = picture()
facts = [not np.array_equal(plain, other), np.array_equal(after, other), np.array_equal(reset, other)]
words = [("another picture", "the same"), ("that of the other light", "the first"), ("that one still", "the first")]
said = [pair[not fact] for fact, pair in zip(facts, words)]
print(f"with other light: {said[0]}; then without options: {said[1]}; after resetSimulation: {said[2]}")
sys.exit(not all(facts))
P
env -u _ROS_WHEELS_BOOTSTRAP_COMPLETE -u PYTHONPATH timeout 120 "$folder/venv/bin/python" "$folder/light.py"
