# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""LeRobot data sets as other programs write them, each made here in a few lines of pyarrow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority
from il_ros.core.errors import ConfigError, DataError
from il_ros.learning.data.dataset import Dataset
from il_ros.recording import export
from il_ros.recording.export import lerobot
from il_ros.recording.lerobot.drivers import runs
from il_ros.recording.lerobot.names import Place, names_of, places
from il_ros.recording.lerobot.reader import read_dataset
from il_ros.recording.lerobot.summary import dataset_summary

pyarrow = pytest.importorskip("pyarrow", reason="pip install -r requirements-export.txt brings pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
FPS = 10
LENGTHS = (7, 5)
FRAMES = sum(LENGTHS)


def numbers(width: int) -> np.ndarray:
    """(F, width), each number with a value of its own that float32 and float16 hold exactly."""
    return np.arange(FRAMES)[:, None] + 64.0 * np.arange(width)


def naming(observation: Sequence[str], action: Sequence[str]) -> Contract:
    """One that names these components and nothing else of note."""
    plain = {
        "rate_hz": float(FPS),
        "topics": {"unused": "std_msgs/msg/Float64"},
        "observation": {name: {"topic": "unused", "field": "data"} for name in observation},
        "action": {name: {"low": -1e9, "high": 1e9, "max_step": 1e9} for name in action},
        "command": {"type": "std_msgs/msg/Float64MultiArray"},
    }
    return Contract.from_dict("made", plain)


@pytest.fixture
def dataset(tmp_path):
    """``dataset({column: (feature, array or numpy matrix)}, name, info, **columns)``: the folder of a data set."""

    def write(features: Mapping[str, tuple[dict[str, Any], Any]], name="set", info=None, **columns: Any) -> Path:
        folder = tmp_path / name
        own = {
            "timestamp": pyarrow.array(np.concatenate([np.arange(n) / FPS for n in LENGTHS]), pyarrow.float32()),
            "frame_index": np.concatenate([np.arange(n) for n in LENGTHS]),
            "episode_index": np.repeat(np.arange(len(LENGTHS)), LENGTHS),
            "index": np.arange(FRAMES),
            "task_index": np.zeros(FRAMES, np.int64),
            **columns,
        }
        own = {column: values for column, values in own.items() if values is not None}
        told = {
            column: values.tolist() if isinstance(values, np.ndarray) else values
            for column, (_, values) in features.items()
        }
        for path in (lerobot.INFO, lerobot.EPISODES, lerobot.DATA):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.table({**told, **own}), folder / lerobot.DATA)
        ends = np.cumsum(LENGTHS)
        rows = {"episode_index": range(len(LENGTHS)), "tasks": [["pick"]] * len(LENGTHS), "length": LENGTHS}
        rows |= {"dataset_from_index": ends - LENGTHS, "dataset_to_index": ends}
        parquet.write_table(pyarrow.table({k: list(v) for k, v in rows.items()}), folder / lerobot.EPISODES)
        scalars = {column: {"dtype": "int64", "shape": [1], "names": None} for column in own}
        document = {
            "codebase_version": "v3.0",
            "fps": FPS,
            "total_frames": FRAMES,
            "total_episodes": len(LENGTHS),
            "features": {**{column: feature for column, (feature, _) in features.items()}, **scalars},
            **(info or {}),
        }
        (folder / lerobot.INFO).write_text(json.dumps(document))
        return folder

    return write


