# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gripper bridge node: the gripper's command as goals of an action, for a driver that takes no other command.

It subscribes to the contract's topic of the gripper (``command: gripper:``), and sends the position as a goal of
``GripperCommand`` or ``ParallelGripperCommand`` when it has changed: never once a step, and none while nothing is
commanded. A new goal takes the place of one that is being executed. The actions are those of ``control_msgs``, which
ROS 2 brings and for which there is no wheel.

When things fail: without ``control_msgs`` the process ends at the start, and says how to install it. While the action
server is missing nothing is sent, and it is reported. A goal that is rejected, or not answered within 2 s, is reported
and sent again after 1 s, as long as it is commanded. A goal that is aborted is reported, with where the gripper stands,
and is not repeated: a controller that does not allow stalling aborts whenever something is grasped.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.action.client import ActionClient
from rclpy.node import Node

from il_ros.core import messages
from il_ros.core.contract import ActionComponent, Contract
from il_ros.core.errors import ConfigError, unknown
from il_ros.core.types import Array
from il_ros.ros import codecs
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.spin import main as run

KINDS = ("GripperCommand", "ParallelGripperCommand")
SUCCEEDED, CANCELED, ABORTED = 4, 5, 6
"""How a goal ends, as in ``action_msgs/msg/GoalStatus``."""
ENDS = {SUCCEEDED: "reached", CANCELED: "canceled", ABORTED: "aborted"}
ANSWER_NS = 2_000_000_000
"""A goal that is neither accepted nor rejected for so long is lost: its server has gone."""
RETRY_NS = 1_000_000_000
"""How long after a goal was rejected or lost it may be sent again."""


@dataclass(frozen=True)
class GripperBridgeParameters(NodeParameters):
    """Parameters of the gripper bridge node."""

    contract: str = param("panda_gripper", "contract, by name or path", read_only=True)
    action: str = param("gripper_controller/gripper_cmd", "name of the action server", read_only=True)
    action_type: str = param("GripperCommand", "type of the action: " + " or ".join(KINDS), read_only=True)
    max_effort: float = param(0.0, "greatest effort of a goal, N or Nm; 0 leaves it to the driver", (0.0, 1e4))
    min_change: float = param(0.01, "share of the gripper's range that makes a new goal", (0.0, 1.0))


class GripperGoals:
    """When a position becomes a goal: when it is another one than that of the last goal, and that is answered."""

    def __init__(self) -> None:
        self.number = 0
        """How many goals were sent; that of the newest one."""
        self.position: float | None = None
        """Of the newest goal; None if there is none that a server has."""
        self._sent_ns: int | None = None
        """When it was sent, while it is not answered."""
        self._retry_ns = 0

    def is_due(self, position: float, change: float, now_ns: int) -> bool:
        """Return whether ``position`` is to be sent now, being another one if it differs by ``change``."""
        if self._sent_ns is not None or now_ns < self._retry_ns:
            return False
        return self.position is None or abs(position - self.position) > change

    def is_lost(self, now_ns: int) -> bool:
        """Return whether the newest goal was not answered for too long."""
        return self._sent_ns is not None and now_ns - self._sent_ns > ANSWER_NS

    def send(self, position: float, now_ns: int) -> int:
        """Note a goal, and return its number."""
        self.number, self.position, self._sent_ns = self.number + 1, position, now_ns
        return self.number

    def accept(self) -> None:
        """Note that the newest goal is executed."""
        self._sent_ns = None

    def refuse(self, now_ns: int) -> None:
        """Note that no server has the newest goal."""
        self.position, self._sent_ns, self._retry_ns = None, None, now_ns + RETRY_NS


