# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images that are encoded beside the recording: in their order, all of them, in the thread that asks for them."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from il_ros.core.messages import COMPRESSED, IMAGE, serialized_image
from il_ros.recording.write import jpeg_images
from il_ros.recording.write.jpeg_images import JpegImages
from il_ros.recording.write.open_episode import ReceivedMessage


@pytest.mark.parametrize("seed", range(5))
def test_all_images_are_delivered_in_their_order_by_the_thread_that_asks(seed, monkeypatch):
    monkeypatch.setattr(jpeg_images, "MOST_WAITING", 3)
    rng, delivered, threads = random.Random(seed), [], set()

    def deliver(message, trouble):
        delivered.append((message, trouble))
        threads.add(threading.get_ident())

    images, sent = JpegImages(90, deliver), []
    for k in range(30):
        side = rng.randrange(1, 40)
        data = serialized_image(k, "front", np.zeros((side, side, 3), np.uint8))
        if rng.random() < 0.2:
            data = data.replace(b"rgb8", b"32FC")  # no encoding of 8 bits
        sent.append(ReceivedMessage("/front", IMAGE, data, {}, k, k))
        images.add(sent[-1])
        assert len(sent) - len(delivered) <= 3
        if rng.random() < 0.3:
            images.deliver_finished()
    images.deliver_all()
    assert [message.time_ns for message, _ in delivered] == list(range(30)) and threads == {threading.get_ident()}
    for before, (after, trouble) in zip(sent, delivered):
        assert after.type_name == (IMAGE if b"32FC" in before.data else COMPRESSED)
        assert (after == before and "recorded as it is" in trouble) if b"32FC" in before.data else not trouble
