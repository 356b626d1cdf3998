# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The gate: hears the policy and the expert, decides who commands each step, and publishes the record of it.

When things fail: an answer that is stale, late, malformed or not finite is refused, and counted by its reason in the
diagnostics. A source that is silent for longer than its timeout is lost, and if nobody who may drive is left the arm
holds. What is still undecided after half a step, in lockstep after 5 s, is decided without the late ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from il_ros.errors import MessageError
from il_ros.gate import Gate, GateConfig
from il_ros.gate.backlog import Backlog
from il_ros.gate.table import Event
from il_ros.nodes import interface, wire
from il_ros.nodes.executor import main as run
from il_ros.nodes.node import IlNode
from il_ros.nodes.parameters import NodeParameters, say
from il_ros.nodes.turns import Turn, Turns
from il_ros.signals import Chunk

PATIENCE_NS = 5_000_000_000
"""How long a lockstep run waits for an answer before the source counts as lost."""
CHECK_S = 0.01
REMEMBER = 16
"""Answers to observations that have not come yet; more than these are forgotten."""

TIMEOUTS_S, DELAYS = (0.01, 60.0), (0, 1000)
"""The ranges of the parameters that are called so; delays are steps."""


@dataclass(frozen=True)
class GateParameters(NodeParameters):
    """Parameters of the gate node."""

    lockstep: bool = say(False, "wait for every source's answer to each observation before deciding", read_only=True)
    rule: str = say("human", "gating rule, such as none, human or demonstration; with options as in beta:beta=0.5")
    policy_timeout_s: float = say(0.25, "a policy whose last answer is older than this is lost", TIMEOUTS_S)
    expert_timeout_s: float = say(0.25, "an expert whose last answer is older than this is lost", TIMEOUTS_S)
    execute_steps: int = say(8, "rows of a chunk that are played before the newest chunk is adopted", (1, 1000))
    ensembling: float = say(-1.0, "decay of temporal ensembling, 0.01 in ACT; negative for none", (-1.0, 100.0))
    anchored: bool = say(
        True, "drop the rows of a chunk that come too late; false plays a late chunk from its beginning"
    )
    policy_delay: int = say(0, "steps that pass before an answer of the policy counts, for studies", DELAYS)
    expert_delay: int = say(0, "the same for the expert", DELAYS)

    def config(self) -> GateConfig:
        """The same for the gate itself."""
        return GateConfig(**{f.name: getattr(self, f.name) for f in dataclasses.fields(GateConfig)})


