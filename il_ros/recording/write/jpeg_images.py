# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Make JPEGs of raw images while they are recorded, in a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from il_ros.core import messages
from il_ros.core.errors import MessageError
from il_ros.recording.write.open_episode import ReceivedMessage

MOST_WAITING = 64
"""Raw images that wait; with more, the next is received only once one is done, and others wait in the middleware."""
Encoded = tuple[ReceivedMessage, str]
"""A message, and why it is still the raw image, if it is."""


class JpegImages:
    """Encodes one image after the other, and hands them on in their order, in the thread that asks for it.

    An image that JPEG cannot hold, such as one of depths, is handed on as it is.

    Args:
        quality: from 1 to 100.
        deliver: takes each message, and why it was not encoded.
    """

    def __init__(self, quality: int, deliver: Callable[[ReceivedMessage, str], None]) -> None:
        self._quality, self._deliver = quality, deliver
        self._waiting: deque[Future[Encoded]] = deque()
        self._thread = ThreadPoolExecutor(1)

    def add(self, message: ReceivedMessage) -> None:
        """Have an image encoded."""
        if len(self._waiting) >= MOST_WAITING:
            self._deliver(*self._waiting.popleft().result())
        self._waiting.append(self._thread.submit(self._encoded, message))

    def deliver_finished(self) -> None:
        """Hand on what is encoded."""
        while self._waiting and self._waiting[0].done():
            self._deliver(*self._waiting.popleft().result())

    def deliver_all(self) -> None:
        """Hand on all images that were added; waits for them."""
        while self._waiting:
            self._deliver(*self._waiting.popleft().result())

    def _encoded(self, message: ReceivedMessage) -> Encoded:
        try:
            data = messages.jpeg_of_image(message.data, self._quality)
        except MessageError as error:
            return message, f"{message.name}: {error}; it is recorded as it is"
        return message._replace(type_name=messages.COMPRESSED, data=data), ""
