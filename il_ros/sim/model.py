"""Where the description of the simulated arm lies, for who draws it without simulating it."""

from __future__ import annotations

from pathlib import Path

import pybullet_data

URDF = Path(pybullet_data.getDataPath()) / "franka_panda" / "panda.urdf"
TOOL = "panda_grasptarget"
"""The link at the tool's tip."""
HANDLES = {"hand": "panda_hand", "elbow": "panda_link4"}
"""Where a hand can push the arm."""
