# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The plugins that the page about extending shows work as they are, from a package of one's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from il_ros import teleop
from il_ros.core.contract import Contract
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.policies.base import create
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
CONTRACT = Contract.load("panda_plane")
STEP_NS = 50_000_000


@pytest.fixture(autouse=True, scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make ``my_package`` of the page's programs, each under the file name above it."""
    folder = tmp_path_factory.mktemp("path") / "my_package"
    folder.mkdir()
    shown = re.findall(r"^`(\w+\.py)`, then.*?^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert {name for name, _ in shown} == {"median.py", "slalom.py", "sticky.py", "spacenav.py"}
    for name, text in shown:
        (folder / name).write_text(text, encoding="utf-8")
    sys.path.insert(0, str(folder.parent))
    yield
    sys.path.remove(str(folder.parent))


def test_the_policy_learns() -> None:
    policy = create("my_package.median", {"observation_dim": 4, "action_dim": 2, "width": 8, "depth": 1}, seed=0)
    draws = torch.Generator()
    observations, actions, mask = torch.zeros(3, 2, 4), torch.ones(3, 16, 2), torch.ones(3, 16)
    loss = policy.loss(observations, actions, mask, draws)
    assert loss.shape == (3,) and policy.sample(observations, draws).shape == actions.shape
    loss.mean().backward()
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in policy.parameters())


def test_the_task_is_done_by_each_of_its_experts_in_a_way_of_its_own() -> None:
    env = ArmEnv("my_package.slalom", CONTRACT)
    ways = set()
    for name in env.task.experts:
        setup = teleop.Setup(CONTRACT, tasks.ScriptedExpert(env.task, name), env.task.clearance)
        rollout = run_episode(
            env, Gate(CONTRACT, GateConfig(rule="demonstration")), 0, expert=teleop.load("scripted", setup)
        )
        assert rollout.success, name
        ways.add(rollout.way)
    assert len(ways) == env.task.ways
    env.close()


def test_the_rule_lets_the_expert_take_over_once() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="my_package.sticky"))
    assert gate.rule.sources == ("policy", "expert")


def test_the_device_drives_while_the_cap_is_touched() -> None:
    device = teleop.load("my_package.spacenav", teleop.Setup(CONTRACT))
    reading = SimpleNamespace(tool_position=np.zeros(3), objects=np.zeros((0, 3)))
    for number, x in enumerate((0.0, 1.0)):  # it must be seen let go first
        twist = SimpleNamespace(linear=SimpleNamespace(x=x, y=0.0, z=0.0))
        device.hear("spacenav/twist", twist, number * STEP_NS)
    answer = device.answer(reading, STEP_NS)
    assert answer.engaged and np.allclose(answer.action, [0.2, 0.0])
