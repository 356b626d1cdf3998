# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What holds of every launch file that we ship: text stays text, whose end ends all, and a graph without warnings."""

from __future__ import annotations

import dataclasses
import importlib
import re
import signal
import subprocess
import sys
import time
import typing
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rclpy
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.node import Node

from il_ros.core.errors import ConfigError, GraphError
from il_ros.launching import graph
from il_ros.launching.yaml_launch import model
from il_ros.launching.yaml_launch.actions import NodeCommand
from il_ros.nodes import container_node
from il_ros.ros.client.graph_client import GraphClient
from tools import nodes_reference

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "launch").glob("*.launch.yaml"))
NAMES = [path.name.split(".")[0] for path in FILES]
ODD = [
    "20251129",
    "007",
    "0x1F",
    "1e5",
    "1_000",
    "12:30:45",
    "yes",
    "no",
    "on",
    "off",
    "true",
    "null",
    "~",
    "2026-01-01",
]
ODD += ["[1, 2]", "{a: 1}", "a: b", "- a", "#x", "a #b", "&x", "*x", "!x", "%x", "@x", "`x`", '"x"', ">", "?", "  x "]
"""Texts that YAML takes for something else."""
CHOICES = ("composed", "backend", "sim_camera", "camera", "clock", "tf", "display", "params_file")
"""Arguments that are no text for a parameter."""


def resolved(path: Path, **arguments: str) -> list[NodeCommand]:
    """The nodes of a file, with something for the arguments that must be given."""
    must = {name: "given" for name, argument in model.arguments(path).items() if argument.default is None}
    return model.resolve(path, {**must, **arguments}, {}).commands


def executable(node: NodeCommand) -> str:
    return node.command[2].removeprefix("il_ros.nodes.")


@cache
def types(name: str) -> dict[str, type]:
    """The types of the parameters of a node; of all nodes for the one that composes them."""
    if name == "container_node":
        return {key: kind for node in container_node.NODES for key, kind in types(node).items()}
    module = importlib.import_module(f"il_ros.nodes.{name}")
    (base,) = getattr(module, container_node.NODES[name]).__orig_bases__
    (parameters,) = typing.get_args(base)
    return {field.name: type(field.default) for field in dataclasses.fields(parameters)}


def passed(node: NodeCommand) -> dict[str, Any]:
    """The parameters on the command line, as rcl reads them."""
    pairs = [word.partition(":=") for flag, word in zip(node.command, node.command[1:]) if flag == "-p"]
    return {name: yaml.safe_load(value) for name, _, value in pairs}


