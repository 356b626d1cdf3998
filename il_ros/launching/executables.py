# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The executables of il_ros: each module of ``il_ros/nodes`` is one, so the folder is the list."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "nodes"
EXECUTABLES = tuple(sorted(path.stem for path in FOLDER.glob("*_node.py")))
