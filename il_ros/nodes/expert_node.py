# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The expert node: a teleoperation device, or a script, that answers every observation with an expert action.

When things fail: a device that falls silent for 0.1 s while somebody drives with it (the page 0.15 s, an arm that is
led 0.2 s), publishes impossible values, or whose messages arrive late, is lost: the answers are marked as lost, and the
operator must let go and take hold again; so they are when the arm's tool is not where its joints have it. A device
that subscribes to other topics than the one at the start is refused at run time, and so are an expert, a task or
options that do not exist.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from il_ros import teleop
from il_ros.core import topics
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.frames import Frame
from il_ros.core.schema import json_object
from il_ros.core.topics import Topic
from il_ros.core.types import EpisodeStart, ExpertAction
from il_ros.robot.description import Robot
from il_ros.robot.ik import Kinematics
from il_ros.ros import codecs
from il_ros.ros.message_timing import ArrivalTimes
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.spin import main as run
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer
from il_ros.sim import tasks


@dataclass(frozen=True)
class ExpertParameters(NodeParameters):
    """Parameters of the expert node."""

    lockstep: bool = param(False, "answer the first reading of an episode only once its seed is known", read_only=True)
    device: str = param(
        "scripted",
        "device that gives the expert's answers: scripted, supervisor, function, page, joy, twist, pose, leader, "
        "kinesthetic",
    )
    task: str = param("fork", "task whose scripted expert the device may use; empty for none")
    expert: str = param("random", "which of the task's experts; random draws one for each episode")
    author: str = param("", "name of the person at the device, for the record; empty for the device's own")
    options: str = param("{}", "the device's own options, as a JSON object")


def make_device(parameters: ExpertParameters, contract: Contract) -> teleop.Device:
    """Make the device that the parameters describe.

    Raises:
        ConfigError: if there is no such device, task, expert or option.
    """
    options = json_object("parameter 'options'", parameters.options)
    setup = teleop.Setup(contract, options=options, solve=Kinematics.of(contract), frames=frames_of(contract))
    if parameters.task:
        task = tasks.load(parameters.task)
        setup = dataclasses.replace(
            setup, guide=tasks.ScriptedExpert(task, parameters.expert), clearance=task.clearance
        )
    return teleop.load(parameters.device, setup)


def frames_of(contract: Contract) -> dict[str, Frame]:
    """Return the frames of the contract's robot; none if the contract names no robot and the default one is missing."""
    try:
        return Robot.load(contract.robot).frames()
    except ConfigError:
        if contract.robot:
            raise
        return {}


class ExpertNode(IlNode[ExpertParameters]):
    """Turns readings into the expert's answers."""

    def __init__(self) -> None:
        super().__init__("expert_node", ExpertParameters)
        self._device = make_device(self.parameters, self.contract)
        self._start: EpisodeStart | None = None
        self._answers = 0
        self._reported: set[str] = set()
        """The notes of the device that have been reported."""
        watched = [Topic(name, type_name) for name, type_name in self._device.watched.items()]
        self._turns = StepSequencer([t.name for t in watched], self.contract.step_ns, self.parameters.lockstep)
        self._topic = self.publisher(topics.EXPERT_ACTION)
        self._bytes = codecs.ChunkWriter(self.contract)
        self.take_turns(self._turns, [codecs.whole(self.contract, topic) for topic in watched], self._take)
        for name, type_name in self._device.topics.items():
            self.subscribe_timed(Topic(name, type_name), self._device_listener(name))
        self.start()

    def prepare(self, parameters: ExpertParameters) -> Callable[[], None] | None:
        """Prepare another device or expert, between episodes, or another person, at any time."""
        if dataclasses.replace(parameters, author=self.parameters.author) == self.parameters:
            return None
        device = make_device(parameters, self.contract)
        if set(device.topics) - set(self._device.topics) or device.watched != self._device.watched:
            raise ConfigError(f"device {parameters.device!r} needs topics of its own; start the node anew with it")

        def take_effect() -> None:
            self._device = device
            if self._start is not None:
                self._device.reset(self._start)

        return take_effect

    def _device_listener(self, name: str) -> Any:
        arrivals = ArrivalTimes()

        def receive(message: Any, info: dict[str, Any]) -> None:
            now_ns = self.now_ns()
            arrived_ns = arrivals.arrived(now_ns, time.time_ns(), info["received_timestamp"], info["source_timestamp"])
            if now_ns - arrived_ns > self._device.timeout_s * 1e9:
                self._device.interrupt()
            try:
                self._device.hear(name, message, arrived_ns)
            finally:
                self._report_notes()

        return receive

    def _report_notes(self) -> None:
        """Report the notes that are new."""
        notes = set(self._device.notes.values())
        for note in sorted(notes - self._reported):
            self.complain(note)
        self._reported = notes

    def _take(self, turn: SequencedStep) -> None:
        if turn.start is not None:
            self._start = turn.start
            self._device.reset(turn.start)
        elif turn.begins_anew:
            self._device.reset(self._start or EpisodeStart("", 0, turn.stamp_ns))
        answer = self._ask(turn)
        self._report_notes()
        answer = dataclasses.replace(answer, author=self.parameters.author or answer.author)
        chunk = answer.chunk(turn.stamp_ns, len(self.contract.action))
        self._topic.publish(self._bytes(chunk))
        self._answers += 1

    def _ask(self, turn: SequencedStep) -> ExpertAction:
        """Return the device's answer; a device that cannot interpret the observation is lost."""
        try:
            return self._device.respond(turn.parts, self.now_ns())
        except MessageError as error:
            self.complain(str(error))
            return ExpertAction(None, engaged=False, author=self.parameters.device, lost=True)

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        return {
            "device": self.parameters.device,
            "answers": self._answers,
            "dropped": self._turns.dropped,
            "notes": "; ".join(sorted(self._device.notes.values())),
        }


def main() -> int:
    """Run the node; the entry point."""
    return run(ExpertNode)


if __name__ == "__main__":
    raise SystemExit(main())
