# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gate: receives the answers of policy and expert, decides who commands each step, and records the authority."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import MessageError
from il_ros.core.types import DOUBTLESS, Array, Chunk, PolicyUncertainty
from il_ros.gate import rules
from il_ros.gate.answers import AnswerAge, ChunkCheck, DelayLine
from il_ros.gate.config import GateConfig
from il_ros.gate.grippers import GripperCommands
from il_ros.gate.jump_detector import JumpDetector
from il_ros.gate.rate_limiter import CommandLimiter
from il_ros.gate.rules import Situation
from il_ros.gate.state_machine import TABLE, Event, State

STEADY, HAND_OVER, LATE, STALE, CUT_OFF = "steady", "hand_over", "late observation", "no fresh answer", "contact lost"
"""Reasons of steps without a transition: none; the command still ramps after one; the observation is late."""


class Gate:
    """Decides, step by step. Time comes in as an argument, so every run can be repeated.

    The expert has priority over the policy, and holding over both: an expert who takes over commands the same step.
    If their answers stop while they drive, the arm holds, and only a new take-over or a release ends that.
    """

    def __init__(self, contract: Contract, config: GateConfig) -> None:
        self.contract, self.config = contract, config
        self.rule = rules.load(config.rule)
        self._limiter, self._jumps = CommandLimiter(contract), JumpDetector(contract)
        self._check, self._grippers = ChunkCheck(contract), GripperCommands(contract)
        self._executor = config.make_executor(contract.step_ns, contract.is_gripper)
        self.refused: dict[str, int] = {}
        self.complaint = ""
        """What was wrong with the last chunk that was refused for its numbers."""
        self.requests: list[Event] = []
        """Requests since the last step; a reset keeps those that came between two episodes."""
        self.reset()

    def reset(self, seed: int = 0) -> None:
        """Begin an episode: the rule's first state, no chunks, no interventions; ``seed`` is for a rule that draws."""
        self.state = self.rule.initial
        self.rule.reset(np.random.default_rng([seed, 3]))
        self._engaged, self._intervention = False, 0
        self.begin_anew()
        self._grippers.reset()

    def begin_anew(self) -> None:
        """Forget answers, chunks and the last command, as where the arm's clock was set; state and grippers stay."""
        step_ns = self.contract.step_ns
        self._policy, self._expert = (AnswerAge(self.config.timeout_ns(each, step_ns)) for each in ("policy", "expert"))
        self._delays = DelayLine(step_ns)
        self._answer: Chunk | None = None
        self._newest: Chunk | None = None
        self._held: Array | None = None
        self._stamp_ns, self._is_ramping = -1, False
        self._limiter.reset()
        self._jumps.reset()
        self._executor.clear()

    def wait_for_act(self) -> None:
        """Hold until an expert takes over or releases: the authority before is not known."""
        self.state = State.EXPERT_LOST

    def request(self, event: Event) -> None:
        """Request a take-over or a release from outside (a service, a button of the page) for the next step."""
        self.requests.append(event)

    def offer_policy(self, stamp_ns: int, chunk: Callable[[], Chunk], now_ns: int) -> None:
        """Receive the policy's answer to the observation at ``stamp_ns``; the chunk is drawn only if it is needed."""
        if self.config.policy_delay:
            drawn = chunk()  # now: later it would be the answer to another observation
            chunk = lambda: drawn  # noqa: E731
        self._delays.add(self.config.policy_delay, stamp_ns, lambda: self._receive_policy(stamp_ns, chunk, now_ns))

    def _receive_policy(self, stamp_ns: int, chunk: Callable[[], Chunk], now_ns: int) -> None:
        if self._is_new(self._policy, "policy", stamp_ns):
            self._policy.stamp_ns, self._policy.received_ns = stamp_ns, now_ns
            if self.rule.asks_doubts:
                drawn = self._newest = chunk()  # now, for the uncertainty that it carries
                chunk = lambda: drawn  # noqa: E731
            self._executor.offer(stamp_ns, chunk)

    def offer_expert(self, chunk: Chunk, now_ns: int) -> None:
        """Receive the expert's answer; a chunk without rows says that there is none."""
        self._delays.add(self.config.expert_delay, chunk.stamp_ns, lambda: self._receive_expert(chunk, now_ns))

    def _receive_expert(self, chunk: Chunk, now_ns: int) -> None:
        if self._is_new(self._expert, "expert", chunk.stamp_ns) and self._is_sound(chunk, "expert"):
            self._expert.stamp_ns, self._expert.received_ns = chunk.stamp_ns, now_ns
            self._answer = chunk

    def _is_new(self, source: AnswerAge, name: str, stamp_ns: int) -> bool:
        """Return whether an answer is newer than the last one and not ahead of its time; count it if it is not."""
        if refusal := source.refusal(stamp_ns, self._stamp_ns):
            self.refuse(f"{name} {refusal}")
        return not refusal

    def _is_sound(self, chunk: Chunk, name: str) -> bool:
        """Return whether the arm may be given a chunk; count it and complain if not."""
        if fault := self._check.fault(chunk, is_expert=name == "expert"):
            self.refuse(f"{name} malformed")
            self.complaint = f"{name}: {fault}; refused, check who publishes it"
        return not fault

    def refuse(self, why: str) -> None:
        """Count something that was refused, by its reason."""
        self.refused[why] = self.refused.get(why, 0) + 1

    def look(self, stamp_ns: int, observation: Array) -> None:
        """Take a reading before the first step, by which an implausible later one is found."""
        self._jumps.complaint(self.contract.rest(observation), stamp_ns)

    def step(self, stamp_ns: int, observation: Array, now_ns: int, is_late: bool = False) -> Record:
        """Decide the step at ``stamp_ns`` and return its record; ``observation`` (Do,) holds where the arm rests.

        Nobody drives a step whose observation ``is_late`` (see ``StaleBurstDetector``) or implausible (see
        ``JumpDetector``). If the stamp is not newer than the last one, all begins anew.

        Raises:
            MessageError: if the first reading is implausible, so that nothing is known that may be commanded.
        """
        if stamp_ns <= self._stamp_ns:
            self.begin_anew()
        rest = self.contract.rest(observation, self._grippers.last)
        is_tracked = self._limiter.is_tracked(rest)
        if is_tracked:
            self._jumps.trust(rest, stamp_ns)
        elif complaint := self._jumps.complaint(rest, stamp_ns):
            return self._refuse_reading(stamp_ns, complaint)
        self._delays.deliver(stamp_ns)
        expert = None if is_late else self._grippers.completed(self._expert_action(stamp_ns, now_ns), rest)
        received = not is_late and self._answer is not None and self._expert.is_fresh(stamp_ns, now_ns)
        engaged = received and self._answer is not None and self._answer.engaged
        policy = None if is_late else self._grippers.completed(self._policy_action(stamp_ns, now_ns), rest)
        why = LATE if is_late else ""
        doubts, reason = self._doubts(stamp_ns), STEADY
        for event, cause in self._events(received, engaged, policy, expert, doubts):
            reason = self._handle(event, reason, cause or why)
        if self.state is State.EXPERT and expert is None:
            reason = self._handle(Event.EXPERT_LOST, reason, why or STALE)
        reason = self._handle(Event.POLICY_LOST if policy is None else Event.POLICY_BACK, reason, why)
        self._engaged, self._stamp_ns = engaged, stamp_ns
        return self._record(stamp_ns, rest, is_tracked, policy, expert, reason, doubts)

    def _refuse_reading(self, stamp_ns: int, complaint: str) -> Record:
        """Repeat the last command; answers to this reading are never executed."""
        self.refuse("reading implausible")
        self._executor.clear()
        self._policy.stamp_ns = max(self._policy.stamp_ns, stamp_ns)
        self._stamp_ns = stamp_ns
        if self._limiter.last is None:
            limits = f"{self.contract.low} to {self.contract.high}"
            raise MessageError(f"{complaint}, where the range is {limits}; no command: check the arm's driver")
        return Record(stamp_ns, Authority.HOLD, complaint, 0, self._limiter.last)

    def hold(self, stamp_ns: int, observation: Array | None, reason: str) -> Record | None:
        """Command the arm to rest at once where there is no complete observation, or its stamps stand still.

        Args:
            stamp_ns: the time by the arm's clock, as far as it can be told.
            observation: (Do,) what is measured now; None if nothing is, and a position then stays as it was commanded.
            reason: what is missing, for the record.

        Returns:
            The record, or None if nothing is measured and there was no command yet that goes on.
        """
        last = self._limiter.last
        if observation is not None:
            rest = self.contract.rest(observation, self._grippers.last)
            last = self._limiter(rest if last is None else last, rest, stamp_ns)
        if last is None:
            return None
        self._limiter.last = self._grippers.last = np.where(self.contract.is_position, last, self.contract.rest_numbers)
        self._executor.clear()
        return Record(stamp_ns, Authority.HOLD, reason, 0, self._limiter.last)

    def ahead(self, steps: int) -> list[Array]:
        """Return what follows the last step if nothing changes: up to so many actions (Da,) of the current chunk.

        There is none unless the policy drives: what an expert will do next is not known.
        """
        if self.state is not State.POLICY:
            return []
        instants = [self._stamp_ns + (i + 1) * self.contract.step_ns for i in range(steps)]
        planned = itertools.takewhile(lambda action: action is not None, map(self._executor.planned, instants))
        return self._limiter.ahead(self._grippers.ahead(action for action in planned if action is not None))

    def _doubts(self, stamp_ns: int) -> PolicyUncertainty:
        """Return the policy's uncertainty about its answer to this step's observation, if the rule asks for it."""
        chunk = self._newest if self.rule.asks_doubts else self._executor.current
        return chunk.doubts if chunk is not None and chunk.stamp_ns == stamp_ns else DOUBTLESS

    def _events(
        self, received: bool, engaged: bool, policy: Array | None, expert: Array | None, doubts: PolicyUncertainty
    ) -> list[tuple[Event, str]]:
        """Return the requests of this step, and what the rule decides, each with its cause."""
        situation = Situation(
            self.state,
            heard=received,
            engaged=engaged,
            lost=received and self._answer is not None and self._answer.lost,
            was_engaged=self._engaged,
            low=self.contract.low,
            high=self.contract.high,
            policy=policy,
            expert=expert,
            doubts=DOUBTLESS if policy is None else doubts,
        )
        events, self.requests = [(event, "") for event in self.requests], []
        if (decision := self.rule.decide(situation)) is not None:
            events.append((decision, CUT_OFF if decision is Event.EXPERT_LOST and situation.lost else self.rule.why))
        return events

    def _handle(self, event: Event, reason: str, why: str = "") -> str:
        """Go through the table; return the reason for the record, which is the event if it changed the state."""
        before, self.state = self.state, TABLE[self.state, event]
        if self.state is before:
            return reason
        # a take-over where no policy may drive, or none has ever answered, is a demonstration
        may_drive = "policy" in self.rule.sources and self._policy.stamp_ns >= 0
        self._intervention += self.state is State.EXPERT and may_drive and before is not State.EXPERT_LOST
        return f"{event.value}: {why}" if why else event.value

    def _expert_action(self, stamp_ns: int, now_ns: int) -> Array | None:
        """Return the expert's action for this instant; the last row counts until the timeout."""
        if "expert" not in self.rule.sources or self._answer is None or not len(self._answer.actions):
            return None
        if not self._expert.is_fresh(stamp_ns, now_ns):
            return None
        row = round((stamp_ns - self._answer.stamp_ns) / self.contract.step_ns)
        return self._answer.actions[min(row, len(self._answer.actions) - 1)]  # type: ignore[no-any-return]

    def _policy_action(self, stamp_ns: int, now_ns: int) -> Array | None:
        """Return the policy's action for this instant; None if it has none that the arm may be given."""
        if "policy" not in self.rule.sources or not self._policy.is_fresh(stamp_ns, now_ns):
            return None
        if self.state.authority is not Authority.POLICY:
            self._executor.stop()  # so that a policy which is given control begins with the newest chunk
        try:
            action = self._executor.action(stamp_ns)
        except MessageError:
            action = None
        current = self._executor.current
        if current is not None and not self._is_sound(current, "policy"):
            self._executor.clear()
            return None
        return action

    def _hold_at(self, rest: Array) -> Array:
        """Return (Da,) where the arm is held: where it was when that began, or where somebody has moved it since."""
        if self._held is None or (np.abs(rest - self._held) > self.contract.tracking).any():
            self._held = rest
        return self._held

    def _record(
        self,
        stamp_ns: int,
        rest: Array,
        is_tracked: bool,
        policy: Array | None,
        expert: Array | None,
        reason: str,
        doubts: PolicyUncertainty,
    ) -> Record:
        """Limit the command of this step and return its record."""
        authority, current = self.state.authority, self._executor.current
        if authority is Authority.HOLD:
            target = self._hold_at(rest)
        else:
            self._held = None
            driven = policy if authority is Authority.POLICY else expert
            assert driven is not None
            if authority is Authority.EXPERT and (push := self.rule.push(len(driven))) is not None:
                driven = self._limiter.pushed(driven, push)
            target = np.minimum(np.maximum(driven, self.contract.low), self.contract.high)
            self._grippers.drive(target)
        executed = self._grippers.last = self._limiter(target, rest, stamp_ns, is_tracked)
        if self._is_ramping or reason != STEADY:
            self._is_ramping = bool(np.abs(executed - target).max() > 1e-9)
            reason = HAND_OVER if self._is_ramping and reason == STEADY else reason
        intervention = self._intervention if authority is Authority.EXPERT else 0
        checkpoint = "" if current is None or policy is None else current.author
        expert_name = "" if self._answer is None else self._answer.author
        return Record(
            *(stamp_ns, authority, reason, intervention, executed, policy, expert, checkpoint, expert_name),
            score=self.rule.score(),
            doubts=doubts,
            plays=self._executor.plays if authority is Authority.POLICY else None,
        )