class GripperBridgeNode(IlNode[GripperBridgeParameters]):
    """Sends goals."""

    def __init__(self) -> None:
        super().__init__("gripper_bridge_node", GripperBridgeParameters)
        self._gripper = gripper_of(self.contract)
        self._goals, self._state = GripperGoals(), "none"
        self._wanted: float | None = None
        """The newest commanded position."""
        self._action, self._client = action_client(self, self.parameters.action_type, self.parameters.action)
        part = messages.command_parts(self.contract)[0]
        self.read(codecs.commands(self.contract, part), self._on_command)
        self.start()

    def _on_command(self, command: tuple[int | None, Array]) -> None:
        (self._wanted,) = command[1].tolist()
        if self._goals.is_lost(self.now_ns()):
            self._refuse(f"was not answered for {ANSWER_NS / 1e9:g} s; does {self.parameters.action} run?")
        self._follow()

    def _follow(self) -> None:
        """Send what is commanded, if it is due and somebody takes it."""
        change = self.parameters.min_change * (self._gripper.high - self._gripper.low)
        if self._wanted is None or not self._goals.is_due(self._wanted, change, self.now_ns()):
            return
        if not self._client.server_is_ready():
            self._state = "no server"
            kind, name = self.parameters.action_type, self.parameters.action
            self.complain(f"no action server {name} of type control_msgs/action/{kind}; start the gripper's controller")
            return
        number, self._state = self._goals.send(self._wanted, self.now_ns()), "sent"
        future = self._client.send_goal_async(self._goal(self._wanted))
        future.add_done_callback(partial(self._guarded, self._on_answer, number))

    def _goal(self, position: float) -> Any:
        """Return a goal for a position of the gripper's joint."""
        goal, effort = self._action.Goal(), self.parameters.max_effort
        if self.parameters.action_type == "GripperCommand":
            goal.command.position, goal.command.max_effort = position, effort
        else:
            goal.command.name, goal.command.position = [self._gripper.name], [position]
            goal.command.effort = [effort] if effort else []
        return goal

    def _on_answer(self, number: int, future: Any) -> None:
        """Note whether a goal is executed; then send what was commanded meanwhile."""
        if number != self._goals.number:
            return
        handle = future.result()
        if handle.accepted:
            self._goals.accept()
            self._state = "executing"
            handle.get_result_async().add_done_callback(partial(self._guarded, self._on_result, number))
        else:
            self._refuse("was rejected; is its controller active, and the position within the joint's limits?")
        self._follow()

    def _refuse(self, why: str) -> None:
        self.complain(f"the gripper's goal {self._goals.position:g} {why}")
        self._goals.refuse(self.now_ns())
        self._state = "refused"

    def _on_result(self, number: int, future: Any) -> None:
        """Note how the newest goal ended; one that another took the place of ends as aborted, as it should."""
        if number != self._goals.number:
            return
        answer = future.result()
        self._state = ENDS.get(answer.status, f"status {answer.status}")
        if answer.status != SUCCEEDED:
            stalled = "; it has stalled, as it does when it grasps: allow_stalling of the controller permits that"
            position = position_of(answer.result)
            self.complain(
                f"the gripper's goal {self._goals.position:g} was {self._state} at {position:g}"
                f"{stalled if answer.result.stalled else ''}"
            )

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        position = self._goals.position
        return {"goals": self._goals.number, "goal": self._state, "position": "" if position is None else position}


def gripper_of(contract: Contract) -> ActionComponent:
    """Return the gripper that a contract commands on a topic of its own.

    Raises:
        ConfigError: if it commands none there, or several.
    """
    grippers = [part for part in contract.action if part.kind == "gripper"]
    if not contract.gripper_topic or len(grippers) != 1:
        topic = repr(contract.gripper_topic) if contract.gripper_topic else "none"
        raise ConfigError(
            f"contract {contract.name!r} commands {len(grippers)} grippers, on the topic {topic}; this node needs one "
            "component of kind gripper, and its topic under command: gripper:"
        )
    return grippers[0]


def position_of(result: Any) -> float:
    """Return where the gripper stands by the result of either action; NaN if it does not say."""
    if hasattr(result, "position"):
        return float(result.position)
    return float(result.state.position[0]) if result.state.position else float("nan")


def action_client(node: Node, kind: str, name: str) -> tuple[Any, Any]:
    """Return an action of ``control_msgs`` and a client of it.

    Raises:
        ConfigError: if there is no such action, or ``control_msgs`` is not installed.
    """
    if kind not in KINDS:
        raise unknown("parameter action_type", kind, KINDS)
    try:
        action = getattr(importlib.import_module("control_msgs.action"), kind)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"control_msgs/action/{kind} cannot be had ({error}); install ros-$ROS_DISTRO-control-msgs with apt and "
            "source ROS 2, or command the gripper by its topic"
        ) from error
    return action, ActionClient(node, action, name)


def main() -> int:
    """Run the node; the entry point."""
    return run(GripperBridgeNode)


if __name__ == "__main__":
    raise SystemExit(main())
