# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The package is laid out so that pip, colcon and ``ros2 launch`` each find what they look for."""

import ast
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from catkin_pkg.package import parse_package

import il_ros
from il_ros.launching.executables import EXECUTABLES
from il_ros.launching.yaml_launch import model

ROOT = Path(__file__).resolve().parents[1]
SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.yaml"))
MOST_MODULES, MOST_LINES = 12, 300
LISTS = {"il_ros/cli", "il_ros/nodes"}
"""Folders that are lists, of the commands and of the nodes: they may be longer."""


def modules(*folders: str) -> Iterator[Path]:
    """Every module below these folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_no_folder_of_the_package_has_more_than_a_dozen_modules():
    sizes = Counter(str(path.parent.relative_to(ROOT)) for path in modules("il_ros") if path.name != "__init__.py")
    assert {name: size for name, size in sizes.items() if size > MOST_MODULES and name not in LISTS} == {}


def test_no_module_has_more_than_300_lines():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules("il_ros")}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_class_name_stands_for_two_things():
    places: dict[str, list[str]] = {}
    for path in modules("il_ros", "benchmarks", "studies", "examples"):
        classes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))
        for node in classes:
            places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_package_xml_is_an_ament_python_package_of_our_version():
    warnings = []
    package = parse_package(str(ROOT / "package.xml"), warnings=warnings)
    assert warnings == []
    assert (package.name, package.version, package.package_format) == ("il_ros", il_ros.__version__, 3)
    assert package.get_build_type() == "ament_python"
    assert package.licenses == ["Apache-2.0"]


def test_package_xml_names_every_ros_package_that_the_code_imports():
    package = parse_package(str(ROOT / "package.xml"))
    declared = {dependency.name for dependency in package.exec_depends}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "il_ros" / "nodes").rglob("*.py")]
    names = {name for source in sources for name in re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE)}
    assert {name for name in names if re.fullmatch(r"\w+_(msgs|srvs|interfaces)|rclpy", name)} <= declared


def test_resource_marker_and_licence_are_there():
    assert (ROOT / "resource" / "il_ros").is_file()
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_every_node_has_a_link_to_the_one_script_that_runs_nodes():
    links = {path.name: path for path in (ROOT / "scripts").glob("*_node") if path.name != "run_node"}
    assert set(links) == set(EXECUTABLES)
    assert {link.resolve() for link in links.values()} == {ROOT / "scripts" / "run_node"}
    assert (ROOT / "scripts" / "run_node").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize("node", EXECUTABLES)
def test_every_node_is_a_module_with_a_main_that_runs(node):
    source = (ROOT / "il_ros" / "nodes" / f"{node}.py").read_text(encoding="utf-8")
    assert "def main(" in source
    assert 'if __name__ == "__main__":' in source


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name.split(".")[0])
def test_every_launch_file_resolves_to_the_same_nodes_in_one_process_and_in_many(path):
    given = {name: "given" for name, argument in model.arguments(path).items() if argument.default is None}
    if "composed" not in model.arguments(path):  # one node is one process
        assert len(model.resolve(path, given, os.environ).commands) == 1
        return
    many = model.resolve(path, {**given, "composed": "false"}, os.environ).commands
    composed = model.resolve(path, {**given, "composed": "true"}, os.environ).commands
    containers = [one for one in composed if one.command[2] == "il_ros.nodes.container_node"]
    alone = [one.command for one in composed if one not in containers]  # the trainer, in both
    assert {command[2] for command in alone} <= {"il_ros.nodes.trainer_node"}
    assert all(command in [one.command for one in many] for command in alone)
    together, names = [one for one in many if one.command not in alone], []
    for one in containers:  # of each arm
        whole = [word for word in one.command[3:] if word != "-r"]
        names += yaml.safe_load(next(word.partition(":=")[2] for word in whole if word.startswith("nodes:=")))
        last = together[len(names) - 1].command[3:]
        assert [word for word in last if "__node" not in word and word != "-r"] == whole
    assert names == [node.command[2].removeprefix("il_ros.nodes.") for node in together]


def test_every_argument_of_our_launch_files_is_described_and_has_a_default_or_is_what_it_is_about():
    for path in LAUNCH_FILES:
        for argument in model.arguments(path).values():
            is_optional = argument.default is not None or (path.name, argument.name) == (
                "rollout.launch.yaml",
                "checkpoint",
            )
            assert argument.description and is_optional, f"{path.name}: {argument.name}"


def test_direct_dependencies_are_pinned_exactly():
    pinned = r'[\w.-]+==[\w.]+(; python_version (>=|<|==) "3.1[12]")?'
    for path in ROOT.glob("requirements*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not line or line.startswith("#") or re.fullmatch(pinned, line), f"{path.name}: {line}"


def test_everything_that_setup_installs_exists(monkeypatch):
    monkeypatch.chdir(ROOT)
    installed = {}
    monkeypatch.setattr("setuptools.setup", lambda **options: installed.update(options))
    exec(compile(SETUP, str(ROOT / "setup.py"), "exec"), {"__file__": str(ROOT / "setup.py"), "__name__": "setup"})
    files = dict(installed["data_files"])
    assert all((ROOT / file).is_file() for group in files.values() for file in group)
    assert "launch/bringup.launch.yaml" in files["share/il_ros/launch"]
    assert "config/contracts/panda_plane.yaml" in files["share/il_ros/config/contracts"]
    assert len(files["lib/il_ros"]) == len(EXECUTABLES)
    assert installed["version"] == il_ros.__version__
