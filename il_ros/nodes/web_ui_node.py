# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of a person who drives: its picture, its buttons, and the hands at it, in words of the graph.

When things fail: a page that falls silent has let go of the arm. A button whose node is missing, refuses or does not
answer within 10 s says so on the page. An arm or a gate that is silent in an episode for 0.5 s is shown as a fault. The
picture of a camera that is silent for a second, or sends what no browser shows, is marked. A port that is taken ends
the process.
"""

from __future__ import annotations

import asyncio
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
from il_ros.core.contract import TOOL_AXES
from il_ros.core.episode import Authority
from il_ros.core.errors import GraphError, IlRosError, MessageError
from il_ros.core.types import Array, Chunk, EpisodeStart, RobotState
from il_ros.gate.gate import HAND_OVER, STEADY
from il_ros.robot.description import Robot
from il_ros.robot.urdf_model import UrdfModel
from il_ros.ros import codecs
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, say
from il_ros.ros.spin import main as run
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer
from il_ros.sim import tasks
from il_ros.teleop.base import shortened
from il_ros.web_ui.camera_image import CameraImage
from il_ros.web_ui.operator_session import OperatorInput
from il_ros.web_ui.scene import Scene, SceneProps
from il_ros.web_ui.server import Server

DRAW_S, TELL_S = 0.04, 0.1
"""How often, at most, the picture moves, and the page is told how things stand."""
PICTURE_S = 0.065
"""How often, at most, a camera's picture is handed out: 15 times a second."""
ANSWER_S = 10.0
"""How long a service may take."""
STIFFNESS_N_M, STRONGEST_N = 100.0, 15.0
"""How hard a handle is pushed when the pointer has gone so far from it, and at most."""
GOES_ON = 10
"""A velocity that stands alone is drawn as if it went on for so many steps."""
SILENT_S = 0.5
"""An arm, or a gate, that says nothing for so long in an episode is a fault."""
TOGETHER, ALONE = "human:let_go=hold", "demonstration"
"""The gating rule with a policy that may drive, unless another is set, and without one."""
TRIGGERS = {
    "take_over": topics.TAKE_OVER,
    "give_back": topics.RELEASE,
    "discard": topics.DISCARD,
    "train": topics.TRAIN,
    "new_episode": topics.RESET,
    "record": topics.START,
}
SET = ("gate_node", "expert_node", "recorder_node")
"""Nodes of which the page sets a parameter."""


@dataclass(frozen=True)
class WebUiParameters(NodeParameters):
    """Parameters of the page node."""

    task: str = say("fork", "task whose scene is drawn; empty for none", read_only=True)
    rule: str = say(TOGETHER, "gating rule while the page lets the policy drive", read_only=True)
    urdf: str = say("", "path of the arm's URDF; empty for the simulated arm's", read_only=True)
    host: str = say("127.0.0.1", "interface on which the page is served", read_only=True)
    port: int = say(0, "port of the page; 0 for one that is free", (0, 2**16 - 1), read_only=True)
    token: str = say("", "what opens the page; empty for a random one, which is best", read_only=True)


def furniture(name: str) -> SceneProps:
    """What stands on the table in a task."""
    if not name:
        return SceneProps()
    task = tasks.load(name)
    finish = None if task.groove is not None else task.finish_x_m
    width = getattr(task, "half_width_m", SceneProps.half_width)
    return SceneProps(
        getattr(task, "post_radius_m", SceneProps.post_radius), task.post_height_m, finish, width, task.groove
    )


