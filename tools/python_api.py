# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of the Python interface, from signatures and docstrings."""

from __future__ import annotations

import inspect
from typing import Any

import il_ros
from il_ros.core import plugins
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.evaluation.rollouts import Rollout, roll_out
from il_ros.evaluation.worker_pool import WorkerPool
from il_ros.gate import Gate, GateConfig
from il_ros.learning import checkpoint
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.inference import PolicyRunner
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.policies.base import Policy
from il_ros.recording.episodes.reader import read_episode
from il_ros.sim.env import ArmEnv
from tools.tables import prose

HEAD = """# Python

Generated from signatures and docstrings by `python -m tools.reference`; a test compares this page with the code.

The names below are the interface for programs of your own; other modules may change between versions. Those that
`il_ros` itself exports come first. Five programs that use them are in `examples/`, see
[from Python](../quickstart.md#6-from-python). `T` is the number of steps, `To` and `Ta` the steps of history and
chunk, `Do` and `Da` the components of observation and action. Base classes of plugins: [extending](../extending.md).
"""
NAMES: tuple[Any, ...] = (
    *(Contract, Episode, Authority, read_episode),
    *(
        TrainingConfig,
        train,
        TrainingPipeline,
        Dataset,
        Policy,
        checkpoint.Checkpoint,
        checkpoint.load,
        checkpoint.save,
        PolicyRunner,
    ),
    *(ArmEnv, Gate, GateConfig, roll_out, WorkerPool, Rollout),
    *(plugins.available, plugins.load),
)
"""What is described beside the names that ``il_ros`` itself exports."""


def page() -> str:
    """Return the whole page in Markdown."""
    exported = {getattr(il_ros, name): name for name in il_ros.__all__}
    text = HEAD + "".join(_section(thing, name, "il_ros") for thing, name in exported.items())
    others = [thing for thing in NAMES if thing not in exported]
    return text + "".join(_section(thing, thing.__name__, thing.__module__) for thing in others)


def _section(thing: Any, name: str, module: str) -> str:
    """Return what one class or function is, imported by ``name`` from ``module``, with its public methods."""
    text = f"\n## {name}\n\n`from {module} import {name}`\n\n```text\n{_signature(name, thing)}\n```\n\n"
    text += _paragraphs(thing.__doc__)
    if not inspect.isclass(thing):
        return text
    methods = [(key, member) for key, member in vars(thing).items() if not key.startswith("_") and _is_method(member)]
    rows = [f"- `{_signature(key, getattr(thing, key))}`: {prose(_summary(member))}\n" for key, member in methods]
    return text + ("\n" + "".join(rows) if rows else "")


def _is_method(member: Any) -> bool:
    """Return whether a member of a class is a documented method."""
    return isinstance(member, (classmethod, staticmethod)) or inspect.isfunction(member)


def _summary(member: Any) -> str:
    """Return the first line of a method's docstring."""
    return (getattr(member, "__func__", member).__doc__ or "").strip().partition("\n\n")[0]


def _signature(name: str, thing: Any) -> str:
    """Return a signature without the types, which need not be the same in every version of Python."""
    if inspect.isclass(thing) and issubclass(thing, (int, Exception)):
        return name
    parameters = inspect.signature(thing).parameters.values()
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    shown = inspect.Signature([_short(parameter) for parameter in plain if parameter.name != "self"])
    return f"{name}{shown}"


class _Default:
    """A default whose own text would be long, or of another machine."""

    def __repr__(self) -> str:
        return "..."


def _short(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter whose default is shown if it is a plain value."""
    if isinstance(parameter.default, (int, float, str, bool, type(None), type)):
        return parameter  # a parameter without a default has the class inspect.Parameter.empty, a type
    return parameter.replace(default=_Default())


def _paragraphs(docstring: str | None) -> str:
    """Return a docstring as Markdown; Google's sections become bold words and lists."""
    lines = []
    for line in inspect.cleandoc(docstring or "").replace("``", "`").splitlines():
        section = line.strip() in ("Args:", "Returns:", "Raises:", "Yields:")
        is_item = line.startswith("    ") and not line.startswith("     ")
        lines.append(f"**{line.strip()[:-1]}**\n" if section else f"- {line.strip()}" if is_item else line.strip())
    return "\n".join(lines) + "\n"
