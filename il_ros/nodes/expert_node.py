# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The expert: a device through which a person or a script answers every reading.

When things fail: who is silent at a device for 0.2 s has let go. A device that hears other topics than the one at the
start is refused at run time, and so are an expert, a task or options that are not there. What a device cannot read is
told and counts as nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from il_ros import teleop
from il_ros.errors import ConfigError
from il_ros.nodes import interface, wire
from il_ros.nodes.executor import main as run
from il_ros.nodes.interface import Topic
from il_ros.nodes.node import IlNode
from il_ros.nodes.parameters import NodeParameters, say
from il_ros.nodes.turns import Turn, Turns
from il_ros.signals import EpisodeStart
from il_ros.sim import tasks
from il_ros.sim.kinematics import Kinematics
from il_ros.specs import Contract, json_object


@dataclass(frozen=True)
class ExpertParameters(NodeParameters):
    """Parameters of the expert node."""

    lockstep: bool = say(False, "answer the first reading of an episode only once its seed is known", read_only=True)
    device: str = say(
        "scripted",
        "device through which the expert speaks: scripted, supervisor, function, page, joy, twist, pose, leader, "
        "kinesthetic",
    )
    task: str = say("fork", "task whose scripted expert the device may use; empty for none")
    expert: str = say("random", "which of the task's experts; random draws one for each episode")
    author: str = say("", "name of the person at the device, for the record; empty for the device's own")
    options: str = say("{}", "the device's own options, as a JSON object")


def make_device(parameters: ExpertParameters, contract: Contract) -> teleop.Device:
    """The device that the parameters describe.

    Raises:
        ConfigError: if there is no such device, task, expert or option.
    """
    options = json_object("parameter 'options'", parameters.options)
    solve = Kinematics.of(contract)
    if not parameters.task:
        return teleop.load(parameters.device, teleop.Setup(contract, options=options, solve=solve))
    task = tasks.load(parameters.task)
    guide = tasks.Scripted(task, parameters.expert)
    return teleop.load(parameters.device, teleop.Setup(contract, guide, task.clearance, options, solve))


class ExpertNode(IlNode[ExpertParameters]):
    """Turns readings into the expert's answers."""

    def __init__(self) -> None:
        super().__init__("expert_node", ExpertParameters)
        self._device = make_device(self.parameters, self.contract)
        self._start: EpisodeStart | None = None
        self._answers = 0
        watched = [Topic(name, type_name) for name, type_name in self._device.watched.items()]
        self._turns = Turns([t.name for t in watched], self.contract.step_ns, self.parameters.lockstep)
        self._topic = self.publisher(interface.EXPERT_ACTION)
        self._bytes = wire.ChunkWriter(self.contract)
        self.take_turns(self._turns, [wire.whole(self.contract, topic) for topic in watched], self._take)
        for name, type_name in self._device.topics.items():
            self.subscribe(Topic(name, type_name), self._device_listener(name))
        self.start()

    def prepare(self, wanted: ExpertParameters) -> Callable[[], None] | None:
        """Another device or expert may be chosen between episodes; another person may sit down at any time."""
        if dataclasses.replace(wanted, author=self.parameters.author) == self.parameters:
            return None
        device = make_device(wanted, self.contract)
        if set(device.topics) - set(self._device.topics) or device.watched != self._device.watched:
            raise ConfigError(f"device {wanted.device!r} needs topics of its own; start the node anew with it")

        def take_effect() -> None:
            self._device = device
            if self._start is not None:
                self._device.reset(self._start)

        return take_effect

    def _device_listener(self, name: str) -> Any:
        def hear(message: Any) -> None:
            self._device.hear(name, message, self.now_ns())

        return hear

    def _take(self, turn: Turn) -> None:
        if turn.start is not None:
            self._start = turn.start
            self._device.reset(turn.start)
        elif turn.begins_anew:
            self._device.reset(self._start or EpisodeStart("", 0, turn.stamp_ns))
        answer = self._device.respond(turn.parts, self.now_ns())
        answer = dataclasses.replace(answer, author=self.parameters.author or answer.author)
        chunk = answer.chunk(turn.stamp_ns, len(self.contract.action))
        self._topic.publish(self._bytes(chunk))
        self._answers += 1

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell."""
        return {"device": self.parameters.device, "answers": self._answers, "dropped": self._turns.dropped}


def main() -> int:
    """Entry point."""
    return run(ExpertNode)


if __name__ == "__main__":
    raise SystemExit(main())
