# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gating rules: when each gives control to the expert, and when it takes it back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import ConfigError
from il_ros.core.types import Chunk, PolicyUncertainty
from il_ros.gate import Gate, GateConfig, rules
from il_ros.gate.state_machine import Event

CONTRACT = Contract.load("panda_plane")
STEP = CONTRACT.step_ns
REST = np.zeros(4, dtype=np.float32)
RANGE = CONTRACT.high[0] - CONTRACT.low[0]


def run(rule: str, steps: list[tuple[float, float | None, float | PolicyUncertainty]], seed: int = 0) -> list[Record]:
    """Step a gate with what the policy, the expert and the policy's doubts (or its spread alone) say at each step."""
    gate = Gate(CONTRACT, GateConfig(rule=rule, execute_steps=1))
    gate.reset(seed)
    records = []
    for k, (policy, expert, doubt) in enumerate(steps):
        stamp = (k + 1) * STEP
        doubts = doubt if isinstance(doubt, PolicyUncertainty) else PolicyUncertainty(spread=doubt)
        said = Chunk(stamp, np.full((1, 2), policy), "policy", doubts=doubts)
        gate.offer_policy(stamp, lambda said=said: said, stamp)
        rows = np.empty((0, 2)) if expert is None else np.full((1, 2), expert)
        gate.offer_expert(Chunk(stamp, rows, "expert", engaged=expert is not None), stamp)
        records.append(gate.step(stamp, REST, stamp))
    return records


def who(records: list[Record]) -> str:
    return "".join(record.authority.name[0] for record in records)


@pytest.mark.parametrize(("beta", "drivers"), [(0.0, "P" * 40), (1.0, "E" * 40)])
def test_without_a_choice_the_coin_decides_nothing(beta: float, drivers: str) -> None:
    assert who(run(f"beta:beta={beta}", [(0.1, -0.1, math.nan)] * 40)) == drivers


def test_the_expert_drives_as_often_as_beta_says_and_labels_every_state() -> None:
    records = run("beta:beta=0.3", [(0.1, -0.1, math.nan)] * 4000)
    share = np.mean([record.authority is Authority.EXPERT for record in records])
    assert abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 4000)
    assert all(record.expert is not None and record.policy is not None for record in records)
    assert {record.score for record in records} == {0.3}


def test_between_two_tosses_nobody_is_replaced() -> None:
    drivers = who(run("beta:beta=0.5,every=8", [(0.1, -0.1, math.nan)] * 400))
    assert all(len(set(drivers[k : k + 8])) == 1 for k in range(0, 400, 8))
    assert len(set(drivers)) == 2


def test_equal_seeds_toss_alike_and_others_do_not() -> None:
    steps = [(0.1, -0.1, math.nan)] * 100
    assert who(run("beta:beta=0.5", steps, 7)) == who(run("beta:beta=0.5", steps, 7))
    assert who(run("beta:beta=0.5", steps, 7)) != who(run("beta:beta=0.5", steps, 8))


@pytest.mark.parametrize(
    ("policy", "doubt", "driver"),
    [(0.0, 0.1, "P"), (0.3, 0.1, "E"), (0.0, 0.3, "E"), (0.0, math.nan, "E")],
    ids=["alike and sure", "not alike", "in doubt", "cannot tell"],
)
def test_an_ensemble_is_trusted_only_where_it_is_sure_and_does_as_the_expert(
    policy: float, doubt: float, driver: str
) -> None:
    expert = -0.04 * RANGE  # differs from a policy that rests by 4 % of the range
    assert who(run("ensemble:discrepancy=0.1,doubt=0.2", [(policy * RANGE, expert, doubt)] * 3)) == driver * 3


def test_doubt_alone_decides_where_nobody_is_compared() -> None:
    doubts = [0.1, 0.19, 0.21, 0.5, 0.1]
    records = run("doubt:threshold=0.2", [(0.1, -0.1, doubt) for doubt in doubts])
    assert who(records) == "PPEEP"
    assert [record.score for record in records] == doubts
    assert [record.reason for record in records] == ["steady", "steady", "take_over", "steady", "release"]
    assert [record.intervention for record in records] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("rule", ["ensemble", "doubt"])
def test_where_the_policy_is_not_trusted_and_no_expert_is_there_the_arm_holds(rule: str) -> None:
    records = run(rule, [(0.1, None, 9.0)] * 3 + [(0.1, -0.1, 9.0)] * 2 + [(0.0, 0.0, 0.0)])
    assert who(records) == "HHHEEP"


def judged(deviation: float = 0.0, spread_rank: float = 0.1, risk_rank: float = 0.1) -> PolicyUncertainty:
    return PolicyUncertainty(0.0, deviation, 0.0, spread_rank, risk_rank)


def test_a_safe_policy_drives_wherever_it_is_foreseen_to_do_as_the_expert() -> None:
    foreseen = [0.1, 0.6, 0.4, math.nan]
    records = run("safe:deviation=0.5", [(0.1, 0.1, judged(p)) for p in foreseen])
    assert who(records) == "PEPE"  # what cannot be told is not trusted


def test_a_lazy_expert_is_asked_by_what_is_foreseen_and_lets_go_by_what_is_seen() -> None:
    steps = [(0.1, -0.1, judged(0.1)), (0.1, -0.1, judged(0.9)), (0.1, -0.1, judged(0.1)), (0.1, 0.1, judged(0.9))]
    records = run("lazy:agree=0.05", steps)
    assert who(records) == "PEEP"
    assert [record.reason for record in records] == ["steady", "take_over: deviation", "steady", "release: discrepancy"]


