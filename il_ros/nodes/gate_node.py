# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gate node: decides at each step who commands the arm, policy or expert, and publishes the authority record.

It subscribes to the answers of both, and publishes the command, limited in range and rate; a gripper's message first.

When things fail: an answer that is stale, late, malformed, not finite or absurd is refused, and counted by its reason
in the diagnostics. A source that is silent for longer than its timeout is lost, and if nobody who may drive is left the
arm holds. What is still undecided after half a step, in lockstep after 5 s, is decided without the late ones. Without a
complete observation for 0.16 s, or one and a half steps, a command that goes on is ended: the gate publishes the
contract's ``rest``, and so it does as its last message when it ends. Where the stamps stand still, or go back, the arm
is held. A gate that is started in the middle of an episode lets nobody drive before somebody acts. What a gate that is
killed leaves commanded, or one whose cable is cut, the controller's own watchdog alone can end: see ``docs/safety.md``.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.duration import Duration

from il_ros.core import messages, topics
from il_ros.core.episode import Record
from il_ros.core.errors import MessageError
from il_ros.core.types import Array, Chunk, EpisodeStart
from il_ros.gate import Gate, GateConfig
from il_ros.gate.burst_detector import StaleBurstDetector
from il_ros.gate.observation_watchdog import ObservationWatchdog
from il_ros.gate.state_machine import Event
from il_ros.ros import codecs
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.spin import main as run
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer

PATIENCE_NS = 5_000_000_000
"""How long a lockstep run waits for an answer before the source counts as lost."""
CHECK_S = 0.01
EARLY_NS = 10_000_000_000
"""An answer to an observation that is further ahead than this answers none of ours."""
SETTLED_NS = 1_000_000_000
"""For how long the command to rest is repeated while nothing is observed."""
FAREWELL_S = 0.2
"""How long the end waits until the last command has been received."""
LISTEN_NS = 500_000_000
"""How long a gate that has just been started waits for the announcement of an episode that may be under way."""
REMEMBER = 16
"""Answers to observations that have not come yet; more than these are forgotten."""

TIMEOUTS_S, STEPS = (0.01, 60.0), (0, 1000)
"""The ranges of the parameters that are called so; delays are steps."""


@dataclass(frozen=True)
class GateParameters(NodeParameters):
    """Parameters of the gate node."""

    lockstep: bool = param(False, "wait for every source's answer to each observation before deciding", read_only=True)
    rule: str = param("human", "gating rule, such as none, human or demonstration; with options as in beta:beta=0.5")
    policy_timeout_s: float = param(
        0.125, "a policy whose last answer is older than this, and than one and a half steps, is lost", TIMEOUTS_S
    )
    expert_timeout_s: float = param(
        0.125, "an expert whose last answer is older than this, and than one and a half steps, is lost", TIMEOUTS_S
    )
    execute_steps: int = param(0, "rows of a chunk that are played; 0: as the policy was trained for, else 8", STEPS)
    ensembling: float = param(-1.0, "decay of temporal ensembling, 0.01 in ACT; negative for none", (-1.0, 100.0))
    anchored: bool = param(
        True, "drop the rows of a chunk that come too late; false plays a late chunk from its beginning"
    )
    policy_delay: int = param(0, "steps that pass before an answer of the policy counts, for studies", STEPS)
    expert_delay: int = param(0, "the same for the expert", STEPS)

    def config(self) -> GateConfig:
        """Return the configuration of the gate itself."""
        return GateConfig(**{f.name: getattr(self, f.name) for f in dataclasses.fields(GateConfig)})


