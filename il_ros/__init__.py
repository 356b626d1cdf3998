# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Imitation learning on a robot arm, as ordinary ROS 2 nodes.

The names below are the public interface. Each is imported from its module when it is first used, so that
``import il_ros`` itself imports neither torch nor ROS 2 nor the simulator.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from il_ros.api import demonstrate, evaluate, train
    from il_ros.core.contract import Contract
    from il_ros.core.episode import Authority, Episode
    from il_ros.core.errors import IlRosError
    from il_ros.learning.checkpoint import Checkpoint
    from il_ros.learning.checkpoint import load as load_checkpoint
    from il_ros.learning.inference import PolicyRunner
    from il_ros.policies.base import Policy, PolicyConfig
    from il_ros.recording.episodes.reader import read_episode
    from il_ros.sim.env import ArmEnv
    from il_ros.sim.tasks.base import Task
    from il_ros.teleop.base import Device

__version__ = "0.1.0"
__all__ = [
    "ArmEnv",
    "Authority",
    "Checkpoint",
    "Contract",
    "Device",
    "Episode",
    "IlRosError",
    "Policy",
    "PolicyConfig",
    "PolicyRunner",
    "Task",
    "demonstrate",
    "evaluate",
    "load_checkpoint",
    "read_episode",
    "train",
]

_MODULES = {
    "ArmEnv": "il_ros.sim.env",
    "Authority": "il_ros.core.episode",
    "Checkpoint": "il_ros.learning.checkpoint",
    "Contract": "il_ros.core.contract",
    "Device": "il_ros.teleop.base",
    "Episode": "il_ros.core.episode",
    "IlRosError": "il_ros.core.errors",
    "Policy": "il_ros.policies.base",
    "PolicyConfig": "il_ros.policies.base",
    "PolicyRunner": "il_ros.learning.inference",
    "Task": "il_ros.sim.tasks.base",
    "demonstrate": "il_ros.api",
    "evaluate": "il_ros.api",
    "load_checkpoint": "il_ros.learning.checkpoint",
    "read_episode": "il_ros.recording.episodes.reader",
    "train": "il_ros.api",
}
"""Where each public name is defined."""
_RENAMED = {"load_checkpoint": "load"}


def __getattr__(name: str) -> Any:
    """Import a public name from its module (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), _RENAMED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
