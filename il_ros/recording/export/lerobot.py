# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Write LeRobot data sets, version 3: every frame of an episode at ``frame_index / fps``, in parquet files.

The layout is that of huggingface/lerobot (``docs/source/lerobot-dataset-v3.mdx`` and ``src/lerobot/datasets``).
``observation.state`` and ``action`` (what the arm was given) are what its policies take, and what ACT, Diffusion and
TD-MPC ask for where there is no picture is ``observation.environment_state``: the part of the state that is not the
arm's. The other columns keep who commanded and what each side wanted. ``lerobot.reader`` makes episodes of
it again. Pages carry checksums, which the files that LeRobot writes do not. ``lerobot_images`` writes the images.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import DataError
from il_ros.core.messages import DOUBTS
from il_ros.core.types import Array
from il_ros.recording.export.base import (
    NO_IMAGES,
    Exporter,
    cameras_left_out,
    frames_shown,
    library,
    never_changed,
    new_output,
    with_images,
)
from il_ros.recording.export.lerobot_images import (
    COLUMN,
    QUANTILES,
    VIDEO_PATH,
    ImageStatistics,
    VideoWriter,
    image_feature,
)
from il_ros.recording.export.lerobot_table import CHECKED, FrameTable, write_tasks
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
DTYPES = {"video": "video", "lossless": "image"}
"""The dtype of a camera's column for each form of images."""


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
    frame that ends a recorded episode has ``next.done``, and ``next.reward`` 1 if it succeeded. Every frame has an
    image of each camera: steps without one are left out, which makes gaps.
    """

    image_forms = (*DTYPES, NO_IMAGES)

    def write(
        self, episodes: Mapping[str, Episode], contract: Contract, target: Path, images: str = "video"
    ) -> dict[str, Any]:
        """See ``Exporter``; returns the resampling error, see ``ResamplingError.report``, and every gap."""
        columns = features(contract, self.known_form(images))
        cameras = [camera for camera in contract.images if COLUMN + camera.name in columns]
        seeing = with_images(episodes, [camera.name for camera in cameras])
        parts = [Part(n, e, stretch) for n, e in seeing.items() for stretch in stretches(e, contract.rate_hz)]
        if not parts:
            what = "a step with an image of each camera" if cameras else "a step"
            raise DataError(f"none of {len(episodes)} episodes has {what}, so there is nothing to export; record some")
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
            "never_changed": never_changed((p.episode.observations[p.stretch.rows] for p in parts), contract),
            "cameras": {camera.name: images for camera in cameras},
            "cameras_left_out": cameras_left_out(episodes.values(), [camera.name for camera in cameras]),
            "steps_without_image": sum(map(len, episodes.values())) - sum(map(len, seeing.values())),
        }
        with new_output(target) as folder:
            _write(folder, parts, contract, columns, report)
        return report


def features(contract: Contract, images: str = NO_IMAGES) -> dict[str, dict[str, Any]]:
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
    if images in DTYPES:
        made |= {COLUMN + c.name: image_feature(c, DTYPES[images], contract.rate_hz) for c in contract.images}
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
    folder: Path, parts: list[Part], contract: Contract, columns: Mapping[str, Any], report: Mapping[str, Any]
) -> None:
    tasks = list(dict.fromkeys(part.task for part in parts))
    frames = _all_frames(parts, contract, tasks)
    for name in (INFO, EPISODES, DATA):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    rows, stats = _write_frames(folder, parts, frames, contract, columns)
    pyarrow, parquet = library("pyarrow"), library("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / EPISODES, **CHECKED)
    write_tasks(folder / TASKS, tasks)
    numbers = [name for name in frames[0] if name != SOURCE]
    stats = {name: statistics(np.concatenate([each[name] for each in frames])) for name in numbers} | stats
    _write_json(folder / STATS, stats)
    _write_json(folder / INFO, _info(contract, columns, len(parts), report["frames"], len(tasks)))
    _write_json(folder / ABOUT, {"contract": {"name": contract.name, **contract.to_dict()}, **report})


def _write_frames(
    folder: Path,
    parts: list[Part],
    frames: list[dict[str, Array]],
    contract: Contract,
    columns: Mapping[str, Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Write the table of frames and the videos; return the rows of the table of episodes, and images' statistics."""
    cameras = {COLUMN + camera.name: camera for camera in contract.images if COLUMN + camera.name in columns}
    every = {column: ImageStatistics() for column in cameras}
    rows = []
    with ExitStack() as stack:
        table = stack.enter_context(FrameTable(folder / DATA, columns))
        videos = {
            column: stack.enter_context(VideoWriter(folder, camera, contract.rate_hz))
            for column, camera in cameras.items()
            if columns[column]["dtype"] == "video"
        }
        for part, each in zip(parts, frames):
            own = {column: ImageStatistics() for column in cameras}
            shown = {
                column: own[column].counted(frames_shown(part.episode.images[camera.name], part.stretch.rows))
                for column, camera in cameras.items()
            }
            row = _row(part, each)
            for column, video in videos.items():
                row |= video.add(shown.pop(column), len(part.stretch.rows))
            table.write(each, shown)
            for column, counted in own.items():
                row |= {f"stats/{column}/{key}": value for key, value in counted.statistics().items()}
                every[column].merge(counted)
            rows.append(row)
    return rows, {column: counted.statistics() for column, counted in every.items()}


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
        "video_path": VIDEO_PATH if any(feature["dtype"] == "video" for feature in columns.values()) else None,
        "features": dict(columns),
    }


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
