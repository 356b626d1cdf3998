"""What is known of the simulated arm without simulating it: its description, for who draws it, and its names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pybullet_data

JOINT_NAMES = tuple(f"panda_joint{i}" for i in range(1, 8))
REST = np.array([0.0, 0.2, 0.0, -2.2, 0.0, 2.4, 0.785])
"""A comfortable elbow-up posture, rad, from which inverse kinematics starts."""

URDF = Path(pybullet_data.getDataPath()) / "franka_panda" / "panda.urdf"
TOOL = "panda_grasptarget"
"""The link at the tool's tip."""
HANDLES = {"hand": "panda_hand", "elbow": "panda_link4"}
"""Where a hand can push the arm."""
