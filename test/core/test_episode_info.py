# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The facts of an episode are typed, whatever an older or a newer version wrote."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.episode_info import SCHEMA, VERSION, EpisodeInfo

KEYS = ["task", "seed", "outcome", "steps", "partial", "complete", "dropped", "silences", "digest", "new", SCHEMA]
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()) | st.just({"late": 2})


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_whatever_a_bag_says_is_read_and_written_again(facts: dict[str, Any]) -> None:
    info = EpisodeInfo.from_mapping(facts)
    again = EpisodeInfo.from_mapping(json.loads(json.dumps(info.to_mapping())))
    assert again.version == VERSION and again.to_mapping() == info.to_mapping()
    said = {key: value for key, value in facts.items() if key not in (SCHEMA, "new") and value == info.others.get(key)}
    assert all(not value or key in info.others for key, value in said.items())
    assert info.others.get("new") == facts.get("new")


def test_bag_of_before_has_version_0_and_its_outcome() -> None:
    info = EpisodeInfo.from_mapping({"task": "fork", "seed": 3, "outcome": "success", "way": None, "digest": "ab"})
    assert (info.version, info.task, info.seed, info.is_success, info.is_ours) == (0, "fork", 3, True, True)
    assert info.others == {} and not info.partial
