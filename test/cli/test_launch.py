# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``il-ros launch`` shows, starts, reports and ends."""

import json
import os
import subprocess
import sys

import pytest

from il_ros.cli import launch, main
from il_ros.core.errors import ConfigError, GraphError
from il_ros.launching.yaml_launch.actions import Launch, NodeCommand


def node(name, code, **more):
    """A node that is a small Python program."""
    return NodeCommand(name, (sys.executable, "-S", "-c", code), {}, **more)


def test_arguments_may_stand_before_and_after_options(capsys):
    assert main(["launch", "bringup", "task:=avoid", "--dry-run", "--json", "lockstep:=true"]) == 0
    sim, gate = map(json.loads, capsys.readouterr().out.splitlines())
    assert 'task:="avoid"' in sim["command"] and "lockstep:=true" in sim["command"]
    assert (sim["name"], gate["name"]) == ("sim_node", "gate_node")


def test_the_arguments_are_shown_with_defaults_and_choices(tmp_path, capsys):
    path = tmp_path / "x.launch.yaml"
    path.write_text("launch: [{arg: {name: task, default: fork, choice: [{value: fork}, {value: avoid}]}}]")
    assert main(["launch", str(path), "--show-args", "--json"]) == 0
    task = json.loads(capsys.readouterr().out)["task"]
    assert task == {"name": "task", "default": "fork", "description": "", "choices": ["fork", "avoid"]}
    assert main(["launch", str(path), "--show-args"]) == 0
    assert "fork avoid" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["task=fork", ":=fork", "fork"])
def test_a_word_of_another_form_is_refused(word):
    with pytest.raises(ConfigError, match=f"argument '{word}' is not of the form name:=value"):
        launch.given([word])


def test_a_value_may_hold_anything():
    assert launch.given(["a:=b:=c", "d:="]) == {"a": "b:=c", "d": ""}


def test_nodes_that_end_well_give_zero_and_their_output_is_shown(tmp_path, capsys):
    nodes = [node("a", "print('hello')", output="screen"), node("b", "print('hidden')")]
    assert launch.supervise(Launch({}, nodes), tmp_path) == 0
    shown = capsys.readouterr().out
    assert "[a] hello\n" in shown and "hidden" not in shown
    assert (tmp_path / "b.log").read_text() == "hidden\n"


def test_a_node_that_dies_is_reported_and_the_others_go_on(tmp_path, capsys):
    nodes = [node("a", "raise SystemExit('broken')"), node("b", "input", output="screen")]
    assert launch.supervise(Launch({}, nodes), tmp_path) == GraphError.exit_code
    shown = capsys.readouterr().out
    assert "[launch] a ended with exit code 1: broken" in shown
    assert "[launch] b ended with exit code 0" in shown


def test_the_end_of_a_node_with_on_exit_shutdown_ends_all(tmp_path):
    nodes = [node("a", "pass", shuts_down=True), node("b", "import time; time.sleep(60)")]
    assert launch.supervise(Launch({}, nodes), tmp_path) == 0


def test_logs_go_where_ros_keeps_them(monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path))
    assert launch.log_folder().parent == tmp_path


def test_ctrl_c_ends_the_nodes_and_gives_130(tmp_path):
    code = (
        "import sys; from il_ros import cli; from il_ros.cli import launch;"
        "from il_ros.launching.yaml_launch.actions import *;"
        "node = NodeCommand('a', (sys.executable, '-S', '-c', 'import os,time; print(os.getpid(), flush=True);"
        "time.sleep(60)'), {}, 'screen');"
        "cli._load('launch').run = lambda args: launch.supervise(Launch({}, [node]), launch.Path(sys.argv[1]));"
        "sys.exit(cli.main(['launch', 'bringup']))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    started, said = child.stdout.readline(), child.stdout.readline()
    assert "started a" in started
    child.send_signal(2)
    child.communicate(timeout=20)
    assert child.returncode == 130
    pid = int(said.split()[1])
    assert not os.path.exists(f"/proc/{pid}")
