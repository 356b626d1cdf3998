# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base of simulator nodes, whatever they simulate: episodes, seeds, pacing and lockstep."""

from __future__ import annotations

import abc
import signal
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from il_ros.core import events, messages, topics
from il_ros.core.messages import CommandPart
from il_ros.core.topics import Topic
from il_ros.core.types import SILENCE_NS, Array, EpisodeStart
from il_ros.ros import codecs
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import SEEDS, NodeParameters, param
from il_ros.ros.qos_check import full_name

PAUSE_S = 1.0
"""How long after the end of an episode the next one begins by itself, so that recorder and operator can keep up."""
LATE_NS = 10_000_000_000
"""A node that is awaited for longer is reported."""

MAKES_TIME = ParameterDescriptor(
    type=Parameter.Type.BOOL.value, description="always false: this node publishes the clock", read_only=True
)
"""The node that publishes the clock does not follow it."""


class SimulatedWorld(Protocol):
    """A simulation of the arm and the scene."""

    @property
    def start(self) -> EpisodeStart:
        """The facts of the running episode."""

    @property
    def stamp_ns(self) -> int:
        """Time of what is observed now, in nanoseconds of its clock."""

    @property
    def way(self) -> int | None:
        """The way that a success took, where there are several."""

    def reset(self, *, seed: int) -> Any:
        """Begin the episode ``seed``."""

    def advance(self, action: Array) -> tuple[Any, str | None]:
        """Execute one action; return what is observed then, and the outcome once the episode has ended."""

    def close(self) -> None:
        """Free what it holds."""


@dataclass(frozen=True)
class SimulatorParameters(NodeParameters):
    """Parameters of every simulator node."""

    lockstep: bool = param(False, "wait for the command of each step before making the next one", read_only=True)
    seed: int = param(0, "seed of the next reset; counts up by one with each", SEEDS)
    auto_reset: bool = param(False, "start the first episode by itself, and a new one whenever one has ended")
    episodes: int = param(0, "end after so many, and with it a graph that was launched; 0: never", (0, 10**9))
    awaits: str = param(
        "", "nodes that must receive each other before the first episode starts by itself; by spaces", read_only=True
    )
    rate: float = param(1.0, "speed of a paced simulation, times real time", (0.01, 100.0), read_only=True)


P = TypeVar("P", bound=SimulatorParameters)


class Received(NamedTuple):
    """A message of the command."""

    received_ns: int
    """By the steady clock."""
    stamp_ns: int | None
    """None if it has no stamp."""
    values: Array


