# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``il-ros launch`` and ROS 2's own launch make the same commands of a file; skipped where ``launch_ros`` is missing.

It has no wheel: ``make test-ros`` installs it from its repositories, and runs this.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import MagicMock, patch

import pytest
import yaml

from il_ros.core import paths
from il_ros.core.errors import ConfigError
from il_ros.launching.executables import EXECUTABLES
from il_ros.launching.yaml_launch import model

if find_spec("composition_interfaces") is None:  # no wheel either, and nothing here composes
    sys.modules["composition_interfaces"] = sys.modules["composition_interfaces.srv"] = MagicMock()
pytest.importorskip("launch_ros", reason="launch_ros is not installed; see make test-ros")
pytest.importorskip("launch_yaml", reason="launch_yaml is not installed; see make test-ros")

from launch import LaunchService
from launch.actions import ExecuteLocal, IncludeLaunchDescription, Shutdown
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.utilities import perform_substitutions

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.name for path in (ROOT / "launch").glob("*.launch.yaml"))

CASES = {
    "arguments": """
        - arg: {name: x, default: "two words"}
        - arg: {name: y, default: "$(var x)!", choice: [{value: "two words!"}, {value: other}]}
        - node: {pkg: il_ros, exec: sim_node, args: "--a $(var x) 'b c' d\\\\ e", ros_args: "--log-level $(var y)"}
    """,
    "names": """
        - push_ros_namespace: {namespace: one}
        - node: {pkg: il_ros, exec: sim_node, name: a, namespace: two}
        - node: {pkg: il_ros, exec: sim_node, namespace: two/three/}
        - node: {pkg: il_ros, exec: sim_node, name: b, namespace: /alone}
        - node: {pkg: il_ros, exec: sim_node, name: c, remap: [{from: p, to: /q}, {from: r, to: s}]}
        - push_ros_namespace: {namespace: four}
        - node: {pkg: il_ros, exec: sim_node, name: d}
        - push_ros_namespace: {namespace: /five}
        - node: {pkg: il_ros, exec: sim_node, name: e}
    """,
    "parameters": """
        - arg: {name: number, default: "3"}
        - arg: {name: word, default: fork}
        - arg: {name: list, default: "[1, 2]"}
        - arg: {name: empty, default: ""}
        - arg: {name: truth, default: "yes"}
        - node:
            pkg: il_ros
            exec: sim_node
            name: a
            param:
              - from: $(find-pkg-share il_ros)/config/nodes.yaml
              - {name: written, value: 1}
              - {name: float, value: 1.5}
              - {name: small, value: 1.0e-7}
              - {name: quoted, value: "1"}
              - {name: text, value: "it's $5, \\"all\\" of it: yes"}
              - {name: flag, value: true}
              - {name: numbers, value: [1, 2, 3]}
              - {name: floats, value: [1.0, 2.5]}
              - {name: words, value: [a, "b c", "3"]}
              - {name: number, value: $(var number)}
              - {name: word, value: $(var word)}
              - {name: both, value: $(var number)$(var word)}
              - {name: mixed, value: [$(var word), b]}
              - {name: list, value: $(var list)}
              - {name: empty, value: $(var empty)}
              - {name: nothing, value: ""}
              - {name: truth, value: $(var truth)}
              - {name: nested, param: [{name: one, value: 1}, {name: two, param: [{name: three, value: "3"}]}]}
              - {name: $(var word), value: 2}
    """,
    "messages": """
        - arg: {name: x, default: world}
        - log: {message: "hello $(var x)"}
        - node: {pkg: il_ros, exec: sim_node}
    """,
    "conditions": """
        - arg: {name: wanted, default: "True"}
        - arg: {name: unwanted, default: "0"}
        - node: {pkg: il_ros, exec: sim_node, name: a, if: $(var wanted)}
        - node: {pkg: il_ros, exec: sim_node, name: b, unless: $(var wanted)}
        - node: {pkg: il_ros, exec: sim_node, name: c, if: $(var unwanted)}
        - node: {pkg: il_ros, exec: sim_node, name: d, unless: $(var unwanted)}
        - group:
            if: $(var unwanted)
            children:
              - node: {pkg: il_ros, exec: sim_node, name: e}
        - let: {name: unwanted, value: "1", unless: $(var unwanted)}
        - node: {pkg: il_ros, exec: sim_node, name: f, if: $(var unwanted)}
    """,
    "scopes": """
        - arg: {name: x, default: outer}
        - group:
          - push_ros_namespace: {namespace: one}
          - let: {name: x, value: inner}
          - set_env: {name: IL_ROS_E, value: $(var x)}
          - node:
              {pkg: il_ros, exec: sim_node, name: a, args: $(var x), env: [{name: IL_ROS_F, value: $(env IL_ROS_E)}]}
        - node: {pkg: il_ros, exec: sim_node, name: b, args: "$(var x) $(env IL_ROS_E none)"}
        - group:
            scoped: false
            children:
              - let: {name: x, value: changed}
              - set_env: {name: IL_ROS_E, value: changed}
              - push_ros_namespace: {namespace: two}
        - node: {pkg: il_ros, exec: sim_node, name: c, args: "$(var x) $(env IL_ROS_E none)"}
    """,
    "includes": """
        - arg: {name: task, default: avoid}
        - group:
          - push_ros_namespace: {namespace: left}
          - include:
              file: $(find-pkg-share il_ros)/launch/rollout.launch.yaml
              arg: [{name: checkpoint, value: $(dirname)/one}, {name: seed, value: "7"}]
        - let: {name: rule, value: human}
        - include:
            file: $(find-pkg-share il_ros)/launch/bringup.launch.yaml
            arg: [{name: composed, value: "true"}]
        - node: {pkg: il_ros, exec: sim_node, name: last, args: "$(dirname) $(var seed unset) $(var composed unset)"}
    """,
}


