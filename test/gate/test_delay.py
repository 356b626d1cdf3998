# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Answers that come late: what the arm is given, with chunks anchored to their observations and without."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import ConfigError
from il_ros.core.types import Chunk
from il_ros.gate import Gate, GateConfig

CONTRACT = Contract.load("panda_plane")
STEP = CONTRACT.step_ns
REST = np.zeros(4, dtype=np.float32)
ROWS = 12


def instants(stamp: int) -> Chunk:
    """A chunk each of whose rows names the instant that it is meant for, in thousandths of a step."""
    first = stamp // STEP
    return Chunk(stamp, np.repeat(0.001 * np.arange(first, first + ROWS)[:, None], 2, axis=1), "policy")


def run(config: GateConfig, steps: int = 20, expert: bool = False) -> list[Record]:
    gate = Gate(CONTRACT, config)
    records = []
    for k in range(1, steps + 1):
        stamp = k * STEP
        gate.offer_policy(stamp, lambda stamp=stamp: instants(stamp), stamp)
        said = np.full((1, 2), 0.001 * k) if expert else np.empty((0, 2))
        gate.offer_expert(Chunk(stamp, said, "expert", engaged=expert), stamp)
        records.append(gate.step(stamp, REST, stamp))
    return records


def meant(records: list[Record]) -> list[int]:
    """For which step each action was meant; 0 where the arm was held."""
    return [round(1000 * record.executed[0]) for record in records]


@pytest.mark.parametrize("delay", [0, 1, 3, 5])
def test_an_anchored_policy_that_is_late_does_at_every_instant_what_it_meant_for_it(delay: int) -> None:
    records = run(GateConfig(rule="none", execute_steps=4, policy_delay=delay, policy_timeout_s=0.25))
    assert meant(records) == [0] * delay + list(range(delay + 1, 21))
    assert [record.authority for record in records[:delay]] == [Authority.HOLD] * delay


@pytest.mark.parametrize("delay", [1, 3])
def test_without_an_anchor_everything_comes_as_late_as_the_answer(delay: int) -> None:
    records = run(GateConfig(rule="none", execute_steps=4, policy_delay=delay, policy_timeout_s=0.25, anchored=False))
    assert meant(records) == [0] * delay + list(range(1, 21 - delay))


def test_without_delay_an_anchor_changes_nothing() -> None:
    assert meant(run(GateConfig(rule="none", anchored=False))) == meant(run(GateConfig(rule="none")))


@pytest.mark.parametrize("delay", [0, 2, 4])
def test_an_expert_who_is_late_reacts_to_what_was(delay: int) -> None:
    records = run(GateConfig(rule="demonstration", expert_delay=delay, expert_timeout_s=0.25), expert=True)
    assert meant(records) == [0] * delay + list(range(1, 21 - delay))


def test_delay_beyond_the_timeout_is_a_loss() -> None:
    assert meant(run(GateConfig(rule="none", policy_delay=3))) == [0] * 20  # 0.15 s, and 0.125 s are borne
    assert meant(run(GateConfig(rule="none", policy_delay=6, policy_timeout_s=0.4)))[6:] == list(range(7, 21))


def test_what_was_under_way_when_an_episode_ended_is_not_heard_in_the_next() -> None:
    gate = Gate(CONTRACT, GateConfig(rule="none", policy_delay=2))
    gate.offer_policy(STEP, lambda: instants(STEP), STEP)
    gate.reset()
    assert gate.step(3 * STEP, REST, 3 * STEP).authority is Authority.HOLD


def test_the_chunk_of_a_late_answer_is_the_one_that_was_drawn_for_its_observation() -> None:
    gate, drawn = Gate(CONTRACT, GateConfig(rule="none", policy_delay=2)), []
    for k in range(1, 5):
        gate.offer_policy(k * STEP, lambda k=k: drawn.append(k) or instants(k * STEP), k * STEP)
        assert drawn[-1] == k
        gate.step(k * STEP, REST, k * STEP)


@pytest.mark.parametrize("name", ["policy_delay", "expert_delay"])
def test_a_negative_delay_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is -1; it must be 0 or a number of steps"):
        GateConfig(**{name: -1})