def feature(names: Any, *shape: int, dtype: str = "float32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "names": names}


def state_and_action(names: Any = ("u",), values: Any = None) -> dict[str, tuple[dict[str, Any], Any]]:
    """Two numbers a and b in the state, and an action of as many as there are names."""
    values = numbers(len(names)) if values is None else values
    return {
        "observation.state": (feature(["a", "b"], 2), numbers(2)),
        "action": (feature(list(names), len(names)), values),
    }


NAMED = {
    "list": (["x", "y", "z"], ["x", "y", "z"]),
    "list_in_a_list": ([["x", "y", "z"]], ["x", "y", "z"]),
    "mapping_of_a_list": ({"motors": ["x", "y", "z"]}, ["x", "y", "z"]),
    "list_of_a_mapping": ([{"motors": ["x", "y", "z"]}], ["x", "y", "z"]),
    "mapping_of_lists": ({"motors": ["x", "y"], "hand": ["z"]}, ["x", "y", "z"]),
    "mapping_to_places": ({"z": 2, "x": 0, "y": 1}, ["x", "y", "z"]),
    "mapping_of_a_mapping_to_places": ({"motors": {"z": 2, "x": 0, "y": 1}}, ["x", "y", "z"]),
    "some_places": ({"z": 2}, [None, None, "z"]),
    "whole_numbers": ([0, 1, 2], ["0", "1", "2"]),
    "one_without": (["x", None, "z"], ["x", None, "z"]),
    "none": (None, [None] * 3),
    "empty": ([], [None] * 3),
    "too_few": (["x", "y"], [None] * 3),
    "one_for_all": ("state", [None] * 3),
    "too_many": (["x", "y", "z", "w"], [None] * 3),
    "places_beyond": ({"x": 0, "y": 1, "z": 3}, [None] * 3),
    "places_twice": ({"x": 0, "y": 1, "z": 1}, [None] * 3),
    "no_place_but_a_word": ({"x": "first"}, [None] * 3),
    "a_number": (3, [None] * 3),
}


@pytest.mark.parametrize("form", NAMED)
def test_names_of_any_form_lead_to_their_places_and_those_that_do_not_fit_name_nothing(form):
    told, expected = NAMED[form]
    made = names_of(feature(told, 3))
    assert list(made.by_place) == expected
    assert bool(made.why) == (not any(expected) and told not in (None, []))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([["a", "b", "c"], ["d", "e", "f"]], list("abcdef")),
        (list("abcdef"), list("abcdef")),
        ([["a", "b"], ["c", "d"], ["e", "f"]], [None] * 6),  # of the transposed
        (["row", "column"], [None] * 6),
        (["a"], [None] * 6),
    ],
)
def test_a_feature_of_two_axes_is_named_in_c_order_or_by_place(names, expected, dataset):
    assert list(names_of(feature(names, 2, 3)).by_place) == expected
    grid = numbers(6).reshape(FRAMES, 2, 3)
    folder = dataset(
        {"observation.grid": (feature(names, 2, 3), grid), "action": (feature(["u"], 1), numbers(1)[:, 0])}
    )
    wanted = [name or f"observation.grid[{place}]" for place, name in enumerate(expected)]
    read = list(read_dataset(folder, naming(wanted, ["u"])).values())
    np.testing.assert_array_equal(np.concatenate([e.observations for e in read]), numbers(6))


@pytest.mark.parametrize("seed", range(20))
def test_every_number_can_be_named_by_its_place_and_a_name_means_the_place_that_bears_it(seed):
    rng = np.random.default_rng(seed)
    features = {}
    for column in rng.permutation(["observation.state", "observation.more", "action", "state"]):
        names = [str(name) for name in rng.choice(list("abcdefgh"), rng.integers(1, 5))]
        features[str(column)] = feature(names, len(names))
    every = [(column, place) for column, each in features.items() for place in range(each["shape"][0])]
    for kind in ("observation", "action"):
        assert places(features, kind, [f"{column}[{place}]" for column, place in every]) == every
        of_kind = [c for c in features if c.split(".")[0] == kind or (kind == "observation" and c == "state")]
        for name in "abcdefgh":
            bear = [(c, i) for c in of_kind for i, own in enumerate(features[c]["names"]) if own == name]
            assert chosen(features, kind, name) == (bear[0] if len(bear) == 1 else len(bear))


def chosen(features: Mapping[str, Any], kind: str, name: str) -> Place | int:
    """The place of a name, or of how many numbers it is the name as the error says."""
    try:
        return places(features, kind, [name])[0]
    except ConfigError as error:
        assert "choose from" in str(error)
        return 0 if "is not known" in str(error) else int(str(error).split("is the name of ")[1].split()[0])


