# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The subset of ROS 2's YAML launch format that ``il-ros launch`` runs; what it does not know it refuses.

Actions: arg, let, set_env, node, group, push_ros_namespace, include; each may have ``if`` or ``unless``. The meaning is
that of the packages launch, launch_yaml and launch_ros, and so is the order on each node's command line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from il_ros.core.errors import ConfigError, unknown
from il_ros.launching.yaml_launch import parameters, parser, substitutions
from il_ros.launching.yaml_launch.parser import LaunchBlock

NODES = (
    "sim_node",
    "gym_node",
    "policy_node",
    "expert_node",
    "gate_node",
    "recorder_node",
    "trainer_node",
    "web_ui_node",
    "camera_node",
    "resync_node",
    "container_node",
)
"""The executables of il_ros, each a module of ``il_ros.nodes``."""

OUTPUTS = ("log", "screen", "both")
TRUTH = {"true": True, "1": True, "false": False, "0": False}
CONDITIONS = ("if", "unless")
NAMESPACE = "ros_namespace"
"""The argument in which launch keeps the namespace that is pushed."""


@dataclass(frozen=True)
class Argument:
    """An ``arg`` of a launch file."""

    name: str
    default: str | None
    """As written, substitutions and all; None if a value must be given."""
    description: str
    choices: tuple[str, ...]


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


@dataclass
class Launch:
    """What a launch file comes to."""

    arguments: dict[str, Argument] = field(default_factory=dict)
    commands: list[NodeCommand] = field(default_factory=list)


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
    resolver = _Resolver(dict(given), dict(environment), dict(environment), directory=path.parent)
    resolver.run_file(path)
    return Launch(declared, resolver.commands)


def arguments(path: Path) -> dict[str, Argument]:
    """Every argument that the file declares, in its groups and includes too.

    Raises:
        ConfigError: as ``resolve`` does.
    """
    found: dict[str, Argument] = {}
    _find_arguments(path.absolute(), (), found)
    return found


def _find_arguments(path: Path, outer: tuple[Path, ...], found: dict[str, Argument]) -> Path:
    """Add to ``found`` what ``path`` declares; returns ``$(dirname)`` as it is after that file.

    Only the run itself knows which includes are chosen, and which files they name, so what cannot be found is left out.
    """
    directory = path.parent
    for kind, block in _walk(parser.read(path)):
        if kind == "arg":
            argument = _argument(block)
            found.setdefault(argument.name, argument)
        elif kind == "include" and "$(var" not in block.text("file") and "$(env" not in block.text("file"):
            scope = substitutions.Scope({}, {}, directory)
            file = Path(substitutions.expand(block.text("file"), scope, block.place("file"))).absolute()
            if file.is_file() and file not in (*outer, path):
                directory = _find_arguments(_launch_file(file, block), (*outer, path), found)
    return directory


def _walk(blocks: list[LaunchBlock]) -> Iterator[tuple[str, LaunchBlock]]:
    for item in blocks:
        ((kind, body),) = item.items()
        if kind == "group":
            yield from _walk(_children(item))
        elif isinstance(body, LaunchBlock):
            yield kind, body


def _argument(block: LaunchBlock) -> Argument:
    block.check("arg", ("name",), ("default", "description", "choice", *CONDITIONS))
    default = block.text("default") if "default" in block else None
    choices = tuple(choice.text("value") for choice in block.blocks("choice", "choice", ("value",)))
    return Argument(block.text("name"), default, block.text("description"), choices)


def _children(item: LaunchBlock) -> list[LaunchBlock]:
    body = item["group"]
    return parser.actions(body, "children") if isinstance(body, LaunchBlock) else parser.actions(item, "group")


def _launch_file(path: Path, block: LaunchBlock) -> Path:
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"{block.place('file')}: {path} is not YAML; only .launch.yaml files can be included here")
    return path