@pytest.fixture(scope="module")
def share(tmp_path_factory) -> Iterator[Path]:
    """The checkout, as ament finds a package that is installed."""
    prefix = tmp_path_factory.mktemp("prefix")
    index, programs = prefix / "share/ament_index/resource_index/packages", prefix / "lib/il_ros"
    index.mkdir(parents=True)
    programs.mkdir(parents=True)
    (index / "il_ros").touch()
    (prefix / "share/il_ros").symlink_to(ROOT)
    for node in EXECUTABLES:
        (programs / node).symlink_to(ROOT / "scripts" / node)
    path = os.pathsep.join([str(prefix), sys.prefix, os.environ.get("AMENT_PREFIX_PATH", "")])
    installed, log = prefix / "share/il_ros", str(prefix / "log")
    with (
        patch.dict(os.environ, AMENT_PREFIX_PATH=path, ROS_LOG_DIR=log),
        patch.object(paths, "share", lambda: installed),
    ):
        yield installed


def real(path: Path, given: Mapping[str, str]) -> list[dict]:
    """What ROS 2's launch would start, in order: all of it is run but the start of the processes itself."""
    nodes = []

    def execute(action, context):
        action.prepare(context)
        process = action.process_description
        nodes.append(
            {
                "command": normal(process.final_cmd),
                "environment": process.final_env,
                "output": perform_substitutions(context, action.output),
                "shuts_down": [type(then) for then in action.get_sub_entities()] == [Shutdown],
            }
        )

    with patch.object(ExecuteLocal, "execute", execute), patch.dict(os.environ):  # set_env changes ours
        service = LaunchService()
        source = AnyLaunchDescriptionSource(str(path))
        service.include_launch_description(IncludeLaunchDescription(source, launch_arguments=given.items()))
        assert service.run() == 0, "launch failed"
    return nodes


def ours(path: Path, given: Mapping[str, str]) -> list[dict]:
    """The same of ``il-ros launch``."""
    return [
        {
            "command": normal(node.command),
            "environment": {**os.environ, **node.environment},
            "output": node.output,
            "shuts_down": node.shuts_down,
        }
        for node in model.resolve(path, given, os.environ).commands
    ]


