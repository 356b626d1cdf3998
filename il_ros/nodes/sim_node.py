"""A simulated arm behind the topics of a real one; paced, or in lockstep with its commands.

When things fail: a paced arm that has had no sound command for 0.2 s stands still; in lockstep it waits for the command
of its step. A command that does not satisfy the contract, or a push that is not finite, moves nothing and is told. A
push that is not renewed for 0.2 s counts as let go. An episode that is reset while it runs ends as aborted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Bool, String

from il_ros import messages
from il_ros.errors import MessageError
from il_ros.nodes import interface
from il_ros.nodes.executor import main as run
from il_ros.nodes.node import IlNode
from il_ros.nodes.parameters import SEEDS, NodeParameters, say
from il_ros.signals import Array
from il_ros.sim.env import ArmEnv

STALE_S = 0.2
"""A paced arm stops when it has had no command for this long; a hand that was not felt for so long is gone."""
PAUSE_S = 1.0
"""How long after the end of an episode the next one begins by itself, so that recorder and people can keep up."""

MAKES_TIME = ParameterDescriptor(
    type=Parameter.Type.BOOL.value, description="false, whatever is asked for: this node makes the time", read_only=True
)
"""Who publishes the clock does not listen to it."""


@dataclass(frozen=True)
class SimParameters(NodeParameters):
    """Parameters of the simulation node."""

    lockstep: bool = say(False, "wait for the command of each step before making the next one", read_only=True)
    task: str = say("fork", "task to set up", read_only=True)
    seed: int = say(0, "seed of the next reset; counts up by one with each", SEEDS)
    auto_reset: bool = say(False, "start the first episode by itself, and a new one whenever one has ended")
    rate: float = say(1.0, "speed of a paced simulation, times real time", (0.01, 100.0), read_only=True)
    time_limit: bool = say(
        True, "end an episode that takes longer than its task allows; false for a person", read_only=True
    )


class SimNode(IlNode[SimParameters]):
    """Publishes readings, takes commands, announces where an episode begins and ends."""

    def __init__(self) -> None:
        super().__init__("sim_node", SimParameters, parameter_overrides=[Parameter("use_sim_time", value=False)])
        self.set_descriptor("use_sim_time", MAKES_TIME)
        self._env = ArmEnv(self.parameters.task, self.contract, time_limit=self.parameters.time_limit)
        self._seed = self.parameters.seed
        self._running = False
        self._command: tuple[int, int | None, Array] | None = None
        """When it came, by the steady clock; its stamp, if it has one; and what it says."""
        self._push: tuple[int, str, Array] | None = None
        self._guiding = self.publisher(interface.GUIDING)
        self._reading_topics = {t.name: self.publisher(t) for t in interface.READING}
        self._reading = {t.name: interface.message_class(t.type_name)() for t in interface.READING}
        self._clock_topic = self.publisher(interface.CLOCK)
        self._episode_topic = self.publisher(interface.EPISODE)
        self.subscribe(interface.command(self.contract), self._on_command)
        self.subscribe(interface.PUSH, self._on_push)
        self.serve("~/reset", self._reset)
        self._idle_since_ns = self.now_ns()
        self.every(0.1, self._reset_by_itself)
        if not self.parameters.lockstep:
            self.every(1.0 / (self.contract.rate_hz * self.parameters.rate), self._tick)

    def prepare(self, wanted: SimParameters) -> Callable[[], None]:
        """The seed may be set at any time; it counts from the next reset on."""

        def take_effect() -> None:
            self._seed = wanted.seed

        return take_effect

    def _reset_by_itself(self) -> None:
        """Begin the next episode, once somebody who commands is there and had time to look around."""
        if self._running or not self.parameters.auto_reset:
            return
        if not self.count_publishers(interface.command(self.contract).name):
            self._idle_since_ns = self.now_ns()
        if self.now_ns() - self._idle_since_ns > PAUSE_S * 1e9:
            self._reset()

    def _reset(self) -> str:
        if self._running:
            self._end("aborted")
        self._env.reset(seed=self._seed)
        self._seed += 1
        self._running, self._command = True, None
        announcement = messages.start_to_json(self._env.start)
        self._episode_topic.publish(String(data=announcement))
        self._publish()
        return announcement

    def _publish(self) -> None:
        reading = self._env.reading()
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = divmod(reading.stamp_ns, 1_000_000_000)
        self._clock_topic.publish(clock)
        messages.fill_reading(self._reading, reading, Pose)
        for name, topic in self._reading_topics.items():
            topic.publish(self._reading[name])
        self._stamp_ns = reading.stamp_ns

    def _on_command(self, message: Any) -> None:
        stamp, action = messages.command_from(message, self.contract)
        self._command = (self.now_ns(), stamp, action)
        if self.parameters.lockstep and self._running and stamp in (None, self._stamp_ns):
            self._advance(action)

    def _on_push(self, message: Any) -> None:
        """A hand is on the arm; it is felt until the next word, or until there has been none for a while."""
        force = message.wrench.force
        pushed = np.array([force.x, force.y, force.z])
        if not np.isfinite(pushed).all():
            self._push = None
            raise MessageError(f"push {pushed.tolist()} is not finite; the arm counts as let go")
        self._env.yielding(message.header.frame_id, pushed)  # which knows the links
        self._push = (self.now_ns(), message.header.frame_id, pushed)

    def _is_guided(self) -> bool:
        return self._push is not None and self.now_ns() - self._push[0] < STALE_S * 1e9

    def _tick(self) -> None:
        """One paced step, with the last command unless it is stale."""
        if not self._running:
            return
        action = self._fresh_command()
        self._advance(self.contract.rest(self._observation()) if action is None else action)

    def _fresh_command(self) -> Array | None:
        """The last command, if it came lately, and not late: one that was held up on its way is for a state past."""
        if self._command is None:
            return None
        heard_ns, stamp_ns, action = self._command
        age_ns = max(self.now_ns() - heard_ns, 0 if stamp_ns is None else self._stamp_ns - stamp_ns)
        return action if age_ns < STALE_S * 1e9 else None

    def _observation(self) -> Array:
        return self._env.observe(self._env.reading())

    def _advance(self, action: Array) -> None:
        """One step; an arm that gives way to a hand does not obey."""
        if self._is_guided() and self._push is not None:
            action = self._env.yielding(*self._push[1:])
            self._guiding.publish(Bool(data=True))
        elif self._push is not None:
            self._push = None
            self._guiding.publish(Bool(data=False))
        _, outcome = self._env.advance(action)
        if outcome is None:
            self._publish()
        else:
            self._end(outcome)

    def _end(self, outcome: str) -> None:
        self._running, self._idle_since_ns = False, self.now_ns()
        start = self._env.start
        steps = (self._stamp_ns - start.first_stamp_ns) // self.contract.step_ns + 1
        facts = {"outcome": outcome, "way": self._env.way, "steps": steps, "last_stamp_ns": self._stamp_ns}
        self._episode_topic.publish(String(data=json.dumps({"event": "end", **vars(start), **facts})))

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell."""
        return {"task": self.parameters.task, "episodes": self._env.start.number, "running": self._running}

    def close(self) -> None:
        """Free the physics client."""
        self._env.close()
        super().close()


def main() -> int:
    """Entry point."""
    return run(SimNode)


if __name__ == "__main__":
    raise SystemExit(main())
