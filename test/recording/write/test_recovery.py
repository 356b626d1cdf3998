# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import errno
import os
import pathlib
import random
import re
from functools import partial
from types import SimpleNamespace

import pytest

from il_ros.cli import main
from il_ros.core import atomic_io
from il_ros.core.errors import DataError, StorageError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.mcap_records import MESSAGE_INDEX
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.bag.reader import read
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write import finalize as finalize_module
from il_ros.recording.write import recovery
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.journal import Journal
from il_ros.recording.write.recovery import leftovers, oddities, recover


@pytest.fixture
def sent(kit):
    return [message for k in range(4) for message in kit.step(k)]


def killed(path, sent, cut=0):
    """The journal of a recorder that was killed after it wrote ``sent``, less the last ``cut`` bytes of a message."""
    journal = Journal(path, {"task": "fork"})
    for message in sent:
        journal.write(*message)
    os.close(journal._file)
    os.truncate(path, path.stat().st_size - (cut and cut + MESSAGE_INDEX.size))  # the index behind it may be missing


def test_a_killed_recorders_journal_becomes_a_partial_episode(tmp_path, sent, content):
    killed(tmp_path / "episode_000003.journal.mcap", sent)
    assert [p.name for p in leftovers(tmp_path)] == ["episode_000003.journal.mcap"]
    (bag,) = recover(tmp_path)
    facts = read(bag).facts
    assert content(read(bag).raw()) == sent
    assert facts["task"] == "fork" and facts["partial"] is facts["recovered"] is True and facts["reason"]
    assert facts["salvaged"]["messages"] == len(sent)
    assert facts["salvaged"]["bytes"] == sum(len(m.data) for m in sent)
    assert [p.name for p in tmp_path.iterdir()] == ["episode_000003"]
    assert recover(tmp_path, thorough=True) == [] and content(read(bag).raw()) == sent


@pytest.mark.parametrize("cut", [1, 5, 100, 400, 100_000])
def test_a_torn_tail_is_cut_off_told_and_kept_aside(tmp_path, sent, content, cut):
    path = tmp_path / "episode_000001.journal.mcap"
    killed(path, sent)
    os.truncate(path, max(0, path.stat().st_size - MESSAGE_INDEX.size - cut))
    before = path.read_bytes()
    (bag,) = recover(tmp_path)
    saved = content(read(bag).raw())
    assert saved == sent[: len(saved)] and len(saved) < len(sent)
    assert read(bag).facts["salvaged"]["cut_off"]
    assert (tmp_path / "episode_000001.journal.mcap.damaged").read_bytes() == before
    assert recover(tmp_path) == []


def test_a_journal_that_is_still_written_is_left_alone(tmp_path, kit):
    with Journal(tmp_path / "episode_000001.journal.mcap", {}) as journal:
        journal.write(*kit.clocks(1)[0])
        assert leftovers(tmp_path) == recover(tmp_path, thorough=True) == []
        assert journal.path.exists()


STEPS = [
    (finalize_module, "_copy"),
    (finalize_module, "_register"),
    (finalize_module, "_verify"),
    (finalize_module, "sync"),
    (atomic_io, "sync"),
    (recovery, "sync"),
    (metadata, "replace_file"),
    (os, "replace"),
    (os, "rename"),
    (pathlib.Path, "unlink"),
]


def die_at(monkeypatch, moment, stop, after):
    """Call ``stop`` at the given one of the calls of ``STEPS``: before it or, if ``after``, when it is done."""
    left = [moment]

    def watched(function):
        def call(*args, **kwargs):
            left[0] -= 1
            here = left[0] < 0
            if here and not after:
                stop()
            result = function(*args, **kwargs)
            if here:
                stop()
            return result

        return call

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))


