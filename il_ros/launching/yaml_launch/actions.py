# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The actions of a launch file that we know, the keys of each, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from il_ros.core.errors import ConfigError
from il_ros.launching.yaml_launch import parser
from il_ros.launching.yaml_launch.parser import LaunchBlock

CONDITIONS = ("if", "unless")
LOG_LEVELS = {"log_debug": "DEBUG", "log_info": "INFO", "log_warning": "WARNING", "log_error": "ERROR"}
"""The actions that print a message, and the level of each; ``log`` names its level itself."""

KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "arg": (("name",), ("default", "description", "choice", *CONDITIONS)),
    "let": (("name", "value"), CONDITIONS),
    "set_env": (("name", "value"), CONDITIONS),
    "push_ros_namespace": (("namespace",), CONDITIONS),
    "group": (("children",), ("scoped", *CONDITIONS)),
    "include": (("file",), ("arg", "let", *CONDITIONS)),
    "log": (("message",), ("level", *CONDITIONS)),
    **dict.fromkeys(LOG_LEVELS, (("message",), CONDITIONS)),
    "node": (
        ("pkg", "exec"),
        ("name", "namespace", "param", "remap", "env", "output", "args", "ros_args", "on_exit", *CONDITIONS),
    ),
}
"""The actions, and the keys that each must and may have."""


@dataclass(frozen=True)
class Argument:
    """An ``arg`` of a launch file."""

    name: str
    default: str | None
    """As written, substitutions and all; None if a value must be given."""
    description: str
    choices: tuple[str, ...]

    @classmethod
    def from_block(cls, block: LaunchBlock) -> Argument:
        """Return what an ``arg`` block declares."""
        block.check("arg", *KEYS["arg"])
        default = block.text("default") if "default" in block else None
        choices = tuple(choice.text("value") for choice in block.blocks("choice", "choice", ("value",)))
        return cls(block.text("name"), default, block.text("description"), choices)


@dataclass(frozen=True)
class NodeCommand:
    """One node, ready to be started."""

    name: str
    """Its label in what we print; unique within the launch."""
    command: tuple[str, ...]
    environment: dict[str, str]
    """What to add to our own environment."""
    output: str = "log"
    shuts_down: bool = False
    """Whether its end is the end of all."""


@dataclass(frozen=True)
class LogMessage:
    """What a ``log`` action prints."""

    level: str
    """DEBUG, INFO, WARNING or ERROR."""
    text: str


@dataclass
class Launch:
    """What a launch file comes to."""

    arguments: dict[str, Argument] = field(default_factory=dict)
    commands: list[NodeCommand] = field(default_factory=list)
    messages: list[LogMessage] = field(default_factory=list)


def children(item: LaunchBlock) -> list[LaunchBlock]:
    """Return the actions of a ``group``, in either of its two forms.

    Raises:
        ConfigError: if they are no list of actions.
    """
    body = item["group"]
    return parser.actions(body, "children") if isinstance(body, LaunchBlock) else parser.actions(item, "group")


def walk(blocks: list[LaunchBlock]) -> Iterator[tuple[str, LaunchBlock]]:
    """Yield the kind and the body of each action, those in groups too."""
    for item in blocks:
        ((kind, body),) = item.items()
        if kind == "group":
            yield from walk(children(item))
        elif isinstance(body, LaunchBlock):
            yield kind, body


def included_file(path: Path, block: LaunchBlock) -> Path:
    """Return the path of an included file, which must be YAML.

    Raises:
        ConfigError: if it is something else.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"{block.place('file')}: {path} is not YAML; only .launch.yaml files can be included here")
    return path
