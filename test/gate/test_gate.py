# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gate: its table, its watchdogs, its bound, and the record that it keeps."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from il_ros.core import plugins
from il_ros.core.contract import ABSURD, Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import ConfigError
from il_ros.core.types import Chunk
from il_ros.gate import Gate, GateConfig
from il_ros.gate.chunk_executor import ChunkExecutor
from il_ros.gate.gate import CUT_OFF, STALE
from il_ros.gate.state_machine import TABLE, Event, State

CONTRACT = Contract.load("panda_plane")
STEP = CONTRACT.step_ns
REST = np.zeros(4, dtype=np.float32)


def chunk(stamp: int, value: float, rows: int = 8, engaged: bool = True) -> Chunk:
    return Chunk(stamp, np.full((rows, 2), value), "someone", engaged)


def silence(stamp: int) -> Chunk:
    return Chunk(stamp, np.empty((0, 2)), "someone", engaged=False)


def run(gate: Gate, steps: int, policy: float | None, expert: float | None, start: int = 0) -> list[Record]:
    """Step the gate; a source that is None says nothing (the policy) or that it has no opinion (the expert)."""
    records = []
    for k in range(start, start + steps):
        stamp = (k + 1) * STEP
        if policy is not None:
            gate.offer_policy(stamp, lambda s=stamp: chunk(s, policy), stamp)
        gate.offer_expert(silence(stamp) if expert is None else chunk(stamp, expert, rows=1), stamp)
        records.append(gate.step(stamp, REST, stamp))
    return records


def test_table_has_a_successor_for_every_state_and_event() -> None:
    assert set(TABLE) == set(itertools.product(State, Event))


def test_only_a_take_over_ever_leads_to_the_expert() -> None:
    assert all(
        event is Event.TAKE_OVER or before is State.EXPERT
        for (before, event), after in TABLE.items()
        if after is State.EXPERT
    )


def test_an_expert_who_falls_silent_never_hands_the_arm_to_the_policy() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="human"))
    run(gate, 3, policy=0.1, expert=-0.1)
    for k in range(3, 20):
        stamp = (k + 1) * STEP
        gate.offer_policy(stamp, lambda s=stamp: chunk(s, 0.1), stamp)
        record = gate.step(stamp, REST, stamp)
    assert record.authority is Authority.HOLD
    assert np.all(record.executed == 0.0)


def test_take_over_and_release_follow_the_edges_of_engagement() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="human"))
    records = (
        run(gate, 3, 0.1, None) + run(gate, 3, 0.1, -0.1, 3) + run(gate, 3, 0.1, None, 6) + run(gate, 2, 0.1, 0.2, 9)
    )
    assert [r.authority for r in records] == [Authority.POLICY] * 3 + [Authority.EXPERT] * 3 + [
        Authority.POLICY
    ] * 3 + [Authority.EXPERT] * 2
    assert [r.intervention for r in records] == [0] * 3 + [1] * 3 + [0] * 3 + [2] * 2
    assert [r.reason for r in records[2:8]] == ["steady", "take_over", "steady", "steady", "release", "steady"]


def test_the_way_to_what_a_new_authority_wants_is_a_phase_of_its_own() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="human"))
    high = float(CONTRACT.high[0])
    records = run(gate, 4, high, None) + run(gate, 12, high, -high, 4)
    ramp = math.ceil(2 * high / float(CONTRACT.max_step[0]))
    reasons = [record.reason for record in records[4:]]
    assert reasons == ["take_over"] + ["hand_over"] * (ramp - 2) + ["steady"] * (13 - ramp)
    assert records[3 + ramp].executed[0] == pytest.approx(-high)


def test_who_lets_go_makes_the_arm_hold_where_the_rule_says_so_until_control_is_given_back_on_purpose() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="human:let_go=hold"))
    records = run(gate, 2, 0.1, None) + run(gate, 2, 0.1, -0.1, 2) + run(gate, 2, 0.1, None, 4)
    records += run(gate, 1, 0.1, -0.1, 6)
    assert "".join(record.authority.name[0] for record in records) == "PPEEHHE"
    assert [record.intervention for record in records] == [0, 0, 1, 1, 0, 0, 1]  # the same one goes on
    gate.request(Event.RELEASE)
    assert run(gate, 1, 0.1, None, 7)[0].authority is Authority.POLICY


