# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Disturbed demonstrations: the arm is pushed within its limits, and what the expert asked for stays the label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode, Record
from il_ros.core.errors import ConfigError
from il_ros.core.types import Chunk
from il_ros.gate import Gate, GateConfig, rules
from il_ros.learning.data.labels.expert_driven import ExpertDriven

CONTRACTS = ("panda_plane", "panda_gripper", "panda_gripper_joints", "xarm6_joints")


def demonstrated(rule: str, contract: Contract, seed: int = 0, steps: int = 120) -> tuple[list[Record], Episode]:
    """Let an expert ask for the same action at every step, from an arm that follows."""
    gate = Gate(contract, GateConfig(rule=rule))
    gate.reset(seed)
    observation = np.zeros(len(contract.observation), dtype=np.float32)
    names = list(contract.observation_names)
    asked = np.where(contract.is_gripper, contract.low, (contract.low + contract.high) / 2)
    records: list[Record] = []
    for number in range(1, steps + 1):
        stamp = number * contract.step_ns
        at = records[-1].executed if records else asked
        for part, value in zip(contract.action, at):
            if isinstance(part.rest, str):
                observation[names.index(part.rest)] = value
        gate.offer_expert(Chunk(stamp, asked[None], "expert", engaged=True), stamp)
        records.append(gate.step(stamp, observation, stamp))
    return records, Episode.from_steps([observation] * steps, records, contract.step_ns, {})


@given(seed=st.integers(0, 1000), name=st.sampled_from(CONTRACTS), share=st.floats(0.05, 1.0))
def test_the_arm_is_pushed_within_its_limits_and_labels_stay_what_the_expert_asked_for(
    seed: int, name: str, share: float
) -> None:
    contract = Contract.load(name)
    records, episode = demonstrated(f"demonstration:disturbance={share}", contract, seed)
    executed = np.array([record.executed for record in records])
    expert = np.array([record.expert for record in records])
    assert (executed >= contract.low - 1e-9).all() and (executed <= contract.high + 1e-9).all()
    assert (np.abs(np.diff(executed, axis=0)) <= contract.max_step + 1e-9).all()
    assert (executed[:, contract.is_gripper] == expert[:, contract.is_gripper]).all()
    assert (np.abs(executed - expert).max(axis=0)[~contract.is_gripper] > 0).all()
    assert all(record.authority is Authority.EXPERT for record in records)
    labels = ExpertDriven()([episode])[0]
    assert labels.is_label.all() and (labels.actions == expert.astype(np.float32)).all()


def test_equal_seeds_push_alike_and_without_a_share_nothing_pushes() -> None:
    contract = Contract.load("panda_gripper")

    def executed(rule: str, seed: int) -> list[list[float]]:
        return [record.executed.tolist() for record in demonstrated(rule, contract, seed)[0]]

    rule = "demonstration:disturbance=0.3"
    assert executed(rule, 1) == executed(rule, 1) != executed(rule, 2)
    assert executed("demonstration:disturbance=0", 1) == executed("demonstration", 2)


def test_a_push_lasts_and_comes_as_often_as_the_options_say() -> None:
    contract = Contract.load("panda_plane")
    records, _ = demonstrated("demonstration:disturbance=0.5,every=10,steps=5", contract, steps=4000)
    moved = np.array([np.abs(record.executed - record.expert).max() > 1e-9 for record in records])
    assert 4000 / 15 * 0.8 < np.count_nonzero(np.diff(moved.astype(int)) == 1) < 4000 / 15 * 1.2
    assert 0.8 < moved.mean() / (5 / 15) < 1.3  # and a step or two in which the command comes back


@pytest.mark.parametrize("options", ["disturbance=-0.1", "disturbance=1.5", "every=0", "steps=0", "disturbance=nan"])
def test_options_outside_their_limits_are_refused(options: str) -> None:
    with pytest.raises(ConfigError, match="gating rule 'demonstration': (disturbance|every|steps) is"):
        rules.load(f"demonstration:{options}")
