# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import fcntl
import os
import random
import resource
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.records import Message
from mcap.stream_reader import StreamReader

from il_ros.core.errors import ConfigError, DataError, StorageError
from il_ros.core.types import SILENCE_NS
from il_ros.recording.bag.mcap_records import JOURNAL_RECORDS, MESSAGE_INDEX
from il_ros.recording.bag.mcap_scanner import McapScanner
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.journal import Journal, is_open, locked
from il_ros.recording.write.message_loss import MessageLoss, Silences


def test_everything_written_is_read_back_in_order(kit, journal_of, content):
    sent = [message for k in range(5) for message in kit.step(k)]
    scan = McapScanner(journal_of(sent, outcome="success", ratio=0.1), JOURNAL_RECORDS)
    assert content(scan) == sent
    assert scan.facts == {"task": "fork", "seed": 1, "outcome": "success", "ratio": 0.1}
    assert scan.complete and not scan.damage


def test_a_journal_is_sound_mcap(kit, journal_of):
    path = journal_of(kit.clocks(10))
    with path.open("rb") as file:
        records = list(StreamReader(file, validate_crcs=True).records)
    assert sum(isinstance(record, Message) for record in records) == 10


def test_every_truncation_reads_as_exactly_the_complete_prefix(kit, tmp_path, content):
    sent, ends = kit.clocks(3) + kit.step(0)[:1] + kit.clocks(1), []  # of two topics, described as they first come
    journal = Journal(tmp_path / "episode_000001.journal.mcap", {"task": "fork"})
    begun = journal.path.stat().st_size
    for message in sent:
        journal.write(*message)
        ends.append(journal.path.stat().st_size)
    read_at = [end - MESSAGE_INDEX.size for end in ends]  # a message is whole before the index behind it is
    data = journal.path.read_bytes()
    journal.close()
    cut = tmp_path / "cut"
    for size in range(len(data) + 1):
        cut.write_bytes(data[:size])
        scan = McapScanner(cut, JOURNAL_RECORDS)
        assert content(scan) == sent[: sum(end <= size for end in read_at)]
        assert scan.damage and not scan.complete
        assert size < begun or scan.only_unfinished == (size in (begun, *read_at, *ends))


@pytest.mark.parametrize("closed", [True, False])
def test_no_flipped_bit_is_taken_for_a_message(kit, tmp_path, content, closed):
    sent = kit.clocks(4)
    journal = Journal(tmp_path / "episode_000001.journal.mcap", {"task": "fork"})
    for message in sent:
        journal.write(*message)
    data = journal.path.read_bytes()
    journal.close()
    if closed:
        data = journal.path.read_bytes()
    rng, bad = random.Random(0), tmp_path / "bad"
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << rng.randrange(8)
        bad.write_bytes(flipped)
        scan = McapScanner(bad, JOURNAL_RECORDS)
        read = content(scan)
        assert all(message in sent for message in read)
        noticed = bool(scan.damage) and not scan.only_unfinished
        assert noticed or (read == sent and scan.facts == {"task": "fork"}), f"byte {at}"


def test_a_damaged_byte_costs_one_message(kit, tmp_path, journal_of, content):
    sent = kit.clocks(5)
    path = journal_of(sent)
    data = bytearray(path.read_bytes())
    data[data.rindex(sent[2].data)] ^= 1
    path.write_bytes(data)
    scan = McapScanner(path, JOURNAL_RECORDS)
    assert content(scan) == sent[:2] + sent[3:]
    assert len(scan.damage) == 1 and "CRC" in scan.damage[0]


@pytest.mark.parametrize("seed", range(20))
def test_kill_9_loses_nothing_that_was_acknowledged(kit, tmp_path, content, seed):
    sent = kit.clocks(20)
    read_end, write_end = os.pipe()
    path = tmp_path / "episode_000001.journal.mcap"
    child = os.fork()
    if child == 0:
        os.close(read_end)
        journal = Journal(path, {"task": "fork"})
        while True:
            journal.write(*sent[journal.count % len(sent)])
            os.write(write_end, b".")
    os.close(write_end)
    acknowledged, enough = 0, random.Random(seed).randrange(1, 3000)
    while acknowledged < enough:
        acknowledged += len(os.read(read_end, enough - acknowledged))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(read_end, 65536):
        acknowledged += len(more)
    os.close(read_end)
    scan = McapScanner(path, JOURNAL_RECORDS)
    read = content(scan)
    assert acknowledged <= len(read) <= acknowledged + 1
    assert all(message == sent[k % len(sent)] for k, message in enumerate(read))
    assert not is_open(path)


