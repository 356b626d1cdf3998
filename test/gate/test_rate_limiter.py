# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""No command that the arm could not follow: limits in time and from the measured arm, in random runs of the gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from il_ros.core.contract import ABSURD, TRACKING_S, Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import ConfigError, MessageError
from il_ros.core.types import Chunk
from il_ros.gate import Gate, GateConfig
from il_ros.ros.step_sequencer import StepSequencer

SECOND_NS = 1_000_000_000


def one_joint(position: bool = True, rate_hz: float = 20.0, **limits: float) -> Contract:
    """A contract of one joint, commanded by position or by velocity."""
    kind: str
    rest: str | float
    kind, rest, unit = "std_msgs/msg/Float64MultiArray", 0.0, "rad/s"
    if position:
        kind, rest, unit = "trajectory_msgs/msg/JointTrajectory", "joint", "rad"
    limits = limits or ({"max_velocity": 2.0} if position else {"max_acceleration": 2.0})
    return Contract.from_dict(
        "one_joint",
        {
            "rate_hz": rate_hz,
            "topics": {"joint_states": "sensor_msgs/msg/JointState"},
            "observation": {"joint": {"topic": "joint_states", "field": "position[joint]", "unit": "rad"}},
            "action": {"joint": {"low": -1.0, "high": 1.0, "rest": rest, "unit": unit, **limits}},
            "command": {"type": kind},
        },
    )


class Step(NamedTuple):
    """One step of a run."""

    stamp_ns: int
    read: float
    """Where the joint was measured."""
    record: Record

    @property
    def command(self) -> float:
        return float(self.record.executed[0])


@dataclass
class Run:
    """A gate as its node drives it, and an arm that somebody else may move."""

    contract: Contract
    rng: np.random.Generator
    place: float = 0.0
    stamp_ns: int = SECOND_NS
    now_ns: int = SECOND_NS
    """The steady clock, which never goes back."""
    wanted: float = 0.0
    engaged: bool = False
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate = Gate(self.contract, GateConfig(rule="human"))
        self.turns = StepSequencer(["joint_states"], self.contract.step_ns, lockstep=False)

    def pass_time(self, nanoseconds: int) -> None:
        """Let time pass by both clocks; the arm goes part of the way to its command, or on with its velocity."""
        self.stamp_ns, self.now_ns = self.stamp_ns + nanoseconds, self.now_ns + nanoseconds
        if self.steps:
            command = self.steps[-1].command
            share = min(1.0, nanoseconds / self.contract.step_ns) * self.rng.uniform(0.2, 1.0)
            is_position = bool(self.contract.is_measured[0])
            self.place += share * (command - self.place) if is_position else command * nanoseconds / 1e9
        self.place = float(np.clip(self.place, -5.0, 5.0))

    def observe(self, place: float | None = None) -> Record | None:
        """The arm's driver publishes where it is; the record of the step, if that makes one."""
        read = self.place if place is None else place
        turn = self.turns.add("joint_states", self.stamp_ns, [read])
        if turn is None or not self.turns.is_due(turn):
            return None
        stamp = turn.stamp_ns
        if turn.begins_anew:
            self.gate.begin_anew()
        self.gate.offer_policy(stamp, lambda: Chunk(stamp, np.full((8, 1), self.wanted)), self.now_ns)
        self.gate.offer_expert(Chunk(stamp, np.full((1, 1), -self.wanted), "expert", self.engaged), self.now_ns)
        record = self.gate.step(stamp, np.array([read], dtype=np.float32), self.now_ns)
        self.steps.append(Step(stamp, float(np.float32(read)), record))
        return record

    def fall_silent(self, nanoseconds: int) -> None:
        """Nothing is observed for a while; the node commands the arm to rest then, if a command goes on."""
        blind_ns = self.contract.blind_ns
        self.pass_time(min(nanoseconds, blind_ns + 1))
        if nanoseconds > blind_ns:
            record = self.gate.hold(self.stamp_ns, None, "silence")
            if record is not None:
                self.steps[-1] = self.steps[-1]._replace(record=record)  # what the arm does from now on
            self.pass_time(nanoseconds - blind_ns - 1)


EVENTS = st.sampled_from([*["drive"] * 6, "silence", "clock back", "clock on", "hand", "push", "far hand", "take over"])


