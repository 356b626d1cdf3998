# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gate: it hears the policy and the expert, decides who commands this step, and keeps the record of authority."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from il_ros.core.contract import ABSURD, Contract, gap_ns
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.types import DOUBTLESS, Array, Chunk, PolicyUncertainty
from il_ros.gate import rules
from il_ros.gate.chunk_executor import ChunkExecutor
from il_ros.gate.jump_detector import JumpDetector
from il_ros.gate.rate_limiter import CommandLimiter
from il_ros.gate.rules import Situation
from il_ros.gate.state_machine import TABLE, Event, State
from il_ros.gate.temporal_ensemble import TemporalEnsemble

STEADY, HAND_OVER, LATE = "steady", "hand_over", "late observation"
"""Reasons of the steps after a transition: the command has not yet come to what is wanted, then nothing is special."""


@dataclass(frozen=True)
class GateConfig:
    """How the gate behaves."""

    rule: str = "human"
    policy_timeout_s: float = 0.125
    """A policy whose last answer is older than this, and than one and a half steps, is lost."""
    expert_timeout_s: float = 0.125
    execute_steps: int = 8
    """How many rows of a chunk are played before the newest one is adopted."""
    ensembling: float = -1.0
    """Decay of temporal ensembling, 0.01 in ACT; every step is then the mean of all chunks. Negative: none."""

    anchored: bool = True
    """Whether the rows of a chunk belong to instants, so that those which come too late are dropped; else a late chunk
    is played from its beginning."""
    policy_delay: int = 0
    """Steps that pass before an answer of the policy counts, as with a slow network or a long line; for studies. Its
    timeout does not grow by that."""
    expert_delay: int = 0
    """The same for the expert, who then reacts to what was."""

    def timeout_ns(self, source: str, step_ns: int) -> int:
        """After how long ``policy`` or ``expert`` is lost, ns; an answer that is one step late is early enough."""
        timeout_s: float = getattr(self, f"{source}_timeout_s")
        return max(round(timeout_s * 1e9), gap_ns(step_ns))

    def make_executor(self, step_ns: int) -> ChunkExecutor:
        """What plays the chunks."""
        if self.ensembling < 0:
            return ChunkExecutor(step_ns, self.execute_steps, self.anchored)
        return TemporalEnsemble(step_ns, self.ensembling, self.anchored)

    def __post_init__(self) -> None:
        for name in ("policy_timeout_s", "expert_timeout_s", "execute_steps"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"gate: {name} is {getattr(self, name)}; it must be positive")
        for name in ("policy_delay", "expert_delay"):
            if getattr(self, name) < 0:
                raise ConfigError(f"gate: {name} is {getattr(self, name)}; it must be 0 or a number of steps")


@dataclass
class _Source:
    """The last that was heard of one source."""

    timeout_ns: int
    stamp_ns: int = -1
    heard_ns: int = -1

    def is_fresh(self, stamp_ns: int, now_ns: int) -> bool:
        """Whether it was heard lately, by the arm's clock and by the steady one."""
        heard = self.stamp_ns >= 0 and self.stamp_ns <= stamp_ns
        return heard and stamp_ns - self.stamp_ns <= self.timeout_ns and now_ns - self.heard_ns <= self.timeout_ns


