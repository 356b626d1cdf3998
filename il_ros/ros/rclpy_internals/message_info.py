# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Message information in callbacks: when a message was received, and its sequence number.

Why: rclpy passes it to callbacks that have two parameters, and finds that out from their signature. The single-threaded
executor calls them with two arguments; the events executor of Jazzy's wheels passes both as one tuple. The plain way
is a callback with two parameters and no wrapper, which works with the first of them only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

MessageInfo = dict[str, Any]
"""``received_timestamp``, ``source_timestamp``, ``publication_sequence_number`` and others."""


def with_info(callback: Callable[[Any, MessageInfo], None]) -> Callable[..., None]:
    """Return a callback that rclpy calls with the message information, under either executor."""

    def receive(*arguments: Any) -> None:
        callback(*(arguments if len(arguments) == 2 else arguments[0]))

    receive.__signature__ = inspect.signature(callback)  # type: ignore[attr-defined]
    return receive
