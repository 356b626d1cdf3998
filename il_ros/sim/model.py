"""What is known of the simulated arm without simulating it: its description, for who draws it, and its names."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

JOINT_NAMES = tuple(f"panda_joint{i}" for i in range(1, 8))
REST = np.array([0.0, 0.2, 0.0, -2.2, 0.0, 2.4, 0.785])
"""A comfortable elbow-up posture, rad, from which inverse kinematics starts."""

_DATA = find_spec("pybullet_data")
URDF = Path(_DATA.origin if _DATA and _DATA.origin else "pybullet_data/absent").parent / "franka_panda" / "panda.urdf"
"""It comes with PyBullet; without that there is none, but a real arm brings its own."""
TOOL = "panda_grasptarget"
"""The link at the tool's tip."""
HANDLES = {"hand": "panda_hand", "elbow": "panda_link4"}
"""Where a hand can push the arm."""
