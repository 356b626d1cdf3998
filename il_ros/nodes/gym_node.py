# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gym node: a gymnasium environment behind the topics of an arm; paced, or in lockstep with its commands.

Its observation is one message, the topic ``observation``: ``position[NAME]`` for each number, as ``il-ros contract
from-gym`` writes it into a contract. It stands in for ``sim_node``, and so that is what the node is called.

When things fail: an environment that has had no sound command for 0.2 s is given the contract's rest; in lockstep it
waits for the command of its step. A command that does not satisfy the contract is reported and ignored. A contract
that is not one for the environment ends the process at the start. An episode that is reset while it runs ends as
aborted.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from sensor_msgs.msg import JointState

from il_ros.core import messages
from il_ros.core.schema import json_object
from il_ros.core.topics import Topic
from il_ros.core.types import Array
from il_ros.ros.parameters import param
from il_ros.ros.sim_node_base import SimulatorNode, SimulatorParameters
from il_ros.ros.spin import main as run
from il_ros.sim.gym_adapter import TOPIC, TYPE, GymEnvAdapter


@dataclass(frozen=True)
class GymParameters(SimulatorParameters):
    """Parameters of the node of an environment."""

    contract: str = param("mountain_car", "contract, by name or path", read_only=True)
    environment: str = param(
        "MountainCarContinuous-v0", "gymnasium's name of it; MODULE:NAME if a module registers it", read_only=True
    )
    environment_options: str = param("{}", "further arguments of gymnasium.make, as a JSON object", read_only=True)


class GymNode(SimulatorNode[GymParameters]):
    """Publishes observations."""

    _env: GymEnvAdapter

    def __init__(self) -> None:
        super().__init__(GymParameters)
        self._topic, self._message = self.publisher(Topic(TOPIC, TYPE)), JointState(name=self._env.names)
        self.start()

    def make_world(self) -> GymEnvAdapter:
        """Make the environment."""
        options = json_object("parameter 'environment_options'", self.parameters.environment_options)
        return GymEnvAdapter(self.parameters.environment, self.contract, options)

    def show(self) -> None:
        """Publish the environment's observation."""
        messages.set_stamp(self._message, self._env.stamp_ns)
        self._message.position = array("d", self._env.values.tolist())
        self._topic.publish(self._message)

    def observation(self) -> Array:
        """Return (Do,) float32, the observation that the contract makes of the environment's."""
        return self._env.observe(self._env.reading())


def main() -> int:
    """Run the node; the entry point."""
    return run(GymNode)


if __name__ == "__main__":
    raise SystemExit(main())
