# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Child processes that end with this one, whatever happens: on return, on an error, on Ctrl-C, and on SIGKILL."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

from il_ros.core.errors import ConfigError, GraphError

FAREWELLS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""The signals that a child gets, in this order, until it has ended."""

PR_SET_PDEATHSIG = 1
POLL_S = 0.02


@dataclass
class Child:
    """One started process, the leader of a process group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    on_output: Callable[[str, str], None] | None = None
    """Called with the name and each line of output, from ``Processes.poll``."""
    read: int = 0
    """How many bytes of the log ``on_output`` has seen."""

    def is_alive(self) -> bool:
        """Return whether the process or any other of its group lives."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def last_words(self, lines: int = 5) -> str:
        """Return the last lines of the log, joined."""
        text = self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
        return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


@dataclass
class Processes:
    """A context that starts children, logs their output to ``folder/<name>.log``, and ends them all when it is left.

    They get SIGINT, after ``grace_s`` SIGTERM, after ``grace_s`` more SIGKILL, grandchildren in their groups too. A
    Ctrl-C meanwhile goes on to the next signal at once. If this process is killed the kernel kills the children, as
    long as they were started from its main thread. SIGTERM and SIGHUP leave the context like an exception, and SIGINT
    does even if a script's shell had us ignore it; a SIGHUP that ``nohup`` has us ignore stays ignored.
    """

    folder: Path
    environment: Mapping[str, str] | None = None
    """The children's environment; by default our own."""
    grace_s: float = 3.0
    children: list[Child] = field(default_factory=list)

    def __enter__(self) -> Processes:
        self.folder.mkdir(parents=True, exist_ok=True)
        handlers: dict[signal.Signals, object] = {signal.SIGTERM: _leave}
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            handlers[signal.SIGHUP] = _leave
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a script's shell leaves it to what it starts with &
            handlers[signal.SIGINT] = signal.default_int_handler
        self._handlers = _on_main_thread(handlers)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        try:
            self.end()
        finally:
            _on_main_thread(self._handlers)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        on_output: Callable[[str, str], None] | None = None,
    ) -> Child:
        """Start ``command``; ``environment`` is added to that of the others.

        Raises:
            ConfigError: if there is no such program, or a child of that name.
        """
        if any(child.name == name for child in self.children):
            raise ConfigError(f"a process called {name!r} has been started already; give each its own name")
        log = self.folder / f"{name}.log"
        base = os.environ if self.environment is None else self.environment
        with log.open("wb") as output:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**base, "PYTHONUNBUFFERED": "1", **(environment or {})},
                    start_new_session=True,
                    preexec_fn=_BeforeExec(),
                )
            except OSError as error:
                raise ConfigError(f"{command[0]!r} cannot be started: {error.strerror}; check its name") from error
        self.children.append(Child(name, process, log, on_output))
        return self.children[-1]

    def poll(self) -> list[Child]:
        """Pass on the output of the children; return those that have ended."""
        for child in self.children:
            if child.on_output is not None:
                for line in _new_lines(child):
                    child.on_output(child.name, line)
        return [child for child in self.children if child.process.poll() is not None]

    def check(self) -> None:
        """Make sure that every child still runs.

        Raises:
            GraphError: naming the first that has ended, how, and its last words.
        """
        for child in self.poll():
            how = how_it_ended(child.process.returncode)
            raise GraphError(f"{child.name} {how}: {child.last_words()} (see {child.log})")

    def end(self) -> None:
        """End every child and wait until all are gone; called when the context is left."""
        hurry = threading.Event()
        handlers = _on_main_thread(dict.fromkeys((signal.SIGINT, signal.SIGTERM), lambda *_: hurry.set()))
        try:
            for number in FAREWELLS:
                self._signal(number, hurry)
        finally:
            _on_main_thread(handlers)
        self.poll()

    def _signal(self, number: signal.Signals, hurry: threading.Event) -> None:
        living = [child for child in self.children if child.is_alive()]
        for child in living:
            child.tell(number)
        hurry.clear()
        limit = time.monotonic() + self.grace_s
        while any(child.is_alive() for child in living) and time.monotonic() < limit:
            if hurry.is_set() and number != signal.SIGKILL:
                return
            time.sleep(POLL_S)


class _BeforeExec:
    """Between fork and exec: lets SIGINT end the child, whatever its parent ignores, and has it die with its parent.

    The latter the kernel sees to, and Linux' alone can.
    """

    def __init__(self) -> None:
        self._parent = os.getpid()
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def __call__(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if self._prctl is None:
            return
        self._prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != self._parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _on_main_thread(handlers: Mapping[signal.Signals, object]) -> dict[signal.Signals, object]:
    """Set signal handlers, where Python allows it; returns the previous ones."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}  # type: ignore[arg-type]


def how_it_ended(code: int) -> str:
    """Return the exit code in words, as ``subprocess`` gives it: negative for a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {next((s.name for s in signal.Signals if s == -code), f'signal {-code}')}"


def _new_lines(child: Child) -> Iterator[str]:
    """Yield the complete lines that were logged since the last call, and the rest once the child has ended."""
    with child.log.open("rb") as log:
        log.seek(child.read)
        data = log.read()
    if child.process.poll() is None:
        data = data[: data.rfind(b"\n") + 1]
    child.read += len(data)
    yield from data.decode("utf-8", errors="replace").splitlines()
