# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Other people's learners find our tasks by gymnasium's names."""

from __future__ import annotations

import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv
from il_ros.sim.gym_registration import name_of

TASKS = tasks.available()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_made_by_its_name_and_passes_the_checker_of_gymnasium(task):
    with gymnasium.make(name_of(task), render_mode="rgb_array") as env, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="(?s).*observation space (minimum|maximum)")  # a place has no bounds
        warnings.filterwarnings("ignore", message="(?s).*symmetric and normalized")  # actions have units
        assert (env.unwrapped.task_name, env.render_mode) == (task, "rgb_array")
        check_env(env.unwrapped)


def test_names_are_those_that_are_published():
    assert {"fork": "il_ros/Fork-v0", "avoid": "il_ros/Avoid-v0", "trace": "il_ros/Trace-v0"}.items() <= {
        task: name_of(task) for task in TASKS
    }.items()
    assert name_of("pick_place") == "il_ros/PickPlace-v0"
    assert name_of("two_posts") == "il_ros/TwoPosts-v0"


def test_the_options_of_the_environment_are_passed_on():
    with gymnasium.make("il_ros/Trace-v0", task="trace:horizon_s=1", contract="panda_joints") as env:
        assert env.unwrapped.contract.name == "panda_joints"
        assert env.unwrapped.task.horizon_s == 1
        assert env.action_space.shape == (7,)


@pytest.mark.parametrize("task", ["avoid", "fork", "reach", "trace"])
def test_who_does_nothing_is_cut_short_at_the_limit_of_the_task(task):
    with gymnasium.make(name_of(task)) as env:
        env.reset(seed=0)
        steps, truncated = 0, False
        while not truncated:
            _, _, terminated, truncated, _ = env.step(np.zeros(env.action_space.shape))
            assert not terminated
            steps += 1
        assert steps == round(env.unwrapped.task.time_limit_s * env.unwrapped.contract.rate_hz)


def test_a_scripted_expert_is_reached_through_the_environment_and_succeeds():
    with gymnasium.make("il_ros/Fork-v0") as env:
        arm = env.unwrapped
        assert isinstance(arm, ArmEnv)
        env.reset(seed=3)
        expert = tasks.ScriptedExpert(arm.task, "left")
        expert.reset(arm.start)
        ended = False
        while not ended:
            _, reward, terminated, truncated, info = env.step(expert(arm.reading()))
            ended = terminated or truncated
        assert (reward, info["outcome"]) == (1.0, "success")


def elsewhere(code):
    """What a fresh Python prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.usefixtures("simulation")
def test_gymnasium_finds_them_without_an_import_when_the_module_is_named():
    code = "import gymnasium; print(gymnasium.make('il_ros.sim.gym_registration:il_ros/Avoid-v0').unwrapped.task_name)"
    assert elsewhere(code).split()[-1] == "avoid"


def test_registering_loads_neither_physics_nor_networks():
    heavy = "{'pybullet', 'torch', 'rclpy'}"
    assert elsewhere(f"import sys, il_ros.sim.gym_registration; print({heavy} & sys.modules.keys())").strip() == "set()"


def test_without_physics_everything_is_imported_and_only_who_simulates_is_refused():
    code = (
        "import sys; sys.modules['pybullet'] = None\n"
        "import il_ros.evaluation.rollouts\n"
        "from il_ros.core.errors import ConfigError\n"
        "from il_ros.sim.env import ArmEnv\n"
        "try: ArmEnv()\n"
        "except ConfigError as error: print(error)"
    )
    assert "needs PyBullet, which cannot be imported; il-ros doctor tells" in elsewhere(code)
