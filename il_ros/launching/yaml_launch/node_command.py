# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line of a ``node`` action, in the order in which launch_ros writes it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping

from il_ros.core.errors import ConfigError, unknown
from il_ros.launching.executables import EXECUTABLES
from il_ros.launching.yaml_launch import parameters, substitutions
from il_ros.launching.yaml_launch.actions import NodeCommand
from il_ros.launching.yaml_launch.parser import LaunchBlock
from il_ros.launching.yaml_launch.substitutions import Scope

OUTPUTS = ("log", "screen", "both")
NAMESPACE = "ros_namespace"
"""The argument in which launch keeps the namespace that is pushed."""


def node_command(block: LaunchBlock, scope: Scope, inherited: Mapping[str, str], taken: list[str]) -> NodeCommand:
    """Return the command of a ``node`` block.

    Args:
        block: the action.
        scope: the arguments and the environment at this place of the file.
        inherited: the environment that launch itself was started with.
        taken: the labels of the nodes before it.

    Raises:
        ConfigError: naming file and line, for whatever is unknown or malformed.
    """
    name, executable = expand(block, "name", scope), expand(block, "exec", scope)
    if name and not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ConfigError(f"{block.place('name')}: {name!r} cannot be a node's name; use letters, digits and _")
    if (output := expand(block, "output", scope, "log")) not in OUTPUTS:
        raise unknown(f"{block.place('output')}: output", output, OUTPUTS)
    if (on_exit := block.text("on_exit", "shutdown")) != "shutdown":
        raise unknown(f"{block.place('on_exit')}: on_exit", on_exit, ["shutdown"])
    label = name or executable
    return NodeCommand(
        name=label if label not in taken else f"{label}-{len(taken) + 1}",
        command=(*_program(block, executable, scope), *_arguments(block, name, scope)),
        environment=_environment(block, scope, inherited),
        output=output,
        shuts_down="on_exit" in block,
    )


def expand(block: LaunchBlock, key: str, scope: Scope, default: str = "") -> str:
    """Return the text at a key with its substitutions done.

    Raises:
        ConfigError: naming file and line, if that fails.
    """
    return substitutions.expand(block.text(key, default), scope, block.place(key))


def namespace(block: LaunchBlock, scope: Scope) -> str:
    """Return the block's namespace below the one that was pushed; '' if there is neither.

    Raises:
        ConfigError: if it cannot be one.
    """
    own, pushed = expand(block, "namespace", scope), scope.arguments.get(NAMESPACE, "")
    whole = own if own.startswith("/") else "/".join(part for part in (pushed.rstrip("/"), own) if part)
    if not whole:
        return pushed
    whole = f"/{whole.strip('/')}"
    if not re.fullmatch(r"/|(/[A-Za-z_]\w*)+", whole):
        raise ConfigError(f"{block.place('namespace')}: {whole!r} is no namespace; use letters, digits, _ and /")
    return whole


def _program(block: LaunchBlock, executable: str, scope: Scope) -> tuple[str, ...]:
    package = expand(block, "pkg", scope)
    if package == "il_ros":
        if executable not in EXECUTABLES:
            raise unknown(f"{block.place('exec')}: executable of il_ros", executable, EXECUTABLES)
        return (sys.executable, "-m", f"il_ros.nodes.{executable}")
    prefix = substitutions.find_package(package, scope.environment, block.place("pkg"))
    program = prefix / "lib" / package / executable
    if not program.is_file():
        raise ConfigError(f"{block.place('exec')}: {program} is no file; check exec and how {package} is installed")
    return (str(program),)


def _arguments(block: LaunchBlock, name: str, scope: Scope) -> Iterator[str]:
    yield from substitutions.split(block.text("args"), scope, block.place("args"))
    if "ros_args" in block:
        yield "--ros-args"
        yield from substitutions.split(block.text("ros_args"), scope, block.place("ros_args"))
    yield "--ros-args"
    if name:
        yield from ("-r", f"__node:={name}")
    if full := namespace(block, scope):
        yield from ("-r", f"__ns:={full}")
    for parameter in block.blocks("param", "param"):
        yield from parameters.words(parameter, scope)
    for rule in block.blocks("remap", "remap", ("from", "to")):
        yield from ("-r", f"{expand(rule, 'from', scope)}:={expand(rule, 'to', scope)}")


def _environment(block: LaunchBlock, scope: Scope, inherited: Mapping[str, str]) -> dict[str, str]:
    pairs = block.blocks("env", "env", ("name", "value"))
    own = {expand(pair, "name", scope): expand(pair, "value", scope) for pair in pairs}
    changed = {name: text for name, text in scope.environment.items() if inherited.get(name) != text}
    return {**changed, **own}
