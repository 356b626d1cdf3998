# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulation node: a simulated arm behind the topics of a real one; paced, or in lockstep with its commands.

It publishes ``robot_description`` too and, where ``tf2_msgs`` is installed, ``/tf`` while somebody subscribes to it,
and ``/tf_static``; ROS 2 brings that package, and there is no wheel of it.

When things fail: a paced arm that has had no sound command for 0.2 s stands still; in lockstep it waits for the command
of its step. A command that does not satisfy the contract, or a push that is not finite, moves nothing and is reported.
A push that is not renewed for 0.2 s counts as let go. An episode that is reset while it runs ends as aborted.
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
from il_ros.ros.display.robot_description import LinkTransforms, description_text, has_tf2
from il_ros.ros.parameters import param
from il_ros.ros.sim_node_base import SimulatorNode, SimulatorParameters
from il_ros.ros.spin import main as run
from il_ros.sim.env import ArmEnv


@dataclass(frozen=True)
class SimParameters(SimulatorParameters):
    """Parameters of the simulation node."""

    task: str = param("fork", "task to set up", read_only=True)
    time_limit: bool = param(
        True, "end an episode that takes longer than its task allows; false for a person", read_only=True
    )


class SimNode(SimulatorNode[SimParameters]):
    """Publishes the arm's state; an arm that a hand pushes gives way."""

    _env: ArmEnv

    def __init__(self) -> None:
        super().__init__(SimParameters)
        self._push: tuple[int, str, Array] | None = None
        self._guiding = self.publisher(topics.GUIDING)
        self._reading_topics = [(self.publisher(topic), codecs.ReadingWriter(topic)) for topic in topics.READING]
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
        """Publish what the arm's sensors measure."""
        reading = self._env.reading()
        for topic, as_bytes in self._reading_topics:
            topic.publish(as_bytes(reading))
        if self._transforms is not None and self._transforms.get_subscription_count():
            positions = dict(zip(reading.joint_names, reading.joint_positions.tolist()))
            self._transforms.publish(self._links.at(positions, reading.stamp_ns))

    def observation(self) -> Array:
        """Return (Do,) float32, the observation that the contract makes of the arm's topics."""
        return self._env.observe(self._env.reading())

    def _on_push(self, message: Any) -> None:
        """Take note of a hand on the arm, which counts until the next message, or until there was none for a while."""
        force = message.wrench.force
        pushed = np.array([force.x, force.y, force.z])
        if not np.isfinite(pushed).all():
            self._push = None
            raise MessageError(f"push {pushed.tolist()} is not finite; the arm counts as let go")
        self._env.yielding(message.header.frame_id, pushed)  # which knows the links
        self._push = (self.now_ns(), message.header.frame_id, pushed)

    def _is_guided(self) -> bool:
        return self._push is not None and self.now_ns() - self._push[0] < SILENCE_NS

    def _advance(self, action: Array) -> None:
        """Advance by one step; an arm that gives way to a hand ignores the command."""
        is_guided = self._is_guided()
        if is_guided and self._push is not None:
            action = np.where(self.contract.is_gripper, action, self._env.yielding(*self._push[1:]))
        if self._guiding.get_subscription_count():  # whoever goes by it must see that it was let go of
            self._guiding.publish(Bool(data=is_guided))
        super()._advance(action)


def main() -> int:
    """Run the node; the entry point."""
    return run(SimNode)


if __name__ == "__main__":
    raise SystemExit(main())