def normal(command) -> list:
    """A command with its program as the executable's name and each parameter as (name, value)."""
    program, words = (command[2], command[3:]) if command[1:2] == ("-m",) else (command[0], command[1:])
    return [re.split(r"[/.]", program)[-1], *parameters(list(words))]


def parameters(words: list[str]) -> Iterator:
    """Words with ``-p name:=value``, and the files that launch writes, as the same pairs."""
    flag = ""
    for word in words:
        if flag == "-p":
            name, _, value = word.partition(":=")
            yield name, yaml.safe_load(value)
        elif flag == "--params-file" and "/launch_params_" in word:
            for section in yaml.safe_load(Path(word).read_text()).values():
                yield from section["ros__parameters"].items()
        elif word not in ("-p", "--params-file"):
            yield word
        flag = word


def typed(nodes: list[dict]) -> str:
    """All of it as text, since 1, 1.0 and True are equal to Python but not to a node."""
    return repr(nodes)


@pytest.mark.parametrize("composed", ["false", "true"])
@pytest.mark.parametrize("name", FILES)
def test_every_launch_file_of_ours_gives_the_commands_of_the_real_launch(share, name, composed):
    path = share / "launch" / name
    declared = model.arguments(path)
    given = {name: "given" for name, argument in declared.items() if argument.default is None}
    if "composed" in declared:
        given["composed"] = composed
    if "display" in declared:
        given["display"] = composed
    if "options" in declared:
        given["options"] = '{"enable_button": 6, "prefix": "a: b"}'
    nodes = ours(path, given)
    assert nodes and typed(nodes) == typed(real(path, given))


@pytest.mark.parametrize("case", CASES)
def test_the_documented_subset_means_what_it_means_there(share, tmp_path, case):
    path = tmp_path / "case.launch.yaml"
    path.write_text("launch:\n" + textwrap.dedent(CASES[case]), encoding="utf-8")
    nodes = ours(path, {})
    assert nodes and typed(nodes) == typed(real(path, {}))


VALUES = """
3|-1|+1|0x10|017|0b11|1_000|9223372036854775808|1.0|1.5|.5|5.|1e5|1e-5|1.0e-5|1.e3|1e400|.inf|-.inf|inf|nan|1:30
true|True|TRUE|yes|off|~|null|2026-01-01|fork|two words|  x |/a/b c|human:let_go=hold|left,right|a: b|ends:|a #b
#x|é|$x|12:30:45|*x|&x|'1'|"x y"|a'b|"a|@x|%x|`x`|!x|-|- a|?|=|<<|...|---| |[1, 2]|[true, false]|['1', b]|[a, 1]
[1, 2.5]|[[1], [2]]|[a|{}|{a: 1}
"""


@pytest.mark.parametrize("value", VALUES.strip("\n").replace("\n", "|").split("|"))
def test_a_value_given_to_an_argument_has_the_type_that_it_has_there_or_is_refused_by_both(share, tmp_path, value):
    path = tmp_path / "case.launch.yaml"
    path.write_text(
        "launch:\n- arg: {name: x}\n- node: {pkg: il_ros, exec: sim_node, param: [{name: p, value: $(var x)}]}\n"
    )
    try:
        nodes = ours(path, {"x": value})
    except ConfigError:
        with pytest.raises(AssertionError, match="launch failed"):
            real(path, {"x": value})
    else:
        assert typed(nodes) == typed(real(path, {"x": value}))


def test_the_launch_file_for_an_arm_of_ones_own_gives_the_commands_of_the_real_launch(share, tmp_path):
    page = (ROOT / "docs/your-arm.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(launch:.*?)```", page, re.DOTALL)
    path = tmp_path / "my_robot.launch.yaml"
    path.write_text(text, encoding="utf-8")
    nodes = ours(path, {"checkpoint": "c"})
    assert len(nodes) == 4 and typed(nodes) == typed(real(path, {"checkpoint": "c"}))


def test_the_python_launch_file_gives_what_its_yaml_file_gives(share):
    given = {"task": "avoid"}
    assert typed(real(share / "launch/bringup.launch.py", given)) == typed(
        ours(share / "launch/bringup.launch.yaml", given)
    )