class WebUiNode(IlNode[WebUiParameters]):
    """Hears everything, publishes what the hands do, calls what the buttons say."""

    def __init__(self) -> None:
        super().__init__("web_ui_node", WebUiParameters)
        p = self.parameters
        if p.urdf:
            arm = UrdfModel.load(Path(p.urdf))
            self._handles: Mapping[str, str] = {}
            self._scene = Scene(arm, arm.joints[-1].child, self._handles, furniture(p.task))
        else:
            robot = Robot.load(self.contract.robot)
            self._handles = robot.handles
            self._scene = Scene(
                UrdfModel.load(Path(robot.urdf)), robot.tool, robot.handles, furniture(p.task), robot.tip
            )
            self._scene.pose({**robot.held, **robot.rest})
        self._reading: RobotState | None = None
        self._drawn_ns = self._heard_ns = self._decided_ns = self._pictured_ns = 0
        self._pushed = ""
        self._state: dict[str, Any] = {"authority": "HOLD", "why": "", "interventions": 0, "episode": None}
        self._state |= {"saved": None, "policy_drives": p.rule != ALONE, "camera": ""}
        self._together = TOGETHER if p.rule == ALONE else p.rule
        self._facts: dict[str, dict[str, str]] = {}
        self._hands = self.publisher(topics.BROWSER_INPUT)
        self._push = self.publisher(topics.PUSH)
        self._triggers = {what: self.create_client(Trigger, service) for what, service in TRIGGERS.items()}
        self._saver = self.create_client(SetBool, topics.SAVE)
        self._setters = {node: self.create_client(SetParameters, f"{node}/set_parameters") for node in SET}
        self._turns = StepSequencer([t.name for t in topics.READING], self.contract.step_ns, lockstep=False)
        self.take_turns(self._turns, [codecs.whole(self.contract, t) for t in topics.READING], self._take)
        self.subscribe(topics.AUTHORITY, self._on_authority)
        self._said: dict[str, Any] = {}
        self.subscribe(topics.POLICY_ACTION, lambda message: self._said.update(policy=message))
        self.subscribe(topics.EXPERT_ACTION, lambda message: self._said.update(expert=message))
        self.subscribe(topics.EPISODE, self._on_episode)
        self.subscribe(topics.RECORDED, self._on_recorded)
        self.subscribe(topics.CHECKPOINT, self._on_checkpoint)
        self.subscribe(topics.CAMERA._replace(qos=topics.QosKind.LATEST), self._on_picture)
        self._server = Server(self, p.host, p.port, p.token or secrets.token_urlsafe(24), self._scene.address)
        self.every(TELL_S, self._tell)
        self.start()
        self.get_logger().info(f"the page is at {self._server.url}")

    # The hands, called from the server's thread -----------------------------------------------------------------------

    def hands(self, hands: OperatorInput) -> None:
        """Publish what the hands do."""
        if not self.context.ok():
            return  # the graph ends
        grab = self._scene.grab if hands.pointer else None
        drags = grab is not None and grab.handle == "tool"
        place = grab.end if grab is not None and drags else np.zeros(3)
        message = Joy()  # an empty one tells that contact with the page was lost
        if not hands.lost:
            message.axes = [*hands.deflection, *map(float, place)]
            message.buttons = [int(hands.held or drags), int(hands.fast), int(drags)]
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

    async def act(self, what: str, told: Mapping[str, Any]) -> str:
        """Do what a button says.

        Raises:
            MessageError: if there is no such button.
            GraphError: if a node is not there, or will not.
        """
        if what == "new_episode" and self._heard_ns and not self._triggers[what].service_is_ready():
            what = "record"  # an arm that nobody can put at the start begins where it is
        if what in TRIGGERS:
            words = await self._call(self._triggers[what], Trigger.Request())
            return "a new episode" if what == "new_episode" else words
        if what == "sit":
            await self._appears(self._setters["expert_node"])
            return await self._set("expert_node", author=self._server.seat.name)
        if what == "save":
            await self._set("recorder_node", note=str(told.get("note", ""))[:500])
            try:
                return await self._call(self._saver, SetBool.Request(data=told.get("success") is True))
            finally:
                await self._set("recorder_node", note="")  # it is of this episode alone
        if what == "policy":
            drives = told.get("drives") is True
            words = await self._set("gate_node", rule=self._together if drives else ALONE)
            self._state["policy_drives"] = drives
            return f"{words}; it counts from the next episode on"
        if what == "leave":
            return "the seat is free"
        raise MessageError(f"button {what!r:.40} is not known; the page is of another version, load it anew")

    async def _set(self, node: str, **values: Any) -> str:
        request = SetParameters.Request()
        request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        await self._call(self._setters[node], request)
        return f"{node}: " + ", ".join(f"{name} is {value!r}" for name, value in values.items())

    async def _appears(self, client: Any) -> None:
        """Wait a while for a node that may still be starting, since the page is there before the others."""
        limit = self.now_ns() + ANSWER_S * 1e9
        while not client.service_is_ready() and self.now_ns() < limit:
            await asyncio.sleep(0.1)

    async def _call(self, client: Any, request: Any) -> str:
        """The words of a service's answer."""
        if not client.service_is_ready():
            raise GraphError(f"{client.srv_name} is not there; is its node running?")
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()

        def tell(future: Any) -> None:
            loop.call_soon_threadsafe(lambda: answered.done() or answered.set_result(future.result()))

        client.call_async(request).add_done_callback(tell)
        try:
            response = await asyncio.wait_for(answered, ANSWER_S)
        except asyncio.TimeoutError as error:
            late = f"{client.srv_name} did not answer within {ANSWER_S:g} s"
            raise GraphError(f"{late}; see the log of its node") from error
        if isinstance(response, SetParameters.Response):
            (result,) = response.results
            done, words = result.successful, result.reason
        else:
            done, words = response.success, response.message
        if not done:
            raise GraphError(words)
        return str(words)

    # What is heard ----------------------------------------------------------------------------------------------------

    def _take(self, turn: SequencedStep) -> None:
        self._reading, self._heard_ns = messages.reading_from(turn.parts), self.now_ns()
        if self.now_ns() - self._drawn_ns > DRAW_S * 1e9:
            self._drawn_ns = self.now_ns()
            self._draw(self._reading)

    def _draw(self, reading: RobotState) -> None:
        """The arm, and where those who have spoken since the last time mean to go."""
        self._scene.show(reading)
        said, self._said = self._said, {}
        for who in ("policy", "expert"):
            try:
                path = self._path(messages.chunk_from(said[who], self.contract)) if who in said else np.empty((0, 3))
            except IlRosError:
                path = np.empty((0, 3))  # the gate tells why it is refused
            self._scene.show_path(who, path)

    def _path(self, chunk: Chunk) -> Array:
        """(N, 3) m, where the tool goes if the chunk is carried out from here."""
        assert self._reading is not None
        names, here = self.contract.action_names, self._reading.tool_position
        if self.contract.moves_tool:
            actions = np.repeat(chunk.actions, GOES_ON, axis=0) if len(chunk.actions) == 1 else chunk.actions
            steps = np.zeros((len(actions), 3))
            steps[:, [TOOL_AXES.index(name) for name in names]] = actions
            return np.vstack([here, here + np.cumsum(steps, axis=0) / self.contract.rate_hz])
        return np.array([here, *(self._scene.tool_at(dict(zip(names, row))) for row in chunk.actions)])

    def _on_authority(self, message: Any) -> None:
        record = messages.record_from(message)
        state = self._state
        if record.reason not in (STEADY, HAND_OVER):
            state["why"] = record.reason
        state["hand_over"] = record.reason == HAND_OVER
        state["authority"] = record.authority.name
        state["interventions"] = max(state["interventions"], record.intervention)
        state["score"] = None if np.isnan(record.score) else round(record.score, 4)
        state["driver"] = record.expert_name if record.authority is Authority.EXPERT else record.checkpoint
        self._decided_ns = self.now_ns()

    def _on_episode(self, message: String) -> None:
        event = events.episode_event_from_json(message.data)
        if event is None:
            return
        running = isinstance(event, EpisodeStart)
        outcome = None if isinstance(event, EpisodeStart) else event.outcome
        self._state["episode"] = {"running": running, "number": event.number, "seed": event.seed, "outcome": outcome}
        if running:
            self._state |= {"interventions": 0, "why": "", "saved": None}

    def _on_recorded(self, message: String) -> None:
        recorded = events.recorded_episode_from_json(message.data)
        name = None if recorded.path is None else Path(recorded.path).name
        result = {"outcome": recorded.outcome, "error": recorded.error, "discarded": recorded.discarded}
        self._state["saved"] = {"name": name, **result}

    def _on_checkpoint(self, message: String) -> None:
        checkpoint = events.trained_checkpoint_from_json(message.data)
        self._state["checkpoint"] = {"policy": checkpoint.policy, "labels": checkpoint.labels}

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """What the nodes tell is shown."""
        super().on_diagnostics(message)
        for status in message.status:
            name = status.name.rpartition("/")[2]
            self._facts[name] = {item.key: item.value for item in status.values}

    def _on_picture(self, message: CompressedImage) -> None:
        """A camera's picture is handed out while a page is open; what is wrong with it, the page is told, too."""
        if not self._server.is_watched or self.now_ns() - self._pictured_ns < PICTURE_S * 1e9:
            return
        self._pictured_ns, self._state["camera"] = self.now_ns(), ""
        try:
            self._server.show(CameraImage.from_bytes(bytes(message.data), message.format))
        except MessageError as error:
            self._state["camera"] = str(error)
            raise

    # What the page is told --------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        fact = lambda node, key: self._facts.get(node, {}).get(key)  # noqa: E731
        dropped = sum(int(told) for facts in self._facts.values() if (told := facts.get("dropped", "")).isdecimal())
        trainer = {key: fact("trainer_node", key) for key in ("state", "step", "steps")}
        strips = {"latency_ms": fact("policy_node", "latency_ms"), "distance": fact("policy_node", "distance")}
        strips |= {
            "device": fact("expert_node", "device"),
            "dropped": dropped,
            "recording": fact("recorder_node", "recording"),
            "trainer": trainer,
        }
        self._server.tell({**self._state, **strips, "running": self._is_running(), "fault": self._fault()})

    def _is_running(self) -> bool:
        """Whether the arm is to be moved: in an episode, or always if an arm announces none."""
        episode = self._state["episode"]
        return bool(episode["running"] if episode else self._heard_ns)

    def _fault(self) -> str | None:
        """What is wrong, if the arm is to be moved and cannot."""
        gone = [node for node in SET if node in self._facts and not self._is_heard(node)]
        if gone:
            return f"{' and '.join(gone)} {'is' if len(gone) == 1 else 'are'} gone"
        if not self._is_running():
            return None
        now = self.now_ns()
        if now - self._heard_ns > SILENT_S * 1e9:
            return "the arm is silent"
        if now - self._decided_ns > SILENT_S * 1e9:
            return "the gate is silent"
        return None

    def _is_heard(self, node: str) -> bool:
        return any(name.rpartition("/")[2] == node for name in self.hears())

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell."""
        return {"driver": self._server.seat.name if self._server.seat.viewer else "nobody"}

    def close(self) -> None:
        """Whoever drives falls silent, which lets go."""
        self._server.close()
        self._scene.close()
        super().close()


def main() -> int:
    """Entry point."""
    return run(WebUiNode)


if __name__ == "__main__":
    raise SystemExit(main())