COLUMNS = {
    "fixed": lambda n: pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(n.ravel(), pyarrow.float32()), n.shape[1]),
    "list": lambda n: pyarrow.array(n.tolist(), pyarrow.list_(pyarrow.float32())),
    "large_list": lambda n: pyarrow.array(n.tolist(), pyarrow.large_list(pyarrow.float64())),
    "float16": lambda n: pyarrow.array(n.tolist(), pyarrow.list_(pyarrow.float16(), n.shape[1])),
    "float64": lambda n: pyarrow.array(n.tolist(), pyarrow.list_(pyarrow.float64(), n.shape[1])),
    "int32": lambda n: pyarrow.array(n.astype(int).tolist(), pyarrow.list_(pyarrow.int32())),
    "nested": lambda n: pyarrow.array(n[:, None].tolist(), pyarrow.list_(pyarrow.large_list(pyarrow.float32()))),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_numbers_are_read_whatever_list_they_are_written_in(kind, dataset):
    folder = dataset(state_and_action("uvw", COLUMNS[kind](numbers(3))))
    read = list(read_dataset(folder, naming(["a", "b"], ["w", "u", "v"])).values())
    np.testing.assert_array_equal(np.concatenate([e.executed for e in read]), numbers(3)[:, [2, 0, 1]])
    assert [len(e) for e in read] == list(LENGTHS) and dataset_summary(folder)["notes"] == []


def test_scalars_flags_and_whole_numbers_are_components_and_text_is_not(dataset):
    flags = np.arange(FRAMES) % 2 == 0
    folder = dataset(
        {
            **state_and_action(),
            "observation.contact": (feature(None, 1, dtype="bool"), flags),
            "observation.count": (feature(["count"], 1, dtype="int64"), np.arange(FRAMES)),
            "observation.sides": (feature(["l", "r"], 2, dtype="bool"), np.column_stack([flags, ~flags])),
            "observation.words": (feature(None, 1, dtype="string"), ["reach"] * FRAMES),
        }
    )
    wanted = ["observation.contact", "count", "observation.count[0]", "r", "a"]
    read = list(read_dataset(folder, naming(wanted, ["action"])).values())
    observed = np.column_stack([flags, np.arange(FRAMES), np.arange(FRAMES), ~flags, numbers(1)[:, 0]])
    np.testing.assert_array_equal(np.concatenate([e.observations for e in read]), observed)
    with pytest.raises(DataError, match="'observation.words' is a column of string; choose one of numbers"):
        read_dataset(folder, naming(["observation.words"], ["u"]))
    with pytest.raises(DataError, match=r"'action\[1\]' is not there: action has 1 numbers, counted from 0"):
        read_dataset(folder, naming(["a"], ["action[1]"]))


