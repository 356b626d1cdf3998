# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Write LeRobot data sets, version 3: every frame of an episode at ``frame_index / fps``, in parquet files.

The layout is that of huggingface/lerobot (``docs/source/lerobot-dataset-v3.mdx`` and ``src/lerobot/datasets``).
``observation.state`` and ``action`` (what the arm was given) are what its policies take, and what ACT, Diffusion and
TD-MPC ask for where there is no picture is ``observation.environment_state``: the part of the state that is not the
arm's. The other columns keep who commanded and what each side wanted. ``lerobot.reader`` makes episodes of
it again. Pages carry checksums, which the files that LeRobot writes do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import DataError
from il_ros.core.messages import DOUBTS
from il_ros.core.types import Array
from il_ros.recording.export.base import Exporter, cameras_left_out, library, new_output
from il_ros.recording.export.nearest_grid import ResamplingError, Stretch, stretches

VERSION = "v3.0"
INFO, STATS, TASKS, ABOUT = "meta/info.json", "meta/stats.json", "meta/tasks.parquet", "meta/il_ros.json"
EPISODES, DATA = "meta/episodes/chunk-000/file-000.parquet", "data/chunk-000/file-000.parquet"
STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
OBJECTS = "geometry_msgs/msg/PoseArray"
"""The type of the topics with the objects around the arm."""
POLICY, EXPERT, DOUBT, SOURCE, INTERVENTION = "policy_action", "expert_action", "doubts", "source", "intervention"
RECORDED, FACTS, FIRST_STAMP = "recorded_episode", "recorded_facts", "first_stamp_ns"
"""Columns of the table of episodes that lead back to what was recorded."""
CHECKED = {"write_page_checksum": True}
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}


@dataclass(frozen=True)
class Part:
    """One episode of LeRobot's: a stretch of one of ours."""

    name: str
    episode: Episode
    stretch: Stretch

    @property
    def task(self) -> str:
        """The task in words."""
        return str(self.episode.facts.get("task") or "unknown")


class LeRobot(Exporter):
    """Writes a data set of version 3 with pyarrow alone.

    An episode with a gap becomes one of LeRobot's episodes a stretch, for there a frame follows another at once.
    ``source`` says who commanded (``expert``, ``policy``, ``hold``), ``intervention`` is its id and 0 for none;
    ``expert_action`` and ``policy_action`` are NaN where they were not asked, as are the policy's ``doubts``. The
    frame that ends a recorded episode has ``next.done``, and ``next.reward`` 1 if it succeeded.
    """

    def write(self, episodes: Mapping[str, Episode], contract: Contract, target: Path) -> dict[str, Any]:
        """See ``Exporter``; returns the resampling error, see ``ResamplingError.report``, and every gap."""
        parts = [Part(n, e, stretch) for n, e in episodes.items() for stretch in stretches(e, contract.rate_hz)]
        if not parts:
            raise DataError(f"none of {len(episodes)} episodes has a step, so there is nothing to export; record some")
        error = ResamplingError(contract)
        for part in parts:
            error.add(part.episode, part.stretch)
        report = {
            "recorded_episodes": len(episodes),
            "without_steps": [name for name, episode in episodes.items() if not len(episode)],
            "episodes": len(parts),
            "frames": sum(len(part.stretch.rows) for part in parts),
            "gaps": list(_gaps(parts)),
            "resampling": error.report(),
            "cameras_left_out": cameras_left_out(episodes.values()),
        }
        pyarrow, parquet = library("pyarrow"), library("pyarrow.parquet")
        with new_output(target) as folder:
            _write(folder, parts, contract, report, pyarrow, parquet)
        return report


