# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The subset of ROS 2's launch format means what it means there, and the rest is refused."""

import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.errors import ConfigError
from il_ros.launching.yaml_launch.model import arguments, resolve
from il_ros.launching.yaml_launch.parameters import literal


@pytest.fixture
def launch(tmp_path):
    """Writes a launch file and resolves it."""

    def write_and_resolve(text, environment=None, **given):
        path = tmp_path / "test.launch.yaml"
        path.write_text("launch:\n" + textwrap.dedent(text), encoding="utf-8")
        return resolve(path, given, environment or {}).commands

    return write_and_resolve


def words(node):
    """The node's arguments, without the program."""
    return list(node.command[3:])


def test_a_node_gets_name_namespace_parameters_and_remaps_in_launchs_order(launch, tmp_path):
    (tmp_path / "p.yaml").touch()
    (node,) = launch(
        """
        - node:
            pkg: il_ros
            exec: sim_node
            name: arm
            namespace: left
            args: --fast 'two words'
            ros_args: --log-level warn
            remap: [{from: tool_pose, to: /pose}]
            param: [{from: $(dirname)/p.yaml}, {name: task, value: fork}, {name: a, param: [{name: b, value: 1}]}]
        """
    )
    assert node.command[1:3] == ("-m", "il_ros.nodes.sim_node")
    first = ["--fast", "two words", "--ros-args", "--log-level", "warn", "--ros-args"]
    rules = ["-r", "__node:=arm", "-r", "__ns:=/left", "--params-file", str(tmp_path / "p.yaml")]
    assert words(node) == [*first, *rules, "-p", 'task:="fork"', "-p", "a.b:=1", "-r", "tool_pose:=/pose"]


def test_log_actions_give_messages_in_order_with_their_level(tmp_path):
    path = tmp_path / "test.launch.yaml"
    path.write_text(
        "launch:\n- arg: {name: x, default: world}\n- log_info: {message: hello $(var x)}\n"
        "- log_debug: {message: d}\n- log_warning: {message: w}\n- log_error: {message: e}\n"
        "- log_info: {message: never, if: 'false'}\n- log: {message: old}\n- log: {message: new, level: Warning}\n"
    )
    messages = [(message.level, message.text) for message in resolve(path, {}, {}).messages]
    first = [("INFO", "hello world"), ("DEBUG", "d"), ("WARNING", "w"), ("ERROR", "e")]
    assert messages == [*first, ("INFO", "old"), ("WARNING", "new")]


NODE = "- node: {pkg: il_ros, exec: sim_node%s}\n"


@pytest.mark.parametrize(
    ("written", "passed"),
    [
        ("true", "true"),
        ("1", "1"),
        ("1.5", "1.5"),
        ("1e-5", '"1e-5"'),  # a string in YAML 1.1
        ("1.0e-7", "1.0e-07"),
        (".inf", ".inf"),
        ("'1'", '"1"'),
        ("fork", '"fork"'),
        ("''", '""'),
        ("$(var x)", "3"),
        ("$(var empty)", '""'),
        ("$(var x)$(var word)", '"3w"'),
        ("$(var list)", "[1, 2]"),
        ("[a, $(var word)]", '["a", "w"]'),
    ],
)
def test_a_parameter_keeps_its_type(launch, written, passed):
    given = {"x": "3", "word": "w", "list": "[1, 2]", "empty": ""}
    declared = "".join(f"- arg: {{name: {name}}}\n" for name in given)
    (node,) = launch(declared + NODE % f", param: [{{name: p, value: {written}}}]", **given)
    assert words(node)[-1] == f"p:={passed}"


PRINTABLE = st.text(st.characters(exclude_categories=["C"]))


@given(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), PRINTABLE))
def test_a_value_that_is_passed_reads_back_as_yaml_with_its_type(value):
    back = yaml.safe_load(literal(value))
    assert (type(back), back) == (type(value), value)


def test_conditions_choose(launch):
    text = "- arg: {name: wanted, default: 'false'}\n"
    text += NODE % ", name: a, if: $(var wanted)" + NODE % ", name: b, unless: $(var wanted)"
    assert [node.name for node in launch(text)] == ["b"]
    assert [node.name for node in launch(text, wanted="True")] == ["a"]
    assert [node.name for node in launch(text, wanted="1")] == ["a"]