def test_a_name_that_is_not_of_one_number_is_refused_with_the_choices(dataset):
    folder = dataset(
        {
            "observation.state": (feature(["state"], 8), numbers(8)),
            "observation.arm": (feature(["x", "g", "g"], 3), numbers(3)),
            "observation.base": (feature(["x"], 1), numbers(1)[:, 0]),
            "action": (feature(None, 2), numbers(2)),
        }
    )
    eight = ", ".join(rf"observation.state\[{i}\]" for i in range(8))
    for name, why in {
        "state": rf"does not name a single number \(observation.state: 1 name for 8 numbers\); choose from {eight};",
        "observation.state": rf"1 name for 8 numbers\); choose from {eight};",
        "g": r"is the name of 2 numbers; choose from observation.arm\[1\], observation.arm\[2\];",
        "x": r"is the name of 2 numbers; choose from observation.arm\[0\], observation.base\[0\];",
    }.items():
        with pytest.raises(DataError, match=why):
            read_dataset(folder, naming([name], ["action[0]"]))
    with pytest.raises(
        DataError, match=r"'action' does not name a single number \(action: has no names\); choose from"
    ):
        read_dataset(folder, naming(["observation.state[0]"], ["action"]))
    told = dataset_summary(folder)
    assert told["components"]["observation.arm"] == ["x", "observation.arm[1]", "observation.arm[2]"]
    assert told["components"]["action"] == ["action[0]", "action[1]"]
    assert told["notes"] == [
        "the names of observation.state are not used (1 name for 8 numbers); name its numbers by place, as in "
        "observation.state[0]"
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_number_that_is_none_is_told_with_episode_frame_and_component(value, dataset):
    actions = numbers(2)
    actions[LENGTHS[0] + 3, 1] = value
    folder = dataset(state_and_action("uv", actions))
    where = r"1 number is not finite in float32: episode 1, frame 3: v \(action\[1\]\) is (nan|inf);"
    with pytest.raises(DataError, match=where + r".*\.episode_indices \"\[1\]\""):
        read_dataset(folder, naming(["a"], ["u", "v"]))
    (note,) = dataset_summary(folder)["notes"]
    assert "episode 1, frame 3: v (action[1])" in note
    assert len(read_dataset(folder, naming(["a"], ["u"]))) == 2  # what is not asked for is not looked at


def test_a_missing_value_in_a_column_of_lists_is_refused(dataset):
    values = numbers(2).tolist()
    folder = dataset(state_and_action("uv", [*values[:3], None, *values[4:]]))
    with pytest.raises(DataError, match="action has frames without a number"):
        read_dataset(folder, naming(["a"], ["u"]))
    folder = dataset(state_and_action("uv", [*values[:3], [1.0], *values[4:]]), "ragged")
    with pytest.raises(DataError, match="action has from 1 to 2 numbers in a row"):
        read_dataset(folder, naming(["a"], ["u"]))
    folder = dataset(state_and_action("uv", numbers(3)), "wide")
    with pytest.raises(DataError, match=r"action has 3 numbers in a frame, meta/info.json has the shape \[2\]"):
        read_dataset(folder, naming(["a"], ["u"]))


def test_frames_that_do_not_belong_together_are_refused_or_told(dataset):
    frame = np.concatenate([np.arange(n) for n in LENGTHS])
    twice, moved, late = frame.copy(), np.repeat([0, 1], [6, 6]), frame / FPS
    twice[9], late[4] = twice[8], 0.47
    made = naming(["a"], ["u"])
    with pytest.raises(DataError, match="frame 1 of episode 1 is there twice; download it again or delete the episode"):
        read_dataset(dataset(state_and_action(), "twice", frame_index=twice), made)
    with pytest.raises(DataError, match="episode 0 has 6 frames, meta/episodes says 7; get the rest"):
        moved_frames = np.concatenate([np.arange(6), np.arange(6)])
        read_dataset(dataset(state_and_action(), "moved", episode_index=moved, frame_index=moved_frames), made)
    for name, columns, why in (
        ("late", {"timestamp": late}, r"1 frames are not at frame_index / 10 s .* \(0.47 s, not 0.4\), .* 0.07 s"),
        ("timeless", {"timestamp": None}, "no column 'timestamp'"),
        ("swapped", {"index": np.arange(FRAMES)[::-1].copy()}, "the index of episodes 0, 1 is not from dataset_from"),
        ("jump", {"frame_index": frame + 2 * (frame > 3)}, "frame_index of episodes 0, 1 does not count 0, 1, 2"),
    ):
        notes: list[str] = []
        folder = dataset(state_and_action(), name, **columns)
        read = read_dataset(folder, made, notes)
        assert [len(e) for e in read.values()] == list(LENGTHS)
        assert any(re.search(why, note) for note in notes), notes
        assert {note.partition(": ")[2] for note in notes} == set(dataset_summary(folder)["notes"])


def test_numbers_that_are_not_those_of_the_statistics_are_told(make_episode, even, contract, tmp_path):
    folder = tmp_path / "exported"
    episodes = {"first": make_episode(even(20)), "second": make_episode(even(30), 1)}
    export.load("lerobot").write(episodes, contract, folder)
    notes: list[str] = []
    read_dataset(folder, contract, notes)
    assert notes == []
    table = parquet.read_table(folder / lerobot.DATA)
    state = np.array(table["observation.state"].to_pylist(), np.float32)
    state[25, 2] += 9.0
    at = table.column_names.index("observation.state")
    parquet.write_table(table.set_column(at, "observation.state", [state.tolist()]), folder / lerobot.DATA)
    read_dataset(folder, contract, notes)
    assert len(notes) == 1 and "observation.state of episode 1 has other numbers than its statistics" in notes[0]


def marked(kind: str, values: Any) -> dict[str, tuple[dict[str, Any], Any]]:
    return {
        **state_and_action(),
        kind: (feature(None, 1, dtype=values.dtype.name if values.dtype.kind != "U" else "string"), values),
    }


def test_what_the_policy_drove_in_lerobots_dagger_recordings_is_not_the_experts(dataset):
    person = np.array([0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1], bool)
    folder = dataset(marked("intervention", person))
    first, second = read_dataset(folder, naming(["a"], ["u"])).values()
    authority = np.where(person, Authority.EXPERT, Authority.POLICY)
    assert np.concatenate([first.authority, second.authority]).tolist() == authority.tolist()
    assert first.intervention.tolist() == [0, 1, 1, 0, 0, 2, 0] and second.intervention.tolist() == [1, 0, 0, 2, 2]
    data = Dataset.from_episodes([first, second], history=1, horizon=1)
    assert len(data) == person.sum()
    told = dataset_summary(folder)
    assert told["steps"] == {"expert": 6, "policy": 6} and told["interventions"] == 4


@pytest.mark.parametrize("seed", range(10))
def test_runs_are_counted_from_one_in_each_episode(seed):
    rng = np.random.default_rng(seed)
    mask, episode = rng.random(50) < 0.5, np.sort(rng.integers(0, 6, 50))
    expected, count = [], 0
    for i in range(50):
        is_new = i == 0 or episode[i] != episode[i - 1]
        count = 0 if is_new else count
        count += bool(mask[i] and (is_new or not mask[i - 1]))
        expected.append(count if mask[i] else 0)
    assert runs(mask, episode).tolist() == expected


def test_a_column_that_says_in_other_words_who_drove_is_not_guessed_at(dataset):
    made = naming(["a"], ["u"])
    words = np.array(["auto"] * 5 + ["human"] * 4 + ["pause"] * 3)
    folder = dataset(marked("source", words))
    with pytest.raises(DataError, match="column 'source' holds 'auto', 'human', 'pause', so it is not known who drove"):
        read_dataset(folder, made)
    told = dataset_summary(folder)
    assert told["steps"] == {"unknown": FRAMES} and "'auto', 'human', 'pause'" in told["notes"][0]
    means = {"auto": "policy", "human": "expert", "pause": "hold"}
    (folder / lerobot.ABOUT).write_text(json.dumps({"drove": {"source": means}}))
    first, second = read_dataset(folder, made).values()
    assert [*first.authority, *second.authority] == [1] * 5 + [2] * 4 + [0] * 3
    assert first.intervention.tolist() == [0] * 5 + [1] * 2 and not second.intervention.any()  # no policy drove in it
    (folder / lerobot.ABOUT).write_text(json.dumps({"drove": {"source": {"auto": "policy"}}}))
    with pytest.raises(DataError, match="so it is not known who drove"):
        read_dataset(folder, made)
    (folder / lerobot.ABOUT).write_text(json.dumps({"drove": {"source": {"auto": "robot"}}}))
    with pytest.raises(DataError, match="il_ros.json cannot be understood .*; it may say"):
        read_dataset(folder, made)
    for name, values in (("whole", np.arange(FRAMES) % 2), ("fraction", np.arange(FRAMES) % 2 / 2)):
        with pytest.raises(DataError, match="column 'intervention' holds '0', '(1|0.5)', so it is not known who drove"):
            read_dataset(dataset(marked("intervention", values), name), made)


def test_an_unread_mark_of_who_drove_is_told(dataset):
    folder = dataset(marked("complementary_info.is_intervention", np.zeros(FRAMES, bool)))
    notes: list[str] = []
    read_dataset(folder, naming(["a"], ["u"]), notes)
    assert len(notes) == 1 and "every frame counts as the expert's; if 'complementary_info.is_interv" in notes[0]
    both = {**marked("intervention", np.ones(FRAMES, bool)), **marked("source", np.array(["sim"] * FRAMES))}
    told = dataset_summary(dataset(both, "both"))
    assert told["steps"] == {"expert": FRAMES} and told["notes"] == [
        "column 'source' is not read: 'intervention' says who drove"
    ]


def edited(folder: Path, **columns: Any) -> None:
    """Write columns of the table of episodes anew; None takes one away."""
    table = parquet.read_table(folder / lerobot.EPISODES)
    kept = {name: table[name] for name in table.column_names if columns.get(name, table) is not None}
    parquet.write_table(
        pyarrow.table({**kept, **{k: v for k, v in columns.items() if v is not None}}), folder / lerobot.EPISODES
    )


def test_an_export_into_which_lerobot_recorded_on_keeps_what_it_knows_and_takes_what_came(
    make_episode, even, contract, tmp_path
):
    """Its own files have none of our columns, and a merge leaves them empty."""
    episodes = {"first": make_episode(even(20)), "second": make_episode(even(30), 1)}
    export.load("lerobot").write(episodes, contract, tmp_path / "set")
    table = parquet.read_table(tmp_path / "set" / lerobot.EPISODES)
    kept = [name for name in table.column_names if name not in (lerobot.RECORDED, lerobot.FACTS, lerobot.FIRST_STAMP)]
    apart = (tmp_path / "set" / lerobot.EPISODES).with_name("file-001.parquet")
    parquet.write_table(table.slice(1).select(kept), apart)
    parquet.write_table(table.slice(0, 1), tmp_path / "set" / lerobot.EPISODES)
    for _ in range(2):
        back = read_dataset(tmp_path / "set", contract)
        assert list(back) == ["first", "episode_000001"] and [len(e) for e in back.values()] == [20, 30]
        assert back["first"].facts["seed"] == 0 and back["episode_000001"].facts["task"] == "fork"
        for own, read in zip(episodes.values(), back.values()):
            assert read.authority.tolist() == own.authority.tolist()
            np.testing.assert_array_equal(read.policy, own.policy)
        apart.unlink(missing_ok=True)
        first = table[lerobot.FIRST_STAMP].to_pylist()[0]
        parquet.write_table(table, tmp_path / "set" / lerobot.EPISODES)
        nothing = {lerobot.RECORDED: ["first", None], lerobot.FACTS: table[lerobot.FACTS].to_pylist()[:1] + [None]}
        edited(tmp_path / "set", **nothing, **{lerobot.FIRST_STAMP: [float(first), float("nan")]})


def test_the_same_recording_twice_in_a_merged_set_is_two_episodes(make_episode, offsets, contract, tmp_path):
    recorded = make_episode(offsets(30, 3, gaps=1))
    export.load("lerobot").write({"only": recorded}, contract, tmp_path / "set")
    folder, info = tmp_path / "set", json.loads((tmp_path / "set" / lerobot.INFO).read_text())
    rows, table = parquet.read_table(folder / lerobot.EPISODES), parquet.read_table(folder / lerobot.DATA)
    count, frames = info["total_episodes"], info["total_frames"]
    more = {"episode_index": count, "index": frames, "dataset_from_index": frames, "dataset_to_index": frames}
    for path, each in ((lerobot.EPISODES, rows), (lerobot.DATA, table)):
        second = each
        for name in set(more) & set(each.column_names):
            moved = pyarrow.array(each[name].to_numpy() + more[name])
            second = second.set_column(second.column_names.index(name), name, moved)
        parquet.write_table(second, (folder / path).with_name("file-001.parquet"))
    (folder / lerobot.INFO).write_text(json.dumps({**info, "total_episodes": 2 * count, "total_frames": 2 * frames}))
    notes: list[str] = []
    back = read_dataset(folder, contract, notes)
    assert list(back) == ["only", "only#2"] and notes == [] and count == 2
    for name in ("stamps_ns", "observations", "authority"):
        np.testing.assert_array_equal(getattr(back["only"], name), getattr(back["only#2"], name))


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("v2.1", "convert it: python -m lerobot.scripts.convert_dataset_v21_to_v30 --repo-id=OWNER/NAME --root="),
        ("v2.0", "LeRobot's converters lead from v2.0 to v2.1"),
        ("v1.6", "LeRobot's converters lead from v2.0 to v2.1"),
        ("v4.0", "get it in v3.0"),
    ],
)
def test_another_format_is_refused_with_the_way_to_this_one(version, remedy, dataset):
    folder = dataset(state_and_action(), info={"codebase_version": version})
    with pytest.raises(DataError, match=f"has LeRobot's format {version}; only v3.0 is read; {remedy}"):
        dataset_summary(folder)
    folder.with_name("set_old").mkdir()
    if version == "v2.1":  # the converter would put the old folder in the place of the new one
        with pytest.raises(DataError, match="move .*set_old away, then convert it"):
            dataset_summary(folder)