class GateNode(IlNode[GateParameters]):
    """Collects the answers to one observation, then lets the gate decide."""

    def __init__(self) -> None:
        super().__init__("gate_node", GateParameters)
        self._gate = Gate(self.contract, self.parameters.config())
        self._next_gate: Gate | None = None
        self._turns = StepSequencer(list(self.contract.topics), self.contract.step_ns, self.parameters.lockstep)
        self._turn: SequencedStep | None = None
        self._observation: Array | None = None
        """(Do,) the observation of the step that is to be decided."""
        self._backlog, self._is_late = StaleBurstDetector(), False
        self._since_ns = self._listening_since_ns = 0
        self._decided_ns = -1
        """The stamp of the last step that was decided."""
        self._blind = ObservationWatchdog(self.contract.blind_ns, self.contract.step_ns)
        self._answered: dict[str, deque[int]] = {name: deque(maxlen=REMEMBER) for name in ("policy", "expert")}
        """The stamps of the observations that each source has answered lately."""
        self._received_ns: dict[str, int] = {}
        """When each source's last answer was received, by the steady clock."""
        self._pending: list[tuple[str, Chunk, int]] = []
        self._lost: set[str] = set()
        parts = messages.command_parts(self.contract)
        self._commands = [(self.publisher(p.topic), codecs.CommandWriter(self.contract, p)) for p in parts]
        self._record_topic = self.publisher(topics.AUTHORITY)
        self._record = codecs.RecordWriter()
        self.take_turns(self._turns, codecs.observed(self.contract), self._take)
        for source, topic in (("policy", topics.POLICY_ACTION), ("expert", topics.EXPERT_ACTION)):
            self.read(codecs.answers(self.contract, topic), partial(self._receive, source))
        self.serve(topics.TAKE_OVER, lambda: self._request(Event.TAKE_OVER))
        self.serve(topics.RELEASE, lambda: self._request(Event.RELEASE))
        self.every(CHECK_S, self._check)
        self.start()

    def prepare(self, parameters: GateParameters) -> Callable[[], None]:
        """Prepare a new gate, which takes over at the beginning of the next episode."""
        gate = Gate(self.contract, parameters.config())

        def take_effect() -> None:
            self._next_gate = gate

        return take_effect

    def _request(self, event: Event) -> str:
        self._gate.request(event)
        return f"{event.value} at the next step"

    def _take(self, turn: SequencedStep) -> None:
        """Take a new observation; the one before it, if undecided, is decided now with the answers received so far.

        Raises:
            MessageError: if it is not finite.
        """
        if self._listens(turn):
            self._gate.look(turn.stamp_ns, messages.observation_of_topics(self.contract, turn.parts))
            self._blind.end(self.now_ns(), turn.stamp_ns)
            return
        if self._turn is not None:
            self._decide()
        try:
            observation = messages.observation_of_topics(self.contract, turn.parts)
        except MessageError as error:
            self._blind.reason = str(error)
            raise
        if turn.start is not None:
            self._begin_episode(turn.start, turn.stamp_ns)
        elif turn.begins_anew:
            self._gate.begin_anew()
        self._turn, self._observation, self._since_ns = turn, observation, self.now_ns()
        self._blind.end(self._since_ns, turn.stamp_ns)
        self._is_late = not self.parameters.lockstep and self._backlog.is_late(self._since_ns)
        self._decide_if_complete()

    def _listens(self, turn: SequencedStep) -> bool:
        """Return whether it is too early to say who may drive: an announcement may still be on its way."""
        if self._decided_ns >= 0 or turn.start is not None or self.parameters.lockstep:
            return False
        self._listening_since_ns = self._listening_since_ns or self.now_ns()
        return self.now_ns() - self._listening_since_ns < LISTEN_NS

    def _begin_episode(self, start: EpisodeStart, stamp_ns: int) -> None:
        """Begin an episode; if it was announced while under way, nobody drives before the operator or a rule acts."""
        if self._next_gate is not None:
            self._next_gate.requests = self._gate.requests
            self._gate, self._next_gate = self._next_gate, None
        self._gate.reset(start.seed)
        if stamp_ns - start.first_stamp_ns > self.contract.blind_ns and not self.parameters.lockstep:
            self._gate.wait_for_act()
            self.complain("the gate was started in the middle of an episode; take over, release, or begin another one")
        self._backlog.reset()
        self._lost.clear()

    def _clock_ns(self, stamp_ns: int) -> int:
        """Return the time for the watchdogs: the steady clock's; in lockstep the arm's, since nobody is late there."""
        return stamp_ns if self.parameters.lockstep else self.now_ns()

    def _receive(self, source: str, stamped: tuple[int, Chunk | MessageError]) -> None:
        """Keep an answer until its step is decided: it may come before the observation, or before an episode begins."""
        stamp_ns, answer = stamped
        self._received_ns[source] = self.now_ns()
        if self._decided_ns >= 0 and stamp_ns > self._decided_ns + EARLY_NS:
            self._gate.refuse(f"{source} early")
            return
        self._answered[source].append(stamp_ns)
        self._lost.discard(source)
        if isinstance(answer, Chunk):
            self._pending.append((source, answer, self._clock_ns(stamp_ns)))
        self._decide_if_complete()
        if isinstance(answer, MessageError):
            raise answer

    def _offer(self, stamp_ns: int) -> None:
        """Hand the gate the answers to this step and to those before it; what still waits must have come lately."""
        young_ns = self._clock_ns(stamp_ns) - SETTLED_NS
        later = [answer for answer in self._pending if answer[1].stamp_ns > stamp_ns and answer[2] >= young_ns]
        for source, chunk, received_ns in self._pending:
            if chunk.stamp_ns > stamp_ns:
                continue
            if source == "policy":
                self._gate.offer_policy(chunk.stamp_ns, lambda c=chunk: c, received_ns)  # type: ignore[misc]
            else:
                self._gate.offer_expert(chunk, received_ns)
        self._pending = later[-REMEMBER:]

    def _missing(self) -> list[str]:
        """Return who has answered neither this observation nor one that came after it."""
        assert self._turn is not None
        first_ns, last_ns = self._turn.stamp_ns, max(self._turns.newest.values())
        sources = [s for s in self._gate.rule.sources if s not in self._lost]
        return [s for s in sources if not any(first_ns <= stamp_ns <= last_ns for stamp_ns in self._answered[s])]

    def _decide_if_complete(self) -> None:
        if self._turn is not None and not self._missing():
            self._decide()

    def _check(self) -> None:
        """Decide without those who are late: after half a step, or in lockstep after much patience."""
        if self._turn is None:
            self._watch()
            return
        patience_ns = PATIENCE_NS if self.parameters.lockstep else self.contract.step_ns // 2
        if self.now_ns() - self._since_ns > patience_ns:
            late = self._missing()
            self._lost.update(late)
            self.complain(f"no answer from {' and '.join(late)} within {patience_ns / 1e9:g} s; going on without")
            self._decide()

    def _decide(self) -> None:
        assert self._turn is not None and self._observation is not None
        turn, self._turn = self._turn, None
        self._decided_ns = turn.stamp_ns
        self._offer(turn.stamp_ns)
        record = self._gate.step(turn.stamp_ns, self._observation, self._clock_ns(turn.stamp_ns), self._is_late)
        self._give(record, self._gate.ahead(self.contract.points - 1))  # first, since the arm waits for it
        self._record_topic.publish(self._record(record))
        self.rates.counts["steps"] += 1
        if self._gate.complaint:
            self.complain(self._gate.complaint)
            self._gate.complaint = ""

    def _give(self, record: Record, ahead: Sequence[Array] = ()) -> None:
        """Publish the command of a record, the gripper's message before the arm's."""
        command = codecs.Command(record.stamp_ns, record.executed, ahead)
        for topic, as_bytes in self._commands:
            topic.publish(as_bytes(command))

    def _watch(self) -> None:
        """Command the arm to rest, once a control period, while there is no complete observation."""
        now_ns = self.now_ns()
        if self.parameters.lockstep or not self._blind.is_due(now_ns, self.rates.counts):
            return
        passed_ns = self._blind.passed_ns(now_ns)
        missing = self._blind.missing(self._turns.newest, self.contract.topics, self.rates.counts)
        self.complain(f"no complete observation: {missing}; the arm is commanded to rest")
        standing = self._turns.take_standing()
        goes_on = self.contract.persists or self.contract.points > 1
        if standing is None and not (goes_on and passed_ns < SETTLED_NS):
            return
        observation = None if standing is None else messages.observation_of_topics(self.contract, standing)
        record = self._gate.hold(self._blind.stamp_ns + passed_ns, observation, f"no complete observation: {missing}")
        if record is not None:
            self._give(record)
            if self._blind.is_news():
                self._record_topic.publish(self._record(record))

    def close(self) -> None:
        """End a command that goes on: the last message is the arm's rest."""
        record = self._gate.hold(self._decided_ns, None, "the gate ends")
        if record is not None and (self.contract.persists or self.contract.points > 1) and self.context.ok():
            self._give(record)
            self._commands[-1][0].wait_for_all_acked(Duration(nanoseconds=round(FAREWELL_S * 1e9)))
        super().close()

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        now_ns = self.now_ns()
        refused = ", ".join(f"{why} {count}" for why, count in sorted(self._gate.refused.items()))
        return {
            "rule": self._gate.config.rule,
            "state": self._gate.state.value,
            "steps": self.rates.counts["steps"],
            "refused": refused or "none",
            "dropped": self._turns.dropped,
            "thinned": self._turns.thinned,
            "blind_s": f"{self._blind.passed_ns(now_ns) / 1e9:.3f}",
            **{f"{source}_age_s": f"{(now_ns - then_ns) / 1e9:.3f}" for source, then_ns in self._received_ns.items()},
        }


def main() -> int:
    """Run the node; the entry point."""
    return run(GateNode)


if __name__ == "__main__":
    raise SystemExit(main())
