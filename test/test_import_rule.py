# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The import rule of the design, read off the syntax trees of all files, and its picture in the docs."""

import pytest

from tools.layers import LAYERS, MAY_IMPORT, PAGE, ROOT, area_of, files, violations, with_picture


@pytest.mark.parametrize("path", files())
def test_every_file_keeps_the_import_rule(path):
    assert violations(path, (ROOT / "il_ros" / path).read_text(encoding="utf-8")) == []


def test_every_file_belongs_to_an_area_and_every_area_to_a_layer():
    assert {area_of(path) for path in files()} - {"__init__"} == set(MAY_IMPORT)
    assert sorted(area for areas in LAYERS.values() for area in areas) == sorted(MAY_IMPORT)


def test_the_picture_in_the_docs_is_of_the_imports_that_there_are():
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_picture(page), "the picture is out of date: python -m tools.layers draws it"


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