class SimulatorNode(IlNode[P]):
    """Executes commands in its simulation, and announces where an episode begins and ends.

    Subclasses make the simulation, publish what is observed, and return what the contract makes of that. Whatever they
    simulate, the node is called ``sim_node``, since other nodes call its reset service.
    """

    def __init__(self, parameter_class: type[P]) -> None:
        super().__init__("sim_node", parameter_class, parameter_overrides=[Parameter("use_sim_time", value=False)])
        self.set_descriptor("use_sim_time", MAKES_TIME)
        self._env = self.make_world()
        self._running = False
        self._parts = messages.command_parts(self.contract)
        self._newest: dict[Topic, Received] = {}
        """The newest message of each part of the command; in lockstep since the last step."""
        self._commanded: Received | None = None
        """The newest message of this episode that commands the arm."""
        self._last: Array | None = None
        """(Da,) what was executed last."""
        self._clock_topic = self.publisher(topics.CLOCK)
        self._episode_topic = self.publisher(topics.EPISODE)
        for part in self._parts:
            self.read(codecs.commands(self.contract, part), partial(self._on_command, part.topic))
        self.serve("~/reset", self._reset)
        self._idle_since_ns = self._made_ns = self.now_ns()
        namespace = self.get_namespace()
        self._awaited = {full_name(name, namespace) for name in self.parameters.awaits.split()}
        self._late = set(self._awaited)
        """Those of them that do not receive the others yet, according to their diagnostics."""
        self.every(0.1, self._reset_by_itself)
        if not self.parameters.lockstep:
            self.every(1.0 / (self.contract.rate_hz * self.parameters.rate), self._tick)

    @abc.abstractmethod
    def make_world(self) -> SimulatedWorld:
        """Return the simulation that the parameters describe."""

    @abc.abstractmethod
    def show(self) -> None:
        """Publish what is observed now."""

    @abc.abstractmethod
    def observation(self) -> Array:
        """Return the observation (Do,) float32 that the contract makes of it."""

    def _reset_by_itself(self) -> None:
        """Begin the next episode, once a node that commands exists and had time to discover the graph.

        The first one waits for all other nodes that were started with this one, too.
        """
        if self._running or self._has_ended() or not self.parameters.auto_reset:
            return
        if self._late and self.now_ns() - self._made_ns > LATE_NS:
            self.complain(f"the first episode waits for {' and '.join(sorted(self._late))}; start what is missing")
        if self._late or not all(self.count_publishers(part.topic.name) for part in self._parts):
            self._idle_since_ns = self.now_ns()
        if self.now_ns() - self._idle_since_ns > PAUSE_S * 1e9:
            self._reset()

    def _has_ended(self) -> bool:
        """Return whether there were as many episodes as are wanted; ends the process once that is a while ago."""
        wanted = self.parameters.episodes
        if not wanted or self._env.start.number < wanted:
            return False
        if self.now_ns() - self._idle_since_ns > PAUSE_S * 1e9:
            signal.raise_signal(signal.SIGINT)
        return True

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Note which nodes are ready for an episode."""
        super().on_diagnostics(message)
        for status in message.status if self._late else ():
            received = next((item.value for item in status.values if item.key == "hears"), "")
            if self._awaited <= set(received.split()):
                self._late.discard(status.name)

    def _reset(self) -> str:
        if self._running:
            self._end("aborted")
        seed = self.parameters.seed
        self._env.reset(seed=seed)
        self.set_parameters([Parameter("seed", value=(seed + 1) % (SEEDS[1] + 1))])
        self._running, self._last, self._commanded = True, None, None
        self._newest.clear()
        announcement = events.to_json(self._env.start)
        self._episode_topic.publish(String(data=announcement))
        self._publish()
        return announcement

    def _publish(self) -> None:
        self._stamp_ns = self._env.stamp_ns
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = messages.seconds(self._stamp_ns)
        self._clock_topic.publish(clock)
        self.show()

    def _on_command(self, topic: Topic, command: tuple[int | None, Array]) -> None:
        """Keep a message; in lockstep, make the step once all of its messages have come."""
        received = self._newest[topic] = Received(self.now_ns(), *command)
        if topic.name == topics.COMMAND_NAME:
            self._commanded = received
        if not self.parameters.lockstep or not self._running:
            return
        parts = [self._newest.get(part.topic) for part in self._parts]
        if all(part is not None and part.stamp_ns in (None, self._stamp_ns) for part in parts):
            action = self._action()
            self._newest.clear()
            self._advance(action)

    def _tick(self) -> None:
        """Make one paced step, with the last command unless it is stale."""
        if self._running:
            self._advance(self._action())

    def _action(self) -> Array:
        """Return (Da,) what the newest messages command; what none of them does rests, and a gripper stays."""
        parts = [part for part in self._parts if self._counts(part)]
        if len(parts) == len(self._parts) == 1:
            return self._newest[parts[0].topic].values
        action = self.contract.rest(self.observation(), self._last)
        for part in parts:
            action[part.columns] = self._newest[part.topic].values
        return action

    def _counts(self, part: CommandPart) -> bool:
        """Return whether a message came that counts: an arm's while it is fresh, by its reception and by its stamp.

        A late one is for a past state; a gripper is where it was commanded in this episode, however long ago.
        """
        newest = self._newest.get(part.topic)
        if newest is None or self.parameters.lockstep:
            return newest is not None
        stamp_ns = self._stamp_ns if newest.stamp_ns is None else newest.stamp_ns
        if part.contract.is_gripper.all():
            return stamp_ns >= self._env.start.first_stamp_ns
        return max(self.now_ns() - newest.received_ns, self._stamp_ns - stamp_ns) < SILENCE_NS

    def _advance(self, action: Array) -> None:
        """Make one step."""
        self._last = action
        _, outcome = self._env.advance(action)
        if outcome is None:
            self._publish()
        else:
            self._end(outcome)

    def _end(self, outcome: str) -> None:
        self._running, self._idle_since_ns = False, self.now_ns()
        start = self._env.start
        steps = (self._stamp_ns - start.first_stamp_ns) // self.contract.step_ns + 1
        end = events.EpisodeEnd(
            **vars(start), outcome=outcome, way=self._env.way, steps=steps, last_stamp_ns=self._stamp_ns
        )
        self._episode_topic.publish(String(data=events.to_json(end)))

    def facts(self) -> dict[str, Any]:
        """Return this node's values in the diagnostics."""
        return {"task": self._env.start.task, "episodes": self._env.start.number, "running": self._running}

    def close(self) -> None:
        """Free the simulation."""
        self._env.close()
        super().close()