def features(contract: Contract) -> dict[str, dict[str, Any]]:
    """Return the columns of the frames, as ``info.json`` describes them."""
    actions, around = list(contract.action_names), environment(contract)
    shapes: dict[str, tuple[str, list[str] | None]] = {
        STATE: ("float32", list(contract.observation_names)),
        **({ENVIRONMENT: ("float32", None)} if around else {}),
        ACTION: ("float32", actions),
        POLICY: ("float32", actions),
        EXPERT: ("float32", actions),
        DOUBT: ("float32", list(DOUBTS)),
        SOURCE: ("string", None),
        INTERVENTION: ("int64", None),
        "next.reward": ("float32", None),
        "next.done": ("bool", None),
        "timestamp": ("float32", None),
        **dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), ("int64", None)),
    }
    made: dict[str, dict[str, Any]] = {
        name: {"dtype": dtype, "shape": [len(names) if names else 1], "names": names}
        for name, (dtype, names) in shapes.items()
    }
    if around:
        made[ENVIRONMENT]["shape"] = [len(around)]  # without names, which are those of the same numbers in the state
    return made


def environment(contract: Contract) -> list[int]:
    """Return which of the observation's components are ``observation.environment_state``.

    Those of the objects around the arm, or all if fewer than two are: LeRobot's policies cannot take a single number.
    """
    around = [i for i, part in enumerate(contract.observation) if contract.topics.get(part.topic) == OBJECTS]
    every = list(range(len(contract.observation)))
    return around if len(around) > 1 else every if len(every) > 1 else []


def _gaps(parts: list[Part]) -> Iterator[dict[str, Any]]:
    for before, after in zip(parts, parts[1:]):
        if before.name == after.name:
            stamps = before.episode.stamps_ns
            left, came = int(stamps[before.stretch.stop - 1]), int(stamps[after.stretch.start])
            yield {"episode": before.name, "after_s": (left - int(stamps[0])) / 1e9, "lasts_s": (came - left) / 1e9}


def _write(
    folder: Path, parts: list[Part], contract: Contract, report: Mapping[str, Any], pyarrow: Any, parquet: Any
) -> None:
    columns, tasks = features(contract), list(dict.fromkeys(part.task for part in parts))
    frames = _all_frames(parts, contract, tasks)
    schema = pyarrow.schema([(name, _type(pyarrow, feature)) for name, feature in columns.items()])
    for name in (INFO, EPISODES, DATA):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with parquet.ParquetWriter(folder / DATA, schema, **CHECKED) as writer:
        for each in frames:
            writer.write_table(pyarrow.table([_array(pyarrow, each[name]) for name in columns], schema=schema))
    rows = [_row(part, each) for part, each in zip(parts, frames)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / EPISODES, **CHECKED)
    _write_tasks(folder / TASKS, tasks, pyarrow, parquet)
    numbers = [name for name in columns if name != SOURCE]
    stats = {name: statistics(np.concatenate([each[name] for each in frames])) for name in numbers}
    _write_json(folder / STATS, stats)
    _write_json(folder / INFO, _info(contract, columns, len(parts), report["frames"], len(tasks)))
    _write_json(folder / ABOUT, {"contract": {"name": contract.name, **contract.to_dict()}, **report})


def _all_frames(parts: list[Part], contract: Contract, tasks: list[str]) -> list[dict[str, Array]]:
    frames: list[dict[str, Array]] = []
    index = 0
    for number, part in enumerate(parts):
        is_last = number + 1 == len(parts) or parts[number + 1].name != part.name
        frames.append(_frames(part, contract, number, index, tasks.index(part.task), is_last))
        index += len(part.stretch.rows)
    return frames


