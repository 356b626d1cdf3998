# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Other people's gymnasium environments in the place of our arm: what they see under names, and the contract of it.

The numbers of an observation are named by their path: ``achieved_goal.0`` in a dict of arrays, ``0`` in one array.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.types import Array, RobotState
from il_ros.sim.geometry_proposals import equal_things, proposals
from il_ros.sim.timeline import UNKNOWN, EpisodeClock

TOPIC, TYPE = "observation", "sensor_msgs/msg/JointState"
"""Where the numbers are, as ``position`` beside ``name``, which is how a contract finds one: ``position[NAME]``."""
SUCCESS = ("is_success", "success")
"""Keys of ``info`` that say whether a step is one of success: of gymnasium-robotics and panda-gym, of Meta-World."""
MOST = 1000
"""Observations of more numbers are pictures, which are not for this."""


class GymEnvAdapter(EpisodeClock):
    """An environment that anybody registered, driven by the contract's actions, with stamps and outcomes like ours.

    The contract's action is the environment's, component by component. An episode ends when the environment says so:
    it is a ``success`` if ``info`` has said so at any of its steps, as ``is_success`` or ``success``; else a
    ``timeout`` if it was truncated, and if it terminated a ``failure``, or ``unknown`` where ``info`` never has either.
    Rewards tell nothing: many environments pay one for being alive at the very step at which all is lost. An
    environment whose ``info`` is silent needs a wrapper that says ``is_success``.

    Raises:
        ConfigError: if there is no such environment, or the contract is not one for it.
    """

    way = None
    """Which way a success took is not known."""

    def __init__(self, environment: str, contract: Contract, options: Mapping[str, Any]) -> None:
        super().__init__(environment)
        self._env, self.contract = make(environment, options), contract
        self.names = names(self._env.observation_space)
        self._check(environment)
        self._values = np.zeros(len(self.names))
        self._flags: list[bool] = []
        """The success flags in ``info`` of the episode's steps."""

    def _check(self, environment: str) -> None:
        contract, space = self.contract, _box(self._env.action_space)
        if contract.images:
            raise ConfigError(
                f"contract {contract.name!r} has the camera {contract.images[0].name!r}; the numbers of {environment} "
                "alone are published, so leave out images"
            )
        remedy = f"il-ros contract from-gym {environment} writes one that fits"
        fields = {f"position[{name}]" for name in self.names}
        for part in contract.observation:
            sources = messages.field_sources(part.field)
            if (part.topic, contract.topics[part.topic]) != (TOPIC, TYPE) or not fields.issuperset(sources):
                raise ConfigError(
                    f"contract {contract.name!r}: {part.field!r} of topic {part.topic!r} is not what {environment} "
                    f"sees; {remedy}"
                )
        size = int(np.prod(space.shape))
        if len(contract.action) != size:
            raise ConfigError(
                f"contract {contract.name!r} commands {len(contract.action)} numbers, {environment} takes {size}; "
                f"{remedy}"
            )

    @property
    def values(self) -> Array:
        """(N,) float64, the numbers of ``names``, as they are now."""
        return self._values

    def reset(self, *, seed: int) -> Array:
        """Begin the episode ``seed``."""
        seen, _ = self._env.reset(seed=seed)
        self._begin(seed)
        self._flags.clear()
        self._values = self._flattened(seen)
        return self._values

    def reading(self) -> RobotState:
        """Return what is seen now: its numbers in the place of joints, and no tool and no objects that are known."""
        unknown = np.full(7, np.nan)
        positions, velocities = self._values, np.zeros(0)
        names = tuple(self.names)
        return RobotState(self._stamp_ns, positions, velocities, unknown[:3], unknown[3:], np.zeros((0, 3)), names)

    def observe(self, reading: RobotState) -> Array:
        """Return (Do,) float32, the observation of a reading by the contract."""
        seen = SimpleNamespace(name=reading.joint_names, position=reading.joint_positions)
        return messages.observation(self.contract, {TOPIC: seen})

    def advance(self, action: Array) -> tuple[RobotState, str | None]:
        """Execute one action; return the new reading, and the outcome once the episode has ended."""
        space = self._env.action_space
        clipped = np.clip(action, self.contract.low, self.contract.high).astype(space.dtype)
        seen, _, terminated, truncated, info = self._env.step(clipped.reshape(space.shape))
        self._stamp_ns += self.contract.step_ns
        self._values = self._flattened(seen)
        self._flags += told(info)
        return self.reading(), outcome(terminated, truncated, self._flags)

    def _flattened(self, seen: Any) -> Array:
        return np.asarray(gymnasium.spaces.flatten(self._env.observation_space, seen), dtype=np.float64)

    def close(self) -> None:
        """Free the environment."""
        self._env.close()


def told(info: Mapping[str, Any]) -> list[bool]:
    """Return success at a step by ``info``: a bool, a number or an array of one; None for anything else."""
    flags = []
    for key in SUCCESS:
        with contextlib.suppress(TypeError, ValueError):
            if info.get(key) is not None:
                values = np.asarray(info[key], dtype=np.float64)
                flags.append(bool(values.size and (values > 0).all() and np.isfinite(values).all()))
    return flags


