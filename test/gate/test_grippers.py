# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A gripper is opened and closed by whoever drives, and by nothing else, so that nothing that is held is dropped."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import MessageError
from il_ros.core.types import Chunk
from il_ros.gate import Gate, GateConfig
from il_ros.gate.grippers import CLOSES, OPENS
from il_ros.gate.rules import Situation
from il_ros.gate.state_machine import Event, State

SECOND_NS = 1_000_000_000
WIDTH = 0.04
FINGER = {"low": 0.0, "high": WIDTH, "max_velocity": 0.2, "kind": "gripper"}


def contract_of(tool: bool = True, rest: float | str = "width", **more: Any) -> Contract:
    """A gripper beside a tool that is moved by velocities, or beside a joint that is moved by its position."""
    arm: dict[str, Any] = {"low": -1.0, "high": 1.0, "max_velocity": 2.0, "rest": "joint"}
    command: dict[str, Any] = {"type": "trajectory_msgs/msg/JointTrajectory"}
    if tool:
        arm = {"field": "twist.linear.x", "low": -0.2, "high": 0.2, "max_acceleration": 2.0}
        command = {"type": "geometry_msgs/msg/TwistStamped", "gripper": {"topic": "gripper_command"}}
    fields = {"joint": "position[joint]", "width": "position[finger]"}
    return Contract.from_dict(
        "gripper",
        {
            "rate_hz": 20.0,
            "topics": {"joint_states": "sensor_msgs/msg/JointState"},
            "observation": {name: {"topic": "joint_states", "field": path} for name, path in fields.items()},
            "action": {"tool_vx" if tool else "joint": arm, "finger": {**FINGER, "rest": rest, **more}},
            "command": command,
        },
    )


EVENTS = ("policy", "expert", "expert as it is", "nobody", "late", "jump", "blind", "sees nothing", "clock", "service")


@dataclasses.dataclass
class Run:
    """A gate with an arm whose gripper holds something: what it measures has nothing to do with what is commanded."""

    contract: Contract
    rng: np.random.Generator
    config: GateConfig
    stamp_ns: int = SECOND_NS

    def __post_init__(self) -> None:
        self.gate = Gate(self.contract, self.config)
        self.answer_ns = 0

    def chunk(self, who: str, is_free: bool = False) -> Chunk:
        rows = np.stack([self.rng.uniform(-0.1, 0.1, 12), self.rng.uniform(-0.01, WIDTH + 0.01, 12)], axis=1)
        if is_free:
            rows[self.rng.random(12) < 0.7, 1] = np.nan
        return Chunk(self.stamp_ns, rows, who, engaged=True)

    def record(self, event: str) -> Record | None:
        """Let one step pass in which something happens."""
        step_ns = self.contract.step_ns
        self.stamp_ns += 9 * step_ns if event == "blind" else step_ns
        if event == "clock":
            self.stamp_ns = int(self.rng.integers(1, self.stamp_ns))
            self.gate.begin_anew()
        place = 5.0 if event == "jump" else 0.0
        observation = np.array([place, self.rng.uniform(-1.0, 1.0)], dtype=np.float32)
        if event == "sees nothing":
            return self.gate.hold(self.stamp_ns, observation if self.rng.random() < 0.5 else None, "blind")
        if event == "service":
            self.gate.request(Event.TAKE_OVER if self.rng.random() < 0.5 else Event.RELEASE)
        if event not in ("expert", "expert as it is", "nobody"):
            chunk = self.chunk("policy")
            self.gate.offer_policy(self.stamp_ns, lambda: chunk, self.stamp_ns)
        if event.startswith("expert"):
            self.gate.offer_expert(self.chunk("expert", "as it is" in event), self.stamp_ns)
        return self.gate.step(self.stamp_ns, observation, self.stamp_ns, is_late=event == "late")


