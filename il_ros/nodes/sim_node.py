# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulation node: a simulated arm behind the topics of a real one; paced, or in lockstep with its commands.

It publishes ``robot_description`` too and, where ``tf2_msgs`` is installed, ``/tf`` while somebody subscribes to it,
and ``/tf_static``; ROS 2 brings that package, and there is no wheel of it.

When things fail: a paced arm that has had no sound command for 0.2 s stands still; in lockstep it waits for the command
of its step. A command that does not satisfy the contract, or a push that is not finite, moves nothing and is reported.
A push without a force, or one that is not renewed for 0.2 s, counts as let go. An episode that is reset while it runs
ends as aborted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from std_msgs.msg import Bool, String

from il_ros.core import topics
from il_ros.core.errors import MessageError
from il_ros.core.types import SILENCE_NS, Array
from il_ros.robot.description import Robot
from il_ros.ros import codecs
from il_ros.ros.cameras.simulated_cameras import SimulatedCameras
from il_ros.ros.display.robot_description import LinkTransforms, description_text, has_tf2
from il_ros.ros.parameters import param
from il_ros.ros.sim_node_base import SimulatorNode, SimulatorParameters
from il_ros.ros.spin import main as run
from il_ros.sim import cameras
from il_ros.sim.env import ArmEnv


@dataclass(frozen=True)
class SimParameters(SimulatorParameters):
    """Parameters of the simulation node."""

    task: str = param("fork", "task to set up", read_only=True)
    time_limit: bool = param(
        True, "end an episode that takes longer than its task allows; false for a person", read_only=True
    )


@dataclass(frozen=True)
class HandPush:
    """A hand on the arm, which counts until the next message, or until there was none for a while."""

    received_ns: int
    """By the steady clock."""
    observed_ns: int
    """The stamp of the last observation before it."""
    link: str
    force: Array
    """(3,) N in the base frame; zero once the hand has let go."""


class SimNode(SimulatorNode[SimParameters]):
    """Publishes the arm's state; an arm that a hand pushes gives way."""

    _env: ArmEnv

    def __init__(self) -> None:
        super().__init__(SimParameters)
        self._push: HandPush | None = None
        self._guiding = self.publisher(topics.GUIDING)
        self._reading_topics = [(self.publisher(topic), codecs.ReadingWriter(topic)) for topic in topics.READING]
        self._cameras = SimulatedCameras(self, self._draw, self._lens)
        self.subscribe(topics.PUSH, self._on_push)
        self._describe(Robot.load(self.contract.robot))
        self.start()

    def _describe(self, robot: Robot) -> None:
        """Publish what viewers need to know of the arm."""
        self.publisher(topics.ROBOT_DESCRIPTION).publish(String(data=description_text(Path(robot.urdf))))
        self._transforms: Any = None
        if has_tf2():
            self._links = LinkTransforms(robot)
            self._transforms = self.publisher(topics.TF)
            self.publisher(topics.TF_STATIC).publish(self._links.static())

    def make_world(self) -> ArmEnv:
        """Make the arm and its task."""
        return ArmEnv(self.parameters.task, self.contract, time_limit=self.parameters.time_limit)

    def show(self) -> None:
        """Publish what the cameras see, and then what the arm's sensors measure."""
        self._cameras.publish(self._env.start.first_stamp_ns, self._env.stamp_ns)
        reading = self._env.reading()
        for topic, as_bytes in self._reading_topics:
            topic.publish(as_bytes(reading))
        if self._transforms is not None and self._transforms.get_subscription_count():
            positions = dict(zip(reading.joint_names, reading.joint_positions.tolist()))
            self._transforms.publish(self._links.at(positions, reading.stamp_ns))

    def _draw(self, name: str, size: tuple[int, int]) -> Array:
        """Return the image of a camera now."""
        return self._env.images([name], size)[name]

    def _lens(self, name: str, size: tuple[int, int]) -> Array:
        """Return the intrinsic matrix of a camera."""
        return cameras.intrinsics(name, *size)

    def observation(self) -> Array:
        """Return (Do,) float32, the observation that the contract makes of the arm's topics."""
        return self._env.observe(self._env.reading())

    def _on_push(self, message: Any) -> None:
        """Take note of a hand on the arm, or that it has let go."""
        force = message.wrench.force
        pushed = np.array([force.x, force.y, force.z])
        if not np.isfinite(pushed).all():
            self._push = None
            raise MessageError(f"push {pushed.tolist()} is not finite; the arm counts as let go")
        self._env.yielding(message.header.frame_id, pushed)  # which knows the links
        self._push = HandPush(self.now_ns(), self._env.stamp_ns, message.header.frame_id, pushed)

    def _gives_way(self, push: HandPush) -> bool:
        """Return whether the arm ignores commands: they may be of a time when the hand still led it."""
        if self.now_ns() - push.received_ns >= SILENCE_NS:
            return False
        return bool(push.force.any()) or not self._knows(push)

    def _knows(self, push: HandPush) -> bool:
        """Return whether the last command was made after a push; one without a stamp is taken to be a step old."""
        last = self._commanded
        if last is None:
            return True
        if last.stamp_ns is not None:
            return last.stamp_ns > push.observed_ns
        return last.received_ns > push.received_ns + self.contract.step_ns

    def _advance(self, action: Array) -> None:
        """Advance by one step; an arm that gives way to a hand ignores the command."""
        is_led = False
        if self._push is not None and self._gives_way(self._push):
            given = self._env.yielding(self._push.link, self._push.force)
            action = np.where(self.contract.is_gripper, action, given)
            is_led = bool(self._push.force.any())
        if self._guiding.get_subscription_count():  # whoever goes by it must see that it was let go of
            self._guiding.publish(Bool(data=is_led))
        super()._advance(action)


def main() -> int:
    """Run the node; the entry point."""
    return run(SimNode)


if __name__ == "__main__":
    raise SystemExit(main())
