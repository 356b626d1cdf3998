# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stamps of message objects, of serialized messages in either byte order and of columns are the same stamps."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core import messages

stamps = st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1)
orders = st.sampled_from(["<", ">"])


def serialized(stamp: int, order: str, frame_id: str = "base") -> bytes:
    text = frame_id.encode() + b"\0"
    head = bytes([0, order == "<", 0, 0])
    return head + struct.pack(f"{order}iII", *divmod(stamp, 10**9), len(text)) + text


@given(stamps, orders)
def test_a_stamp_is_read_from_an_object_from_bytes_and_from_columns_alike(stamp: int, order: str) -> None:
    message = SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace()))
    messages.set_stamp(message, stamp)
    sec, nanosec = messages.seconds(stamp)
    assert messages.stamp_ns(message) == stamp == messages.nanoseconds(sec, nanosec)
    assert messages.serialized_stamp_ns(serialized(stamp, order)) == stamp
    if stamp != -(10**9) + 10**9 - 1:  # both numbers -1 are no stamp; nanoseconds never are
        assert messages.stamps_ns(np.array([sec]), np.array([nanosec])).tolist() == [stamp]
    assert messages.stamps_ns(np.array([-1]), np.array([-1])).tolist() == [-1]


@given(stamps, stamps, orders, st.text())
def test_a_stamp_is_replaced_and_nothing_else_of_a_serialized_message(
    stamp: int, other: int, order: str, name: str
) -> None:
    data = serialized(stamp, order, name)
    assert messages.with_stamp(data, other) == serialized(other, order, name)
    assert messages.serialized_frame_id(data) == name


@pytest.mark.parametrize("size", range(12))
def test_a_message_that_is_cut_off_has_no_stamp(size: int) -> None:
    data = serialized(5, "<")[:size]
    with pytest.raises(struct.error):
        messages.serialized_stamp_ns(data)
    assert messages.serialized_frame_id(data) == ""