@settings(max_examples=80, deadline=None)
@given(
    tool=st.booleans(),
    binary=st.booleans(),
    closed=st.sampled_from(["low", "high"]),
    ensembling=st.sampled_from([-1.0, 0.01]),
    events=st.lists(st.sampled_from(EVENTS), min_size=1, max_size=60),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_gripper_goes_nowhere_but_where_whoever_drives_commands_it(tool, binary, closed, ensembling, events, seed):
    contract = contract_of(tool, binary=binary, closed=closed)
    run = Run(contract, np.random.default_rng(seed), GateConfig(ensembling=ensembling))
    last, step = None, float(contract.max_step[1])
    for event in events:
        try:
            record = run.record(event)
        except MessageError:
            assert event == "jump"  # the first reading of all, or after the clock was set
            continue
        if record is None:
            continue
        command = float(record.executed[1])
        assert 0.0 <= command <= WIDTH
        for answer in (record.policy, record.expert):
            assert answer is None or np.isfinite(answer).all()
        driver = {Authority.POLICY: record.policy, Authority.EXPERT: record.expert}.get(record.authority)
        if last is not None and command != last:
            assert driver is not None, (event, record.reason)
            goal = min(max(float(driver[1]), 0.0), WIDTH)
            assert abs(command - last) <= step + 1e-9 and abs(goal - command) < abs(goal - last)
        if binary and driver is not None and last is not None:
            assert float(driver[1]) in (0.0, WIDTH, last)
        last = command


def steps_of(gate: Gate, shares: list[float], first: int = 1) -> list[Record]:
    """Let a policy close a gripper by such shares, step by step."""
    contract, records = gate.contract, []
    for k, share in enumerate(shares, first):
        stamp, action = k * contract.step_ns, np.array([[0.0, contract.action[1].at(share)]])
        gate.offer_policy(stamp, lambda s=stamp, a=action: Chunk(s, a, "policy"), stamp)
        records.append(gate.step(stamp, np.array([0.0, 0.02], dtype=np.float32), stamp))
    return records


@pytest.mark.parametrize("closed", ["low", "high"])
def test_a_binary_gripper_closes_above_two_thirds_and_opens_below_one_third(closed):
    contract = contract_of(closed=closed, binary=True, max_velocity=10.0)
    gate = Gate(contract, GateConfig())
    shares = np.concatenate([[0.0], np.random.default_rng(0).uniform(0.0, 1.0, 300)])
    is_closed = False
    for share, record in zip(shares, steps_of(gate, shares.tolist())):
        is_closed = share > CLOSES or (is_closed and share >= OPENS)
        assert record.executed[1] == record.policy[1] == contract.action[1].at(float(is_closed))


@pytest.mark.parametrize("rest", ["width", 0.03])
def test_before_the_first_command_a_gripper_that_stays_as_it_is_is_where_rest_says(rest):
    gate = Gate(contract_of(rest=rest), GateConfig())
    gate.offer_expert(Chunk(1, np.array([[0.1, np.nan]]), "expert"), 1)
    record = gate.step(1, np.array([0.0, 0.02], dtype=np.float32), 1)
    expected = pytest.approx(0.02 if rest == "width" else 0.03)
    assert (record.authority, record.executed[1], record.expert[1]) == (Authority.EXPERT, expected, expected)


def test_an_episode_begins_with_the_gripper_where_it_is_measured_and_a_clock_that_is_set_changes_nothing():
    gate = Gate(contract_of(), GateConfig())
    closed = steps_of(gate, [1.0] * 10)[-1].executed[1]
    assert closed == 0.0
    gate.begin_anew()
    assert gate.step(5, np.array([0.0, 0.02], dtype=np.float32), 5).executed[1] == closed
    gate.reset()
    assert gate.step(6, np.array([0.0, 0.02], dtype=np.float32), 6).executed[1] == pytest.approx(0.02)


def test_a_policy_may_not_leave_a_gripper_as_it_is():
    gate = Gate(contract_of(), GateConfig())
    gate.offer_policy(1, lambda: Chunk(1, np.array([[0.1, np.nan]]), "policy"), 1)
    record = gate.step(1, np.array([0.0, 0.02], dtype=np.float32), 1)
    assert record.authority is Authority.HOLD and gate.refused == {"policy malformed": 1}
    for arm in ([np.nan, 0.0], [0.0, np.inf]):
        gate.offer_expert(Chunk(2, np.array([arm]), "expert"), 2)
        assert gate.step(2, np.array([0.0, 0.02], dtype=np.float32), 2).authority is Authority.HOLD


def test_chunks_tell_nan_in_the_grippers_of_experts_alone():
    contract = contract_of()
    for table, is_expert, is_sound in [
        ([[0.1, np.nan]], True, True),
        ([[0.1, np.nan]], False, False),
        ([[np.nan, 0.0]], True, False),
        ([[0.1, np.inf]], True, False),
    ]:
        read = lambda t=table, e=is_expert: messages.chunk_of(1, ["tool_vx", "finger"], np.array(t), "", contract, e)  # noqa: E731
        if is_sound:
            assert np.isnan(read().actions[0, 1])
            continue
        with pytest.raises(MessageError, match="NaN or infinity"):
            read()


@pytest.mark.parametrize("grip", [0.4, 0.5, 0.6])
def test_a_binary_gripper_that_wavers_is_no_discrepancy(grip):
    seen: list[Situation] = []
    contract = contract_of(binary=True)
    gate = Gate(contract, GateConfig())
    gate.rule.decide = lambda situation: seen.append(situation)  # type: ignore[method-assign]
    gate.state = State.POLICY
    for k, share in enumerate([0.0, grip], 1):
        stamp = k * contract.step_ns
        rows = np.array([[0.0, contract.action[1].at(share)]])
        gate.offer_policy(stamp, lambda s=stamp, r=rows: Chunk(s, r, "policy"), stamp)
        gate.offer_expert(Chunk(stamp, np.array([[0.0, contract.action[1].at(0.0)]]), "expert"), stamp)
        gate.step(stamp, np.array([0.0, 0.02], dtype=np.float32), stamp)
    assert [situation.discrepancy for situation in seen] == [0.0, 0.0]
