# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Isolation of a ROS graph: a free ``ROS_DOMAIN_ID`` on this machine alone, for as long as this process lives.

``python -m il_ros.launching.ros_domain COMMAND ...`` runs any command in one; SIGINT ends it, even if its
parent ignores that.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from il_ros.cli import report
from il_ros.core import paths
from il_ros.core.errors import ConfigError, GraphError, IlRosError

DOMAINS = range(1, 102)
"""The domains whose ports lie below Linux' ephemeral range; 0 is everybody's default."""

PARTICIPANTS = 8
"""How many participants' ports are probed."""

ISOLATED = {
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    "OMP_NUM_THREADS": "1",  # two threads of torch on a busy machine are slower than one
    "OMP_WAIT_POLICY": "PASSIVE",
}
PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
"""Where Fast DDS looks for its settings, in Jazzy and in Kilted."""
UNWANTED = ("ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER")
"""Variables that would widen or override the discovery range."""

_locks: list[int] = []


def isolate(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of ``environment`` for a graph isolated from all others, with one arithmetic thread a process.

    Its nodes find each other sooner than by themselves; a file of settings for Fast DDS that is named in
    ``environment`` comes first. The domain stays ours until this process ends, however it ends. Each call takes a
    further domain.

    Raises:
        GraphError: if every domain is taken.
    """
    inherited = {name: value for name, value in environment.items() if name not in UNWANTED}
    profiles = dict.fromkeys(PROFILES, str(paths.share() / "config" / "discovery.xml"))
    return {**profiles, **inherited, **ISOLATED, "ROS_DOMAIN_ID": str(take_domain())}


def take_domain() -> int:
    """Return a domain that nobody on this machine uses, locked until this process ends.

    Raises:
        GraphError: if every domain is taken.
    """
    start = os.getpid() % len(DOMAINS)  # containers may share the network but not the folder of the locks
    for i in range(len(DOMAINS)):
        domain = DOMAINS[(start + i) % len(DOMAINS)]
        lock = _lock(domain)
        if lock is None:
            continue
        if is_silent(domain):
            _locks.append(lock)
            return domain
        os.close(lock)
    raise GraphError(f"ROS domains {DOMAINS[0]} to {DOMAINS[-1]} are all in use; end a graph that you no longer need")


def is_silent(domain: int) -> bool:
    """Return whether no participant of ``domain`` listens on this machine: its discovery ports are all free."""
    base = 7400 + 250 * domain  # DDSI-RTPS 2.5, section 9.6.2: participant i listens on base + 10 + 2 i
    return all(_is_free(port) for port in (base, *range(base + 10, base + 10 + 2 * PARTICIPANTS, 2)))


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lock(domain: int) -> int | None:
    path = Path(tempfile.gettempdir()) / f"il_ros_domain_{domain}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None  # another user's
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def main() -> None:
    """Become the command of the arguments, in a domain of its own.

    Raises:
        ConfigError: if there is no such command.
    """
    command = sys.argv[1:]
    if not command:
        raise ConfigError("no command was given; call it as: python -m il_ros.launching.ros_domain COMMAND ...")
    environment = isolate(os.environ)
    for lock in _locks:
        os.set_inheritable(lock, True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        raise ConfigError(f"command {command[0]!r} cannot be run: {error.strerror}; check its name") from error


if __name__ == "__main__":
    try:
        main()
    except IlRosError as error:
        sys.exit(report(error))
