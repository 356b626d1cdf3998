# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The web interface of an operator: its picture, its buttons and the operator's input, as topics and services.

When things fail: a page that falls silent has let go of the arm. A button whose node is missing, refuses or does not
answer within 10 s shows that. An arm or a gate that is silent in an episode for 0.5 s is shown as a fault. A camera of
the contract whose newest image is too old for the policy, or stays the same while the arm moves, is marked, and so is
the operator's camera if it is silent for a second or sends what no browser shows. A port that is taken ends the
process.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import WrenchStamped
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Joy
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from il_ros.core import events, messages, topics
from il_ros.core.errors import MessageError
from il_ros.core.frames import shortened
from il_ros.core.types import Array, RobotState
from il_ros.gate.gate import HAND_OVER, STEADY
from il_ros.robot.description import Robot
from il_ros.robot.urdf_model import UrdfModel
from il_ros.ros import codecs
from il_ros.ros.client.async_service import call_service, wait_for_service
from il_ros.ros.display.camera_views import CameraViews
from il_ros.ros.display.planned_paths import PlannedPaths
from il_ros.ros.display.task_props import task_props
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.spin import main as run
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer
from il_ros.teleop.gripper import with_grip
from il_ros.web_ui.camera_image import CameraImage
from il_ros.web_ui.operator_session import OperatorInput
from il_ros.web_ui.operator_status import NEEDED, OperatorStatus
from il_ros.web_ui.scene import Scene
from il_ros.web_ui.server import Server

DRAW_S, STATUS_S = 0.04, 0.1
"""How often, at most, the picture moves, and the status is sent."""
PICTURE_S = 0.065
"""How often, at most, a picture of the operator's camera is handed out: 15 times a second."""
ATTENTION_HZ = 2.0
"""How often it is to be computed what the policy attends to, while a page shows it."""
STIFFNESS_N_M, STRONGEST_N = 100.0, 15.0
"""How hard a handle is pushed when the pointer has gone so far from it, and at most."""
TOGETHER, ALONE = "human:let_go=hold", "demonstration"
"""The gating rule with a policy that may drive, unless another is set, and without one."""
POLICY = "policy_node"
TRIGGERS = {
    "take_over": topics.TAKE_OVER,
    "give_back": topics.RELEASE,
    "discard": topics.DISCARD,
    "train": topics.TRAIN,
    "new_episode": topics.RESET,
    "record": topics.START,
}


@dataclass(frozen=True)
class WebUiParameters(NodeParameters):
    """Parameters of the web interface."""

    task: str = param("fork", "task whose scene is drawn; empty for none", read_only=True)
    rule: str = param(TOGETHER, "gating rule while the operator lets the policy drive", read_only=True)
    urdf: str = param("", "path of the arm's URDF; empty for the simulated arm's", read_only=True)
    host: str = param("127.0.0.1", "network interface on which the web interface is served", read_only=True)
    port: int = param(0, "port of the web interface; 0 for one that is free", (0, 2**16 - 1), read_only=True)
    token: str = param("", "secret in its address; empty for a random one, which is best", read_only=True)


