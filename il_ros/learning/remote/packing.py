# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Messages of openpi's protocol: msgpack with numpy arrays in it. Nothing that is read is run, as pickle would be.

An array is a map with the keys ``__ndarray__``, ``data``, ``dtype`` and ``shape``, a number of numpy's one with
``__npgeneric__``, all of them bytes; see openpi's ``openpi_client.msgpack_numpy`` 0.1.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np

from il_ros.core.errors import MessageError

KINDS = "biuf"
"""Kinds of numbers that are read: truth values, whole numbers, floating point."""


def packed(content: Mapping[str, Any]) -> bytes:
    """Return a message; its values are texts, numbers, lists, maps and arrays."""
    data: bytes = msgpack.packb(content, default=_plain)
    return data


def unpacked(data: bytes) -> dict[str, Any]:
    """Return what a message says.

    Raises:
        MessageError: if it is none, or an array in it is of another kind or size than it says.
    """
    try:
        content = msgpack.unpackb(data, object_hook=_array, strict_map_key=False)
    except MessageError:
        raise
    except Exception as error:  # msgpack raises whatever comes of bytes that make no sense
        raise MessageError(
            f"the answer is no msgpack ({error!r:.100}); is it a server of openpi's protocol?"
        ) from error
    if not isinstance(content, dict):
        raise MessageError(f"the answer is {type(content).__name__}, not a map; is the server one of openpi's?")
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise TypeError(f"{type(value).__name__} cannot be sent to a policy server")


def _array(found: dict[Any, Any]) -> Any:
    """Return the array or number that a map stands for; any other map as it is."""
    is_array = b"__ndarray__" in found
    if not is_array and b"__npgeneric__" not in found:
        return found
    try:
        dtype = np.dtype(found[b"dtype"])
        if dtype.kind not in KINDS:
            raise MessageError(f"the answer holds an array of {dtype}; numbers alone are read")
        if not is_array:
            return dtype.type(found[b"data"])
        shape, data = tuple(found[b"shape"]), found[b"data"]
        if math.prod(shape) * dtype.itemsize != len(data):
            raise MessageError(f"the answer holds an array of {shape} {dtype} in {len(data)} bytes")
        return np.frombuffer(data, dtype).reshape(shape)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"the answer holds an array that makes no sense ({error!r:.100})") from error