@pytest.mark.parametrize("rule", ["human:let_go=hold", "demonstration"])
def test_the_record_tells_an_expert_who_let_go_from_one_who_is_late(rule: str) -> None:
    gate = Gate(CONTRACT, GateConfig(rule=rule))
    let_go = run(gate, 2, 0.1, -0.1) + run(gate, 2, 0.1, None, 2)
    driven = run(gate, 2, 0.1, -0.1, 4)
    late = [gate.step((k + 1) * STEP, REST, (k + 1) * STEP) for k in range(6, 16)]
    back = run(gate, 1, 0.1, -0.1, 16)
    assert [record.reason for record in let_go if record.authority is Authority.HOLD] == ["expert_lost", "steady"]
    assert {record.authority for record in driven + back} == {Authority.EXPERT}
    assert [record.reason for record in late if record.reason.startswith("expert_lost")] == [f"expert_lost: {STALE}"]
    gate.offer_expert(replace(silence(18 * STEP), lost=True), 18 * STEP)
    assert gate.step(18 * STEP, REST, 18 * STEP).reason == f"expert_lost: {CUT_OFF}"


def test_a_rule_that_lets_go_in_a_third_way_is_refused() -> None:
    with pytest.raises(ConfigError, match="let_go is 'fly'; it must be release or hold"):
        GateConfig(rule="human:let_go=fly")
        Gate(CONTRACT, GateConfig(rule="human:let_go=fly"))


def test_services_take_over_and_release_at_the_next_step() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="none"))
    run(gate, 2, 0.1, None)
    gate.request(Event.TAKE_OVER)
    assert run(gate, 1, 0.1, None, 2)[0].authority is Authority.HOLD  # nobody drives an expert-less rule: it holds
    gate.request(Event.RELEASE)
    assert run(gate, 1, 0.1, None, 3)[0].authority is Authority.POLICY


def test_without_a_policy_the_arm_holds_until_it_is_heard() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="human"))
    assert {r.authority for r in run(gate, 4, None, None)} == {Authority.HOLD}
    assert run(gate, 1, 0.1, None, 4)[0].authority is Authority.POLICY


def test_who_drives_where_no_policy_ever_spoke_demonstrates_and_does_not_intervene() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="human"))
    records = run(gate, 2, None, None) + run(gate, 3, None, 0.1, 2) + run(gate, 2, None, None, 5)
    assert [r.authority for r in records[2:5]] == [Authority.EXPERT] * 3
    assert {r.intervention for r in records} == {0}
    assert run(gate, 2, 0.1, None, 7)[-1].authority is Authority.POLICY
    assert run(gate, 1, 0.1, 0.2, 9)[0].intervention == 1


def test_a_policy_that_stops_answering_is_lost_in_the_middle_of_its_chunk() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="none", policy_timeout_s=0.1, execute_steps=8))
    run(gate, 1, 0.1, None)
    authorities = [r.authority for r in run(gate, 5, None, None, 1)]
    assert authorities == [Authority.POLICY] * 2 + [Authority.HOLD] * 3


def test_watchdogs_run_on_the_steady_clock_too() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="none", policy_timeout_s=0.1))
    gate.offer_policy(STEP, lambda: chunk(STEP, 0.1), now_ns=0)
    assert gate.step(STEP, REST, now_ns=50_000_000).authority is Authority.POLICY
    assert gate.step(2 * STEP, REST, now_ns=150_000_000).authority is Authority.HOLD


def test_a_new_authority_starts_with_an_empty_chunk() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="human", execute_steps=8))
    run(gate, 2, 0.05, None)
    run(gate, 2, 0.05, -0.05, 2)
    back = run(gate, 1, 0.2, None, 4)[0]  # six rows of the first chunk are left, and must not be played
    assert back.authority is Authority.POLICY
    assert back.policy is not None and np.all(back.policy == 0.2)