def _frames(part: Part, contract: Contract, number: int, index: int, task: int, is_last: bool) -> dict[str, Array]:
    """Return the columns of the LeRobot episode ``number``, whose first frame is the data set's ``index``-th."""
    episode, rows = part.episode, part.stretch.rows
    count = np.arange(len(rows))
    ends = (count == len(rows) - 1) & is_last & (not episode.facts.get("partial"))
    around = environment(contract)
    return {
        STATE: episode.observations[rows],
        **({ENVIRONMENT: episode.observations[rows][:, around]} if around else {}),
        ACTION: episode.executed[rows],
        POLICY: episode.policy[rows],
        EXPERT: episode.expert[rows],
        DOUBT: episode.doubts[rows],
        SOURCE: np.array([who.name.lower() for who in Authority])[episode.authority[rows]],
        INTERVENTION: episode.intervention[rows].astype(np.int64),
        "next.reward": (ends & (episode.facts.get("outcome") == "success")).astype(np.float32),
        "next.done": ends,
        "timestamp": (count / contract.rate_hz).astype(np.float32),
        "frame_index": count,
        "episode_index": np.full(len(rows), number),
        "index": index + count,
        "task_index": np.full(len(rows), task),
    }


def _row(part: Part, frames: Mapping[str, Array]) -> dict[str, Any]:
    """Return one row of the table of episodes."""
    first, length = int(frames["index"][0]), len(frames["index"])
    row: dict[str, Any] = {"episode_index": int(frames["episode_index"][0]), "tasks": [part.task], "length": length}
    row |= {"dataset_from_index": first, "dataset_to_index": first + length}
    for kind in ("data", "meta/episodes"):
        row |= {f"{kind}/chunk_index": 0, f"{kind}/file_index": 0}
    row |= {RECORDED: part.name, FACTS: json.dumps(part.episode.facts), FIRST_STAMP: part.stretch.first_stamp_ns}
    for name, values in frames.items():
        if name != SOURCE:
            row |= {f"stats/{name}/{key}": value for key, value in statistics(values).items()}
    return row


def statistics(values: Array) -> dict[str, list[float]]:
    """Return LeRobot's statistics of a column (F,) or (F, W): lists of W numbers, over the finite ones, or 0."""
    matrix = values.reshape(len(values), -1).astype(np.float64)
    known = np.where(np.isfinite(matrix), matrix, np.nan)
    known[:, np.isnan(known).all(axis=0)] = 0.0
    whole: dict[str, Any] = {"min": np.nanmin, "max": np.nanmax, "mean": np.nanmean, "std": np.nanstd}
    result = {name: f(known, axis=0) for name, f in whole.items()}
    result |= dict(zip(QUANTILES, np.nanquantile(known, list(QUANTILES.values()), axis=0)))
    return {**{name: value.tolist() for name, value in result.items()}, "count": [len(values)]}


def _type(pyarrow: Any, feature: Mapping[str, Any]) -> Any:
    kind = getattr(pyarrow, {"bool": "bool_"}.get(feature["dtype"], feature["dtype"]))()
    (width,) = feature["shape"]
    return kind if width == 1 else pyarrow.list_(kind, width)  # LeRobot reads a shape of (1,) as a plain number


def _array(pyarrow: Any, values: Array) -> Any:
    if values.ndim == 1 or values.shape[1] == 1:
        return pyarrow.array(values.ravel())
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(values.ravel()), values.shape[1])


def _write_tasks(path: Path, tasks: list[str], pyarrow: Any, parquet: Any) -> None:
    """Write the table of tasks; LeRobot reads it with pandas and takes the task from its index."""
    table = pyarrow.table({"task_index": pyarrow.array(range(len(tasks)), pyarrow.int64()), "task": tasks})
    described = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": stored, "metadata": None}
        for name, kind, stored in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": described, "pandas_version": "2.2.3"}
    parquet.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path, **CHECKED)


def _info(contract: Contract, columns: Mapping[str, Any], episodes: int, frames: int, tasks: int) -> dict[str, Any]:
    whole = contract.rate_hz.is_integer()
    return {
        "codebase_version": VERSION,
        "robot_type": contract.name,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": int(contract.rate_hz) if whole else contract.rate_hz,
        "splits": {"train": f"0:{episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
        "features": dict(columns),
    }


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
