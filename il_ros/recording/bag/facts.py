# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is known of an episode (its facts) as rosbag2's ``custom_data``, and the checks of the facts of our own bags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

AMENDED = ("outcome", "judged", "note")
"""Facts that ``amend`` corrects when an operator has judged an episode after it was closed."""
_KINDS = {"digest": str, "gaps": dict, "silences": list, "salvaged": dict, "number": int, "stray": dict}
"""The types of some facts of our bags."""


def facts_from_custom_data(custom_data: Any) -> dict[str, Any]:
    """Return the facts that ``custom_data`` holds, of whatever form it is."""
    if not custom_data:
        return {}
    if not isinstance(custom_data, dict):
        return {"custom_data": custom_data}
    return {key: _fact_from_text(value) for key, value in custom_data.items()}


def are_ours(facts: Mapping[str, Any]) -> bool:
    """Return whether the facts are of an episode of our recorder, which keeps a digest of its messages."""
    return isinstance(facts.get("digest"), str)


def check_facts(facts: Mapping[str, Any]) -> None:
    """Check the facts of a bag of our recorder; those of other bags may be anything.

    Raises:
        TypeError: if one of them is of another type than our recorder writes.
    """
    for key, kind in _KINDS.items() if are_ours(facts) else ():
        if key in facts and not isinstance(facts[key], kind):
            raise TypeError(f"the fact {key!r} is {facts[key]!r}")
    if are_ours(facts) and _has_odd_parts(facts):
        raise TypeError("the facts 'silences' or 'gaps' hold something else than mappings")


def _has_odd_parts(facts: Mapping[str, Any]) -> bool:
    silences, gaps = facts.get("silences", []), facts.get("gaps", {})
    return not all(isinstance(part, dict) for part in (*silences, *gaps.values()))


def differences(facts: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    """Return how the metadata differs from the facts that were ``recorded`` beside the messages with a CRC."""
    amended = AMENDED if facts.get("judged") is True else ()
    current = {key: json.dumps(facts[key]) if key in facts else "nothing" for key in recorded if key not in amended}
    return [
        f"{key} is {text} and was recorded as {json.dumps(recorded[key])}"
        for key, text in current.items()
        if text != json.dumps(recorded[key])
    ]


def fact_to_text(value: Any) -> str:
    """Return a fact as text for ``custom_data``: a plain string as it is, anything else as JSON."""
    if isinstance(value, str) and _fact_from_text(value) == value:
        return value
    return json.dumps(value)


def _fact_from_text(text: Any) -> Any:
    if not isinstance(text, str):  # another program's
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
