# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The import rule of the design, read off the syntax trees of all files."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

CORE = {"core"}
ROBOT = {"robot"}
PARTS = {"sim", "teleop", "policies", "gate", "recording", "web_ui"}
USERS = {"learning", "evaluation"}
TOPS = {"ros", "nodes", "launching", "cli"}

MAY_IMPORT = {
    "core": CORE,
    "robot": CORE | ROBOT,
    **{part: CORE | ROBOT | {part} for part in PARTS},
    **dict.fromkeys(USERS, CORE | ROBOT | PARTS | USERS),
    "ros": CORE | ROBOT | PARTS | USERS | {"ros"},
    "nodes": CORE | ROBOT | PARTS | USERS | {"ros", "nodes"},
    **dict.fromkeys(("launching", "cli"), CORE | ROBOT | PARTS | USERS | TOPS),
}
"""What each area of the package may import of it. Nothing below imports the ``TOPS``."""

ONLY_IN = {
    "rclpy": {"ros", "nodes"},
    "pybullet": {"sim"},
    "pybullet_data": {"sim"},
    "torch": {"policies", "learning"},
    **dict.fromkeys(("aiohttp", "viser", "websockets"), {"web_ui"}),
    "trimesh": {"robot", "web_ui"},
}
"""Where the heavy libraries may appear."""


def imported(source: str, package: str) -> Iterator[str]:
    """The full names of the modules that a file of ``package`` imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                yield str(node.args[0].value)


def violations(path: str, source: str) -> list[str]:
    """What a file at ``path`` below ``il_ros/`` imports against the rule."""
    area = path.removesuffix(".py").split("/")[0]
    package = ".".join(["il_ros", *path.split("/")[:-1]])
    found = []
    for name in imported(source, package):
        root, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if root == "il_ros" and target in MAY_IMPORT and target not in MAY_IMPORT.get(area, set()):
            found.append(f"il_ros/{path} imports {name}")
        if root in ONLY_IN and area not in ONLY_IN[root]:
            found.append(f"il_ros/{path} imports {name}, which belongs in {' and '.join(sorted(ONLY_IN[root]))}")
    return found


def files() -> list[str]:
    return sorted(str(path.relative_to(ROOT / "il_ros")) for path in (ROOT / "il_ros").rglob("*.py"))


@pytest.mark.parametrize("path", files())
def test_every_file_keeps_the_import_rule(path):
    assert violations(path, (ROOT / "il_ros" / path).read_text(encoding="utf-8")) == []


def test_every_file_belongs_to_an_area():
    areas = {path.removesuffix(".py").split("/")[0] for path in files()}
    assert areas - {"__init__"} <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/errors.py", "import il_ros.sim"),
        ("core/types.py", "from il_ros.policies.base import Policy"),
        ("sim/env.py", "from il_ros import gate"),
        ("gate/state_machine.py", "def f():\n    from il_ros.recording import bag"),
        ("recording/bag/reader.py", "from ...sim import env"),
        ("policies/mlp.py", "import importlib\nimportlib.import_module('il_ros.learning')"),
        ("learning/trainer.py", "from il_ros.ros import topics"),
        ("evaluation/report.py", "import il_ros.cli"),
        ("sim/tasks/fork.py", "from ...teleop import joy"),
        ("learning/trainer.py", "import rclpy"),
        ("cli/demo.py", "from rclpy.node import Node"),
        ("evaluation/rollouts.py", "import pybullet as p"),
        ("nodes/sim_node.py", "import pybullet"),
        ("nodes/policy_node.py", "from torch import nn"),
        ("cli/train.py", "import torch"),
    ],
)
def test_the_checker_catches_a_violation(path, source):
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/messages/chunks.py", "from il_ros.core.episode import Authority"),
        ("sim/env.py", "from .arm import Arm\nimport pybullet"),
        ("sim/tasks/fork.py", "from ..arm import Arm"),
        ("learning/trainer.py", "from il_ros.policies.base import Policy\nimport torch"),
        ("evaluation/rollouts.py", "from il_ros import gate, learning, sim"),
        ("nodes/gate_node.py", "import rclpy\nfrom il_ros.gate import state_machine"),
        ("cli/demo.py", "from il_ros.ros import topics\nimport numpy"),
    ],
)
def test_the_checker_lets_pass_what_is_allowed(path, source):
    assert violations(path, source) == []