def outcome(terminated: bool, truncated: bool, flags: Iterable[bool]) -> str | None:
    """Return how an episode ends at this step, given the success flags of all of its steps; None to go on."""
    if not (terminated or truncated):
        return None
    successes = list(flags)
    if any(successes):
        return "success"
    if terminated:
        return "failure" if successes else UNKNOWN
    return "timeout"


def make(environment: str, options: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    """Make the environment of that name, which may be one that a module registers: ``panda_gym:PandaReach-v3``.

    Raises:
        ConfigError: if there is none, or it does not take the options.
    """
    try:
        with stdout_to_stderr():
            return gymnasium.make(environment, **options)
    except (gymnasium.error.Error, ImportError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"environment {environment!r} cannot be made ({reason}); write ID, or MODULE:ID if a module registers it, "
            "and look at its options"
        ) from error


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Keep what an environment prints, and what its C libraries do, out of the output of a command."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)
        os.dup2(saved, 1)
        os.close(saved)


def names(space: gymnasium.Space[Any]) -> list[str]:
    """Return the names of the numbers of an observation, in the order of ``gymnasium.spaces.flatten``.

    Raises:
        ConfigError: if the space is no array and no dict of arrays, or too big.
    """
    result = [".".join(path) for path in _paths(space)]
    if not 0 < len(result) <= MOST:
        raise ConfigError(
            f"an observation of {len(result)} numbers cannot be published; it must be from 1 to {MOST}, no pictures"
        )
    return result


def _paths(space: gymnasium.Space[Any], *above: str) -> list[tuple[str, ...]]:
    if isinstance(space, gymnasium.spaces.Dict):
        for key in space:
            if not str(key).isidentifier():
                raise ConfigError(f"observation key {key!r} cannot be a name; rename it in a wrapper")
        return [path for key, part in space.items() for path in _paths(part, *above, key)]
    if not isinstance(space, (gymnasium.spaces.Box, gymnasium.spaces.MultiBinary)) or not space.shape:
        raise ConfigError(
            f"observation space {space} is no array and no dict of arrays; register the environment with "
            "gymnasium.wrappers.FlattenObservation around it"
        )
    return [(*above, *map(str, index)) for index in np.ndindex(*space.shape)]


def contract_of(
    environment: str, options: Mapping[str, Any], rate_hz: float | None = None, velocities: bool = False
) -> Contract:
    """Make the contract of an environment, see ``described``."""
    return described(environment, options, rate_hz, velocities)[0]


def described(
    environment: str, options: Mapping[str, Any], rate_hz: float | None = None, velocities: bool = False
) -> tuple[Contract, Mapping[str, str]]:
    """Make the contract of an environment: its observation and its action, at the rate at which it is shown.

    Velocities are left out where there are points, unless ``velocities`` says that they are not.

    Returns:
        the contract, and by name the points, angles and orientations that are proposed in it, the velocities that are
        left out and which objects are equal, with the reason.

    Raises:
        ConfigError: if it cannot be made, tells no rate, or has actions without limits.
    """
    env = make(environment, options)
    seen, space = names(env.observation_space), _box(env.action_space)
    rate = env.metadata.get("render_fps") if rate_hz is None else rate_hz
    with stdout_to_stderr():
        proposed = proposals(env, seen)
    if velocities:
        proposed = {name: part for name, part in proposed.items() if part.kind != "velocity"}
    env.close()
    if rate is None:
        raise ConfigError(f"environment {environment!r} has no render_fps; give its steps a second, as in --rate 20")
    columns = zip(space.low.ravel().tolist(), space.high.ravel().tolist())
    parts = {column: (name, part) for name, part in proposed.items() for column in part.columns}
    observation = {}
    for column, path in enumerate(seen):
        components = {_label(path): (f"position[{path}]", "")}
        if column in parts:
            name, part = parts[column]
            components = dict(part.components(name, [seen[i] for i in part.columns]))
        for label, (field, unit) in components.items():
            observation[label] = {"topic": TOPIC, "field": field, "unit": unit}
    equal = equal_things(proposed)
    plain = {
        "rate_hz": round(float(rate), 6),
        "topics": {TOPIC: TYPE},
        "observation": observation,
        "action": {
            f"action.{i}": {"low": low, "high": high, "max_step": high - low, "rest": min(max(0.0, low), high)}
            for i, (low, high) in enumerate(columns)
        },
        "command": {"type": "trajectory_msgs/msg/JointTrajectory"},
        "equal_objects": equal,
    }
    reasons = {name: part.why for name, part in proposed.items()}
    if equal:
        reasons["equal_objects"] = "those whose names differ by a number alone, each with its goal"
    return Contract.from_dict(environment, plain), reasons


def _label(name: str) -> str:
    """Return the contract's name of a number: its path, and for the ``0`` of one array ``observation.0``."""
    return f"{TOPIC}.{name}" if name[0].isdigit() else name


def _box(space: gymnasium.Space[Any]) -> gymnasium.spaces.Box:
    """Return the space of actions.

    Raises:
        ConfigError: if it is no array of numbers.
    """
    if not isinstance(space, gymnasium.spaces.Box):
        raise ConfigError(f"action space {space} is not continuous; only a Box can be commanded")
    return space