def test_a_later_version_of_the_format_is_read_and_told(dataset):
    folder = dataset(state_and_action(), info={"codebase_version": "v3.1"})
    assert dataset_summary(folder)["notes"] == ["its format is v3.1; it was read as v3.0"]


def test_an_export_has_the_objects_as_lerobot_asks_for_them(make_episode, even, contract, tmp_path):
    """ACT, Diffusion and TD-MPC want a picture or ``observation.environment_state``."""
    export.load("lerobot").write({"only": make_episode(even(5))}, contract, tmp_path / "set")
    table = parquet.read_table(tmp_path / "set" / lerobot.DATA)
    state = np.array(table[lerobot.STATE].to_pylist())
    np.testing.assert_array_equal(np.array(table[lerobot.ENVIRONMENT].to_pylist()), state[:, 2:])
    told = json.loads((tmp_path / "set" / lerobot.INFO).read_text())["features"][lerobot.ENVIRONMENT]
    assert told == {"dtype": "float32", "shape": [2], "names": None}
    assert lerobot.environment(naming(["a", "b", "c"], ["u"])) == [0, 1, 2]  # none tells of objects
    assert lerobot.environment(naming(["a"], ["u"])) == []


def test_actions_outside_the_limits_are_told_with_their_share(dataset):
    folder = dataset(state_and_action("uv"))
    plain = naming(["a"], ["u", "v"]).to_dict()
    plain["action"]["u"].update(low=-1.0, high=8.0)
    notes: list[str] = []
    read_dataset(folder, Contract.from_dict("narrow", plain), notes)
    assert len(notes) == 1 and "action 'u' is outside -1 to 8 in 25.0% of the frames, from 0 to 11; compare" in notes[0]


