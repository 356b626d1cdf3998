# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""A seeded sample of damaged bags: what is read of them is as it was, or refused, or told."""

from __future__ import annotations

import random

import pytest

from benchmarks.fuzz import BAD, FORMATS, Fuzz, damaged


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_read_otherwise_without_being_told(tmp_path, form):
    fuzz = Fuzz(form, tmp_path)
    for seed in (*range(40), 100_717):
        outcome, told = fuzz.case(seed)
        assert outcome not in BAD, f"seed {seed}: {outcome} {told}"
    if form in ("mcap-chunks", "mcap-zstd", "mcap-plain"):  # with CRCs nothing passes unchecked
        assert all(fuzz.case(seed)[0] != "unchecked" for seed in range(40, 50))


def test_damage_is_what_it_says():
    data = bytes(range(256)) * 40
    made = [damaged(data, random.Random(seed)) for seed in range(60)]
    assert all(len(one) <= len(data) for one in made) and sum(one != data for one in made) > 50
    assert {len(one) == len(data) for one in made} == {True, False}
