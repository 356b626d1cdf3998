# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.


"""A seeded sample of damaged bags: what is read of them is as it was, or refused, or told."""

from __future__ import annotations

import random

import pytest

from bench.fuzz import BAD, FORMATS, Fuzz, damaged


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
