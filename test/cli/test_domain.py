# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two graphs at once never hear each other."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from il_ros.cli import domain
from il_ros.errors import GraphError


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    """Locks in a folder of the test's own, let go at its end."""
    monkeypatch.setattr(domain.tempfile, "gettempdir", lambda: str(tmp_path))
    held = []
    monkeypatch.setattr(domain, "_locks", held)
    yield
    for lock in held:
        os.close(lock)


def test_every_call_takes_another_domain():
    taken = [domain.take_domain() for _ in range(10)]
    assert len(set(taken)) == 10
    assert set(taken) <= set(domain.DOMAINS)


@pytest.mark.parametrize("offset", [0, 10, 12])
def test_a_domain_in_which_somebody_listens_is_not_silent(offset):
    number = domain.take_domain()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 7400 + 250 * number + offset))
        assert not domain.is_silent(number)
    assert domain.is_silent(number)


def test_a_domain_in_use_is_passed_over(monkeypatch):
    first = domain.DOMAINS[os.getpid() % len(domain.DOMAINS)]
    monkeypatch.setattr(domain, "is_silent", lambda number: number != first)
    assert domain.take_domain() != first
    assert domain.take_domain() != first


def test_no_free_domain_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(domain, "is_silent", lambda number: False)
    with pytest.raises(GraphError, match="1 to 101 are all in use; end a graph"):
        domain.take_domain()


def test_the_environment_is_narrowed_to_this_machine_and_the_rest_kept():
    wide = {"HOME": "/home/ada", "ROS_DOMAIN_ID": "0", "ROS_LOCALHOST_ONLY": "0", "ROS_STATIC_PEERS": "10.0.0.1"}
    narrow = domain.isolate(wide)
    assert narrow["HOME"] == "/home/ada"
    assert narrow["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert int(narrow["ROS_DOMAIN_ID"]) in domain.DOMAINS
    assert not set(domain.UNWANTED) & set(narrow)
    assert wide["ROS_DOMAIN_ID"] == "0"
    assert all(Path(narrow[name]).is_file() for name in domain.PROFILES)
    assert domain.isolate({**wide, domain.PROFILES[0]: "mine.xml"})[domain.PROFILES[0]] == "mine.xml"


def test_a_command_keeps_its_domain_locked_until_it_ends(tmp_path):
    code = "import os, sys; print(os.environ['ROS_DOMAIN_ID'], flush=True); sys.stdin.read()"
    command = [sys.executable, "-m", "il_ros.cli.domain", sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env={**os.environ, "TMPDIR": str(tmp_path)}) as child:
        number = int(child.stdout.readline())
        assert domain._lock(number) is None
        child.stdin.close()
    lock = domain._lock(number)
    assert lock is not None
    os.close(lock)
