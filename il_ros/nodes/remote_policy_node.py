# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The remote policy node: stands in for the policy node, and asks a policy server of openpi's protocol for its chunks.

One request is under way at a time, in a thread of its own; the next one is of the newest observation then. A chunk
has the stamp of the observation that it answers, so how long that took is counted by the gate, not estimated. In
lockstep every step is answered.

When things fail: a server that cannot be reached, does not answer in time, answers with an error or with something
that is no chunk of the contract's makes this node answer with a chunk without rows, so that the arm holds; why is
reported. The connection is made again within a second once the server is back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.core import messages, topics
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import GraphError, MessageError
from il_ros.core.types import Chunk, EpisodeStart
from il_ros.learning.remote.policy_server import PolicyServer, RequestLayout
from il_ros.ros import codecs
from il_ros.ros.cameras.camera_inputs import CameraInputs
from il_ros.ros.message_timing import Latencies
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.spin import main as run
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer


@dataclass(frozen=True)
class RemotePolicyParameters(NodeParameters):
    """Parameters of the remote policy node."""

    server: str = param("ws://127.0.0.1:8000", "address of the policy server", read_only=True)
    inputs: str = param(
        "observation/state=*, prompt=prompt",
        "what is sent, as KEY=SOURCE: * for all numbers, FIRST..LAST for some by their names, a camera, or prompt",
        read_only=True,
    )
    actions: str = param("actions", "the key under which an answer has its chunk", read_only=True)
    prompt: str = param("", "what the policy is told to do; empty for the name of the episode's task")
    timeout_s: float = param(1.0, "how long an answer may take, s", (0.01, 60.0), read_only=True)
    execute_steps: int = param(0, "rows of a chunk that are to be executed; 0 leaves it to the gate", (0, 1000))
    lockstep: bool = param(
        False, "answer the first observation of an episode only once its seed is known", read_only=True
    )


class RemotePolicyNode(IlNode[RemotePolicyParameters]):
    """Has the name and the topics of the policy node, which it replaces."""

    def __init__(self) -> None:
        super().__init__("policy_node", RemotePolicyParameters)
        given = self.parameters
        self._layout = RequestLayout.parse(given.inputs, self.contract)
        self._server = PolicyServer(given.server, self.contract, given.actions, given.timeout_s)
        self._start: EpisodeStart | None = None
        self._authority: Authority | None = None
        self._begins = True
        self._answers, self._silent, self._skipped = 0, 0, 0
        self._latencies = Latencies()
        self._turns = StepSequencer(list(self.contract.topics), self.contract.step_ns, given.lockstep)
        self._waiting: SequencedStep | None = None
        self._pool = ThreadPoolExecutor(1, "policy_server")
        self._running: Future[None] | None = None
        self._lock = threading.Lock()
        self._told: deque[str] = deque(maxlen=10)
        """What went wrong in the thread."""
        self._topic = self.publisher(topics.POLICY_ACTION)
        self._bytes = codecs.ChunkWriter(self.contract)
        self._cameras = CameraInputs(self, self._go_on)
        self.take_turns(self._turns, codecs.observed(self.contract), self._take)
        self.read(codecs.RecordReader(), self._on_authority)
        self.every(0.1, self._tell)
        self.start()

    def prepare(self, parameters: RemotePolicyParameters) -> Callable[[], None]:
        """Accept another prompt or number of steps at any time."""
        return lambda: None

    def _on_authority(self, record: Record) -> None:
        """Have the policy forget what came before when the authority changes."""
        if self._authority is not None and record.authority is not self._authority:
            self._begins = True
        self._authority = record.authority

    def _go_on(self) -> None:
        """Take the observation that waits for its images."""
        if self._waiting is not None:
            self._take(self._waiting)

    def _take(self, turn: SequencedStep) -> None:
        start = turn.start or self._start
        is_early = start is not None and not self._cameras.have_come(start.first_stamp_ns, turn.stamp_ns)
        self._waiting = turn if self.parameters.lockstep and is_early else None
        if self._waiting is not None:
            return
        if turn.start is not None or turn.begins_anew:
            self._start, self._authority, self._begins = start, None, True
        images = self._cameras.at(turn.stamp_ns)
        if stale := self._cameras.stale([*self._layout.cameras.values()], images):
            self.complain(stale)
            self._silent += 1
            self._publish(Chunk(turn.stamp_ns, self._nothing()))
            return
        if self._running is not None and self.parameters.lockstep:
            wait([self._running])  # its answer is published, or this step would not be here
        if self._running is not None and not self._running.done():
            self._skipped += 1
            return
        observation = messages.observation_of_topics(self.contract, turn.parts)
        prompt = self.parameters.prompt or ("" if self._start is None else self._start.task)
        request = self._layout.request(observation, images, prompt)
        begins, self._begins = self._begins, False
        self._running = self._pool.submit(self._ask, turn.stamp_ns, request, begins)

    def _ask(self, stamp_ns: int, request: dict[str, Any], begins: bool) -> None:
        """Ask the server and publish what it answers; in a thread of its own."""
        began_ns = self.now_ns()
        try:
            actions = self._server.ask(request, begins)
        except (GraphError, MessageError) as error:
            self._told.append(str(error))
            self._silent, self._begins = self._silent + 1, True
            actions = self._nothing()
        else:
            self._answers += 1
            self._latencies.add(self.now_ns() - began_ns)
        self._publish(Chunk(stamp_ns, actions, self._server.author, execute=self.parameters.execute_steps))

    def _nothing(self) -> Any:
        return np.empty((0, len(self.contract.action)))

    def _publish(self, chunk: Chunk) -> None:
        with self._lock:  # of both threads
            if self.context.ok():
                self._topic.publish(self._bytes(chunk))

    def _tell(self) -> None:
        """Report what went wrong in the thread."""
        while self._told:
            self.complain(self._told.popleft())

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        result = {"server": self.parameters.server, "connected": self._server.is_connected}
        result |= {"checkpoint": self._server.author, "answers": self._answers, "silent": self._silent}
        result |= {"skipped": self._skipped, "dropped": self._turns.dropped, **self._cameras.facts()}
        return {**super().facts(), **result, **self._latencies.facts()}

    def close(self) -> None:
        """End the thread, and the connection."""
        self._pool.shutdown(cancel_futures=True)
        self._server.close()
        super().close()


def main() -> int:
    """Run the node; the entry point."""
    return run(RemotePolicyNode)


if __name__ == "__main__":
    raise SystemExit(main())
