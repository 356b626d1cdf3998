# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Look whether this machine is fit to run il_ros, and say what to do where it is not.

Exit code 0 if nothing failed (warnings are allowed), else 1.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from il_ros.core import paths
from il_ros.core import plugins as plugin_kinds
from il_ros.core.contract import Contract
from il_ros.core.errors import IlRosError
from il_ros.launching import ros_domain

HELP = "check the machine, the installation and ROS 2"

GIGABYTE = 10**9
LEAST_DISK_GB = 1.0
LEAST_SHARED_MEMORY_MB = 64.0  # Fast DDS takes half a megabyte a participant, and more for pictures
STALE_FILES = 200
ROUND_TRIP_LIMIT_S = 30.0
PACKAGES = ("numpy", "torch", "gymnasium", "rosbags", "mcap", "safetensors", "matplotlib", "pillow", "rich")
INSTALL_PYBULLET = "pip install --no-build-isolation pybullet; Python 3.12 compiles it: apt install g++ python3-dev"
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "info": "cyan"}

ROUND_TRIP = """
import time, rclpy
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node("il_ros_doctor")
received = []
node.create_subscription(String, "~/echo", lambda message: received.append(message.data), 10)
publisher = node.create_publisher(String, "~/echo", 10)
executor = SingleThreadedExecutor()
executor.add_node(node)
limit = time.monotonic() + 10.0
while not received and time.monotonic() < limit:
    publisher.publish(String(data="hello"))
    executor.spin_once(timeout_sec=0.1)
print(rclpy.get_rmw_implementation_identifier() if received else "")
executor.shutdown()
node.destroy_node()
rclpy.shutdown()
"""
"""What the child that tries ROS 2 runs; it prints the middleware's name if its message came back."""


@dataclass(frozen=True)
class Check:
    """What one check found."""

    name: str
    status: str
    """``ok``, ``warn``, ``fail``, or ``info`` for what is neither good nor bad."""
    found: str
    remedy: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros doctor``."""
    parser.add_argument("--contract", help="check the cameras of this contract, too, and what is published of them now")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros doctor``; returns 0 if no check failed."""
    checks = list(examine())
    if args.contract:
        from il_ros.cli.checks import cameras

        checks += cameras.examine(Contract.load(args.contract))
    if args.json:
        print(json.dumps([asdict(check) for check in checks]))
    else:
        show(checks)
    return int(any(check.status == "fail" for check in checks))


def show(checks: list[Check]) -> None:
    """Print the checks as a table."""
    table = Table("", "check", "found", "remedy")
    for check in checks:
        table.add_row(Text(check.status, COLOURS[check.status]), check.name, check.found, check.remedy)
    Console(markup=False).print(table)


def examine() -> Iterator[Check]:
    """Run every check, in order."""
    yield python()
    yield machine()
    yield from packages()
    yield physics()
    yield threads()
    yield share()
    yield plugins()
    yield environment()
    yield discovery()
    yield middleware()
    yield shared_memory()
    yield disk()
    yield gamepads()


def python() -> Check:
    """Check the interpreter."""
    fit = (3, 10) <= sys.version_info[:2] <= (3, 12)
    return Check(
        "Python", "ok" if fit else "fail", f"{platform.python_version()} at {sys.executable}",
        "" if fit else "use Python 3.10, 3.11 or 3.12: make PYTHON=python3.11 demo",
    )  # fmt: skip


def machine() -> Check:
    """Check processor and C library: the ROS 2 wheels want x86-64 and glibc 2.28."""
    name, version = platform.libc_ver()
    fit = platform.machine() == "x86_64" and name == "glibc" and _numbers(version) >= (2, 28)
    value = f"{platform.machine()}, {name or 'no glibc'} {version}, {os.cpu_count()} cores"
    remedy = "" if fit else "the ROS 2 wheels need x86-64 Linux with glibc 2.28 or newer; else install ROS 2 in full"
    return Check("machine", "ok" if fit else "fail", value, remedy)


def packages() -> Iterator[Check]:
    """Check the libraries, with their versions."""
    for name in PACKAGES:
        version = _version(name)
        remedy = "" if version else "pip install -r requirements.txt"
        yield Check(name, "ok" if version else "fail", version or "missing", remedy)
    versions = {name: _version(f"ros-{name}-rclpy") for name in ("jazzy", "kilted")}
    wheels = ", ".join(f"ROS 2 {name}, rclpy {version}" for name, version in versions.items() if version)
    distribution = os.environ.get("ROS_DISTRO")
    remedy = "" if wheels or distribution else "pip install -r requirements-jazzy.txt, or source /opt/ros/*/setup.bash"
    installed = f"ROS 2 {distribution}, installed in full" if distribution else "no ROS 2"
    yield Check("ROS 2", "fail" if remedy else "ok", wheels or installed, remedy)


def physics() -> Check:
    """Check PyBullet, and whether it hands pictures over as numpy arrays; without, each takes a hundred times as long.

    Whoever drives a real arm can do without it.
    """
    version = _version("pybullet")
    if version is None:
        return Check("pybullet", "warn", "missing: no simulation", INSTALL_PYBULLET)
    code = "import pybullet; print(pybullet.isNumpyEnabled())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if child.returncode:
        return Check("pybullet", "fail", _last_line(child.stderr), INSTALL_PYBULLET)
    enabled = child.stdout.strip() == "1"
    remedy = "" if enabled else "install pybullet's wheel, or numpy before building it"
    return Check("pybullet", "ok" if enabled else "warn", f"{version}, numpy {'on' if enabled else 'off'}", remedy)


