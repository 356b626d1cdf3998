# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Messages that are found at a stroke are those that are found step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.writer import CompressionType, Writer

from il_ros.recording.bag import mcap_scanner as scan_module
from il_ros.recording.bag.mcap_records import MESSAGE, RECORD
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.bag.mcap_stride import leap, period

sizes = st.lists(st.integers(0, 40), min_size=1, max_size=5)


def records(lengths, channel=1):
    heads = [MESSAGE.pack(5, MESSAGE.size - RECORD.size + length, channel, 0, 0, 0) for length in lengths]
    return [head + bytes(length) for head, length in zip(heads, lengths)]


@given(rhythm=sizes, rest=sizes, cycles=st.integers(2, 9), cut=st.integers(0, 400), channel=st.integers(1, 2))
def test_a_leap_ends_where_the_rhythm_the_pieces_or_the_known_topics_do(rhythm, rest, cycles, cut, channel):
    made = records(rhythm * cycles) + records(rhythm, channel) + records(rest)
    edges = np.cumsum([0, *map(len, made)])
    data = b"".join(made)
    ends = np.array(sorted({min(cut, len(data)), len(data)} - {0}))
    found = period(edges[: 2 * len(rhythm)].tolist(), int(edges[2 * len(rhythm)]))
    at = int(edges[2 * len(rhythm)])
    starts = leap(bytearray(data + bytes(8)), at, ends, found, [1])
    count = len(starts) - 1
    assert starts.tolist() == edges[2 * len(rhythm) :][: count + 1].tolist()
    known = len(rhythm) * cycles if channel == 2 else len(made)
    assert 2 * len(rhythm) + count <= known
    inner = cut if at < cut < starts[-1] else None
    assert inner is None or inner in starts
    if cut in (0, *edges) and cut <= at and channel == 1:
        assert count >= len(rhythm) * (cycles - 2)


@pytest.mark.parametrize("chunk_bytes", [100, 3000, 10**6])
@pytest.mark.parametrize("odd", [0, 7])
def test_a_file_reads_alike_in_chunks_of_any_size_and_whatever_breaks_the_rhythm(
    tmp_path, monkeypatch, chunk_bytes, odd
):
    path, rng = tmp_path / "bag.mcap", np.random.default_rng(0)
    expected = []
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=chunk_bytes, compression=CompressionType.ZSTD, enable_data_crcs=True)
        writer.start("ros2")
        schema = writer.register_schema("std_msgs/msg/Empty", "ros2msg", b"")
        channels = [writer.register_channel(f"/{n}", "cdr", schema) for n in range(3)]
        for k in range(900):
            length = int(rng.integers(200)) if odd and k % 100 == odd else 20 * (k % 3)
            expected.append((f"/{k % 3}", k, rng.bytes(length)))
            writer.add_message(channels[k % 3], k, expected[-1][2], k, k)
        writer.finish()
    monkeypatch.setattr(scan_module, "BLOCK_BYTES", 8000)
    assert [(m.topic.name, m.log_time_ns, m.data) for m in McapScanner(path)] == expected
    found = {}
    scan = McapScanner(path)
    for topic, block in scan.blocks(("/0", "/1", "/2")):
        for row in range(len(block.at)):
            found[int(block.order[row])] = (topic.name, int(block.log_time_ns[row]), block.message(row))
    assert [found[k] for k in range(900)] == expected and not scan.damage and scan.complete