def test_a_scoped_group_keeps_its_namespace_variables_and_environment_to_itself(launch):
    inner, outer = launch(
        """
        - arg: {name: x, default: outer}
        - group:
          - push_ros_namespace: {namespace: one}
          - push_ros_namespace: {namespace: two}
          - let: {name: x, value: inner}
          - set_env: {name: E, value: $(var x)}
          - node: {pkg: il_ros, exec: sim_node, namespace: three, args: $(var x)}
        - node: {pkg: il_ros, exec: sim_node, args: $(var x)}
        """
    )
    assert words(inner) == ["inner", "--ros-args", "-r", "__ns:=/one/two/three"]
    assert inner.environment == {"E": "inner"}
    assert words(outer) == ["outer", "--ros-args"]
    assert outer.environment == {}


def test_a_group_that_is_not_scoped_lets_everything_out(launch):
    (node,) = launch(
        """
        - group:
            scoped: false
            children:
              - set_env: {name: E, value: inner}
              - push_ros_namespace: {namespace: one}
        - node: {pkg: il_ros, exec: sim_node, namespace: /alone, env: [{name: F, value: $(env E)}]}
        """
    )
    assert node.environment == {"E": "inner", "F": "inner"}
    assert words(node) == ["--ros-args", "-r", "__ns:=/alone"]


def test_an_included_file_gets_arguments_and_its_own_dirname(launch, tmp_path):
    folder = tmp_path / "sub"
    folder.mkdir()
    text = "launch:\n- arg: {name: y}\n" + NODE % ", args: $(var y) $(dirname)"
    (folder / "inner.launch.yaml").write_text(text)
    include = "- include: {file: $(dirname)/%s, arg: [{name: y, value: %s}]}\n"
    text = include % ("sub/inner.launch.yaml", "'1'") + include % ("inner.launch.yaml", "$(dirname)")
    first, second = launch(text)
    assert words(first) == ["1", str(folder), "--ros-args"]
    assert words(second) == [str(folder), str(folder), "--ros-args"]  # launch does not go back to our own dirname
    assert second.name == "sim_node-2"
    assert set(arguments(tmp_path / "test.launch.yaml")) == {"y"}


def test_an_include_takes_its_arguments_as_let_too(launch, tmp_path):
    (tmp_path / "inner.launch.yaml").write_text("launch:\n- arg: {name: y}\n" + NODE % ", args: $(var y)")
    (node,) = launch("- include: {file: $(dirname)/inner.launch.yaml, let: [{name: y, value: '1'}]}")
    assert words(node) == ["1", "--ros-args"]


def test_a_parameter_file_may_have_substitutions(launch, tmp_path):
    (tmp_path / "p.yaml").write_text("/**/sim_node:\n  ros__parameters: {seed: $(var sim_seed $(var seed))}\n")
    text = "- arg: {name: seed, default: '7'}\n" + NODE % ", param: [{from: $(dirname)/p.yaml, allow_substs: true}]"
    files = [Path(words(launch(text, **given)[0])[-1]) for given in ({}, {}, {"seed": "8"})]
    seeds = [yaml.safe_load(file.read_text())["/**/sim_node"]["ros__parameters"]["seed"] for file in files]
    assert seeds == [7, 7, 8] and files[0] == files[1] != files[2]


def test_files_that_include_each_other_are_refused(launch, tmp_path):
    (tmp_path / "other.launch.yaml").write_text("launch: [{include: {file: $(dirname)/test.launch.yaml}}]")
    with pytest.raises(ConfigError, match="includes itself"):
        launch("- include: {file: $(dirname)/other.launch.yaml}")


