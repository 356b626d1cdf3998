# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whatever happens, no child outlives us."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from il_ros.core.errors import ConfigError, GraphError
from il_ros.launching.processes import Processes

READY = "print('ready', flush=True); "
SLEEP = "import signal, time; " + READY + "time.sleep(60)"
DEAF_TO_SIGINT = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); " + READY + "time.sleep(60)"
DEAF = (
    "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    + READY
    + "time.sleep(60)"
)
ORPHAN = (
    f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-S', '-c', {DEAF_TO_SIGINT!r}]);"
    "print(p.pid, flush=True)"
)


def python(code: str) -> list[str]:
    """A command that runs ``code`` and starts fast."""
    return [sys.executable, "-S", "-c", code]


def is_gone(pid: int) -> bool:
    """Whether a process is no more, or is a zombie that somebody else has to reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def await_that(condition, limit_s: float = 10.0) -> None:
    """Wait for something that another process brings about."""
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        os.sched_yield()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "logs"


@pytest.mark.parametrize(
    ("code", "by"),
    [(SLEEP, -signal.SIGINT), (DEAF_TO_SIGINT, -signal.SIGTERM), (DEAF, -signal.SIGKILL)],
    ids=["polite", "deaf to SIGINT", "deaf to all but SIGKILL"],
)
def test_a_child_is_ended_by_the_gentlest_signal_that_works(folder, code, by):
    with Processes(folder, grace_s=0.3) as processes:
        child = processes.start("child", python(code))
        await_that(lambda: child.log.read_text())
    assert child.process.returncode == by
    assert is_gone(child.process.pid)


def test_grandchildren_are_ended_even_when_their_parent_is_gone_already(folder):
    with Processes(folder, grace_s=0.3) as processes:
        child = processes.start("child", python(ORPHAN))
        child.process.wait(10)
        await_that(lambda: "ready" in child.log.read_text())
        grandchild = int(child.log.read_text().split()[0])
        assert not is_gone(grandchild)
    assert is_gone(grandchild)


def test_children_are_ended_when_the_body_raises(folder):
    with pytest.raises(ZeroDivisionError), Processes(folder, grace_s=0.3) as processes:
        child = processes.start("child", python(SLEEP))
        raise ZeroDivisionError
    assert is_gone(child.process.pid)


SUPERVISOR = """
import sys, time
from pathlib import Path
from il_ros.launching.processes import Processes
with Processes(Path(sys.argv[1]), grace_s=float(sys.argv[3])) as processes:
    child = processes.start("child", [sys.executable, "-S", "-c", sys.argv[2]])
    while not child.log.read_text():
        time.sleep(0.01)
    try:
        print(child.process.pid, flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("leaving", flush=True)
        raise
"""


@pytest.fixture
def supervise(folder):
    """Starts a process that supervises a child which runs ``code``; gives both: the process, and the child's pid."""
    started = []

    def start(code: str, grace_s: float) -> tuple[subprocess.Popen, int]:
        command = [sys.executable, "-c", SUPERVISOR, str(folder), code, str(grace_s)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        return started[0], int(started[0].stdout.readline())

    yield start
    for supervisor in started:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux'")
def test_children_die_with_a_parent_that_is_killed_with_minus_9(supervise):
    supervisor, child = supervise(DEAF, 5.0)
    assert not is_gone(child)
    supervisor.kill()
    await_that(lambda: is_gone(child))


def test_sigterm_to_the_parent_ends_the_children_too(supervise):
    supervisor, child = supervise(SLEEP, 5.0)
    supervisor.terminate()
    assert supervisor.wait(10) == 128 + signal.SIGTERM
    assert is_gone(child)


@contextlib.contextmanager
def ignoring(*numbers):
    """What is started meanwhile ignores these signals, unless it says otherwise."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_any_signal_to_one_that_a_script_started_in_the_background_ends_the_children(supervise, number):
    with ignoring(signal.SIGINT):  # as a shell without jobs has it
        supervisor, child = supervise(SLEEP, 5.0)
    supervisor.send_signal(number)
    assert supervisor.wait(10) in (128 + number, -number)
    assert is_gone(child)


def test_what_nohup_started_outlives_its_terminal(supervise):
    with ignoring(signal.SIGHUP):
        supervisor, child = supervise(SLEEP, 5.0)
    supervisor.send_signal(signal.SIGHUP)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.stdout.readline() == "leaving\n"  # because of the second, as an exception
    supervisor.wait(10)
    assert is_gone(child)


def test_a_child_hears_sigint_whatever_its_parent_ignores(folder):
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    with Processes(folder, grace_s=0.3) as processes, ignoring(signal.SIGINT):
        child = processes.start("child", python(code))
        child.process.wait(10)
    assert child.log.read_text() == "True\n"


def test_a_second_ctrl_c_does_not_wait_for_the_grace_to_pass(supervise):
    supervisor, child = supervise(DEAF, 60.0)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.stdout.readline() == "leaving\n"
    limit = time.monotonic() + 20
    while supervisor.poll() is None:
        assert time.monotonic() < limit
        supervisor.send_signal(signal.SIGINT)
        try:
            supervisor.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    assert is_gone(child)


def test_a_death_is_reported_with_its_last_words(folder):
    with Processes(folder) as processes:
        child = processes.start("sim_node", python("print('no such task'); raise SystemExit(3)"))
        child.process.wait(10)
        with pytest.raises(GraphError, match=r"sim_node ended with exit code 3: no such task \(see .*sim_node.log\)"):
            processes.check()


def test_a_living_child_passes_the_check(folder):
    with Processes(folder, grace_s=0.3) as processes:
        processes.start("child", python(SLEEP))
        processes.check()


def test_every_line_of_output_is_passed_on_exactly_once(folder):
    lines = []
    with Processes(folder) as processes:
        child = processes.start("talker", python("for i in range(99): print('line', i)\nprint('end', end='')"), None)
        child.on_output = lambda name, line: lines.append(line)
        while child.process.poll() is None:
            processes.poll()
    assert lines == [*(f"line {i}" for i in range(99)), "end"]


def test_a_program_that_is_missing_is_a_clear_error(folder):
    with Processes(folder) as processes, pytest.raises(ConfigError, match="'no-such-program' cannot be started"):
        processes.start("child", ["no-such-program"])


def test_the_children_get_the_environment_that_they_are_given(folder):
    with Processes(folder, {"PATH": os.environ["PATH"], "A": "1"}) as processes:
        child = processes.start("child", python("import os; print(os.environ['A'] + os.environ['B'])"), {"B": "2"})
        child.process.wait(10)
    assert child.log.read_text() == "12\n"
