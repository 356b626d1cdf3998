# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The public names are those that are documented, and importing them costs only what they need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import il_ros
from il_ros import api
from il_ros.core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "rclpy", "pybullet", "numpy", "matplotlib", "aiohttp")


def loaded(code: str) -> set[str]:
    """Which heavy libraries an interpreter has imported after this code."""
    code += f"\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    child = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(child.stdout.split())


def test_importing_the_package_imports_no_heavy_library() -> None:
    assert loaded("import il_ros") == set()


def test_reading_bags_needs_neither_torch_nor_ros_nor_a_simulator() -> None:
    assert loaded("from il_ros import Contract, Episode, read_episode") <= {"numpy"}


def test_every_public_name_can_be_imported_and_is_declared_to_type_checkers() -> None:
    assert all(getattr(il_ros, name) is not None for name in il_ros.__all__)
    assert set(il_ros.__all__) <= set(dir(il_ros))
    tree = ast.parse(Path(il_ros.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    declared = {alias.asname or alias.name: node.module for node in block.body for alias in node.names}
    assert declared == il_ros._MODULES and sorted(declared) == il_ros.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Contrakt'"):
        il_ros.Contrakt  # noqa: B018


def test_no_episodes_are_refused() -> None:
    with pytest.raises(ConfigError, match="episodes is 0; it must be at least 1"):
        api.evaluate("nowhere", episodes=0)
    with pytest.raises(ConfigError, match="episodes is 0"):
        api.demonstrate("nowhere", episodes=0)