@settings(max_examples=600)
@given(
    position=st.booleans(),
    driver_hz=st.floats(1.0, 1000.0),
    rate_hz=st.sampled_from([5.0, 20.0, 50.0, 200.0]),
    limit=st.floats(0.02, 5.0),
    jitter=st.floats(0.0, 0.45),
    begins_at=st.floats(-2.0, 2.0),
    events=st.lists(EVENTS, min_size=1, max_size=10),
    seed=st.integers(0, 2**32 - 1),
)
@example(True, 500.0, 20.0, 2.0, 0.0, 0.0, ["drive"] * 4, 0)
@example(True, 20.0, 20.0, 0.1, 0.0, 1.9, ["drive", "far hand", "drive", "clock back", "drive"], 1)
def test_no_command_is_further_from_the_arm_or_from_the_last_one_than_the_limits_allow(
    position: bool,
    driver_hz: float,
    rate_hz: float,
    limit: float,
    jitter: float,
    begins_at: float,
    events: list[str],
    seed: int,
) -> None:
    key = "max_velocity" if position else "max_acceleration"
    contract = one_joint(position, rate_hz, **{key: limit})
    rng = np.random.default_rng(seed)
    run = Run(contract, rng, place=begins_at)
    period_ns = round(SECOND_NS / driver_hz)
    for event in events:
        if event == "silence":
            run.fall_silent(int(rng.integers(1, 2 * SECOND_NS)))
        elif event == "clock back":
            run.stamp_ns = int(rng.integers(0, run.stamp_ns))
        elif event == "clock on":
            run.stamp_ns += int(rng.integers(1, 10 * SECOND_NS))
        elif event == "far hand":  # while nobody looks
            run.fall_silent(SECOND_NS)
            run.place += rng.uniform(-1.0, 1.0)
        elif event == "take over":
            run.engaged = not run.engaged
        for _ in range(int(rng.integers(1, 12))):
            run.wanted = rng.uniform(-3.0, 3.0) if rng.random() < 0.3 else run.wanted
            run.place += {"hand": 1.0, "push": -1.0}.get(event, 0.0) * limit * period_ns / SECOND_NS
            run.pass_time(max(1, round(period_ns * (1.0 + rng.uniform(-jitter, jitter)))))
            before, record = (run.steps[-1] if run.steps else None), run.observe()
            if record is not None:
                check(contract, limit, before, run.steps[-1])


def check(contract: Contract, limit: float, before: Step | None, now: Step) -> None:
    """What always holds of a step."""
    step_s, is_position, tracking = contract.step_ns / 1e9, bool(contract.is_measured[0]), limit * TRACKING_S
    passed_s = 0.0 if before is None else (now.stamp_ns - before.stamp_ns) / 1e9
    anchor, share_s = (now.read if is_position else 0.0), step_s  # all begins where the arm rests
    if before is not None and 0.0 < passed_s <= contract.blind_ns / 1e9:
        if now.record.reason.startswith("implausible"):
            assert now.command == before.command
            return
        anchor, share_s = before.command, min(step_s, passed_s)
        if is_position:
            anchor = min(max(anchor, now.read - tracking), now.read + tracking)
    assert abs(now.command - anchor) <= limit * share_s + 1e-6
    assert min(-1.0, anchor) - 1e-6 <= now.command <= max(1.0, anchor) + 1e-6
    if is_position:
        assert abs(now.command - now.read) <= limit * step_s + tracking + 1e-6


@settings(max_examples=80)
@given(driver_hz=st.floats(1.0, 1000.0), seed=st.integers(0, 2**32 - 1))
def test_however_fast_a_driver_is_the_command_keeps_the_speed_and_the_contract_its_rate(
    driver_hz: float, seed: int
) -> None:
    contract = one_joint()
    run = Run(contract, np.random.default_rng(seed), wanted=0.9)
    period_ns = round(SECOND_NS / driver_hz)
    for _ in range(max(10, min(1000, round(2.0 * driver_hz)))):
        run.pass_time(period_ns)
        run.observe()
    times = np.array([step.stamp_ns for step in run.steps]) / 1e9
    commands = np.array([step.command for step in run.steps])
    slack = 0.1 if driver_hz < 1e9 / contract.blind_ns else 0.0  # each begins at the arm then
    assert (np.abs(np.diff(commands)) <= 2.0 * np.diff(times) + slack + 1e-6).all()
    rate_hz = (len(times) - 1) / (times[-1] - times[0])
    assert rate_hz <= min(driver_hz, 20.0 / 0.75) * 1.01 and rate_hz >= 0.98 * min(driver_hz, 20.0) - 1.0


def test_a_driver_with_jitter_that_keeps_the_rate_loses_no_observation() -> None:
    rng, contract = np.random.default_rng(0), one_joint()
    run = Run(contract, rng)
    for k in range(1, 500):
        run.stamp_ns = k * contract.step_ns + int(rng.uniform(-0.12, 0.12) * contract.step_ns)
        run.now_ns = run.stamp_ns
        assert run.observe() is not None
    assert run.turns.thinned == 0


@pytest.mark.parametrize("garbage", [1e30, -3.0, 7.5])
@pytest.mark.parametrize("at", [1, 5, 20])
def test_one_reading_that_cannot_be_moves_no_arm_and_what_answers_it_is_not_played(garbage: float, at: int) -> None:
    contract, commands = one_joint(), []
    run = Run(contract, np.random.default_rng(0), wanted=0.4)
    for k in range(40):
        run.pass_time(contract.step_ns)
        if k == at:
            run.wanted = -0.9  # the policy sees it, too
        record = run.observe(garbage if k == at else None)
        assert record is not None
        commands.append(float(record.executed[0]))
        if k == at:
            run.wanted = 0.4
            assert record.authority is Authority.HOLD and record.reason.startswith("implausible reading, joint")
    assert np.diff(commands).min() >= 0.0 and np.abs(np.diff(commands)).max() <= 0.1 + 1e-9
    assert commands[-1] == pytest.approx(0.4)