def test_demonstrations_hold_when_the_expert_lets_go_and_go_on_when_he_engages() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="demonstration"))
    records = run(gate, 2, None, 0.1) + run(gate, 2, None, None, 2) + run(gate, 2, None, 0.1, 4)
    assert [r.authority.name for r in records] == ["EXPERT"] * 2 + ["HOLD"] * 2 + ["EXPERT"] * 2
    assert {r.intervention for r in records} == {0}


def test_late_rows_of_a_chunk_are_dropped() -> None:
    executor = ChunkExecutor(STEP, execute_steps=4)
    rows = np.arange(8.0)[:, None]
    executor.offer(0, lambda: Chunk(0, rows))
    assert executor.action(2 * STEP) == 2.0
    executor.offer(3 * STEP, lambda: Chunk(3 * STEP, 10 + rows))
    assert [float(executor.action(k * STEP)[0]) for k in (3, 4, 5)] == [3.0, 11.0, 12.0]  # type: ignore[index]
    assert executor.action(11 * STEP) is None


def test_a_chunk_is_drawn_only_when_it_is_played() -> None:
    drawn = []

    def draw(stamp: int) -> Chunk:
        drawn.append(stamp)
        return chunk(stamp, 0.1)

    gate = Gate(CONTRACT, GateConfig(rule="none", execute_steps=4))
    for k in range(1, 9):
        gate.offer_policy(k * STEP, lambda s=k * STEP: draw(s), k * STEP)
        gate.step(k * STEP, REST, k * STEP)
    assert drawn == [STEP, 5 * STEP]


@pytest.mark.parametrize(("configured", "asked", "executed"), [(0, 0, 8), (0, 3, 3), (5, 3, 5), (20, 3, 12)])
def test_a_policy_is_asked_anew_as_often_as_configured_or_else_as_it_asks_for(
    configured: int, asked: int, executed: int
) -> None:
    executor, adopted = ChunkExecutor(STEP, configured), []
    for step in range(1, 25):
        chunk = Chunk(step * STEP, np.zeros((12, 2)), "policy", execute=asked)
        executor.offer(step * STEP, lambda chunk=chunk: chunk)
        executor.action(step * STEP)
        adopted.append(executor.current.stamp_ns // STEP)
    assert sorted(set(adopted)) == list(range(1, 25, executed))


@pytest.mark.parametrize(("field", "value"), [("policy_timeout_s", 0), ("expert_timeout_s", 0), ("execute_steps", -1)])
def test_a_limit_that_is_not_positive_is_refused_by_name(field: str, value: int) -> None:
    with pytest.raises(ConfigError, match=field):
        GateConfig(**{field: value})


def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="beta, demonstration, doubt, ensemble, human, lazy, none, safe, thrifty"):
        Gate(CONTRACT, GateConfig(rule="humane"))


@pytest.mark.parametrize("name", plugins.available("gating rule"))
def test_every_rule_holds_the_arm_when_nobody_speaks(name: str) -> None:
    gate = Gate(CONTRACT, GateConfig(rule=name))
    records = [gate.step((k + 1) * STEP, REST, (k + 1) * STEP) for k in range(5)]
    assert all(r.authority is Authority.HOLD and np.all(r.executed == 0) for r in records)