def dies(monkeypatch, moment, after, work):
    """Whether a child that does ``work`` was killed at ``moment``; nothing of it is cleaned up or flushed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            die_at(monkeypatch, moment, lambda: os._exit(9), after)
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_step_of_finalising_loses_nothing(tmp_path, sent, journal_of, content, monkeypatch, after):
    moment, killed_here = 0, True
    while killed_here:
        folder = tmp_path / str(moment)
        journal = journal_of(sent, folder=folder)
        killed_here = dies(monkeypatch, moment, after, partial(finalize, journal, folder, {}))
        recover(folder)
        (bag,) = EpisodeStore(folder).closed()
        assert content(read(bag).raw()) == sent
        assert [p.name for p in folder.iterdir()] == ["episode_000001"]
        moment += 1
    assert moment > 8


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_step_of_a_recovery_is_mended_by_the_next(
    tmp_path, sent, journal_of, content, monkeypatch, after
):
    moment, killed_here = 0, True
    while killed_here:
        folder = tmp_path / str(moment)
        bag = finalize(journal_of(sent, folder=folder), folder, {"outcome": "success"})
        truncate(bag, 40)
        damaged = next(bag.glob("*.mcap")).read_bytes()
        killed(folder / "episode_000002.journal.mcap", sent, cut=3)
        killed_here = dies(monkeypatch, moment, after, partial(recover, folder, thorough=True))
        recover(folder, thorough=True)
        one, two = EpisodeStore(folder).closed()
        assert content(read(one).raw()) == sent
        assert read(one).facts["outcome"] == "success" and read(one).facts["partial"] is False
        assert content(read(two).raw()) == sent[:-1]
        assert next((folder / "episode_000001.damaged").glob("*.mcap")).read_bytes() == damaged
        assert (folder / "episode_000002.journal.mcap.damaged").exists()
        assert recover(folder, thorough=True) == [] and len(list(folder.iterdir())) == 4
        moment += 1
    assert moment > 15


def truncate(bag, by):
    path = next(bag.glob("*.mcap"))
    os.truncate(path, path.stat().st_size - by)


def test_a_bag_without_metadata_and_journal_is_made_anew(tmp_path, sent, journal_of, content):
    bag = finalize(journal_of(sent), tmp_path, {"outcome": "success"})
    (bag / METADATA).unlink()
    assert leftovers(tmp_path) == [bag]
    assert recover(tmp_path) == [bag]
    assert content(read(bag).raw()) == sent
    assert read(bag).facts["outcome"] == "success" and read(bag).facts["recovered"]
    assert not read(bag).facts["partial"]  # every message is there


def test_sound_bags_are_not_touched(tmp_path, sent, journal_of):
    bag = finalize(journal_of(sent), tmp_path, {})
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in bag.iterdir()}
    assert recover(tmp_path, thorough=True) == []
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in bag.iterdir()} == before


def test_a_flipped_byte_in_a_bag_is_found_only_by_a_thorough_look(tmp_path, sent, journal_of):
    bag = finalize(journal_of(sent), tmp_path, {})
    path = next(bag.glob("*.mcap"))
    data = bytearray(path.read_bytes())
    data[random.Random(0).randrange(300, 600)] ^= 4
    path.write_bytes(data)
    assert leftovers(tmp_path) == []
    assert leftovers(tmp_path, thorough=True) == [bag]
    assert recover(tmp_path, thorough=True) == [bag]
    assert read(bag).facts["salvaged"]["cut_off"] and read(bag).facts["partial"]
    assert recover(tmp_path, thorough=True) == []


def test_a_full_disk_while_finalising_or_recovering_loses_nothing(tmp_path, sent, journal_of, content, monkeypatch):
    journal = journal_of(sent)
    moment, full = 0, True
    while full:
        full = False
        with monkeypatch.context() as patch:
            die_at(patch, moment, _no_space, after=False)
            try:
                recover(tmp_path) if moment % 2 else finalize(journal, tmp_path, {})
            except StorageError as error:
                full = True
                assert re.search(r"No space left.*MB free", str(error))
                assert "\n" not in str(error)
            except DataError:  # the bag is closed already: only the journal's end is left to do
                full = True
        moment += 1
    recover(tmp_path)
    (bag,) = EpisodeStore(tmp_path).closed()
    assert content(read(bag).raw()) == sent and not journal.exists()


def _no_space():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_missing_folder_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        recover(tmp_path / "nowhere")


@pytest.mark.parametrize("make", [pathlib.Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_only_has_a_journals_name_is_passed_over_and_told(tmp_path, sent, journal_of, make, capsys):
    odd = tmp_path / "episode_000002.journal.mcap"
    make(odd)
    journal_of(sent, number=3)
    journal_of(sent, number=4)
    (tmp_path / "episode_000004").write_text("a file")
    blocked = tmp_path / "episode_000004.journal.mcap"
    assert oddities(tmp_path) == ([odd, blocked] if odd.exists() or odd.is_symlink() else [blocked])
    assert main(["recover", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "episode_000003" in said.out and str(blocked) in said.err.replace("\n", "")
    assert odd in tmp_path.iterdir() and blocked.exists()
    assert recover(tmp_path) == []


def test_a_disk_without_room_for_another_file_is_told_as_such(tmp_path, monkeypatch):
    room = os.statvfs(tmp_path)
    full = SimpleNamespace(f_bavail=room.f_bavail, f_frsize=room.f_frsize, f_files=100, f_favail=0)
    monkeypatch.setattr("il_ros.core.atomic_io.os.statvfs", lambda path: full)
    with (
        pytest.raises(StorageError, match="MB free, but no inode"),
        atomic_io.storage_errors(tmp_path, "nothing is lost"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