def threads() -> Check:
    """Check how many threads arithmetic takes; the nodes set one themselves."""
    set_to = os.environ.get("OMP_NUM_THREADS")
    fit = set_to == "1" or (os.cpu_count() or 1) > 8
    value = f"OMP_NUM_THREADS={set_to}" if set_to else "OMP_NUM_THREADS is not set"
    remedy = "" if fit else "export OMP_NUM_THREADS=1 for your own scripts: on few, busy cores two threads are slower"
    return Check("threads", "ok" if fit else "info", value, remedy)


def share() -> Check:
    """Return whether the package's own launch and config files are found."""
    try:
        return Check("launch and config files", "ok", str(paths.share()))
    except IlRosError as error:
        return Check("launch and config files", "fail", str(error), "pip install --force-reinstall il_ros")


def plugins() -> Check:
    """Check what other packages offer by entry points, and say why some of it cannot be used."""
    offered = [name for kind in plugin_kinds.KINDS for name in plugin_kinds.offered(kind)]
    reasons = [reason for kind in plugin_kinds.KINDS for reason in plugin_kinds.unusable(kind).values()]
    value = ", ".join(offered) or "none of other packages"
    return Check("plugins", "warn" if reasons else "ok", value, "; ".join(reasons))


def environment() -> Check:
    """Return whether another ROS 2 is sourced on top of the wheels."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "")
    mixed = bool(prefixes and "/opt/ros" in prefixes and (_version("ros-jazzy-rclpy") or _version("ros-kilted-rclpy")))
    remedy = "open a shell without setup.bash: the wheels and an installed ROS 2 do not mix" if mixed else ""
    return Check("AMENT_PREFIX_PATH", "warn" if mixed else "ok", prefixes or "not set (fine with the wheels)", remedy)


def discovery() -> Check:
    """Check which other participants our graphs would discover."""
    number = os.environ.get("ROS_DOMAIN_ID", "0") or "0"
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    if not number.isdigit() or int(number) > 232:
        return Check("discovery", "fail", f"ROS_DOMAIN_ID={number}", "choose a number from 0 to 101")
    alone = reach.upper() in ("LOCALHOST", "OFF")
    quiet = int(number) not in ros_domain.DOMAINS or ros_domain.is_silent(int(number))
    value = f"domain {number} ({'nobody else here' if quiet else 'in use here'}), range {reach}"
    remedy = "" if alone else "to stay on this machine: export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST"
    return Check("discovery", "ok" if alone else "info", value, remedy)


def middleware() -> Check:
    """Return whether a message that a node publishes comes back to it, tried in a child and in a domain of its own."""
    remedy = "see the message; with the wheels, make clean and make again mends most"
    try:
        child = subprocess.run(
            [sys.executable, "-c", ROUND_TRIP],
            capture_output=True, text=True, timeout=ROUND_TRIP_LIMIT_S, env=ros_domain.isolate(os.environ),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Check("middleware", "fail", f"no answer within {ROUND_TRIP_LIMIT_S:.0f} s", remedy)
    except IlRosError as error:
        return Check("middleware", "fail", str(error), "end a graph that you no longer need")
    name = child.stdout.strip()
    if child.returncode == 0 and name:
        return Check("middleware", "ok", f"{name}, a message came back")
    return Check("middleware", "fail", _last_line(child.stderr) or "the message did not come back", remedy)


def shared_memory(folder: Path = Path("/dev/shm")) -> Check:
    """Check the room for Fast DDS' shared memory, and what killed processes have left in it."""
    if not folder.is_dir():
        return Check("shared memory", "warn", f"{folder} is missing", "mount it; without, messages take the slower UDP")
    free_mb = shutil.disk_usage(folder).free / 1e6
    stale = [*folder.glob("fastrtps_*"), *folder.glob("fastdds_*"), *folder.glob("sem.fast*")]
    value = f"{free_mb:.0f} MB free, {len(stale)} files of Fast DDS"
    if free_mb < LEAST_SHARED_MEMORY_MB:
        return Check("shared memory", "warn", value, "docker run --shm-size=512m, or remount it larger")
    if len(stale) > STALE_FILES:
        return Check("shared memory", "warn", value, f"when no ROS 2 runs: rm {folder}/*fastrtps_*")
    return Check("shared memory", "ok", value)


def disk(folder: Path = Path(".")) -> Check:
    """Check the room for recordings in the working folder."""
    free_gb = shutil.disk_usage(folder).free / GIGABYTE
    writable = os.access(folder, os.W_OK)
    value = f"{free_gb:.1f} GB free at {folder.absolute()}{'' if writable else ', not writable'}"
    if free_gb < LEAST_DISK_GB or not writable:
        return Check("disk", "fail", value, f"free at least {LEAST_DISK_GB:.0f} GB, or work in another folder")
    return Check("disk", "ok", value)


def gamepads(folder: Path = Path("/dev/input")) -> Check:
    """List what could be plugged in to drive by hand."""
    devices = sorted(path.name for path in folder.glob("js*"))
    return Check("gamepads", "info", ", ".join(devices) or "none", "" if devices else "plug one in to drive by hand")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
