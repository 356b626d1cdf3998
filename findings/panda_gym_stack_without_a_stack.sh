#!/usr/bin/env bash
# panda-gym 3.0.7, PandaStack-v3: success, and the end of the episode, without a stack. `is_success` compares the six
# numbers of both cubes' places with their goals as one distance, below 0.1 m, where Reach, Push and PickAndPlace allow
# 0.05 m for three. The goals are 40 mm above each other, so both cubes may lie on the table, side by side, with 3 cm of
# air between them. What is counted as stacked may thus never have been lifted. Measured on 2026-11-30, Python 3.11.7,
# pybullet 3.2.7, gymnasium 1.4.0, 20 seeds, cubes put side by side, one step without motion:
#   success: 20 of 20, terminated: 20; the upper cube is at 20 mm, where its goal is at 60 mm
# Remedy for who measures stacking: `task.distance_threshold = 0.045`, or look at the height of the second cube.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q panda-gym==3.0.7 pybullet==3.2.7 gymnasium==1.4.0 numpy==2.4.0
cat > "$folder/stack.py" <<'P'
import sys

import gymnasium
import numpy as np
import panda_gym  # noqa: F401

env = gymnasium.make("PandaStack-v3")
still = np.zeros(4, dtype=np.float32)
found = []
for seed in range(20):
    env.reset(seed=seed)
    sim, task = env.unwrapped.sim, env.unwrapped.task
    goal = task.get_goal()
    beside = goal[:3] + [0.07, 0.0, 0.0]  # on the table, 3 cm of air between the two cubes
    for body, place in (("object1", goal[:3]), ("object2", beside)):
        sim.set_base_pose(body, place, np.array([0.0, 0.0, 0.0, 1.0]))
    seen, _, terminated, _, info = env.step(still)
    found.append((bool(info["is_success"]), bool(terminated), seen["achieved_goal"][5], seen["desired_goal"][5]))
env.close()
success, ended, height, wanted = zip(*found)
print(f"success: {sum(success)} of 20, terminated: {sum(ended)}; the upper cube is at {np.mean(height) * 1e3:.0f} mm, "
      f"where its goal is at {np.mean(wanted) * 1e3:.0f} mm")
sys.exit(not (all(success) and all(ended) and max(height) < 0.025))
P
env -u _ROS_WHEELS_BOOTSTRAP_COMPLETE -u PYTHONPATH timeout 240 "$folder/venv/bin/python" "$folder/stack.py" 2>/dev/null | grep -v "^argv\|^pybullet build"
