# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A client that runs a graph: resets the arm, waits for the recording, asks for a training, waits for the swap.

All that it does can be done by hand with ``ros2 service call``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import Trigger

from il_ros.core import events, topics
from il_ros.core.errors import GraphError, MessageError
from il_ros.core.events import RecordedEpisode, TrainedCheckpoint
from il_ros.ros.client.node import ClientNode
from il_ros.ros.qos import PROFILES

T = TypeVar("T")
MUTUAL_S = 0.2
"""How long after a server is discovered it has discovered its client, too."""


class GraphClient(ClientNode):
    """Runs a graph from outside; use as a context manager.

    Args:
        check: called while waiting; raise in it to give up, for example because a process has died.
        namespace: of the graph's nodes.
    """

    def __init__(self, check: Callable[[], None] = lambda: None, namespace: str = "") -> None:
        super().__init__("director", namespace=namespace)
        self._check = check
        self._prefix = namespace.strip("/") + "/" if namespace else ""
        self.heard: dict[str, dict[str, str]] = {}
        """The latest diagnostics of every node, by its name."""
        self._recorded: list[RecordedEpisode] = []
        self._checkpoints: list[TrainedCheckpoint] = []
        self._clients_by_name: dict[str, Any] = {}
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS.name, self._on_diagnostics, 100)
        recorded = self._keeper(self._recorded, events.recorded_episode_from_json)
        trained = self._keeper(self._checkpoints, events.trained_checkpoint_from_json)
        for topic, keep in ((topics.RECORDED, recorded), (topics.CHECKPOINT, trained)):
            self.create_subscription(String, topic.name, keep, PROFILES[topic.qos])

    def _keeper(self, events: list[T], read: Callable[[str], T]) -> Callable[[String], None]:
        def keep(message: String) -> None:
            try:
                events.append(read(message.data))
            except MessageError as error:
                self.get_logger().warning(str(error))

        return keep

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            facts = {item.key: item.value for item in status.values}
            self.heard[status.name.removeprefix(self._prefix)] = {**facts, "complaint": status.message}

    # Waiting ----------------------------------------------------------------------------------------------------------

    def wait(self, what: str, done: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Receive messages until ``done``.

        Raises:
            GraphError: if it is not done in time, naming ``what``.
        """
        limit = time.monotonic() + timeout_s
        while not done():
            self.let_in()
            self._check()
            if time.monotonic() > limit:
                raise GraphError(f"{what} did not come within {timeout_s:g} s; see the logs of the nodes")

    def wait_ready(self, nodes: Collection[str], timeout_s: float = 60.0) -> None:
        """Wait until every one of ``nodes`` is there and receives all the others.

        Raises:
            GraphError: if they are not in time, naming which node does not receive which.
        """
        names = {self._prefix + name for name in nodes}

        def unconnected() -> list[str]:
            values = [(name, self.heard.get(name, {})) for name in nodes]
            missing = [(name, names - set(facts.get("hears", "").split())) for name, facts in values]
            unmatched = [name for name, facts in values if facts.get("matched") != "True"]
            return [f"{name} receives nothing of {', '.join(sorted(others))}" for name, others in missing if others] + [
                f"{name} is not received by all" for name in unmatched
            ]

        try:
            self.wait("a connected graph", lambda: not unconnected(), timeout_s)
        except GraphError as error:
            raise GraphError(f"{error}: {'; '.join(unconnected())}") from error

    def call(self, service: str, timeout_s: float = 20.0) -> str:
        """Call a Trigger service.

        Raises:
            GraphError: if it does not answer, or refuses.
        """
        response = self._ask(Trigger, service, Trigger.Request(), timeout_s)
        if not response.success:
            raise GraphError(f"{service} refused: {response.message}")
        return str(response.message)

    def set(self, node: str, **values: Any) -> None:
        """Set parameters of a node.

        Raises:
            GraphError: if it refuses one.
        """
        service = f"{node}/set_parameters"
        request = SetParameters.Request()
        request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        for result in self._ask(SetParameters, service, request).results:
            if not result.successful:
                raise GraphError(f"{node} refused {values}: {result.reason}")

    def _ask(self, kind: Any, service: str, request: Any, timeout_s: float = 30.0) -> Any:
        """Return the response of a service; its client is kept for the next time."""
        known = service in self._clients_by_name
        if not known:
            self._clients_by_name[service] = self.create_client(kind, service)
        client = self._clients_by_name[service]
        self.wait(f"the service {service}", client.service_is_ready, timeout_s)
        if not known:  # we have discovered the server, but it may not have discovered us: its answer would be lost
            mutual_s = time.monotonic() + MUTUAL_S
            self.wait(f"the service {service}", lambda: time.monotonic() > mutual_s, timeout_s)
        future = client.call_async(request)
        self.wait(f"an answer of {service}", future.done, timeout_s)
        return future.result()

    # Acting -----------------------------------------------------------------------------------------------------------

    def episodes(self, seeds: Iterable[int], progress: Callable[[int], None] = lambda n: None) -> list[dict[str, Any]]:
        """Run and record one episode per seed; return the facts of each, with the ``path`` of its bag.

        Raises:
            GraphError: if an episode does not end, or could not be closed.
        """
        recorded = []
        expected: int | None = None
        for seed in seeds:
            if seed != expected:
                self.set("sim_node", seed=seed)
            expected = seed + 1
            recorded.append(self._episode(seed))
            progress(1)
        return recorded

    def _episode(self, seed: int) -> dict[str, Any]:
        before = len(self._recorded)

        def closed() -> list[RecordedEpisode]:
            return [recorded for recorded in self._recorded[before:] if recorded.seed == seed or recorded.path is None]

        self.call(topics.RESET)
        self.wait(f"the end of episode {seed}", lambda: bool(closed()), 120.0)
        recorded = closed()[0]
        if recorded.path is None:
            raise GraphError(f"episode {seed} could not be closed: {recorded.error}")
        return recorded.as_dict()

    def train(self, progress: Callable[[int, int], None] = lambda step, steps: None, **settings: Any) -> dict[str, Any]:
        """Train on all that was recorded; return the facts of the checkpoint, with its ``path`` and ``hash``.

        Raises:
            GraphError: if the training fails.
        """
        if settings:
            self.set("trainer_node", **settings)
        before = len(self._checkpoints)
        self.call(topics.TRAIN)
        self.heard.pop("trainer_node", None)  # these are of the training before

        def done() -> bool:
            facts = self.heard.get("trainer_node", {})
            progress(int(facts.get("step", 0)), int(facts.get("steps", 0)))
            if facts.get("state", "").startswith("failed"):
                raise GraphError(f"the training {facts['state']}")
            return len(self._checkpoints) > before

        self.wait("a checkpoint", done, 900.0)
        return self._checkpoints[-1].as_dict()

    def wait_policy(self, checkpoint_hash: str) -> None:
        """Wait until the policy node serves the checkpoint with this hash."""

        def swapped() -> bool:
            served = self.heard.get("policy_node", {}).get("checkpoint", "")
            return bool(served) and checkpoint_hash.startswith(served)

        self.wait(f"the policy's swap to {checkpoint_hash[:12]}", swapped)