def test_nodes_of_other_packages_are_found_where_ament_put_them(launch, tmp_path):
    (tmp_path / "share/ament_index/resource_index/packages").mkdir(parents=True)
    (tmp_path / "share/ament_index/resource_index/packages/joy").touch()
    (tmp_path / "lib/joy").mkdir(parents=True)
    (tmp_path / "lib/joy/joy_node").touch()
    text = "- node: {pkg: joy, exec: joy_node}"
    (node,) = launch(text, {"AMENT_PREFIX_PATH": f"/nowhere:{tmp_path}"})
    assert node.command == (str(tmp_path / "lib/joy/joy_node"), "--ros-args")
    with pytest.raises(ConfigError, match="package 'joy' is not in AMENT_PREFIX_PATH, which is empty"):
        launch(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- nod: {pkg: il_ros}", r"yaml:2: action 'nod' is not known; .*did you mean 'node'"),
        ("- node:\n    pkg: il_ros\n    exec: sim_node\n    respawn: true", r"yaml:5: node: key 'respawn'"),
        ("- node: {pkg: il_ros}", r"yaml:2: node lacks 'exec'"),
        ("- node: {pkg: il_ros, exec: sin_node}", r"'sin_node' is not known; .*did you mean 'sim_node'"),
        ("- node: {pkg: il_ros, exec: sim_node, name: a b}", r"'a b' cannot be a node's name"),
        ("- node: {pkg: il_ros, exec: sim_node, namespace: a//b}", r"'/a//b' is no namespace"),
        ("- node: {pkg: il_ros, exec: sim_node, output: sreen}", r"output 'sreen' is not known"),
        ("- node: {pkg: il_ros, exec: sim_node, on_exit: respawn}", r"on_exit 'respawn' is not known"),
        ('- node: {pkg: il_ros, exec: sim_node, args: "\'a"}', r"close the quote"),
        ("- node: {pkg: il_ros, exec: sim_node, param: [{name: a}]}", r"'a' needs either a value or nested param"),
        ("- node: {pkg: il_ros, exec: sim_node, param: [{name: a, value: []}]}", r"a list needs elements"),
        ("- node: {pkg: il_ros, exec: sim_node, param: [{name: a, value: [1, b]}]}", r"all of one type"),
        ("- node: {pkg: il_ros, exec: sim_node, param: [{name: a, value: 2020-01-01}]}", r"cannot be a parameter"),
        ("- node: {pkg: il_ros, exec: sim_node, param: [{from: /nix.yaml}]}", r"parameter file /nix.yaml is missing"),
        ("- node: {pkg: il_ros, exec: sim_node, param: {a: 1}}", "param is .*; it must be a list"),
        ("- node: sim_node", r"node is 'sim_node'; it must be a mapping of keys"),
        ("- node: {pkg: il_ros, exec: sim_node, if: maybe}", "condition 'maybe' is not known; choose from 0, 1"),
        ("- let: {name: a, value: b, if: '1', unless: '1'}", r"exclude each other"),
        ("- arg: {name: a}", r"yaml:2: argument 'a' has no value"),
        ("- arg: {name: a, default: true}", r"default is True; it must be a string, so put it in quotes"),
        ("- arg: {name: a, default: c, choice: [{value: b}]}", r"a 'c' is not known; choose from b"),
        ("- group: {scoped: 'no', children: []}", r"scoped is 'no'; it must be true or false"),
        ("- group: {forwarding: false, children: []}", r"group: key 'forwarding' is not known"),
        ("- include: {file: x.launch.py}", r"only .launch.yaml files can be included here"),
        ("- include: {file: $(dirname)/test.launch.yaml}", r"includes itself"),
        ("- include: {file: $(dirname)/nix.launch.yaml}", r"nix.launch.yaml cannot be read"),
        ("- let: {name: a, value: $(eval 1)}", r"yaml:2: \$\(eval ...\) is refused"),
        ("- log_info: {msg: a}", r"yaml:2: log_info: key 'msg' is not known; choose from if, message, unless"),
        ("- log: {message: a, level: LOUD}", r"yaml:2: level 'LOUD' is not known; choose from DEBUG, ERROR, INFO"),
        ("- let: {name: a, value: $(string-join .)}", r"\$\(string-join\) has 1 arguments; it takes 2 or more"),
        ("- {let: {}, arg: {}}", r"it must have one, its kind"),
        ("- let", r"it must be a list of mappings"),
        ("- let: {name: [}", r"is not YAML"),
    ],
)
def test_what_is_not_known_is_refused_with_file_line_and_remedy(launch, text, message):
    with pytest.raises(ConfigError, match=message):
        launch(text)


def test_an_argument_that_no_file_declares_is_refused(launch):
    with pytest.raises(ConfigError, match="argument 'tsk' is not known; choose from task; did you mean 'task'"):
        launch("- arg: {name: task, default: fork}", tsk="fork")


def test_a_file_that_is_no_launch_file_is_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("nodes: []")
    with pytest.raises(ConfigError, match="its one top-level key must be 'launch'"):
        resolve(path, {}, {})
