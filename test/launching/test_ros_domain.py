# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Two graphs at once never hear each other."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from il_ros.core.errors import GraphError
from il_ros.launching import ros_domain


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    """Locks in a folder of the test's own, let go at its end."""
    monkeypatch.setattr(ros_domain.tempfile, "gettempdir", lambda: str(tmp_path))
    held = []
    monkeypatch.setattr(ros_domain, "_locks", held)
    yield
    for lock in held:
        os.close(lock)


def test_every_call_takes_another_domain():
    taken = [ros_domain.take_domain() for _ in range(10)]
    assert len(set(taken)) == 10
    assert set(taken) <= set(ros_domain.DOMAINS)


@pytest.mark.parametrize("offset", [0, 10, 12])
def test_a_domain_in_which_somebody_listens_is_not_silent(offset):
    number = ros_domain.take_domain()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 7400 + 250 * number + offset))
        assert not ros_domain.is_silent(number)
    assert ros_domain.is_silent(number)


def test_a_domain_in_use_is_passed_over(monkeypatch):
    first = ros_domain.DOMAINS[os.getpid() % len(ros_domain.DOMAINS)]
    monkeypatch.setattr(ros_domain, "is_silent", lambda number: number != first)
    assert ros_domain.take_domain() != first
    assert ros_domain.take_domain() != first


def test_no_free_domain_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(ros_domain, "is_silent", lambda number: False)
    with pytest.raises(GraphError, match="1 to 101 are all in use; end a graph"):
        ros_domain.take_domain()


def test_the_environment_is_narrowed_to_this_machine_and_the_rest_kept():
    wide = {"HOME": "/home/ada", "ROS_DOMAIN_ID": "0", "ROS_LOCALHOST_ONLY": "0", "ROS_STATIC_PEERS": "10.0.0.1"}
    narrow = ros_domain.isolate(wide)
    assert narrow["HOME"] == "/home/ada"
    assert narrow["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert int(narrow["ROS_DOMAIN_ID"]) in ros_domain.DOMAINS
    assert not set(ros_domain.UNWANTED) & set(narrow)
    assert wide["ROS_DOMAIN_ID"] == "0"
    assert all(Path(narrow[name]).is_file() for name in ros_domain.PROFILES)
    assert ros_domain.isolate({**wide, ros_domain.PROFILES[0]: "mine.xml"})[ros_domain.PROFILES[0]] == "mine.xml"


def test_a_command_keeps_its_domain_locked_until_it_ends(tmp_path):
    code = "import os, sys; print(os.environ['ROS_DOMAIN_ID'], flush=True); sys.stdin.read()"
    command = [sys.executable, "-m", "il_ros.launching.ros_domain", sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env={**os.environ, "TMPDIR": str(tmp_path)}) as child:
        number = int(child.stdout.readline())
        assert ros_domain._lock(number) is None
        child.stdin.close()
    lock = ros_domain._lock(number)
    assert lock is not None
    os.close(lock)
