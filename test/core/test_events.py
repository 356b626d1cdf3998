# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""JSON events are read, or refused with the reason; nothing else ever happens."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core import events
from il_ros.core.errors import MessageError
from il_ros.core.types import EpisodeStart

READERS = (events.episode_event_from_json, events.recorded_episode_from_json, events.trained_checkpoint_from_json)
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
            assert told is None or isinstance(told, events.Event)


@pytest.mark.parametrize("depth", [31, 100, 900, 5000])
def test_words_within_words_are_refused_before_they_are_too_deep_for_anybody(depth: int) -> None:
    nested = '{"path": null, "a": ' + "[" * depth + "]" * depth + "}"
    if depth < events.MAX_DEPTH:
        assert events.recorded_episode_from_json(nested).path is None
    else:
        with pytest.raises(MessageError, match="recorder/episode"):
            events.recorded_episode_from_json(nested)


START = {"event": "start", "task": "reach", "seed": 3, "first_stamp_ns": 7}
END = {**START, "event": "end", "outcome": "success", "way": None, "steps": 4, "last_stamp_ns": 9}


def test_sound_words_are_read() -> None:
    assert events.episode_event_from_json(json.dumps(START)) == EpisodeStart("reach", 3, 7)
    assert events.episode_start_from_json(events.to_json(EpisodeStart("reach", 3, 7, 1, {"a": [1]}))) == EpisodeStart(
        "reach", 3, 7, 1, {"a": [1]}
    )
    end = events.episode_event_from_json(json.dumps({**END, "more": 1}))
    assert end == events.EpisodeEnd("reach", 3, "success", 4, 9, first_stamp_ns=7)
    del END["first_stamp_ns"]
    assert events.episode_event_from_json(json.dumps(END)) == events.EpisodeEnd("reach", 3, "success", 4, 9)
    assert events.episode_event_from_json('{"event": "pause"}') is None
    assert events.trained_checkpoint_from_json('{"path": "/a", "hash": "b", "labels": 3}').labels == 3


@pytest.mark.parametrize("key", ["task", "seed", "first_stamp_ns", "number", "facts"])
@pytest.mark.parametrize("value", [None, -1, 1.5, True, 2**63, [], "\ud800"])
def test_a_start_with_a_value_that_cannot_be_is_refused(key: str, value: Any) -> None:
    with pytest.raises(MessageError, match="check who publishes it"):
        events.episode_event_from_json(json.dumps({**START, key: value}))


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
        events.trained_checkpoint_from_json(text)


def test_unknown_keys_of_a_newer_version_are_tolerated() -> None:
    assert events.episode_event_from_json(json.dumps({**START, "more": 1})) == EpisodeStart("reach", 3, 7)
    assert events.recorded_episode_from_json('{"path": "/a", "more": 1}').facts == {"more": 1}
    assert events.trained_checkpoint_from_json('{"path": "/a", "hash": "b", "more": 1}').facts == {"more": 1}


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", "3"), ("seed", True), ("outcome", 3), ("error", {}), ("discarded", []), ("amended", "yes"), ("path", "")],
)
def test_a_recorded_episode_with_a_value_of_another_type_is_refused(key: str, value: Any) -> None:
    with pytest.raises(MessageError, match=f"recorder/episode .*{key}.*check who publishes it"):
        events.recorded_episode_from_json(json.dumps({"path": "/a", key: value}))


facts = st.dictionaries(st.text().filter(lambda key: key not in events.RecordedEpisode.__annotations__), values)
seeds = st.integers(0, events.MAX_INT)


@given(
    st.builds(EpisodeStart, st.text(), seeds, seeds, seeds, facts)
    | st.builds(events.EpisodeEnd, st.text(), seeds, st.text(), seeds, seeds, seeds, st.none() | seeds, seeds, facts)
)
def test_what_is_written_is_read_again(event: events.EpisodeEvent) -> None:
    text = events.to_json(event)
    if "NaN" not in text:
        with contextlib.suppress(MessageError):  # text that cannot be encoded
            assert events.episode_event_from_json(text) == event


@pytest.mark.parametrize("seed", [0, 3, None])
def test_a_recorded_episode_is_the_facts_that_it_was_made_of(seed: int | None) -> None:
    made_of = {"outcome": "success", "gaps": {}, **({} if seed is None else {"seed": seed})}
    event = events.recorded_episode("/a/b", made_of)
    assert event.as_dict() == {"path": "/a/b", **made_of}
    assert events.recorded_episode_from_json(events.to_json(event)) == event
    failed = events.recorded_episode(None, {"error": "no space"})
    assert events.recorded_episode_from_json(events.to_json(failed)) == failed and failed.path is None
