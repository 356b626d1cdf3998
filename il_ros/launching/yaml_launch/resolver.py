# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Resolve the actions of launch files in order (arg, let, node, group, include), as launch does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from il_ros.core.errors import ConfigError, unknown
from il_ros.launching.yaml_launch import node_command, parser
from il_ros.launching.yaml_launch.actions import (
    CONDITIONS,
    KEYS,
    LOG_LEVELS,
    Argument,
    LogMessage,
    NodeCommand,
    children,
    included_file,
)
from il_ros.launching.yaml_launch.node_command import NAMESPACE
from il_ros.launching.yaml_launch.parser import LaunchBlock
from il_ros.launching.yaml_launch.substitutions import Scope

TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass
class Resolver:
    """Visits actions in order; its state is what launch calls the context."""

    given: dict[str, str]
    environment: dict[str, str]
    inherited: dict[str, str]
    files: list[Path] = field(default_factory=list)
    """The file that is being read, after those that include it."""
    directory: Path = Path()
    """What ``$(dirname)`` gives: launch sets it when it includes a file, and does not set it back afterwards."""
    commands: list[NodeCommand] = field(default_factory=list)
    messages: list[LogMessage] = field(default_factory=list)

    def run_file(self, path: Path) -> None:
        """Visit the actions of a file.

        Raises:
            ConfigError: naming file and line, for whatever is unknown, missing or malformed.
        """
        self.files.append(path)
        self.run(parser.read(path))
        self.files.pop()

    def run(self, blocks: list[LaunchBlock]) -> None:
        """Visit a list of actions; raises as ``run_file`` does."""
        for item in blocks:
            ((kind, body),) = item.items()
            if kind not in KEYS:
                raise unknown(f"{item.place(kind)}: action", kind, KEYS)
            if kind == "group":
                self._group(item)
                continue
            if not isinstance(body, LaunchBlock):
                raise ConfigError(f"{item.place(kind)}: {kind} is {body!r}; it must be a mapping of keys")
            body.check(kind, *KEYS[kind])
            if not self._is_selected(body):
                continue
            if kind in LOG_LEVELS:
                self.messages.append(LogMessage(LOG_LEVELS[kind], self._expand(body, "message")))
            else:
                getattr(self, f"_{kind}")(body)

    @property
    def _scope(self) -> Scope:
        return Scope(self.given, self.environment, self.directory)

    def _expand(self, block: LaunchBlock, key: str, default: str = "") -> str:
        return node_command.expand(block, key, self._scope, default)

    def _is_selected(self, block: LaunchBlock) -> bool:
        """Return whether an action's ``if`` or ``unless`` lets it be run."""
        if all(key in block for key in CONDITIONS):
            raise ConfigError(f"{block.place('unless')}: if and unless exclude each other; keep one")
        for key in CONDITIONS:
            if key in block:
                value = self._expand(block, key).strip().lower()
                if value not in TRUTH:
                    raise unknown(f"{block.place(key)}: condition", value, TRUTH)
                return TRUTH[value] == (key == "if")
        return True

    def _arg(self, block: LaunchBlock) -> None:
        argument = Argument.from_block(block)
        if argument.name not in self.given:
            if argument.default is None:
                raise ConfigError(f"{block.place()}: argument {argument.name!r} has no value; give it one")
            self.given[argument.name] = self._expand(block, "default")
        value = self.given[argument.name]
        if argument.choices and value not in argument.choices:
            raise unknown(f"{block.place()}: {argument.name}", value, argument.choices)

    def _let(self, block: LaunchBlock) -> None:
        self.given[self._expand(block, "name")] = self._expand(block, "value")

    def _set_env(self, block: LaunchBlock) -> None:
        self.environment[self._expand(block, "name")] = self._expand(block, "value")

    def _push_ros_namespace(self, block: LaunchBlock) -> None:
        self.given[NAMESPACE] = node_command.namespace(block, self._scope)

    def _log(self, block: LaunchBlock) -> None:
        """Keep a message; without a level, as Jazzy knows it, that is INFO."""
        level = self._expand(block, "level", "INFO").upper()
        if level not in LOG_LEVELS.values():
            raise unknown(f"{block.place('level')}: level", level, LOG_LEVELS.values())
        self.messages.append(LogMessage(level, self._expand(block, "message")))

    def _group(self, item: LaunchBlock) -> None:
        body, scoped = item["group"], True
        if isinstance(body, LaunchBlock):
            body.check("group", *KEYS["group"])
            scoped = body.get("scoped", True)
            if not isinstance(scoped, bool):
                raise ConfigError(f"{body.place('scoped')}: scoped is {scoped!r}; it must be true or false")
            if not self._is_selected(body):
                return
        before = dict(self.given), dict(self.environment)
        self.run(children(item))
        if scoped:
            self.given, self.environment = before

    def _include(self, block: LaunchBlock) -> None:
        path = included_file(Path(self._expand(block, "file")).absolute(), block)
        self.directory = path.parent
        for key in ("arg", "let"):  # two names of the same list
            for pair in block.blocks(key, key, ("name", "value")):
                self.given[self._expand(pair, "name")] = self._expand(pair, "value")
        if path in self.files:
            raise ConfigError(f"{block.place('file')}: {path} includes itself; take that include out")
        self.run_file(path)

    def _node(self, block: LaunchBlock) -> None:
        taken = [command.name for command in self.commands]
        self.commands.append(node_command.node_command(block, self._scope, self.inherited, taken))