class Gate:
    """Decides, step by step. Time comes in as an argument, so every run can be repeated.

    The expert has priority over the policy, and holding over both: an expert who takes over is obeyed at the same step;
    one who falls silent while he drives makes the arm hold, and only an act of his ends that.
    """

    def __init__(self, contract: Contract, config: GateConfig) -> None:
        self.contract, self.config = contract, config
        self.rule = rules.load(config.rule)
        self._limiter, self._jumps = CommandLimiter(contract), JumpDetector(contract)
        self._middle, self._absurd = (contract.low + contract.high) / 2, ABSURD * (contract.high - contract.low)
        self._executor = config.make_executor(contract.step_ns)
        self.refused: dict[str, int] = {}
        self.complaint = ""
        """What was wrong with the last chunk that was refused for its numbers."""
        self.requests: list[Event] = []
        """What was asked for since the last step; it outlives a reset, since who asks between two episodes means it."""
        self.reset()

    def reset(self, seed: int = 0) -> None:
        """An episode begins: the rule's first state, no chunks, no interventions; ``seed`` is for a rule that draws."""
        self.state = self.rule.initial
        self.rule.reset(np.random.default_rng([seed, 3]))
        self._engaged = False
        self._intervention = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget every answer, every chunk and the last command, as where the arm's clock was set; who drives stays."""
        self._policy = _Source(self.config.timeout_ns("policy", self.contract.step_ns))
        self._expert = _Source(self.config.timeout_ns("expert", self.contract.step_ns))
        self._answer: Chunk | None = None
        self._newest: Chunk | None = None
        self._under_way: list[tuple[int, Callable[[], None]]] = []
        self._stamp_ns = -1
        self._held: Array | None = None
        self._is_ramping = False
        self._limiter.reset()
        self._jumps.reset()
        self._executor.clear()

    def wait_for_act(self) -> None:
        """Hold until an expert takes over or somebody releases: who drove before is not known."""
        self.state = State.EXPERT_LOST

    def request(self, event: Event) -> None:
        """A take-over or a release from outside (a service, a button of the page); it counts at the next step."""
        self.requests.append(event)

    def offer_policy(self, stamp_ns: int, chunk: Callable[[], Chunk], now_ns: int) -> None:
        """The policy's answer to the observation at ``stamp_ns``; the chunk is drawn only if it is needed."""
        if self.config.policy_delay:
            drawn = chunk()  # now: later it would be the answer to another observation
            chunk = lambda: drawn  # noqa: E731
        self._after(self.config.policy_delay, stamp_ns, lambda: self._hear_policy(stamp_ns, chunk, now_ns))

    def _after(self, steps: int, stamp_ns: int, hear: Callable[[], None]) -> None:
        """Hear an answer once so many steps have passed since the observation that it answers."""
        if steps:
            self._under_way.append((stamp_ns + steps * self.contract.step_ns, hear))
        else:
            hear()

    def _arrive(self, stamp_ns: int) -> None:
        """Hear the answers whose time has come."""
        arrived = [hear for due_ns, hear in self._under_way if due_ns <= stamp_ns]
        self._under_way = [waiting for waiting in self._under_way if waiting[0] > stamp_ns]
        for hear in arrived:
            hear()

    def _hear_policy(self, stamp_ns: int, chunk: Callable[[], Chunk], now_ns: int) -> None:
        if self._is_news(self._policy, "policy", stamp_ns):
            self._policy.stamp_ns, self._policy.heard_ns = stamp_ns, now_ns
            self._executor.offer(stamp_ns, self._with_doubts(chunk) if self.rule.asks_doubts else chunk)

    def _with_doubts(self, chunk: Callable[[], Chunk]) -> Callable[[], Chunk]:
        """Draw the chunk now, for the doubts that it carries."""
        drawn = self._newest = chunk()
        return lambda: drawn

    def offer_expert(self, chunk: Chunk, now_ns: int) -> None:
        """The expert's answer, or that he has none: a chunk without rows."""
        self._after(self.config.expert_delay, chunk.stamp_ns, lambda: self._hear_expert(chunk, now_ns))

    def _hear_expert(self, chunk: Chunk, now_ns: int) -> None:
        if self._is_news(self._expert, "expert", chunk.stamp_ns) and self._is_sound(chunk, "expert"):
            self._expert.stamp_ns, self._expert.heard_ns = chunk.stamp_ns, now_ns
            self._answer = chunk

    def _is_news(self, source: _Source, name: str, stamp_ns: int) -> bool:
        early = self._stamp_ns >= 0 and stamp_ns > self._stamp_ns + source.timeout_ns
        late = stamp_ns <= source.stamp_ns
        if early or late:
            self.refuse(f"{name} {'early' if early else 'late'}")
        return not (early or late)

    def _is_sound(self, chunk: Chunk, name: str) -> bool:
        shape_ok = chunk.actions.ndim == 2 and chunk.actions.shape[1] == len(self.contract.action)
        away = np.abs(chunk.actions - self._middle) if shape_ok and len(chunk.actions) else np.empty(0)
        sound = shape_ok and (not len(away) or bool((away <= self._absurd).all()))  # NaN is not
        if not sound:
            self.refuse(f"{name} malformed")
            self.complaint = f"{name}: {self._what_is_wrong(chunk, away)}; refused, check who publishes it"
        return sound

    def _what_is_wrong(self, chunk: Chunk, away: Array) -> str:
        """Why a chunk is not played; ``away`` is how far its numbers are from the middle of their ranges."""
        if not len(away):
            shape = " x ".join(map(str, chunk.actions.shape))
            return f"a chunk of {shape} numbers, where a row has {len(self._middle)}"
        row, column = map(int, np.argwhere(~(away <= self._absurd))[0])
        part, value = self.contract.action[column], chunk.actions[row, column]
        return f"action {part.name!r} is {value:.4g}, more than {ABSURD:g} widths outside {part.low:g} to {part.high:g}"

    def refuse(self, why: str) -> None:
        """Count something that was refused, by its reason."""
        self.refused[why] = self.refused.get(why, 0) + 1

    def look(self, stamp_ns: int, observation: Array) -> None:
        """Take a reading before the first step, beside which one that cannot be is known."""
        self._jumps.complaint(self.contract.rest(observation), stamp_ns)

    def step(self, stamp_ns: int, observation: Array, now_ns: int, is_late: bool = False) -> Record:
        """Decide the step at ``stamp_ns``; ``observation`` (Do,) tells where the arm rests. Returns the record.

        Nobody drives a step whose observation ``is_late`` (see ``StaleBurstDetector``), nor one whose reading cannot be
        (see ``JumpDetector``). If the stamp is not newer than the last one, all begins anew.

        Raises:
            MessageError: if the first reading cannot be, so that nothing is known that may be commanded.
        """
        if stamp_ns <= self._stamp_ns:
            self.begin_anew()
        rest = self.contract.rest(observation)
        is_tracked = self._limiter.is_tracked(rest)
        if is_tracked:
            self._jumps.trust(rest, stamp_ns)
        elif complaint := self._jumps.complaint(rest, stamp_ns):
            return self._refuse_reading(stamp_ns, complaint)
        self._arrive(stamp_ns)
        expert = None if is_late else self._expert_action(stamp_ns, now_ns)
        heard = not is_late and self._answer is not None and self._expert.is_fresh(stamp_ns, now_ns)
        engaged = heard and self._answer is not None and self._answer.engaged
        policy = None if is_late else self._policy_action(stamp_ns, now_ns)
        why = LATE if is_late else ""
        doubts, reason = self._doubts(stamp_ns), STEADY
        for event, told in self._events(heard, engaged, policy, expert, doubts):
            reason = self._handle(event, reason, told or why)
        if self.state is State.EXPERT and expert is None:
            reason = self._handle(Event.EXPERT_LOST, reason, why)
        presence = Event.POLICY_LOST if policy is None else Event.POLICY_BACK
        reason = self._handle(presence, reason, why)
        self._engaged, self._stamp_ns = engaged, stamp_ns
        return self._record(stamp_ns, rest, is_tracked, policy, expert, reason, doubts)

    def _refuse_reading(self, stamp_ns: int, complaint: str) -> Record:
        """Repeat the last command; what answers this reading is never played."""
        self.refuse("reading implausible")
        self._executor.clear()
        self._policy.stamp_ns = max(self._policy.stamp_ns, stamp_ns)
        self._stamp_ns = stamp_ns
        if self._limiter.last is None:
            low, high = self.contract.low, self.contract.high
            raise MessageError(f"{complaint}, where the range is {low} to {high}; no command: check the arm's driver")
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
            rest = self.contract.rest(observation)
            last = self._limiter(rest if last is None else last, rest, stamp_ns)
        if last is None:
            return None
        self._limiter.last = np.where(self.contract.is_measured, last, self.contract.rest_numbers)
        self._executor.clear()
        return Record(stamp_ns, Authority.HOLD, reason, 0, self._limiter.last)

    def ahead(self, steps: int) -> list[Array]:
        """What follows the last step if nothing changes: up to so many actions (Da,) of the chunk that is played.

        There is none unless the policy drives: what an expert will do next only he knows.
        """
        if self.state is not State.POLICY:
            return []
        instants = [self._stamp_ns + (i + 1) * self.contract.step_ns for i in range(steps)]
        wanted = itertools.takewhile(lambda action: action is not None, map(self._executor.planned, instants))
        return self._limiter.ahead([action for action in wanted if action is not None])

    def _doubts(self, stamp_ns: int) -> PolicyUncertainty:
        """What the policy thinks of its answer to this step's observation, if that was asked for."""
        chunk = self._newest if self.rule.asks_doubts else self._executor.current
        return chunk.doubts if chunk is not None and chunk.stamp_ns == stamp_ns else DOUBTLESS

    def _events(
        self, heard: bool, engaged: bool, policy: Array | None, expert: Array | None, doubts: PolicyUncertainty
    ) -> list[tuple[Event, str]]:
        wish = self.rule.decide(
            Situation(
                self.state,
                heard=heard,
                engaged=engaged,
                lost=heard and self._answer is not None and self._answer.lost,
                was_engaged=self._engaged,
                low=self.contract.low,
                high=self.contract.high,
                policy=policy,
                expert=expert,
                doubts=DOUBTLESS if policy is None else doubts,
            )
        )
        asked_for = [(event, "") for event in self.requests]
        self.requests = []
        return asked_for + ([(wish, self.rule.why)] if wish is not None else [])

    def _handle(self, event: Event, reason: str, why: str = "") -> str:
        """Go through the table; returns the reason for the record, which is the event if it changed anything."""
        before, self.state = self.state, TABLE[self.state, event]
        if self.state is before:
            return reason
        # who takes over where no policy may drive, or from one that never spoke, demonstrates
        may_drive = "policy" in self.rule.sources and self._policy.stamp_ns >= 0
        if self.state is State.EXPERT and may_drive and before is not State.EXPERT_LOST:
            self._intervention += 1
        return f"{event.value}: {why}" if why else event.value

    def _expert_action(self, stamp_ns: int, now_ns: int) -> Array | None:
        """What the expert wants for this instant; his last row counts until his time is out."""
        if "expert" not in self.rule.sources or self._answer is None or not len(self._answer.actions):
            return None
        if not self._expert.is_fresh(stamp_ns, now_ns):
            return None
        row = round((stamp_ns - self._answer.stamp_ns) / self.contract.step_ns)
        action: Array = self._answer.actions[min(row, len(self._answer.actions) - 1)]
        return action

    def _policy_action(self, stamp_ns: int, now_ns: int) -> Array | None:
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
        """(Da,) where the arm is held: where it was when that began, or where somebody has moved it since."""
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
        authority = self.state.authority
        if authority is Authority.HOLD:
            wanted = self._hold_at(rest)
        else:
            self._held = None
            driven = policy if authority is Authority.POLICY else expert
            assert driven is not None
            wanted = np.minimum(np.maximum(driven, self.contract.low), self.contract.high)
        executed = self._limiter(wanted, rest, stamp_ns, is_tracked)
        if self._is_ramping or reason != STEADY:
            self._is_ramping = bool(np.abs(executed - wanted).max() > 1e-9)
            reason = HAND_OVER if self._is_ramping and reason == STEADY else reason
        current = self._executor.current
        return Record(
            stamp_ns=stamp_ns,
            authority=authority,
            reason=reason,
            intervention=self._intervention if authority is Authority.EXPERT else 0,
            executed=executed,
            policy=policy,
            expert=expert,
            checkpoint="" if current is None or policy is None else current.author,
            expert_name="" if self._answer is None else self._answer.author,
            score=self.rule.score(),
            doubts=doubts,
        )
