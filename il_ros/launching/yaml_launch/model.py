# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The subset of ROS 2's YAML launch format that ``il-ros launch`` runs; what it does not know it refuses.

Actions: arg, let, set_env, node, group, push_ros_namespace, include, log, log_debug, log_info, log_warning, log_error;
each may have ``if`` or ``unless``. The meaning is that of the packages launch, launch_yaml and launch_ros, and so is
the order on each node's command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from il_ros.core.errors import unknown
from il_ros.launching.yaml_launch import parser, substitutions
from il_ros.launching.yaml_launch.actions import Argument, Launch, included_file, walk
from il_ros.launching.yaml_launch.resolver import Resolver


def resolve(path: Path, given: Mapping[str, str], environment: Mapping[str, str]) -> Launch:
    """Work out every node of the launch file at ``path``, with ``given`` arguments.

    Raises:
        ConfigError: naming file and line, for whatever is unknown, missing or malformed.
    """
    declared = arguments(path)
    for name in given:
        if name not in declared:
            raise unknown(f"{path}: argument", name, declared)
    path = path.absolute()
    resolver = Resolver(dict(given), dict(environment), dict(environment), directory=path.parent)
    resolver.run_file(path)
    return Launch(declared, resolver.commands, resolver.messages)


def arguments(path: Path) -> dict[str, Argument]:
    """Return every argument that the file declares, in its groups and includes too.

    Of an argument that is declared twice the first declaration counts, as in launch.

    Raises:
        ConfigError: as ``resolve`` does.
    """
    declared: dict[str, Argument] = {}
    _find_arguments(path.absolute(), (), declared)
    return declared


def _find_arguments(path: Path, outer: tuple[Path, ...], declared: dict[str, Argument]) -> Path:
    """Add to ``declared`` what ``path`` declares; returns ``$(dirname)`` as it is after that file.

    Only the run itself knows which includes are chosen, and which files they name, so what cannot be found is left out.
    """
    directory = path.parent
    for kind, block in walk(parser.read(path)):
        if kind == "arg":
            argument = Argument.from_block(block)
            declared.setdefault(argument.name, argument)
        elif kind == "include" and "$(var" not in block.text("file") and "$(env" not in block.text("file"):
            scope = substitutions.Scope({}, {}, directory)
            file = Path(substitutions.expand(block.text("file"), scope, block.place("file"))).absolute()
            if file.is_file() and file not in (*outer, path):
                directory = _find_arguments(included_file(file, block), (*outer, path), declared)
    return directory
