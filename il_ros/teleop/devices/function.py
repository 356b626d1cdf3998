# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A function as an expert: a script, or a trained model, called for an action at every step.

It is given what the environment sees. Behind ``gym_node`` that is gymnasium's observation, an array or a dict of
arrays, in float64; with any other contract it is the observation that the contract makes, (Do,) float32.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from il_ros.core import messages
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.schema import build
from il_ros.core.types import EpisodeStart, ExpertAction, RobotState, ToolCommand
from il_ros.teleop.base import Device, Setup

NAMED = {"observation": "sensor_msgs/msg/JointState"}
"""The topics of a contract whose numbers come with the paths that they have in gymnasium's observation."""


@dataclass(frozen=True)
class Options:
    """Whom to ask."""

    expert: str
    """``package.module:function``; if it has a ``reset``, that is called with the seed when an episode begins. Empty
    where there is nobody, as in a rollout: the device never drives."""


class Function(Device):
    """Demonstrates, and labels whatever state it is shown."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: Options = build(Options, "device 'function'", setup.options)
        self._ask = load(options.expert) if options.expert else None
        self._name = options.expert.rpartition(":")[2]
        if self._ask is None:
            self.note("expert", "there is no expert; to have one drive, set it to package.module:function")

    @property
    def watched(self) -> Mapping[str, str]:
        """The topics of the contract."""
        return self.setup.contract.topics

    def reset(self, start: EpisodeStart) -> None:
        """Notify the function of the beginning, if it wants that."""
        super().reset(start)
        if self._ask is not None and hasattr(self._ask, "reset"):
            self._ask.reset(start.seed)

    def answer(self, reading: RobotState, now_ns: int = 0) -> ExpertAction:
        """Return the function's action for a state of our arm, or of an environment in its place."""
        if self.setup.contract.topics == NAMED:
            seen = SimpleNamespace(name=reading.joint_names, position=reading.joint_positions)
            return self.respond(dict.fromkeys(NAMED, seen), now_ns)
        return self.respond(messages.plain_messages(reading), now_ns)

    def respond(self, received: Mapping[str, Any], now_ns: int = 0) -> ExpertAction:
        """Return what the function makes of a received observation.

        Raises:
            MessageError: if its answer is no action of the contract.
        """
        if self._ask is None:
            return ExpertAction(None, engaged=False, author="")
        contract = self.setup.contract
        if contract.topics == NAMED:
            message = received["observation"]
            seen = nested(message.name, message.position)
        else:
            seen = messages.observation(contract, received)
        answer = self._ask(seen)
        if isinstance(answer, ToolCommand):
            answer = self.action(answer, messages.reading_from(received), scripted=True)
        action = np.asarray(answer, dtype=np.float64).reshape(-1)
        if len(action) != len(contract.action) or not np.isfinite(action[~contract.is_gripper]).all():
            raise MessageError(
                f"expert {self._name!r} answers {action.tolist()}; it must return {len(contract.action)} finite numbers"
            )
        return ExpertAction(np.clip(action, contract.low, contract.high), engaged=True, author=self._name)


def load(name: str) -> Callable[[Any], Any]:
    """Return the function called ``package.module:function``.

    Raises:
        ConfigError: if there is none.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"expert {name!r} is no function; write it as package.module:function")
    try:
        function = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"expert {name!r} cannot be imported ({error}); is its folder on PYTHONPATH?") from error
    if not callable(function):
        raise ConfigError(f"expert {name!r} is {function!r}; it must be a function of the observation")
    return function  # type: ignore[no-any-return]


def nested(names: Sequence[str], values: Sequence[float]) -> Any:
    """Return the observation whose numbers have these paths: an array, or a dict of them."""
    if names[0][0].isdigit():  # which no key of a dict begins with
        shape = np.array([name.split(".") for name in names], dtype=int).max(axis=0) + 1
        return np.array(values, dtype=np.float64).reshape(shape)
    parts: dict[str, tuple[list[str], list[float]]] = {}
    for name, value in zip(names, values):
        key, _, rest = name.partition(".")
        below = parts.setdefault(key, ([], []))
        below[0].append(rest)
        below[1].append(value)
    return {key: nested(*below) for key, below in parts.items()}