def test_a_set_of_several_chunks_is_read_in_the_order_of_its_frames_and_a_stray_file_is_told(dataset):
    folder = dataset(marked("intervention", np.ones(FRAMES, bool)))
    path = folder / lerobot.DATA
    table = parquet.read_table(path)
    lists = pyarrow.array([[mark] for mark in table["intervention"].to_pylist()], pyarrow.list_(pyarrow.bool_(), 1))
    table = table.set_column(table.column_names.index("intervention"), "intervention", lists)
    for chunk, (start, count) in {"chunk-000": (9, 3), "chunk-001": (2, 7), "chunk-1000": (0, 2)}.items():
        (folder / "data" / chunk).mkdir(exist_ok=True)
        parquet.write_table(table.slice(start, count), folder / "data" / chunk / "file-000.parquet")
    read = list(read_dataset(folder, naming(["a"], ["u"])).values())
    assert np.concatenate([e.executed for e in read])[:, 0].tolist() == list(range(FRAMES))
    assert dataset_summary(folder)["steps"] == {"expert": FRAMES}
    parquet.write_table(table.slice(0, 2), folder / "data" / "chunk-001" / "file-000 (copy).parquet")
    with pytest.raises(DataError, match="holds 14 frames of 2 episodes, .* says 12 of 2; take away the files that are"):
        read_dataset(folder, naming(["a"], ["u"]))
    (folder / lerobot.INFO).unlink()
    with pytest.raises(DataError, match="info.json cannot be read: No such file"):
        dataset_summary(folder)
