# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a late policy is given is what the gate executes meanwhile, whatever the delay: chunks join without a seam."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.types import Chunk, ChunkInPlay
from il_ros.gate import Gate, GateConfig
from il_ros.learning.chunk_prefix import ChunkPrefix

CONTRACT = Contract.load("panda_plane")
STEP, HORIZON, REST = CONTRACT.step_ns, 16, np.zeros(4, np.float32)


def driven(
    delay: int, execute: int, every: int, rows: int, ensembling: float = -1.0
) -> tuple[list[Record], dict[int, Chunk], set[int]]:
    """Drive 60 steps by a policy that goes on from what it is given; return records, chunks, and who was given any."""
    timeout_s = 0.05 * (delay + every + 2)
    config = GateConfig("none", timeout_s, execute_steps=execute, policy_delay=delay, ensembling=ensembling)
    gate, in_play, rng = Gate(CONTRACT, config), ChunkPrefix(STEP, rows), np.random.default_rng(0)
    records: list[Record] = []
    chunks: dict[int, Chunk] = {}
    given_some = set()
    for k in range(1, 61):
        stamp = k * STEP
        if k % every == 0:
            prefix = in_play.prefix(stamp)
            actions = rng.uniform(-0.2, 0.2, (HORIZON, 2))
            if prefix is not None:
                given_some.add(stamp)
                actions[: len(prefix)] = prefix
            chunks[stamp] = Chunk(stamp, actions, "policy")
            in_play.send(stamp, actions)
            gate.offer_policy(stamp, lambda chunk=chunks[stamp]: chunk, stamp)
        records.append(gate.step(stamp, REST, stamp))
        in_play.follow(records[-1])
    return records, chunks, given_some


@given(st.integers(0, 6), st.integers(1, 10), st.integers(1, 3))
@example(4, 8, 1)
@example(6, 2, 1)  # as late as that, each chunk is played from its sixth row on, and for one step
def test_whatever_the_delay_a_chunk_begins_with_what_was_executed_before_it_was_played(
    delay: int, execute: int, every: int
) -> None:
    records, chunks, given_some = driven(delay, execute, every, HORIZON - 1)
    executed = {record.stamp_ns: record.policy for record in records}
    adopted = [
        (now.plays.stamp_ns, now.stamp_ns)
        for before, now in zip(records, records[1:])
        if now.plays is not None and before.plays is not None and now.plays.stamp_ns != before.plays.stamp_ns
    ]
    assert len(adopted) >= 3
    for stamp, instant in adopted:
        for row in range((instant - stamp) // STEP if stamp in given_some else 0):
            assert np.array_equal(chunks[stamp].actions[row], executed[stamp + row * STEP])
    late = {stamp for stamp, instant in adopted if instant > stamp > (delay + every) * STEP}  # once something is played
    assert late <= given_some


def test_a_class_that_takes_no_prefix_is_given_none_and_nothing_is_kept() -> None:
    assert not driven(4, 8, 1, rows=0)[2]
    in_play = ChunkPrefix(STEP, 0)
    in_play.send(STEP, np.zeros((HORIZON, 2)))
    assert not in_play._sent


def test_no_more_rows_are_given_than_the_policy_was_trained_with() -> None:
    in_play = ChunkPrefix(STEP, 3)
    actions = np.arange(2.0 * HORIZON).reshape(HORIZON, 2)
    in_play.send(STEP, actions)
    in_play.follow(Record(6 * STEP, Authority.POLICY, "steady", 0, REST[:2], plays=ChunkInPlay(STEP, 9 * STEP)))
    prefix = in_play.prefix(7 * STEP)
    assert prefix is not None and np.array_equal(prefix, actions[6:9])


def test_where_no_single_chunk_is_played_none_is_given() -> None:
    records, _, given_some = driven(2, 8, 1, HORIZON - 1, ensembling=0.01)
    assert not given_some and all(record.plays is None for record in records)


def test_after_a_change_of_authority_nothing_is_given() -> None:
    in_play = ChunkPrefix(STEP, HORIZON - 1)
    in_play.send(STEP, np.ones((HORIZON, 2)))
    in_play.follow(Record(STEP, Authority.POLICY, "steady", 0, REST[:2], plays=ChunkInPlay(STEP, 9 * STEP)))
    assert in_play.prefix(8 * STEP) is not None
    in_play.clear()
    assert in_play.prefix(8 * STEP) is None


@given(st.integers(1, 10), st.integers(0, 6))
def test_only_answers_that_come_to_be_played_are_drawn_so(execute: int, delay: int) -> None:
    records, _, given_some = driven(delay, execute, 1, HORIZON - 1)
    played = {record.plays.stamp_ns for record in records if record.plays is not None}
    assert {stamp for stamp in given_some if stamp <= (60 - HORIZON) * STEP} <= played
    assert delay or not given_some
