# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From a folder of bags to numbered checkpoints: each is read once, and none that is damaged spoils the rest."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.errors import CheckpointError, DataError
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning import pipeline as workshops
from il_ros.learning.pipeline import TrainingPipeline
from il_ros.learning.training.config import TrainingConfig
from il_ros.recording.bag import metadata
from il_ros.recording.write.recovery import recover

CONTRACT = Contract.load("panda_plane")
SMALL = TrainingConfig(policy="deterministic", width=16, depth=1, steps=5, batch=16, log_every=5)


@pytest.fixture
def workshop(tmp_path: Path) -> TrainingPipeline:
    return TrainingPipeline(tmp_path / "episodes", tmp_path / "checkpoints", CONTRACT)


def damage(bag: Path) -> None:
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_what_was_recorded_is_what_is_ingested(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    _, rollout = record(tmp_path / "episodes", 3)
    (episode,) = workshop.ingest()
    for name in ("observations", "executed", "policy", "expert", "authority", "intervention", "stamps_ns"):
        ours, theirs = getattr(episode, name), getattr(rollout.episode, name)
        assert np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f"), name
    assert (episode.facts["outcome"], episode.facts["seed"]) == ("success", 3)


def test_each_episode_is_read_once(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = workshops.read_episode
    monkeypatch.setattr(workshops, "read_episode", lambda path, c: asked.append(path.name) or read(path, c))
    folder = tmp_path / "episodes"
    for seed in range(2):
        record(folder, seed)
    damage(folder / "episode_000002")
    assert [e.facts["seed"] for e in workshop.ingest()] == [0]
    record(folder, 2)
    assert [e.facts["seed"] for e in workshop.ingest()] == [0, 2]
    assert [e.facts["seed"] for e in workshop.ingest()] == [0, 2]
    assert asked == ["episode_000001", "episode_000002", "episode_000003"]


def test_demonstrations_that_failed_are_trained_on_only_if_asked_for(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    bags = [record(tmp_path / "episodes", seed)[0] for seed in range(3)]
    metadata.amend(bags[1], {"outcome": "failure", "judged": True})
    made = workshop.train(SMALL)
    names = [entry["name"] for entry in checkpoints.load(Path(made["path"])).document["manifest"]]
    assert names == [bags[0].name, bags[2].name]
    assert made["notes"][0] == "1 demonstrations that failed are left out (1 failure); where outcome=* takes them, too"
    assert workshop.train(dataclasses.replace(SMALL, where=("outcome=*",)))["episodes"] == 3
    dated = dataclasses.replace(SMALL, where=("date<1970-01-02", "judged=true", "outcome=failure"))
    assert workshop.train(dated)["episodes"] == 1  # without a graph the clock begins with the episode
    with pytest.raises(DataError, match=r"no episode is left: .*3 of 3 episodes are left out by where: date>2001"):
        workshop.train(dataclasses.replace(SMALL, where=("date>2001",)))


def test_an_episode_that_is_still_being_written_waits_for_its_turn(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    record(tmp_path / "episodes", 0)
    bag, _ = record(tmp_path / "episodes", 1)
    hidden = (bag / "metadata.yaml").rename(tmp_path / "metadata.yaml")
    assert len(workshop.ingest()) == 1
    hidden.rename(bag / "metadata.yaml")
    assert len(workshop.ingest()) == 2 and not workshop.skipped


def test_a_damaged_bag_is_passed_over_and_counted(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    bag, _ = record(tmp_path / "episodes", 0)
    record(tmp_path / "episodes", 1)
    damage(bag)
    made = workshop.train(SMALL)
    assert (made["episodes"], made["skipped"]) == (1, 1)
    assert list(workshop.skipped) == [bag]
    assert "is damaged" in workshop.skipped[bag] and "il-ros recover" in workshop.skipped[bag]


@pytest.mark.parametrize("share", [0.35, 0.999])
def test_a_partial_episode_is_ingested_and_says_that_it_is_one(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path, share: float
) -> None:
    _, rollout = record(tmp_path / "episodes", 0, share)
    record(tmp_path / "episodes", 1)
    partial, whole = workshop.ingest()
    assert partial.facts["partial"] is True and whole.facts["partial"] is False
    assert 0.5 * share * len(rollout.episode) < len(partial) <= len(rollout.episode)
    assert np.array_equal(partial.observations, rollout.episode.observations[: len(partial)])
    assert workshop.train(SMALL)["labels"] == len(partial) + len(whole)


def test_an_episode_of_which_nothing_could_be_saved_spoils_nothing(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    record(tmp_path / "episodes", 0, 0.001)
    with pytest.raises(DataError, match="0 of 0 steps in 1 episodes are labels; record the expert driving"):
        workshop.train(SMALL)
    _, rollout = record(tmp_path / "episodes", 1)
    assert workshop.train(SMALL)["labels"] == len(rollout.episode)


def test_a_bag_that_lost_only_its_index_is_whole_again_once_recovered(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    bag, rollout = record(tmp_path / "episodes", 0)
    damage(bag)
    recover(tmp_path / "episodes", thorough=True)
    (episode,) = workshop.ingest()
    assert episode.facts["partial"] is False and episode.facts["recovered"] is True
    assert np.array_equal(episode.observations, rollout.episode.observations)


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_with_nothing_in_it_says_what_to_do(workshop: TrainingPipeline, tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "episodes").mkdir()
    with pytest.raises(DataError, match="episodes holds no closed episode to train on; record some first"):
        workshop.train(SMALL)
    assert not (tmp_path / "checkpoints").exists()


def test_a_folder_with_nothing_sound_tells_the_first_reason(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    for seed in range(2):
        damage(record(tmp_path / "episodes", seed)[0])
    with pytest.raises(DataError, match="2 could not be read, the first: .*episode_000001.*il-ros recover"):
        workshop.ingest()


def test_the_manifest_names_every_episode_by_the_digest_of_its_bytes(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    bags = [record(tmp_path / "episodes", seed)[0] for seed in range(2)]
    made = workshop.train(SMALL)
    loaded = checkpoints.load(Path(made["path"]))
    assert (loaded.hash, made["policy"], made["episodes"]) == (made["hash"], "deterministic", 2)
    digests = [metadata.read(bag).facts["digest"] for bag in bags]
    assert loaded.document["manifest"] == [{"name": b.name, "digest": d} for b, d in zip(bags, digests)]
    assert len(set(digests)) == 2
    record(tmp_path / "again", 0)  # the arm's clock has gone on, so these are other bytes
    assert metadata.read(tmp_path / "again" / "episode_000001").facts["digest"] not in digests


def test_equal_data_and_seeds_give_equal_weights(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    record(tmp_path / "episodes", 0)
    made = [
        Path(w.train(SMALL)["path"])
        for w in (workshop, TrainingPipeline(tmp_path / "episodes", tmp_path / "b", CONTRACT))
    ]
    one, other = (json.loads((path / "checkpoint.json").read_text())["weights_sha256"] for path in made)
    assert one == other


def test_old_and_new_labels_are_mixed_as_one_likes(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    train = workshops.train
    monkeypatch.setattr(workshops, "train", lambda data, *rest: seen.append(data) or train(data, *rest))
    half = dataclasses.replace(SMALL, new_data_weight=0.5)
    for seeds in ((0, 1), (2,)):
        for seed in seeds:
            record(tmp_path / "episodes", seed)
        made = workshop.train(half)
    first, second = seen
    assert (first.weight == 1.0).all()  # all is new
    new = second.episode == 2
    assert made["new_labels"] == new.sum() < made["labels"] == len(second)
    assert second.weight[new].sum() == pytest.approx(second.weight[~new].sum())
    assert second.weight.mean() == pytest.approx(1.0)


def test_checkpoints_are_numbered_and_none_is_overwritten(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    record(tmp_path / "episodes", 0)
    names = [Path(workshop.train(SMALL)["path"]).name for _ in range(2)]
    assert names == ["checkpoint_001_deterministic", "checkpoint_002_deterministic"]


def test_a_training_is_not_lost_because_an_older_checkpoint_was_removed(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    record(tmp_path / "episodes", 0)
    first, _ = (Path(workshop.train(SMALL)["path"]) for _ in range(2))
    first.rename(tmp_path / "elsewhere")
    assert Path(workshop.train(SMALL)["path"]).name == "checkpoint_003_deterministic"


def test_a_bag_that_another_recorder_wrote_can_be_trained_on(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    """``ros2 bag record`` writes the same topics, and no facts."""
    bag, _ = record(tmp_path / "episodes", 0)
    path = bag / "metadata.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.lstrip().startswith("digest:")), encoding="utf-8")
    assert workshop.train(SMALL)["episodes"] == 1


def test_a_training_can_be_stopped_and_what_is_there_is_kept(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    record(tmp_path / "episodes", 0)
    made = workshop.train(SMALL, should_stop=lambda: True)
    assert checkpoints.load(Path(made["path"])).document["stopped"] is True


def test_a_checkpoint_holds_the_seeds_that_it_was_taught_also_by_the_one_before(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    bags = [record(tmp_path / "episodes", seed)[0] for seed in (3, 4, 9)]
    first = checkpoints.load(Path(workshop.train(SMALL)["path"]))
    assert first.taught == {"fork": [[3, 4], [9, 9]]}
    for bag in bags:
        shutil.rmtree(bag)
    record(tmp_path / "episodes", 5)
    after = workshop.train(dataclasses.replace(SMALL, warm_start=True))
    assert checkpoints.load(Path(after["path"])).taught == {"fork": [[3, 5], [9, 9]]}
    assert checkpoints.load(Path(workshop.train(SMALL)["path"])).taught == {"fork": [[5, 5]]}


def test_a_wild_label_is_told_in_the_announcement_and_in_the_checkpoint(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (0, 1):
        record(tmp_path / "episodes", seed)
    read = workshops.read_episode

    def spoilt(path: Path, contract: Contract) -> Any:
        episode = read(path, contract)
        if path.name == "episode_000002":
            episode.executed[7, 1] = episode.expert[7, 1] = 40.0
        return episode

    monkeypatch.setattr(workshops, "read_episode", spoilt)
    made = workshop.train(SMALL)
    notes = [note for note in made["notes"] if note.startswith("action tool_vy is 40 in episode_000002 at step 7;")]
    assert len(notes) == 1
    assert checkpoints.load(Path(made["path"])).document["notes"] == made["notes"]


def test_to_go_on_from_a_checkpoint_for_another_contract_is_refused_with_what_differs(
    workshop: TrainingPipeline, record: Callable[..., Any], tmp_path: Path
) -> None:
    record(tmp_path / "episodes", 0)
    workshop.train(SMALL)
    plain = CONTRACT.to_dict()
    plain["action"]["tool_vx"]["unit"] = "mm/s"
    other = TrainingPipeline(tmp_path / "episodes", tmp_path / "checkpoints", Contract.from_dict("panda_plane", plain))
    with pytest.raises(CheckpointError, match="action tool_vx: unit 'mm/s' here, 'm/s' in the checkpoint"):
        other.train(dataclasses.replace(SMALL, warm_start=True))
