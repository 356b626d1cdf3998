# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Words in JSON are read as what they are to say, or refused with the reason; nothing else ever happens."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core import messages
from il_ros.core.errors import MessageError
from il_ros.core.types import EpisodeStart

READERS = (messages.event_from_json, messages.recorded_from_json, messages.checkpoint_from_json)
KEYS = ["event", "task", "seed", "first_stamp_ns", "last_stamp_ns", "number", "facts", "outcome", "steps", "way"]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["start", "end"])
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
objects = st.dictionaries(st.sampled_from([*KEYS, "path", "hash"]) | st.text(), values)


@given(values.map(json.dumps) | objects.map(json.dumps) | st.text())
def test_whatever_is_said_is_read_or_refused(text: str) -> None:
    for read in READERS:
        try:
            told = read(text)
        except MessageError as error:
            assert "\n" not in str(error).splitlines()[0]
        else:
            assert told is None or isinstance(told, (EpisodeStart, messages.EpisodeEnd, dict))


@pytest.mark.parametrize("depth", [31, 100, 900, 5000])
def test_words_within_words_are_refused_before_they_are_too_deep_for_anybody(depth: int) -> None:
    nested = '{"path": null, "a": ' + "[" * depth + "]" * depth + "}"
    if depth < messages.DEEPEST:
        assert messages.recorded_from_json(nested)["path"] is None
    else:
        with pytest.raises(MessageError, match="recorder/episode"):
            messages.recorded_from_json(nested)


START = {"event": "start", "task": "reach", "seed": 3, "first_stamp_ns": 7}
END = {**START, "event": "end", "outcome": "success", "way": None, "steps": 4, "last_stamp_ns": 9}


def test_sound_words_are_read() -> None:
    assert messages.event_from_json(json.dumps(START)) == EpisodeStart("reach", 3, 7)
    assert messages.start_from_json(messages.start_to_json(EpisodeStart("reach", 3, 7, 1, {"a": [1]}))) == EpisodeStart(
        "reach", 3, 7, 1, {"a": [1]}
    )
    end = messages.event_from_json(json.dumps({**END, "more": 1}))
    assert end == messages.EpisodeEnd("reach", 3, "success", 4, 9, first_stamp_ns=7)
    del END["first_stamp_ns"]
    assert messages.event_from_json(json.dumps(END)) == messages.EpisodeEnd("reach", 3, "success", 4, 9)
    assert messages.event_from_json('{"event": "pause"}') is None
    assert messages.checkpoint_from_json('{"path": "/a", "hash": "b", "labels": 3}')["labels"] == 3


@pytest.mark.parametrize("key", ["task", "seed", "first_stamp_ns", "number", "facts"])
@pytest.mark.parametrize("value", [None, -1, 1.5, True, 2**63, [], "\ud800"])
def test_a_start_with_a_value_that_cannot_be_is_refused(key: str, value: Any) -> None:
    with pytest.raises(MessageError, match="check who publishes it"):
        messages.event_from_json(json.dumps({**START, key: value}))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"path": "/x"}',
        '{"path": null, "hash": "a"}',
        '{"path": "", "hash": "a"}',
        '{"path": "/x", "hash": ""}',
        '{"path": "/a\\u0000b", "hash": "a"}',
        json.dumps({"path": "/" + 300 * "x", "hash": "a"}),
        json.dumps({"path": 3000 * "/x", "hash": "a"}),
    ],
)
def test_a_checkpoint_that_says_not_where_it_is_is_refused(text: str) -> None:
    with pytest.raises(MessageError, match="trainer/checkpoint"):
        messages.checkpoint_from_json(text)


RECORD = {
    "authority": "policy",
    "intervention": "0",
    "executed": "0.1 0.2",
    "policy": "",
    "expert": "",
    "expert_name": "",
    "score": "nan",
    "doubts": "1 2 3 4 5",
}


def record(**changed: Any) -> Any:
    pairs = [SimpleNamespace(key=key, value=value) for key, value in {**RECORD, **changed}.items()]
    status = SimpleNamespace(message="steady", hardware_id="abc", values=pairs)
    stamp = SimpleNamespace(sec=1, nanosec=0)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), status=[status])


@pytest.mark.parametrize(
    "changed",
    [
        {"doubts": "1 2 3 4 5 6"},
        {"doubts": "x"},
        {"executed": ""},
        {"policy": "0.1"},
        {"expert": "0.1 0.2 0.3"},
        {"intervention": "-1"},
        {"intervention": str(2**31)},
        {"intervention": "9" * 5000},
        {"authority": "nobody"},
        {"score": ""},
        {"score": None},
    ],
)
def test_a_record_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    assert messages.record_from(record()).doubts.spread == 1.0
    with pytest.raises(MessageError, match="no record of authority"):
        messages.record_from(record(**changed))


@given(st.dictionaries(st.sampled_from([*RECORD]), st.text() | st.none() | st.floats().map(repr)))
def test_a_record_with_any_values_is_read_or_refused(changed: dict[str, Any]) -> None:
    with contextlib.suppress(MessageError):
        messages.record_from(record(**changed))
