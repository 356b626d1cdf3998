# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Records of authority are read, or refused with the reason; nothing else ever happens."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core import messages
from il_ros.core.errors import MessageError

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