@cache
def texts(path: Path) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The arguments of a file that its nodes take for strings, each with a mark, and which parameters get them."""
    words = {name: f"mark-{name}-mark" for name in model.arguments(path) if name not in CHOICES}
    given = [
        (name, key, str(value), types(executable(node)).get(key, str))
        for composed in ({"composed": "true"} if "composed" in model.arguments(path) else {}, {})
        for node in resolved(path, **words, **composed)
        for key, value in passed(node).items()
        for name, word in words.items()
        if word in str(value)
    ]
    numbers = {name for name, _, _, kind in given if kind is not str}
    return {name: words[name] for name, *_ in given if name not in numbers}, [
        (k, v) for n, k, v, _ in given if n not in numbers
    ]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
@settings(max_examples=12, deadline=None)
@given(text=st.sampled_from(ODD) | st.text("0123456789abcdefxXeEyn:-+_. [{#", min_size=1, max_size=12))
def test_whatever_is_given_for_a_parameter_that_is_a_string_stays_that_text(path: Path, text: str) -> None:
    marks, parameters = texts(path)
    expected = set()
    for key, value in parameters:
        for mark in marks.values():
            value = value.replace(mark, text)
        expected.add((key, value))
    composed = {"composed": "true"} if "composed" in model.arguments(path) else {}
    nodes = resolved(path, **dict.fromkeys(marks, text), **composed)
    assert {"folder", "contract"} & set(marks) or path.name == "two_arms.launch.yaml"
    got = {(key, value) for node in nodes for key, value in passed(node).items() if isinstance(value, str)}
    assert expected <= got, expected - got


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_end_of_a_node_ends_all_where_the_page_of_the_nodes_says_so(path: Path) -> None:
    ends = {name: what for names, what, _ in nodes_reference.ENDS for name in re.findall(r"`(\w+)`", names)}
    declared = model.arguments(path)
    for choice in [{}, {"composed": "true"}, {"sim_camera": "true"}, {"display": "true"}]:
        if not set(choice) <= set(declared):
            continue
        for node in resolved(path, **choice):
            what = ends[executable(node)]
            is_named = f"`{path.name.split('.')[0]}`" in what
            expected = what.startswith("all") and ("in `" not in what or is_named != ("but" in what))
            assert node.shuts_down == expected, (path.name, node.name)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_an_arm_waits_for_everybody_whom_its_launch_file_starts_and_who_answers_or_records(path: Path) -> None:
    nodes = {node.name: node for node in resolved(path)}
    for node in nodes.values():
        awaits = passed(node).get("awaits")
        if awaits is not None and executable(node) in ("sim_node", "gym_node"):
            answering = {"gate_node", "policy_node", "expert_node", "recorder_node"}
            answering -= {"expert_node"} if path.name == "gym.launch.yaml" else set()
            assert set(awaits.split()) == answering & {executable(one) for one in nodes.values()}


def test_a_quote_in_a_text_is_refused_with_the_remedy() -> None:
    path = ROOT / "launch/collect.launch.yaml"
    with pytest.raises(ConfigError, match=r"o'b.*write '' for each ' in it"):
        resolved(path, folder="o'b")
    (folder,) = {passed(node)["folder"] for node in resolved(path, folder="o''b")}
    assert folder == "o'b"


SEEDS = {"sim_node": 5, "policy_node": 7, "trainer_node": 9}


@pytest.mark.graph
@pytest.mark.parametrize(("name", "composed"), [("dagger", "false"), ("dagger", "true"), ("two_arms", "true")])
def test_each_node_can_have_a_seed_of_its_own_and_any_parameter_from_a_file(
    name: str, composed: str, tmp_path: Path
) -> None:
    file = tmp_path / "nodes.yaml"
    file.write_text("/**/gate_node:\n  ros__parameters: {execute_steps: 3}\n")
    given = {"seed": "5", "policy_seed": "7", "trainer_seed": "9", "params_file": str(file), "composed": composed}
    for command in resolved(ROOT / f"launch/{name}.launch.yaml", **given):
        context = rclpy.Context()
        words = [word for word in command.command[3:] if not word.startswith("__node")]
        words = [word for word, after in zip(words, [*words[1:], ""]) if word != "-r" or ":=" in after]
        rclpy.init(args=words, context=context)
        for node, seed in SEEDS.items():
            made = Node(node, context=context, automatically_declare_parameters_from_overrides=True)
            assert made.get_parameter("seed").value == seed
            made.destroy_node()
        gate = Node("gate_node", context=context, automatically_declare_parameters_from_overrides=True)
        assert gate.get_parameter("execute_steps").value == 3
        gate.destroy_node()
        rclpy.shutdown(context=context)


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``il-ros launch``."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "il_ros.cli", "launch", *words, "--log-folder", str(tmp_path / "logs")]
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "env": graph._environment()}
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.graph
def test_a_launch_whose_recorder_dies_ends_and_says_why(tmp_path: Path, launched: Callable[..., Any]) -> None:
    (tmp_path / "file").touch()
    process = launched("collect", f"folder:={tmp_path}/file/episodes", "lockstep:=true")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == GraphError.exit_code and "[launch] recorder_node ended with exit code" in out


WARNINGS = (
    "no diagnostics of",
    "two nodes",
    "two graphs",
    "several publishers",
    "never became",
    "/clock",
    "is not received",
)


@pytest.mark.graph
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("gym", "rollout", "train")])
def test_a_graph_that_is_as_it_should_be_has_no_warnings(name: str, tmp_path: Path) -> None:
    path = ROOT / f"launch/{name}.launch.yaml"
    given = {"composed": "true", "auto_reset": "true", "lockstep": "false"}
    folders = {key: str(tmp_path / key) for key in ("folder", "checkpoints", "runs") if key in model.arguments(path)}
    told: set[str] = set()
    with (
        graph.started(name, tmp_path / "logs", **given, **folders) as processes,
        GraphClient(processes.check) as director,
    ):
        arms = ("left/", "right/") if name == "two_arms" else ("",)
        for arm in arms:
            director.wait(f"{arm}gate_node", lambda arm=arm: f"{arm}gate_node" in director.heard, 30.0)
            director.wait("steps", lambda arm=arm: int(director.heard[f"{arm}gate_node"]["steps"]) > 0, 30.0)
        since = time.monotonic()

        def look() -> bool:
            told.update(f"{node}: {facts['complaint']}" for node, facts in director.heard.items())
            return time.monotonic() - since > 4.0

        director.wait("some seconds", look, 10.0)
    assert not [words for words in told if any(warning in words for warning in WARNINGS)]