@pytest.mark.parametrize(("ranks", "why"), [((0.96, 0.1), "novelty"), ((0.1, 0.97), "risk")])
def test_a_thrifty_policy_asks_at_novelty_and_at_risk_and_says_which(ranks: tuple[float, float], why: str) -> None:
    steps = [(0.1, 0.1, judged()), (0.1, 0.1, judged(0.0, *ranks)), (0.1, 0.1, judged())]
    records = run("thrifty:budget=0.05", steps)
    assert who(records) == "PEP" and records[1].reason == f"take_over: {why}" and records[1].score == max(ranks)
    assert who(run("thrifty:budget=0.01", steps)) == "PPP"  # who has less time is asked less


def test_a_thrifty_expert_keeps_control_until_both_agree_and_the_risk_is_ordinary() -> None:
    ask = (0.1, -0.1, judged(risk_rank=0.99))
    apart, tense, calm = (0.1, -0.1, judged()), (0.1, 0.1, judged(risk_rank=0.6)), (0.1, 0.1, judged())
    assert who(run("thrifty", [ask, apart, tense, calm, tense])) == "EEEPP"


def test_a_thrifty_policy_without_a_critic_is_not_trusted() -> None:
    assert who(run("thrifty", [(0.1, 0.1, 0.0)] * 2)) == "EE"


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("beta:beta=1.5", "beta is 1.5; it must be from 0 to 1"),
        ("beta:every=0", "every is 0; it must be at least 1"),
        ("ensemble:doubt=-1", "doubt is -1.0; it must be positive"),
        ("doubt:threshold=0", "threshold is 0.0; it must be positive"),
        ("doubt:limit=1", "limit"),
        ("thrifty:budget=1.5", "budget 1.5, calm 0.5 are shares, of at most 1"),
        ("lazy:agree=0", "agree is 0.0; it must be positive"),
        ("human:beta=1", "'beta' is not known; choose from let_go"),
        ("none:beta=1", "'beta' is not known; it takes no options"),
    ],
)
def test_an_option_that_cannot_be_is_refused(rule: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        rules.load(rule)


said = st.one_of(st.none(), st.floats(-0.2, 0.2))
number = st.one_of(st.just(math.nan), st.floats(0.0, 1.0))
doubts = st.builds(PolicyUncertainty, number, number, number, number, number)


@pytest.mark.parametrize("name", [*rules.available(), "beta:beta=0.4,every=3", "ensemble:doubt=0.5"])
@given(steps=st.lists(st.tuples(st.floats(-0.2, 0.2), said, doubts), min_size=1, max_size=30), seed=st.integers(0, 9))
def test_the_record_of_authority_replayed_through_the_rule_gives_the_same_switches(
    name: str, steps: list[tuple[float, float | None, float]], seed: int
) -> None:
    records = run(name, steps, seed)
    again = Gate(CONTRACT, GateConfig(rule=name, execute_steps=1))
    again.reset(seed)
    for record in records:
        stamp = record.stamp_ns
        if record.policy is not None:
            heard = Chunk(stamp, record.policy[None], record.checkpoint, doubts=record.doubts)
            again.offer_policy(stamp, lambda heard=heard: heard, stamp)
        rows = np.empty((0, 2)) if record.expert is None else record.expert[None]
        again.offer_expert(Chunk(stamp, rows, record.expert_name, engaged=record.expert is not None), stamp)
        other = again.step(stamp, REST, stamp)
        told = (other.authority, other.reason, other.intervention)
        assert told == (record.authority, record.reason, record.intervention)
        assert other.score == record.score or math.isnan(other.score) and math.isnan(record.score)
        assert np.array_equal(other.executed, record.executed)


@pytest.mark.parametrize(
    ("rule", "lost", "then"),
    [
        ("human", True, Authority.HOLD),
        ("human", False, Authority.POLICY),
        ("human:lost=release", True, Authority.POLICY),
        ("human:let_go=hold", False, Authority.HOLD),
        ("human:let_go=hold,lost=release", True, Authority.POLICY),
    ],
)
def test_a_device_that_is_lost_holds_the_arm_and_one_that_is_let_go_of_gives_it_back(
    rule: str, lost: bool, then: Authority
) -> None:
    gate, step_ns, records = Gate(CONTRACT, GateConfig(rule=rule)), CONTRACT.step_ns, []
    for k in range(1, 31):
        stamp, engaged = k * step_ns, 5 <= k < 15
        rows = np.full((1, 2), -0.2) if engaged else np.empty((0, 2))
        gate.offer_policy(stamp, lambda s=stamp: Chunk(s, np.full((8, 2), 0.2)), stamp)
        gate.offer_expert(Chunk(stamp, rows, "pad", engaged, lost=lost and k >= 15), stamp)
        records.append(gate.step(stamp, np.zeros(len(CONTRACT.observation), np.float32), stamp))
    assert {r.authority for r in records[4:14]} == {Authority.EXPERT} and {r.authority for r in records[14:]} == {then}
    if then is Authority.HOLD:
        gate.request(Event.RELEASE)  # an act
        gate.offer_policy(31 * step_ns, lambda: Chunk(31 * step_ns, np.full((8, 2), 0.2)), 31 * step_ns)
        observation = np.zeros(len(CONTRACT.observation), np.float32)
        assert gate.step(31 * step_ns, observation, 31 * step_ns).authority is Authority.POLICY
