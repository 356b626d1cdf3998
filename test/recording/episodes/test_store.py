# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import argparse
import json
import os

import pytest

from il_ros.cli import info
from il_ros.cli import recover as recover_command
from il_ros.core.errors import DataError
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.recording.write.finalize import finalize
from il_ros.recording.write.journal import Journal


@pytest.fixture
def add(kit, journal_of, tmp_path):
    def add(number, **facts):
        who = facts.pop("who", "policy")
        sent = [m for k in range(4) for m in kit.step(k, who=who, intervention=int(who == "expert"))]
        return finalize(journal_of(sent, number), tmp_path, facts)

    return add


def call(command, capsys, *arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([str(a) for a in arguments])) == 0
    return capsys.readouterr().out


def test_numbers_are_never_used_twice(tmp_path, add):
    episodes = EpisodeStore(tmp_path)
    assert (episodes.next_number(), episodes.closed()) == (1, [])
    add(1), add(2)
    episodes.discard(add(3))
    assert episodes.next_number() == 4
    with Journal(episodes.journal_path(4), {}):
        assert episodes.next_number() == 5
    (tmp_path / "episode_000007.damaged").mkdir()
    assert episodes.next_number() == 8
    assert episodes.closed() == [episodes.bag_path(1), episodes.bag_path(2)]
    assert [p.name for p in (tmp_path / "discarded").iterdir()] == ["episode_000003"]


def test_only_finished_episodes_count(tmp_path, add):
    bags = [add(number) for number in (1, 2, 3)]
    (bags[0] / METADATA).unlink()
    next(bags[1].glob("*.mcap")).unlink()
    assert EpisodeStore(tmp_path).closed() == [bags[2]]
    assert EpisodeStore(tmp_path / "nowhere").closed() == []


def test_what_is_not_there_cannot_be_discarded(tmp_path):
    with pytest.raises(DataError, match="episode_000001 does not exist"):
        EpisodeStore(tmp_path).discard(tmp_path / "episode_000001")


def test_info_tells_of_an_episode(add, capsys):
    gaps = {"/objects": {"missing": [[3, 4]], "lost": 2, "duplicates": 0}}
    bag = add(1, outcome="success", who="expert", gaps=gaps)
    told = json.loads(call(info, capsys, bag, "--json"))
    assert told["steps"] == {"expert": 4} and told["interventions"] == 1 and told["messages"] == 12
    assert told["facts"]["outcome"] == "success"
    text = call(info, capsys, bag)
    assert "4 expert" in text and "/objects" in text and "3-4" in text


def test_info_counts_a_folder_by_expert_and_outcome(tmp_path, add, capsys):
    add(1, expert="left", outcome="success"), add(2, expert="left", outcome="success"), add(3, expert="right")
    told = json.loads(call(info, capsys, tmp_path, "--json"))
    rows = [(r["task"], r["expert"], r["outcome"], r["episodes"], r["steps"]) for r in told["rows"]]
    assert rows == [("fork", "left", "success", 2, 8), ("fork", "right", "-", 1, 4)]
    assert "left" in call(info, capsys, tmp_path)


def test_info_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(DataError, match="holds no episode"):
        info.summarise(tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        info.summarise(tmp_path / "nowhere")


def test_recover_tells_what_it_saved(tmp_path, kit, capsys):
    assert "nothing to recover" in call(recover_command, capsys, tmp_path)
    for number in (1, 2):
        journal = Journal(EpisodeStore(tmp_path).journal_path(number), {"task": "fork"})
        journal.write(*kit.clocks(1)[0])
        os.close(journal._file)  # as a kill does
        if number == 1:
            assert "episode_000001" in call(info, capsys, tmp_path)
            assert "episode_000001" in call(recover_command, capsys, tmp_path)
    (row,) = json.loads(call(recover_command, capsys, tmp_path, "--json"))["recovered"]
    assert row["episode"] == "episode_000002" and row["messages"] == 1 and row["cut_off"]
