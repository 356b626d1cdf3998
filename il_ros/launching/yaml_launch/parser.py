# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parse a YAML launch file into actions with their line numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from il_ros.core.errors import ConfigError, unknown


class LaunchBlock(dict[str, Any]):
    """A mapping of a YAML file that can say where it, and each of its keys, stands."""

    def __init__(self, path: Path, line: int, lines: dict[str, int]) -> None:
        super().__init__()
        self.path, self.line, self.lines = path, line, lines

    def place(self, key: str = "") -> str:
        """Return ``file:line`` of a key, or of the block."""
        return f"{self.path}:{self.lines.get(key, self.line)}"

    def check(self, kind: str, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse keys that are missing or that this subset does not know.

        Raises:
            ConfigError: with file, line and the keys that there may be.
        """
        known = [*required, *optional]
        for key in self:
            if key not in known:
                raise unknown(f"{self.place(key)}: {kind}: key", key, known)
        for key in required:
            if key not in self:
                raise ConfigError(f"{self.place()}: {kind} lacks {key!r}; it needs {', '.join(required)}")

    def text(self, key: str, default: str = "") -> str:
        """Return the string at ``key``; as in launch, numbers and booleans must be quoted.

        Raises:
            ConfigError: if it is something else.
        """
        value = self.get(key, default)
        if not isinstance(value, str):
            raise ConfigError(f"{self.place(key)}: {key} is {value!r}; it must be a string, so put it in quotes")
        return value

    def blocks(
        self, key: str, kind: str, required: Iterable[str] = (), optional: Iterable[str] = ()
    ) -> list[LaunchBlock]:
        """Return the list of mappings at ``key``, keys checked; empty if there is none.

        Raises:
            ConfigError: if it is something else.
        """
        value = self.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, LaunchBlock) for item in value):
            raise ConfigError(f"{self.place(key)}: {key} is {value!r}; it must be a list of mappings")
        if required or optional:
            for item in value:
                item.check(kind, required, optional)
        return value


def read(path: Path) -> list[LaunchBlock]:
    """Return the actions of a launch file: a list of mappings with one key each, the action's kind.

    Raises:
        ConfigError: if the file cannot be read, or is no launch file.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_loader(path))  # a SafeLoader
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}; mend that line") from error
    if not isinstance(document, LaunchBlock) or list(document) != ["launch"]:
        raise ConfigError(f"{path} is no launch file; its one top-level key must be 'launch', with a list of actions")
    return actions(document, "launch")


def actions(block: LaunchBlock, key: str) -> list[LaunchBlock]:
    """Return the list of actions at ``key``.

    Raises:
        ConfigError: if an item is not a mapping with one key.
    """
    items = block.blocks(key, key)
    for item in items:
        if len(item) != 1:
            raise ConfigError(f"{item.place()}: an action has the keys {sorted(item)}; it must have one, its kind")
    return items


def _loader(path: Path) -> type[yaml.SafeLoader]:
    class Loader(yaml.SafeLoader):
        """Makes a ``LaunchBlock`` of every mapping."""

    def construct(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Any:
        loader.flatten_mapping(node)
        lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
        block = LaunchBlock(path, node.start_mark.line + 1, lines)
        yield block
        block.update({str(key): value for key, value in loader.construct_mapping(node, deep=True).items()})

    Loader.add_constructor("tag:yaml.org,2002:map", construct)
    return Loader
