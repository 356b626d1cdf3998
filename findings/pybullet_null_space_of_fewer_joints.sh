#!/usr/bin/env bash
# PyBullet 3.2.7 (wheel, CPython 3.11): calculateInverseKinematics takes lowerLimits, upperLimits, jointRanges and restPoses
# for null-space control. Of lists with one number for each of an arm's seven joints it makes no use, without an error, if
# the model has further movable joints, such as the fingers of a gripper: the result is that of a call without them, to the
# last bit. Lists of all nine joints change it. Whoever fits a gripper loses the null space in silence. Seen here (2026-11-30):
#   movable joints: 9
#   lists of 7 change the result by 0.000 rad, lists of 9 by 0.104 rad
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pybullet==3.2.7 numpy==2.4.0
cat > "$folder/null_space.py" <<'P'
import sys

import numpy as np
import pybullet as p
import pybullet_data

p.connect(p.DIRECT)
p.setAdditionalSearchPath(pybullet_data.getDataPath())
arm = p.loadURDF("franka_panda/panda.urdf", useFixedBase=True)
start = [0.0, 0.2, 0.0, -2.2, 0.0, 2.4, 0.785, 0.0, 0.0]
posture = [1.0, 0.8, -1.0, -1.5, 1.0, 2.0, 0.0, 0.0, 0.0]
movable = [j for j in range(p.getNumJoints(arm)) if p.getJointInfo(arm, j)[2] != p.JOINT_FIXED]


def solve(count):
    for joint, angle in zip(movable, start):
        p.resetJointState(arm, joint, angle)
    lists = dict(lowerLimits=[-2.9] * count, upperLimits=[2.9] * count, jointRanges=[5.8] * count, restPoses=posture[:count])
    options = {"maxNumIterations": 200, "residualThreshold": 1e-7, **(lists if count else {})}
    return np.array(p.calculateInverseKinematics(arm, 11, [0.4, 0.1, 0.4], [1.0, 0.0, 0.0, 0.0], **options))


seven, nine = (float(np.abs(solve(count) - solve(0)).max()) for count in (7, 9))
print(f"movable joints: {len(movable)}")
print(f"lists of 7 change the result by {seven:.3f} rad, lists of 9 by {nine:.3f} rad")
sys.exit(not (seven == 0.0 and nine > 0.01))
P
env -u _ROS_WHEELS_BOOTSTRAP_COMPLETE -u PYTHONPATH timeout 120 "$folder/venv/bin/python" "$folder/null_space.py"