@dataclass
class _Resolver:
    """Visits actions in order, as launch does; its state is what launch calls the context."""

    given: dict[str, str]
    environment: dict[str, str]
    inherited: dict[str, str]
    files: list[Path] = field(default_factory=list)
    """The file that is being read, after those that include it."""
    directory: Path = Path()
    """What ``$(dirname)`` gives: launch sets it when it includes a file, and does not set it back afterwards."""
    commands: list[NodeCommand] = field(default_factory=list)

    def run_file(self, path: Path) -> None:
        self.files.append(path)
        self.run(parser.read(path))
        self.files.pop()

    def run(self, blocks: list[LaunchBlock]) -> None:
        for item in blocks:
            ((kind, body),) = item.items()
            if kind not in _KEYS:
                raise unknown(f"{item.place(kind)}: action", kind, _KEYS)
            if kind == "group":
                self._group(item)
                continue
            if not isinstance(body, LaunchBlock):
                raise ConfigError(f"{item.place(kind)}: {kind} is {body!r}; it must be a mapping of keys")
            body.check(kind, *_KEYS[kind])
            if self._is_wanted(body):
                getattr(self, f"_{kind}")(body)

    def expand(self, block: LaunchBlock, key: str, default: str = "") -> str:
        return substitutions.expand(block.text(key, default), self._scope(), block.place(key))

    def _scope(self) -> substitutions.Scope:
        return substitutions.Scope(self.given, self.environment, self.directory)

    def _is_wanted(self, block: LaunchBlock) -> bool:
        if all(key in block for key in CONDITIONS):
            raise ConfigError(f"{block.place('unless')}: if and unless exclude each other; keep one")
        for key in CONDITIONS:
            if key in block:
                value = self.expand(block, key).strip().lower()
                if value not in TRUTH:
                    raise unknown(f"{block.place(key)}: condition", value, TRUTH)
                return TRUTH[value] == (key == "if")
        return True

    def _arg(self, block: LaunchBlock) -> None:
        argument = _argument(block)
        if argument.name not in self.given:
            if argument.default is None:
                raise ConfigError(f"{block.place()}: argument {argument.name!r} has no value; give it one")
            self.given[argument.name] = self.expand(block, "default")
        value = self.given[argument.name]
        if argument.choices and value not in argument.choices:
            raise unknown(f"{block.place()}: {argument.name}", value, argument.choices)

    def _let(self, block: LaunchBlock) -> None:
        self.given[self.expand(block, "name")] = self.expand(block, "value")

    def _set_env(self, block: LaunchBlock) -> None:
        self.environment[self.expand(block, "name")] = self.expand(block, "value")

    def _push_ros_namespace(self, block: LaunchBlock) -> None:
        self.given[NAMESPACE] = self._namespace(block)

    def _group(self, item: LaunchBlock) -> None:
        body, scoped = item["group"], True
        if isinstance(body, LaunchBlock):
            body.check("group", *_KEYS["group"])
            scoped = body.get("scoped", True)
            if not isinstance(scoped, bool):
                raise ConfigError(f"{body.place('scoped')}: scoped is {scoped!r}; it must be true or false")
            if not self._is_wanted(body):
                return
        before = dict(self.given), dict(self.environment)
        self.run(_children(item))
        if scoped:
            self.given, self.environment = before

    def _include(self, block: LaunchBlock) -> None:
        path = _launch_file(Path(self.expand(block, "file")).absolute(), block)
        self.directory = path.parent
        for pair in block.blocks("arg", "arg", ("name", "value")):
            self.given[self.expand(pair, "name")] = self.expand(pair, "value")
        if path in self.files:
            raise ConfigError(f"{block.place('file')}: {path} includes itself; take that include out")
        self.run_file(path)

    def _node(self, block: LaunchBlock) -> None:
        name, executable = self.expand(block, "name"), self.expand(block, "exec")
        if name and not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ConfigError(f"{block.place('name')}: {name!r} cannot be a node's name; use letters, digits and _")
        if (output := self.expand(block, "output", "log")) not in OUTPUTS:
            raise unknown(f"{block.place('output')}: output", output, OUTPUTS)
        if (on_exit := block.text("on_exit", "shutdown")) != "shutdown":
            raise unknown(f"{block.place('on_exit')}: on_exit", on_exit, ["shutdown"])
        label, taken = name or executable, [command.name for command in self.commands]
        self.commands.append(
            NodeCommand(
                name=label if label not in taken else f"{label}-{len(taken) + 1}",
                command=(*self._program(block, executable), *self._node_arguments(block, name)),
                environment=self._node_environment(block),
                output=output,
                shuts_down="on_exit" in block,
            )
        )

    def _program(self, block: LaunchBlock, executable: str) -> tuple[str, ...]:
        package = self.expand(block, "pkg")
        if package == "il_ros":
            if executable not in NODES:
                raise unknown(f"{block.place('exec')}: executable of il_ros", executable, NODES)
            return (sys.executable, "-m", f"il_ros.nodes.{executable}")
        prefix = substitutions.find_package(package, self.environment, block.place("pkg"))
        program = prefix / "lib" / package / executable
        if not program.is_file():
            raise ConfigError(f"{block.place('exec')}: {program} is no file; check exec and how {package} is installed")
        return (str(program),)

    def _node_arguments(self, block: LaunchBlock, name: str) -> Iterator[str]:
        yield from substitutions.split(block.text("args"), self._scope(), block.place("args"))
        if "ros_args" in block:
            yield "--ros-args"
            yield from substitutions.split(block.text("ros_args"), self._scope(), block.place("ros_args"))
        yield "--ros-args"
        if name:
            yield from ("-r", f"__node:={name}")
        if namespace := self._namespace(block):
            yield from ("-r", f"__ns:={namespace}")
        for parameter in block.blocks("param", "param"):
            yield from parameters.words(parameter, self._scope())
        for rule in block.blocks("remap", "remap", ("from", "to")):
            yield from ("-r", f"{self.expand(rule, 'from')}:={self.expand(rule, 'to')}")

    def _node_environment(self, block: LaunchBlock) -> dict[str, str]:
        pairs = block.blocks("env", "env", ("name", "value"))
        mine = {self.expand(pair, "name"): self.expand(pair, "value") for pair in pairs}
        changed = {name: text for name, text in self.environment.items() if self.inherited.get(name) != text}
        return {**changed, **mine}

    def _namespace(self, block: LaunchBlock) -> str:
        """The block's namespace below the one that was pushed; '' if there is neither."""
        own, pushed = self.expand(block, "namespace"), self.given.get(NAMESPACE, "")
        whole = own if own.startswith("/") else "/".join(part for part in (pushed.rstrip("/"), own) if part)
        if not whole:
            return pushed
        whole = f"/{whole.strip('/')}"
        if not re.fullmatch(r"/|(/[A-Za-z_]\w*)+", whole):
            raise ConfigError(f"{block.place('namespace')}: {whole!r} is no namespace; use letters, digits, _ and /")
        return whole


_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "arg": (("name",), ("default", "description", "choice", *CONDITIONS)),
    "let": (("name", "value"), CONDITIONS),
    "set_env": (("name", "value"), CONDITIONS),
    "push_ros_namespace": (("namespace",), CONDITIONS),
    "group": (("children",), ("scoped", *CONDITIONS)),
    "include": (("file",), ("arg", *CONDITIONS)),
    "node": (
        ("pkg", "exec"),
        ("name", "namespace", "param", "remap", "env", "output", "args", "ros_args", "on_exit", *CONDITIONS),
    ),
}
"""The actions, and the keys that each must and may have."""