class GateMachine(RuleBasedStateMachine):
    """Anything may happen in any order; what must hold, holds after every step."""

    @initialize(rule_name=st.sampled_from(["none", "human", "demonstration"]), execute=st.integers(1, 10))
    def begin(self, rule_name: str, execute: int) -> None:
        self.gate = Gate(CONTRACT, GateConfig(rule=rule_name, execute_steps=execute))
        self.stamp = self.now = 0
        self.offered: dict[str, list[Chunk]] = {"policy": [], "expert": []}
        self.fresh: dict[str, tuple[int, int]] = {}
        self.records: list[Record] = []

    def _note(self, source: str, made: Chunk) -> None:
        """Model of what counts as heard: newer than before, not from the future."""
        known = self.fresh.get(source, (-1, -1))[0]
        limit = self.stamp + 125_000_000 if self.records else made.stamp_ns
        away = np.abs(made.actions - (CONTRACT.low + CONTRACT.high) / 2)
        well_formed = source == "policy" or (away <= ABSURD * (CONTRACT.high - CONTRACT.low)).all()  # NaN is not
        if known < made.stamp_ns <= limit and well_formed:
            self.fresh[source] = (made.stamp_ns, self.now)
            self.offered[source].append(made)

    @rule(
        back=st.integers(-3, 8),
        value=st.sampled_from([-9.0, -0.2, 0.0, 0.1, 0.25, float("nan"), float("inf")]),
        rows=st.integers(1, 9),
    )
    def policy_speaks(self, back: int, value: float, rows: int) -> None:
        made = chunk(self.stamp + (1 - back) * STEP, value, rows)
        self._note("policy", made)
        self.gate.offer_policy(made.stamp_ns, lambda: made, self.now)

    @rule(
        back=st.integers(-3, 8),
        value=st.sampled_from([-0.2, 0.05, 7.0, float("nan"), float("-inf")]),
        engaged=st.booleans(),
        silent=st.booleans(),
    )
    def expert_speaks(self, back: int, value: float, engaged: bool, silent: bool) -> None:
        stamp = self.stamp + (1 - back) * STEP
        made = Chunk(stamp, np.empty((0, 2)), "e", engaged) if silent else chunk(stamp, value, 1, engaged)
        self._note("expert", made)
        self.gate.offer_expert(made, self.now)

    @rule(event=st.sampled_from([Event.TAKE_OVER, Event.RELEASE]))
    def service_is_called(self, event: Event) -> None:
        self.gate.request(event)

    @rule(milliseconds=st.integers(1, 400))
    def time_passes(self, milliseconds: int) -> None:
        self.now += milliseconds * 1_000_000

    @rule(steps=st.integers(1, 4))
    def step(self, steps: int) -> None:
        self.stamp += steps * STEP
        self.records.append(self.gate.step(self.stamp, REST, self.now))

    @precondition(lambda self: self.records)
    @rule()
    def new_episode(self) -> None:
        self.gate.reset()
        self.records, self.fresh, self.offered = [], {}, {"policy": [], "expert": []}
        self.stamp += 20 * STEP

    def _last(self) -> np.ndarray:
        """The command that this step's begins at: a velocity that is too old has been followed by rest."""
        before, now = ([None, *self.records])[-2:]
        is_old = before is None or now.stamp_ns - before.stamp_ns > CONTRACT.blind_ns
        return np.zeros(2) if is_old else before.executed

    @invariant()
    def command_is_bounded_and_finite(self) -> None:
        if not getattr(self, "records", None):
            return
        last = self._last()
        now = self.records[-1].executed
        assert np.isfinite(now).all()
        assert np.all(np.abs(now - last) <= CONTRACT.max_step + 1e-12)
        assert np.all((CONTRACT.low <= now) & (now <= CONTRACT.high))

    @invariant()
    def record_tells_who_really_drove(self) -> None:
        if not getattr(self, "records", None):
            return
        record = self.records[-1]
        if record.stamp_ns != self.stamp:
            return
        last = self._last()
        wanted = {Authority.POLICY: record.policy, Authority.EXPERT: record.expert, Authority.HOLD: np.zeros(2)}
        target = wanted[record.authority]
        assert target is not None
        bounded = np.clip(
            last + np.clip(target - last, -CONTRACT.max_step, CONTRACT.max_step), CONTRACT.low, CONTRACT.high
        )
        assert np.array_equal(record.executed, bounded)
        if record.authority is not Authority.HOLD:
            self._was_really_said(record, record.authority.name.lower(), target)

    def _was_really_said(self, record: Record, source: str, target: np.ndarray) -> None:
        """The action is one that the source offered for this instant, and the source was fresh when it was used."""
        heard_stamp, heard_now = self.fresh[source]
        assert record.stamp_ns - heard_stamp <= 125_000_000
        rows = [
            c.actions[min(i, len(c.actions) - 1)]
            for c in self.offered[source]
            if len(c.actions)
            for i in [(record.stamp_ns - c.stamp_ns) // STEP]
            if i >= 0 and (source == "expert" or i < len(c.actions))
        ]
        assert any(np.array_equal(row, target) for row in rows)


GateMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestRandomSequencesOfEvents = GateMachine.TestCase