class GateNode(IlNode[GateParameters]):
    """Collects the answers to one observation, then lets the gate decide."""

    def __init__(self) -> None:
        super().__init__("gate_node", GateParameters)
        self._gate = Gate(self.contract, self.parameters.config())
        self._next_gate: Gate | None = None
        self._turns = Turns(list(self.contract.topics), self.contract.step_ns, self.parameters.lockstep)
        self._turn: Turn | None = None
        self._backlog, self._is_late = Backlog(), False
        self._since_ns = 0
        self._answered = dict.fromkeys(("policy", "expert"), -1)
        self._heard_ns: dict[str, int] = {}
        """When each source was heard last, by the steady clock."""
        self._heard: list[tuple[str, Chunk, int]] = []
        self._lost: set[str] = set()
        self._command_topic = self.publisher(interface.command(self.contract))
        self._record_topic = self.publisher(interface.AUTHORITY)
        self._command, self._record = wire.CommandWriter(self.contract), wire.RecordWriter()
        self.take_turns(self._turns, wire.observed(self.contract), self._take)
        for source, topic in (("policy", interface.POLICY_ACTION), ("expert", interface.EXPERT_ACTION)):
            self.read(wire.answers(self.contract, topic), lambda answer, source=source: self._hear(source, *answer))
        self.serve(interface.TAKE_OVER, lambda: self._request(Event.TAKE_OVER))
        self.serve(interface.RELEASE, lambda: self._request(Event.RELEASE))
        self.every(CHECK_S, self._check)
        self.start()

    def prepare(self, wanted: GateParameters) -> Callable[[], None]:
        """A new rule counts from the next episode on."""
        gate = Gate(self.contract, wanted.config())

        def take_effect() -> None:
            self._next_gate = gate

        return take_effect

    def _request(self, event: Event) -> str:
        self._gate.request(event)
        return f"{event.value} at the next step"

    def _take(self, turn: Turn | None) -> None:
        """A new observation: the one before it, if still undecided, is decided now with what is there."""
        if turn is None:
            return
        if self._turn is not None:
            self._decide()
        if turn.start is not None:
            if self._next_gate is not None:
                self._next_gate.requests = self._gate.requests
                self._gate, self._next_gate = self._next_gate, None
            self._gate.reset(turn.start.seed)
            self._backlog.reset()
            self._lost.clear()
        self._turn, self._since_ns = turn, self.now_ns()
        self._is_late = not self.parameters.lockstep and self._backlog.is_late(self._since_ns)
        self._decide_if_complete()

    def _clock_ns(self, stamp_ns: int) -> int:
        """What watchdogs run on: the steady clock; in lockstep the arm's, since nobody is late there."""
        return stamp_ns if self.parameters.lockstep else self.now_ns()

    def _hear(self, source: str, stamp_ns: int, answer: Chunk | MessageError) -> None:
        """Keep an answer until its step is decided: it may come before the observation, or before an episode begins."""
        self._answered[source] = max(self._answered[source], stamp_ns)
        self._heard_ns[source] = self.now_ns()
        self._lost.discard(source)
        if isinstance(answer, Chunk):
            self._heard.append((source, answer, self._clock_ns(stamp_ns)))
        self._decide_if_complete()
        if isinstance(answer, MessageError):
            raise answer

    def _offer(self, stamp_ns: int) -> None:
        """Hand the gate the answers to this step and to those before it."""
        later = [answer for answer in self._heard if answer[1].stamp_ns > stamp_ns]
        for source, chunk, heard_ns in self._heard:
            if chunk.stamp_ns > stamp_ns:
                continue
            if source == "policy":
                self._gate.offer_policy(chunk.stamp_ns, lambda c=chunk: c, heard_ns)  # type: ignore[misc]
            else:
                self._gate.offer_expert(chunk, heard_ns)
        self._heard = later[-REMEMBER:]

    def _missing(self) -> list[str]:
        assert self._turn is not None
        sources = [s for s in self._gate.rule.sources if s not in self._lost]
        return [s for s in sources if self._answered[s] < self._turn.stamp_ns]

    def _decide_if_complete(self) -> None:
        if self._turn is not None and not self._missing():
            self._decide()

    def _check(self) -> None:
        """Decide without those who are late: after half a step, or in lockstep after much patience."""
        if self._turn is None:
            return
        patience_ns = PATIENCE_NS if self.parameters.lockstep else self.contract.step_ns // 2
        if self.now_ns() - self._since_ns > patience_ns:
            late = self._missing()
            self._lost.update(late)
            self.complain(f"no answer from {' and '.join(late)} within {patience_ns / 1e9:g} s; going on without")
            self._decide()

    def _decide(self) -> None:
        assert self._turn is not None
        turn, self._turn = self._turn, None
        self._offer(turn.stamp_ns)
        observation = wire.joined(self.contract, turn.parts)
        record = self._gate.step(turn.stamp_ns, observation, self._clock_ns(turn.stamp_ns), self._is_late)
        command = wire.Command(turn.stamp_ns, record.executed, self._gate.ahead(self.contract.points - 1))
        self._command_topic.publish(self._command(command))  # first, since the arm waits for it
        self._record_topic.publish(self._record(record))
        self.rates.counts["steps"] += 1

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell."""
        now_ns = self.now_ns()
        refused = ", ".join(f"{why} {count}" for why, count in sorted(self._gate.refused.items()))
        return {
            "rule": self._gate.config.rule,
            "state": self._gate.state.value,
            "steps": self.rates.counts["steps"],
            "refused": refused or "none",
            "dropped": self._turns.dropped,
            **{f"{source}_age_s": f"{(now_ns - then_ns) / 1e9:.3f}" for source, then_ns in self._heard_ns.items()},
        }


def main() -> int:
    """Entry point."""
    return run(GateNode)


if __name__ == "__main__":
    raise SystemExit(main())
