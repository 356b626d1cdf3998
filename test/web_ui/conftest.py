# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A real browser at the page of a real graph; without a browser these tests are skipped, and say so."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped, WrenchStamped
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState

from benchmarks import browser as chromium
from il_ros.cli.teleop import ADDRESS
from il_ros.core import topics
from il_ros.core.contract import Contract
from il_ros.launching import graph
from il_ros.robot.description import Robot
from il_ros.robot.urdf_model import UrdfModel
from il_ros.ros import qos
from il_ros.ros.client.graph_client import GraphClient
from il_ros.ros.client.node import subscribe_raw


@dataclass
class Arm:
    """What the arm was commanded, as it came in."""

    commands: list[tuple[float, float]] = field(default_factory=list)
    """(when it was sent, s since the epoch; tool speed, m/s)"""
    tool: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """m, where its tool is."""
    joints: dict[str, float] = field(default_factory=dict)
    """rad, where its joints are."""
    pushed: set[str] = field(default_factory=set)
    """The links at which a hand has pushed."""
    model: UrdfModel = field(default_factory=lambda: UrdfModel.load(Path(Robot.load("panda").urdf)))

    def hear(self, data: bytes, info: dict[str, Any]) -> None:
        speed = deserialize_message(data, TwistStamped).twist.linear
        self.commands.append((info["source_timestamp"] / 1e9, (speed.x**2 + speed.y**2) ** 0.5))

    @property
    def left(self) -> float:
        """m, how far to the left its tool is."""
        return self.tool[1]

    def see(self, message: PoseStamped) -> None:
        place = message.pose.position
        self.tool = (place.x, place.y, place.z)

    def feel(self, message: JointState) -> None:
        self.joints = dict(zip(message.name, message.position))

    def give_way(self, message: WrenchStamped) -> None:
        self.pushed.add(message.header.frame_id)

    def place_of(self, link: str | None) -> Any:
        """(3,) m, where the origin of a link is, or the tool."""
        return np.array(self.tool) if link is None else self.model.frames(self.joints)[link][:3, 3]

    def moves(self) -> bool:
        return bool(self.commands) and self.commands[-1][1] > 0.05

    def rests(self) -> bool:
        return bool(self.commands) and self.commands[-1][1] == 0.0


@dataclass
class Stage:
    """The graph, its director, the arm, and where the page is."""

    director: GraphClient
    arm: Arm
    url: str
    folder: Path

    def until(self, what: str, fact: Any, timeout_s: float = 15.0) -> None:
        self.director.wait(what, fact, timeout_s)

    def listen(self, seconds: float) -> None:
        """Hear what comes for a while."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.director._executor.spin_once(timeout_sec=0.01)


@pytest.fixture(scope="module")
def start_browser() -> Iterator[Callable[[], Any]]:
    """Starts browsers without a screen."""
    found = chromium.find()
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started: list[Any] = []

        def start() -> Any:
            started.append(playwright.chromium.launch(executable_path=found, args=chromium.ARGUMENTS))
            return started[-1]

        yield start
        for browser in started:
            browser.close()


@pytest.fixture(scope="module")
def browser(start_browser: Callable[[], Any]) -> Any:
    """One that serves all tests which do not end it."""
    return start_browser()


@contextlib.contextmanager
def running(folder: Path, contract: str = "panda_plane", **arguments: Any) -> Iterator[Stage]:
    """Arm, gate, recorder, trainer, policy, expert and page, in real time."""
    told = {"folder": folder / "episodes", "checkpoints": folder / "checkpoints", "composed": True, "lockstep": False}
    os.environ.pop("ROS_DOMAIN_ID", None)
    with graph.running("teleop", folder / "logs", **told, contract=contract, **arguments) as director:
        arm = Arm()
        topic = topics.command(Contract.load(contract))
        subscribe_raw(director, topic, arm.hear)
        director.create_subscription(PoseStamped, "tool_pose", arm.see, qos.STREAM)
        director.create_subscription(JointState, "joint_states", arm.feel, qos.STREAM)
        director.create_subscription(WrenchStamped, "push", arm.give_way, qos.STREAM)
        log = folder / "logs" / "container_node.log"
        url = ADDRESS.search(log.read_text())
        assert url is not None
        yield Stage(director, arm, url[1], folder)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, simulation: None) -> Iterator[Stage]:
    """Of an arm that is driven in the plane."""
    with running(tmp_path_factory.mktemp("teleop")) as made:
        yield made


@pytest.fixture(scope="module")
def staged() -> Callable[..., Any]:
    """Starts the graph of another arm; see ``running``."""
    return running