def test_a_full_disk_is_one_clear_line_and_keeps_what_is_there(kit, tmp_path, content):
    sent = kit.clocks(200)
    journal = Journal(tmp_path / "episode_000001.journal.mcap", {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, hard))  # the kernel takes a part of the last record
    try:
        with pytest.raises(StorageError, match=r"MB free.*il-ros recover") as caught:
            for message in sent:
                journal.write(*message)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    kept = journal.count
    journal.write(*sent[kept])  # there is room again
    journal.close()
    scan = McapScanner(journal.path, JOURNAL_RECORDS)
    assert content(scan) == sent[: kept + 1] and kept > 10
    assert scan.complete


def test_a_topic_whose_first_message_found_no_room_is_described_later(kit, tmp_path, monkeypatch, content):
    sent = kit.clocks(2)
    journal = Journal(tmp_path / "episode_000001.journal.mcap", {})
    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", _no_space)
        with pytest.raises(StorageError, match="No space left"):
            journal.write(*sent[0])
    journal.write(*sent[1])
    journal.close()
    assert content(McapScanner(journal.path, JOURNAL_RECORDS)) == sent[1:]


def _no_space(*_):
    raise OSError(28, "No space left on device")


def test_whoever_looks_at_a_journal_does_not_keep_its_recorder_from_closing_it(kit, tmp_path):
    """A look takes a shared lock; should it be held up right then, the one who finalizes waits for it."""
    with Journal(tmp_path / "episode_000001.journal.mcap", {}) as journal:
        journal.write(*kit.clocks(1)[0])
        assert is_open(journal.path)
    assert not is_open(journal.path)
    look = os.open(journal.path, os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH)
    with ThreadPoolExecutor(1) as thread:
        bag = thread.submit(finalize, journal.path, tmp_path, {})
        assert not is_open(journal.path) and not bag.done()
        os.close(look)
        assert bag.result(timeout=60).is_dir()


def test_two_that_would_finalize_a_journal_do_not_wait_for_each_other(journal_of, kit):
    path = journal_of(kit.clocks(1))
    with locked(path), pytest.raises(DataError, match="still being written"), locked(path):
        pass


def test_a_folder_that_is_a_file_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=str(tmp_path / "file")):
        Journal(tmp_path / "file" / "episode_000001.journal.mcap", {})


def test_a_journal_is_never_written_over(kit, journal_of):
    path = journal_of(kit.clocks(1))
    before = path.read_bytes()
    with pytest.raises(StorageError, match="exists"):
        Journal(path, {})
    assert path.read_bytes() == before


def test_wrong_use_is_refused(kit, tmp_path):
    clock = kit.clocks(1)[0]
    journal = Journal(tmp_path / "episode_000001.journal.mcap", {})
    assert is_open(journal.path)
    with pytest.raises(ConfigError, match="my_msgs/msg/Thing"):
        journal.write("/thing", "my_msgs/msg/Thing", b"", 0, 0)
    journal.write(*clock)
    with pytest.raises(DataError, match="one type"):
        journal.write("/clock", "std_msgs/msg/String", clock.data, 0, 0)
    journal.close()
    journal.close()
    assert not is_open(journal.path)
    with pytest.raises(DataError, match="closed"):
        journal.write(*clock)


numbers = st.lists(st.integers(0, 30), max_size=60)


@given(numbers)
def test_gaps_are_the_numbers_between_the_first_and_the_last_that_never_came(arrivals):
    gaps = MessageLoss()
    for number in arrivals:
        gaps.add("/a", b"gid", number)
    came = [n for k, n in enumerate(arrivals) if n >= arrivals[0] or n in arrivals[:k]]
    missing = {n for first, last in gaps.missing("/a") for n in range(first, last + 1)}
    assert missing == set(range(arrivals[0], max(arrivals) + 1)) - set(came) if arrivals else not missing
    assert gaps.duplicates("/a") == len(arrivals) - len({n for n in arrivals if n >= arrivals[0]}) if arrivals else True


def test_publishers_of_one_topic_count_for_themselves():
    gaps = MessageLoss()
    for publisher, number in ((1, 5), (2, 100), (1, 6), (2, 103), (1, 7)):
        gaps.add("/a", publisher, number)
    assert gaps.facts() == {"/a": {"missing": [[101, 102]], "lost": 2, "duplicates": 0}}


@given(st.lists(st.integers(1, 2 * SILENCE_NS), min_size=1, max_size=30))
def test_every_silence_is_told_with_the_last_stamp_before_it(intervals):
    silences, now_ns = Silences(), 0
    for stamp, interval in enumerate(intervals):
        now_ns += interval
        silences.add(stamp, now_ns)
    expected = [(i - 1, wait) for i, wait in enumerate(intervals) if i > 0 and wait > SILENCE_NS]
    assert [(told["after_ns"], told["s"]) for told in silences.facts] == [
        (stamp, pytest.approx(wait / 1e9, abs=1e-3)) for stamp, wait in expected
    ]