def test_a_first_reading_that_cannot_be_commands_nothing_and_one_after_others_is_known() -> None:
    contract = one_joint()
    gate = Gate(contract, GateConfig())
    with pytest.raises(MessageError, match="implausible reading, joint at 1e\\+30, where the range is"):
        gate.step(contract.step_ns, np.array([1e30], np.float32), 0)
    gate = Gate(contract, GateConfig())
    gate.look(contract.step_ns, np.zeros(1, np.float32))
    with pytest.raises(MessageError, match="joint at 3"):
        gate.step(2 * contract.step_ns, np.full(1, 3.0, np.float32), 0)
    assert gate.step(3 * contract.step_ns, np.zeros(1, np.float32), 0).executed.tolist() == [0.0]


def test_an_arm_that_was_really_moved_is_believed_after_a_few_readings() -> None:
    contract = one_joint()
    run = Run(contract, np.random.default_rng(0))
    for k in range(12):
        run.pass_time(contract.step_ns)
        run.place = 0.0 if k < 6 else 2.0
        record = run.observe()
        assert record is not None and abs(record.executed[0] - (0.0 if k < 7 else 2.0)) <= 0.1 + TRACKING_S * 2.0 + 1e-6


def test_who_holds_an_arm_that_somebody_moves_does_not_pull_it_back() -> None:
    contract = one_joint()
    gate, stamp = Gate(contract, GateConfig()), 0
    for place in [0.0] * 5 + np.linspace(0.0, 0.8, 30).tolist() + [0.8] * 20:
        stamp += contract.step_ns
        record = gate.step(stamp, np.array([place], np.float32), stamp)
        assert record.authority is Authority.HOLD and abs(record.executed[0] - place) <= 0.1 + 0.3 + 1e-6
    assert abs(record.executed[0] - 0.8) <= TRACKING_S * 2.0 + 1e-6


@settings(max_examples=100)
@given(outside=st.floats(1.001, 2.5), sign=st.sampled_from([-1.0, 1.0]), wanted=st.floats(-3.0, 3.0))
def test_an_arm_outside_its_range_may_stay_and_come_back_and_goes_no_further_out(
    outside: float, sign: float, wanted: float
) -> None:
    contract = one_joint()
    run = Run(contract, np.random.default_rng(0), place=sign * outside, wanted=wanted)
    run.pass_time(contract.step_ns)
    commands = []
    for _ in range(60):
        run.pass_time(contract.step_ns)
        record = run.observe()
        assert record is not None
        commands.append(sign * float(record.executed[0]))
    assert max(commands) <= outside + 1e-6 and (np.diff(commands) <= 1e-6).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, ABSURD * 2.0 + 0.1])
@pytest.mark.parametrize("source", ["policy", "expert"])
def test_what_is_no_number_or_absurd_is_refused_before_it_is_limited(value: float, source: str) -> None:
    contract = one_joint(False)
    gate = Gate(contract, GateConfig(rule="none" if source == "policy" else "demonstration"))
    for k in range(1, 10):
        stamp = k * contract.step_ns
        rows = np.full((4, 1), 0.1 if k < 5 else value)
        if source == "policy":
            gate.offer_policy(stamp, lambda s=stamp, r=rows: Chunk(s, r), stamp)
        else:
            gate.offer_expert(Chunk(stamp, rows[:1], "expert"), stamp)
        record = gate.step(stamp, np.zeros(1, np.float32), stamp)
    assert record.authority is Authority.HOLD and record.executed.tolist() == [0.0]
    assert gate.refused[f"{source} malformed"] >= 3
    assert gate.complaint.startswith(f"{source}: action 'joint' is {value:.4g}, more than 10 widths outside -1 to 1;")


@pytest.mark.parametrize(
    ("position", "limits", "told"),
    [
        (True, {"max_step": 0.1, "max_velocity": 2.0}, "max_step and max_velocity; give one of"),
        (True, {"low": -1.0}, "no limit; give one of max_step, max_velocity, max_acceleration"),
        (True, {"max_acceleration": 2.0}, "rests where it is measured; give max_velocity"),
        (True, {"max_velocity": 0.0}, "max_velocity > 0"),
        (False, {"max_acceleration": -1.0}, "max_acceleration > 0"),
        (False, {"max_acceleration": 2.0, "tracking": 0.1}, "whose rest names what measures it"),
        (True, {"max_velocity": 2.0, "tracking": -0.1}, "a distance of 0 or more"),
    ],
)
def test_limits_that_cannot_be_are_refused(position: bool, limits: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        one_joint(position, **limits)


def test_a_limit_per_second_is_that_of_a_step_at_the_rate_and_is_kept_as_it_was_given() -> None:
    contract = one_joint(rate_hz=50.0, max_velocity=2.0, tracking=0.05)
    assert contract.max_step.tolist() == [0.04] and contract.tracking.tolist() == [0.05]
    assert Contract.from_dict(contract.name, contract.to_dict()) == contract
    assert "max_step" not in contract.to_dict()["action"]["joint"]