class WebUiNode(IlNode[WebUiParameters]):
    """Shows what is published, publishes the operator's input, calls the services of the buttons."""

    def __init__(self) -> None:
        super().__init__("web_ui_node", WebUiParameters)
        p = self.parameters
        if p.urdf:
            arm = UrdfModel.load(Path(p.urdf))
            self._handles: Mapping[str, str] = {}
            self._scene = Scene(arm, arm.joints[-1].child, self._handles, task_props(p.task))
        else:
            robot = Robot.load(self.contract.robot)
            self._handles = robot.handles
            self._scene = Scene(
                UrdfModel.load(Path(robot.urdf)), robot.tool, robot.handles, task_props(p.task), robot.tip, robot.drawn
            )
            self._scene.pose(robot.rest)
        self._reading: RobotState | None = None
        self._drawn_ns = self._pictured_ns = 0
        self._pushed = ""
        self._status = OperatorStatus(self.contract, p.rule != ALONE, (STEADY, HAND_OVER), HAND_OVER)
        self._together = TOGETHER if p.rule == ALONE else p.rule
        self._hands = self.publisher(topics.BROWSER_INPUT)
        self._push = self.publisher(topics.PUSH)
        self._triggers = {what: self.create_client(Trigger, service) for what, service in TRIGGERS.items()}
        self._saver = self.create_client(SetBool, topics.SAVE)
        self._setters = {
            node: self.create_client(SetParameters, f"{node}/set_parameters") for node in (*NEEDED, POLICY)
        }
        self._attention_hz = 0.0
        """What the policy's node was told last."""
        self._turns = StepSequencer([t.name for t in topics.READING], self.contract.step_ns, lockstep=False)
        self.take_turns(self._turns, [codecs.whole(self.contract, t) for t in topics.READING], self._take)
        self.subscribe(topics.AUTHORITY, self._on_authority)
        self._paths = PlannedPaths(self.contract, self._scene)
        self.subscribe(topics.POLICY_ACTION, lambda message: self._paths.add("policy", message))
        self.subscribe(topics.EXPERT_ACTION, lambda message: self._paths.add("expert", message))
        self.subscribe(topics.EPISODE, self._on_episode)
        recorded, checkpoint = events.recorded_episode_from_json, events.trained_checkpoint_from_json
        self.subscribe(topics.RECORDED, lambda message: self._status.on_recorded(recorded(message.data)))
        self.subscribe(topics.CHECKPOINT, lambda message: self._status.on_checkpoint(checkpoint(message.data)))
        self.subscribe(topics.CAMERA._replace(qos=topics.QosKind.LATEST), self._on_picture)
        self._server = Server(self, p.host, p.port, p.token or secrets.token_urlsafe(24), self._scene.address)
        self._cameras = CameraViews(self, self._server.pictures, lambda: self._server.is_watched)
        self.every(STATUS_S, self._publish_status)
        self.start()
        self.get_logger().info(f"the page is at {self._server.url}")

    # The hands, called from the server's thread -----------------------------------------------------------------------

    def hands(self, hands: OperatorInput) -> None:
        """Publish the operator's input."""
        if not self.context.ok():
            return  # the graph ends
        grab = self._scene.grab if hands.pointer else None
        drags = grab is not None and grab.handle == "tool"
        place = grab.end if grab is not None and drags else np.zeros(3)
        message = Joy()  # an empty one means that contact with the page was lost
        if not hands.lost:
            message.axes = [*hands.deflection, *map(float, place), hands.turn]
            message.buttons = [int(hands.held or drags), int(hands.fast), int(drags), int(hands.gripper)]
        message.header.stamp = self.get_clock().now().to_msg()
        self._hands.publish(message)
        if grab is not None and not drags:
            self._pushed = self._handles[grab.handle]
            self._push_at(self._pushed, shortened(STIFFNESS_N_M * (grab.end - grab.start), STRONGEST_N))
        elif self._pushed:  # the hand is taken away
            self._push_at(self._pushed, np.zeros(3))
            self._pushed = ""

    def _push_at(self, link: str, force: Array) -> None:
        message = WrenchStamped()
        message.header.frame_id = link
        message.wrench.force.x, message.wrench.force.y, message.wrench.force.z = map(float, force)
        self._push.publish(message)

    # The buttons, called in the server's thread -----------------------------------------------------------------------

    async def act(self, what: str, message: Mapping[str, Any]) -> str:
        """Do what a button asks for.

        Raises:
            MessageError: if there is no such button.
            GraphError: if a node is not there, or will not.
        """
        if what == "new_episode" and self._status.observed_ns and not self._triggers[what].service_is_ready():
            what = "record"  # an arm that nobody can put at the start begins where it is
        if what in TRIGGERS:
            words = await call_service(self._triggers[what], Trigger.Request())
            return "a new episode" if what == "new_episode" else words
        if what == "sit":
            await wait_for_service(self._setters["expert_node"])
            return await self._set("expert_node", author=self._server.seat.name)
        if what == "save":
            await self._set("recorder_node", note=str(message.get("note", ""))[:500])
            try:
                return await call_service(self._saver, SetBool.Request(data=message.get("success") is True))
            finally:
                await self._set("recorder_node", note="")  # it is of this episode alone
        if what == "policy":
            drives = message.get("drives") is True
            words = await self._set("gate_node", rule=self._together if drives else ALONE)
            self._status.state["policy_drives"] = drives
            return f"{words}; it counts from the next episode on"
        if what == "leave":
            return "the seat is free"
        raise MessageError(f"button {what!r:.40} is not known; the page is of another version, load it anew")

    async def _set(self, node: str, **values: Any) -> str:
        await call_service(self._setters[node], _to_set(**values))
        return f"{node}: " + ", ".join(f"{name} is {value!r}" for name, value in values.items())

    # Subscriptions ----------------------------------------------------------------------------------------------------

    def _take(self, turn: SequencedStep) -> None:
        self._reading = with_grip(self.contract, messages.reading_from(turn.parts))
        self._status.on_gripper(self._reading.grip)
        self._status.observed_ns = self.now_ns()
        if self.now_ns() - self._drawn_ns > DRAW_S * 1e9:
            self._drawn_ns = self.now_ns()
            self._scene.show(self._reading)
            self._paths.draw(self._reading, self._status.commanded_grip)

    def _on_authority(self, message: Any) -> None:
        self._status.on_record(messages.record_from(message), self.now_ns())

    def _on_episode(self, message: String) -> None:
        event = events.episode_event_from_json(message.data)
        if event is not None:
            self._status.on_episode(event)

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Show the nodes' diagnostics."""
        super().on_diagnostics(message)
        for status in message.status:
            self._status.on_facts(_base_name(status.name), {item.key: item.value for item in status.values})

    def _on_picture(self, message: CompressedImage) -> None:
        """Hand a camera's picture out while a page is open; what is wrong with it is shown, too."""
        if not self._server.is_watched or self.now_ns() - self._pictured_ns < PICTURE_S * 1e9:
            return
        self._pictured_ns, self._status.state["camera"] = self.now_ns(), ""
        try:
            self._server.pictures.show(CameraImage.from_bytes(bytes(message.data), message.format))
        except MessageError as error:
            self._status.state["camera"] = str(error)
            raise

    # The status of the page -------------------------------------------------------------------------------------------

    def _publish_status(self) -> None:
        alive = {_base_name(name) for name in self.hears()}
        self._ask_for_attention(POLICY in alive)
        self._status.state["cameras"] = self._cameras.faults(self._reading)
        self._server.tell(self._status.report(self.now_ns(), alive))

    def _ask_for_attention(self, can_answer: bool) -> None:
        """Have it computed what the policy attends to for as long as a page shows it."""
        wanted = ATTENTION_HZ if self._server.pictures.show_attention else 0.0
        if not can_answer:
            self._attention_hz = 0.0  # a node that starts computes nothing
        elif wanted != self._attention_hz and self._setters[POLICY].service_is_ready():
            self._attention_hz = wanted
            self._setters[POLICY].call_async(_to_set(attention_hz=wanted))

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        return {"driver": self._server.seat.name if self._server.seat.viewer else "nobody"}

    def close(self) -> None:
        """End the server; the operator's input ends with it, which lets go."""
        self._server.close()
        self._scene.close()
        super().close()


def _to_set(**values: Any) -> SetParameters.Request:
    """Return the request to set parameters."""
    parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    return SetParameters.Request(parameters=parameters)


def _base_name(name: str) -> str:
    """Return a node's name without its namespace."""
    return name.rpartition("/")[2]


def main() -> int:
    """Run the node; the entry point."""
    return run(WebUiNode)


if __name__ == "__main__":
    raise SystemExit(main())
