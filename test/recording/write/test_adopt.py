# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The journal of an episode with large images becomes its bag: indexed, verified, and nothing copied."""

from __future__ import annotations

import os
import random
import zlib

import numpy as np
import pytest
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader

from il_ros.core import messages
from il_ros.core.errors import DataError
from il_ros.core.messages.images import IMAGE
from il_ros.recording.bag.mcap_records import CHUNK, with_chunk
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.bag.reader import read
from il_ros.recording.write import adopt as adopt_module
from il_ros.recording.write.adopt import LARGE_BYTES
from il_ros.recording.write.finalize import IMAGE_TOPICS, finalize
from il_ros.recording.write.journal import Journal
from il_ros.recording.write.recovery import recover

FACTS = {IMAGE_TOPICS: {"/front": LARGE_BYTES + 1000}, "outcome": "success", "partial": False}
SIDE = int((LARGE_BYTES / 3) ** 0.5) + 8


@pytest.fixture
def sent(kit):
    """Noise, which is stored as it is, a drawn image, which is compressed, and small messages between them."""
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    result = kit.step(0)
    for k, (topic, pixels) in enumerate((("/front", noise), ("/wrist", noise // 250), ("/front", 255 - noise))):
        data = messages.serialized_image(k, "camera", pixels)
        result += [kit.step(k)[0]._replace(topic=topic, type_name=IMAGE, data=data, sequence=k)]
        result += kit.step(k + 1)
    return result


@pytest.fixture
def journal(sent, journal_of):
    return journal_of(sent)


def test_the_bag_is_the_journal_itself_with_an_index(sent, journal, content, tmp_path):
    inode, size = journal.stat().st_ino, journal.stat().st_size
    bag = finalize(journal, tmp_path, FACTS)
    (path,) = bag.glob("*.mcap")
    assert not journal.exists() and path.stat().st_ino == inode and path.stat().st_size < size + 10_000
    assert sorted(p.name for p in bag.iterdir()) == [path.name, METADATA]
    reader = read(bag)
    assert content(reader.raw()) == sent and FACTS.items() <= reader.facts.items()
    read(bag).verify()
    with Reader(bag) as other:
        assert [(c.topic, bytes(d)) for c, _, d in other.messages()] == by_time(sent)
        assert other.message_count == len(sent)


def by_time(sent):
    return [(m.topic, m.data) for m in sorted(sent, key=lambda m: m.log_time_ns)]


def test_other_readers_find_each_topic_by_the_index(sent, journal, tmp_path):
    (path,) = finalize(journal, tmp_path, FACTS).glob("*.mcap")
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        for topic in {m.topic for m in sent}:
            assert [m.data for *_, m in reader.iter_messages([topic])] == [m.data for m in sent if m.topic == topic]
    counts = summary.statistics.channel_message_counts
    assert summary.statistics.message_count == len(sent) == len(summary.chunk_indexes) == sum(counts.values())
    assert (summary.statistics.message_start_time, summary.statistics.message_end_time) == (
        min(m.log_time_ns for m in sent),
        max(m.log_time_ns for m in sent),
    )


def test_a_killed_recorders_journal_is_adopted_too(sent, content, tmp_path):
    journal = Journal(tmp_path / "episode_000001.journal.mcap", {"task": "fork"})
    for message in sent:
        journal.write(*message)
    os.close(journal._file)
    inode = journal.path.stat().st_ino
    (bag,) = recover(tmp_path)
    assert next(bag.glob("*.mcap")).stat().st_ino == inode and list(tmp_path.iterdir()) == [bag]
    assert content(read(bag).raw()) == sent
    assert read(bag).facts["partial"] is read(bag).facts["recovered"] is True
    assert recover(tmp_path, thorough=True) == []


@pytest.mark.parametrize("seed", range(3))
def test_no_flipped_bit_is_taken_for_a_message(sent, journal, content, tmp_path, seed):
    bag, rng = finalize(journal, tmp_path, FACTS), random.Random(seed)
    (path,) = bag.glob("*.mcap")
    good, size = path.read_bytes(), path.stat().st_size
    with path.open("rb") as file:
        chunks = make_reader(file).get_summary().chunk_indexes
    heads = [chunk.chunk_start_offset + rng.randrange(60) for chunk in chunks]
    ends = [chunk.chunk_start_offset + chunk.chunk_length + rng.randrange(31) for chunk in chunks]
    for at in (*heads, *ends, *(rng.randrange(size) for _ in range(6)), size - 1 - rng.randrange(2000)):
        with path.open("r+b") as file:
            file.seek(at)
            file.write(bytes([good[at] ^ 1 << rng.randrange(8)]))
        with pytest.raises(DataError, match="il-ros recover"):
            read(bag).verify()
        path.write_bytes(good)


def test_a_damaged_journal_is_refused_and_recovered_without_what_is_damaged(sent, journal, content, tmp_path):
    data = bytearray(journal.read_bytes())
    at = data.index(sent[11].data[5000:5050])
    data[at] ^= 4
    journal.write_bytes(data)
    with pytest.raises(DataError, match="il-ros recover"):
        finalize(journal, tmp_path, FACTS)
    assert journal.exists() and journal.read_bytes() == data
    (bag,) = recover(tmp_path)
    assert content(read(bag).raw()) == [m for m in sent if m is not sent[11]]
    assert read(bag).facts["salvaged"]["cut_off"] and (tmp_path / f"{journal.name}.damaged").exists()


def test_a_disk_without_second_names_gets_a_copy(sent, journal, content, tmp_path, monkeypatch):
    monkeypatch.setattr(adopt_module.os, "link", _no_links)
    bag = finalize(journal, tmp_path, FACTS)
    assert content(read(bag).raw()) == sent and list(tmp_path.iterdir()) == [bag]


def _no_links(*_):
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("moment", range(10))
@pytest.mark.parametrize("is_bag_made", [False, True])
def test_a_kill_while_the_index_is_written_loses_nothing(sent, journal, content, tmp_path, moment, is_bag_made):
    """Every state of the journal that a kill may leave: without its end, with a part of the summary, or all of it."""
    bag = finalize(journal, tmp_path, FACTS)
    (path,) = bag.glob("*.mcap")
    data = path.read_bytes()
    begin = data.rindex(b"digest")  # the facts, and behind them the end of the data and the summary
    os.truncate(path, len(data) - (len(data) - begin) * moment // 10)
    os.link(path, journal) if is_bag_made else os.rename(path, journal)
    (bag / METADATA).unlink()
    (made,) = recover(tmp_path)
    assert content(read(made).raw()) == sent and read(made).facts["partial"] is True
    assert moment > 8 or list(tmp_path.iterdir()) == [made]
    assert recover(tmp_path, thorough=True) == []


def test_a_bag_of_an_adopted_journal_that_lost_its_metadata_is_made_anew(sent, journal, content, tmp_path):
    bag = finalize(journal, tmp_path, FACTS)
    (bag / METADATA).unlink()
    assert recover(tmp_path) == [bag]
    assert content(read(bag).raw()) == sent and read(bag).facts["partial"] is False


@pytest.mark.parametrize("seed", range(20))
def test_the_crc_of_a_chunk_is_put_together_of_its_parts(seed):
    rng = random.Random(seed)
    before, content = rng.randbytes(rng.randrange(40)), rng.randbytes(rng.randrange(5000))
    payload = CHUNK.pack(1, 1, len(content), zlib.crc32(content), 0) + len(content).to_bytes(8, "little") + content
    assert with_chunk(zlib.crc32(before), payload) == zlib.crc32(before + payload)
