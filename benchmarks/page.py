# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How fast the page is, in a real browser before the whole graph, the policy driving along.

From a key's press in the browser to the first changed command at the arm, without the wait for the next control step:
from the press to the driver's hands on their topic, and from the next reading to the command that answers it. Then the
page node's share of a core meanwhile, and how long the first picture takes from the start of ``il-ros teleop``.

Examples:
  python -m benchmarks.page
  python -m benchmarks.page --presses 50 --no-picture
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message
from rich.console import Console
from rich.table import Table

from benchmarks import browser
from il_ros.cli.teleop import ADDRESS
from il_ros.core import topics
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, GraphError, IlRosError
from il_ros.core.topics import Topic
from il_ros.launching import graph
from il_ros.launching.processes import Processes
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import train
from il_ros.ros.client.graph_client import GraphClient
from il_ros.ros.client.node import subscribe_raw
from il_ros.ros.message_types import message_class
from studies.demonstrations import demonstrate

CONTRACT = Contract.load("panda_plane")
READING = Topic("tool_pose", "geometry_msgs/msg/PoseStamped")


class Watch:
    """The messages of a topic, and when each was sent, s since the epoch."""

    def __init__(self, director: GraphClient, topic: Topic) -> None:
        self.sent: list[tuple[float, Any]] = []
        kind = message_class(topic.type_name)

        def receive(data: bytes, info: dict[str, Any]) -> None:
            self.sent.append((info["source_timestamp"] / 1e9, deserialize_message(data, kind)))

        subscribe_raw(director, topic, receive)

    def first(self, after: float, fact: Callable[[Any], bool] = lambda message: True) -> float:
        """Return when the first matching message was sent."""
        return next(when for when, message in self.sent if when > after and fact(message))


def spin(director: GraphClient, seconds: float) -> None:
    """Let messages in for a while."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        director._executor.spin_once(timeout_sec=0.005)


def processor_s(pid: int) -> float:
    """Return what a process has used of the processor, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def page_process() -> int:
    """Return the process id of the page's node, among our children."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if b"il_ros.nodes.web_ui_node" in words and parent == os.getpid():
                return int(entry.name)
    raise ConfigError("the page node is not a process of its own")


def measure(presses: int, picture: bool) -> dict[str, float]:
    """Measure all figures: ms, shares of a core and s."""
    from playwright.sync_api import sync_playwright

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=browser.ARGUMENTS)
        arguments: dict[str, Any] = {
            "folder": f"{folder}/episodes",
            "checkpoints": f"{folder}/checkpoints",
            "lockstep": False,
        }
        arguments |= {"checkpoint": taught(Path(folder) / "taught")}
        with graph.running("teleop", Path(folder) / "logs", **arguments) as director:
            watches = [Watch(director, t) for t in (topics.BROWSER_INPUT, READING, topics.command(CONTRACT))]
            address = ADDRESS.search((Path(folder) / "logs" / "web_ui_node.log").read_text())
            assert address is not None
            page = started.new_page(viewport={"width": 760, "height": 520})
            page.goto(address[1])
            page.frame_locator("#scene").locator("canvas").first.wait_for()
            page.fill("#name", "bench")
            page.click("#sit")
            page.wait_for_function("document.getElementById('driver').textContent === 'You drive.'")
            page.evaluate(
                "window.presses = []; window.addEventListener('keydown', (e) => e.repeat || e.code === 'Space' ||"
                " window.presses.push((performance.timeOrigin + performance.now()) / 1000), true)"
            )
            if not picture:
                page.evaluate("document.getElementById('scene').remove()")
            took: list[float] = []
            shares, stalls = [], 0
            pid = page_process()
            while len(took) < presses:
                number = len(took) + stalls
                if number % 8 == 0:
                    page.keyboard.press("n")
                    spin(director, 0.6)
                page.keyboard.down("Space")
                spin(director, 0.3)
                used, since = processor_s(pid), time.monotonic()
                page.keyboard.down("ad"[number % 2])
                spin(director, 0.25 + 0.05 * np.random.default_rng(number).random())
                page.keyboard.up("ad"[number % 2])
                spin(director, 0.15)
                shares.append((processor_s(pid) - used) / (time.monotonic() - since))
                page.keyboard.up("Space")
                try:
                    took.append(latency(page.evaluate("window.presses.at(-1)"), 1 - 2 * (number % 2), *watches))
                except StopIteration:  # the browser was silent for too long, and the arm held
                    stalls += 1
                    if stalls > presses:
                        raise GraphError("the browser is too slow for this machine; close what else runs") from None
                for watch in watches:
                    watch.sent.clear()
        started.close()
    print(f"{time.monotonic() - began:.0f} s in all", file=sys.stderr)
    p50, p99 = np.percentile(took, (50, 99))
    return {"press_ms_p50": p50, "press_ms_p99": p99, "stalls": stalls, "core": float(np.mean(shares))}


def taught(folder: Path) -> Path:
    """Train a checkpoint that drives along: ten demonstrations of ``fork``, learned in a few seconds."""
    config = TrainingConfig.load("mixture", steps=400)
    shown = demonstrate("fork", "panda_plane", "left", range(10))
    data = Dataset.from_episodes(shown, config.n_obs_steps, config.horizon, min_labels=config.min_labels)
    checkpoints.save(folder, train(data, config), CONTRACT, [])
    return folder


def first_picture(times: int = 3) -> float:
    """Measure from the start of ``il-ros teleop`` to the picture in the browser, s; the median."""
    from playwright.sync_api import sync_playwright

    took = []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=browser.ARGUMENTS)
        for _ in range(times):
            with tempfile.TemporaryDirectory() as folder, Processes(Path(folder) / "logs") as processes:
                began = time.monotonic()
                command = [sys.executable, "-m", "il_ros.cli", "teleop", "--no-browser", "--folder", folder]
                log = processes.start("teleop", command).log
                address = None
                while address is None:
                    processes.check()
                    time.sleep(0.01)
                    address = ADDRESS.search(log.read_text())
                page = started.new_page(viewport={"width": 760, "height": 520})
                page.goto(address[1])
                page.frame_locator("#scene").locator("canvas").first.wait_for()
                took.append(time.monotonic() - began)
                page.close()
        started.close()
    return float(np.median(took))


def chromium() -> str:
    """Find the browser of this machine."""
    path = browser.find()
    if path is None:
        raise ConfigError("no Chromium is installed; apt-get install chromium")
    return path


def latency(pressed: float, way: float, hands: Watch, readings: Watch, commands: Watch) -> float:
    """Measure the latency, ms, of a press after which the tool is to go ``way``, +1 left or -1 right."""
    published = hands.first(pressed, lambda message: message.axes[1] * way > 0)
    reading = readings.first(published)
    changed = commands.first(reading, lambda message: message.twist.linear.y * way > 0)
    return 1000 * (published - pressed + changed - reading)


def main() -> int:
    """Measure, print and leave."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description="How fast the page is.")
    parser.add_argument("--presses", type=int, default=200, help="key presses (default: 200)")
    parser.add_argument(
        "--no-picture",
        action="store_true",
        help="drive without it: where there is no graphics card, drawing takes all cores",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    measured = measure(args.presses, not args.no_picture)
    measured["first_picture_s"] = first_picture()
    result = {name: round(float(value), 3) for name, value in measured.items()}
    if args.json:
        print(json.dumps(result))
        return 0
    table = Table("figure", "value")
    for name, value in result.items():
        table.add_row(name, str(value))
    Console().print(table)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except IlRosError as error:
        sys.exit(f"benchmarks.page: {error}")
