# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Episodes from LeRobot's data sets, version 3: those that we exported, and other people's.

Components are found by their names, in whichever of the ``observation...`` and ``action...`` columns they are. What has
no column ``source`` was all driven by the expert, as in other people's data sets.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.episode import Authority, Episode
from il_ros.errors import ConfigError, DataError, unknown
from il_ros.messages import DOUBTS
from il_ros.recording.exporters import library
from il_ros.recording.exporters.lerobot import (
    DOUBT,
    EXPERT,
    FACTS,
    FIRST_STAMP,
    INFO,
    INTERVENTION,
    POLICY,
    RECORDED,
    SOURCE,
)
from il_ros.signals import Array
from il_ros.specs import Contract


def is_dataset(folder: Path) -> bool:
    """Whether a folder is one of LeRobot's data sets."""
    return (folder / INFO).is_file()


def read_dataset(folder: Path, contract: Contract) -> dict[str, Episode]:
    """The episodes of the data set in ``folder``, by name, as the contract orders their components.

    The stretches of one recorded episode are put together again, with the gaps between them. Stamps are those of the
    frames: they differ from the recorded ones by the resampling error. The fact ``digest`` is that of what was read.

    Raises:
        DataError: if it is damaged, of another version, or has not the rate or the components of the contract.
    """
    info = _info(folder)
    if info["fps"] != contract.rate_hz:
        raise DataError(
            f"{folder} has {info['fps']} frames a second, contract {contract.name!r} {contract.rate_hz:g} steps; "
            "use a contract with that rate"
        )
    places = _all_places(folder, info["features"], contract)
    columns = {column for of_kind in places.values() for column, _ in of_kind}
    frames, rows = _tables(folder, info, ["frame_index", *sorted(columns)], (SOURCE, INTERVENTION))
    with _understood(folder):
        return dict(_episodes(frames, rows, places, contract))


def dataset_summary(folder: Path) -> dict[str, Any]:
    """What the data set in ``folder`` holds, whatever its components; the authority of every frame is read.

    ``rows`` count what was recorded by task, expert and outcome; ``steps`` the frames by who commanded, ``labels``
    those of which it is known what the expert wanted. ``components`` are, by column, what a contract can name.

    Raises:
        DataError: if it is damaged, or of another version.
    """
    info = _info(folder)
    frames, rows = _tables(folder, info, [], (SOURCE, INTERVENTION, EXPERT))
    with _understood(folder):
        count = len(frames["episode_index"])
        told = frames.get(EXPERT, np.full(count, np.nan)).reshape(count, -1)
        counted = _counted(rows, frames["episode_index"], frames.get(INTERVENTION, np.zeros(count, np.int64)))
        return {
            "kind": "dataset",
            "path": str(folder),
            "format": f"LeRobot {info['codebase_version']}",
            "robot": info.get("robot_type"),
            "fps": info["fps"],
            "duration_s": count / info["fps"],
            "episodes": info["total_episodes"],
            "frames": count,
            "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            "components": {
                column: feature["names"] or [str(feature.get("dtype"))]
                for column, feature in info["features"].items()
                if column.split(".")[0] in ("observation", "action")
            },
            "steps": dict(sorted(Counter(frames.get(SOURCE, _driven(count))).items())),
            "interventions": sum(row["interventions"] for row in counted),
            "labels": int(np.isfinite(told).all(axis=1).sum()),
            "rows": counted,
        }


def _counted(rows: Mapping[str, Any], episode: Array, intervention: Array) -> list[dict[str, Any]]:
    """One row for each task, expert and outcome, in that order; the last arguments are (F,), of the frames."""
    recorded = [(facts, [row[2] for row in group]) for (_, facts), group in _recorded(rows)]
    owner = np.zeros(1 + max((number for _, numbers in recorded for number in numbers), default=0), np.int64)
    for index, (_, numbers) in enumerate(recorded):
        owner[numbers] = index
    ids = np.unique(np.column_stack([owner[episode], intervention])[intervention > 0], axis=0)
    frames, interventions = (np.bincount(of, minlength=len(recorded)) for of in (owner[episode], ids[:, 0]))
    found: dict[tuple[str, ...], Counter[str]] = {}
    for index, (facts, _) in enumerate(recorded):
        told = json.loads(facts)
        row = found.setdefault(tuple(str(told.get(name) or "-") for name in ("task", "expert", "outcome")), Counter())
        row.update(episodes=1, partial=int(bool(told.get("partial"))))
        row.update(frames=int(frames[index]), interventions=int(interventions[index]))
    return [
        {"task": task, "expert": expert, "outcome": how, **row} for (task, expert, how), row in sorted(found.items())
    ]


def _tables(
    folder: Path, info: Mapping[str, Any], columns: Sequence[str], more: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The frames, with ``columns`` and those of ``more`` that there are, and the episodes.

    Raises:
        DataError: if they are not as many as ``info`` says.
    """
    frames = _read(folder, "data", ["episode_index", *columns], more)
    rows = _read(folder, "meta/episodes", ["episode_index", "tasks"], (RECORDED, FACTS, FIRST_STAMP))
    counts = len(frames["episode_index"]), len(rows["episode_index"])
    if counts != (info["total_frames"], info["total_episodes"]):
        raise DataError(
            f"{folder} holds {counts[0]} frames of {counts[1]} episodes, its {INFO} says {info['total_frames']} of "
            f"{info['total_episodes']}; get the rest of its files"
        )
    return frames, rows


@contextmanager
def _understood(folder: Path) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"{folder}: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DataError(f"{folder} cannot be understood ({error!r}); get it anew") from error


def _info(folder: Path) -> dict[str, Any]:
    path = folder / INFO
    try:
        info = json.loads(path.read_bytes())
        version, rate_hz, _, _ = (info[key] for key in ("codebase_version", "fps", "total_frames", "total_episodes"))
        if not rate_hz > 0:
            raise ValueError(f"fps is {rate_hz}")
        for feature in info["features"].values():
            feature["names"] = _names(feature.get("names"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; name a folder of LeRobot's format") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not one of LeRobot's ({error!r}); name a folder of its format") from error
    if not str(version).startswith("v3."):
        raise DataError(f"{folder} has LeRobot's format {version}; only v3 is read, convert it with LeRobot's script")
    return info  # type: ignore[no-any-return]


def _names(names: Any) -> list[str]:
    """LeRobot's names of components: a list, or a mapping of lists (``{"motors": [...]}``) or of numbers."""
    if isinstance(names, Mapping):
        parts = [part if isinstance(part, list) else [key] for key, part in names.items()]
        return [name for part in parts for name in part]
    return list(names or [])


def _all_places(folder: Path, features: Mapping[str, Any], contract: Contract) -> dict[str, list[tuple[str, int]]]:
    """Column, and place in it, of every component of what there is of an episode's fields."""
    kinds = {"observation": contract.observation_names, "action": contract.action_names}
    ours = {POLICY: contract.action_names, EXPERT: contract.action_names, DOUBT: DOUBTS}
    kinds |= {kind: names for kind, names in ours.items() if kind in features}
    try:
        return {kind: _places(features, kind, names) for kind, names in kinds.items()}
    except ConfigError as error:
        raise DataError(
            f"{folder}: {error}; use a contract with the data set's names, not {contract.name!r}"
        ) from error


def _places(features: Mapping[str, Any], kind: str, names: Sequence[str]) -> list[tuple[str, int]]:
    numbers = [column for column, feature in features.items() if str(feature.get("dtype")).startswith("float")]
    columns = [column for column in numbers if column == kind or column.startswith(kind + ".")]
    there = {name: (column, i) for column in reversed(columns) for i, name in enumerate(features[column]["names"])}
    for name in names:
        if name not in there:
            raise unknown(f"component of {kind}", name, there)
    return [there[name] for name in names]


def _read(folder: Path, name: str, columns: Sequence[str], more: Sequence[str]) -> dict[str, Any]:
    """``columns``, and those of ``more`` that there are, from all parquet files below ``folder/name``."""
    parquet, pyarrow = library("pyarrow.parquet"), library("pyarrow")
    paths = sorted((folder / name).glob("*/*.parquet"))
    if not paths:
        raise DataError(f"{folder} has no parquet files in {name}; get the rest of its files")
    found: dict[str, list[Array]] = {}
    for path in paths:
        try:
            there = set(parquet.read_schema(path).names)
            if missing := sorted(set(columns) - there):
                raise DataError(f"{path} lacks {', '.join(missing)}, which {INFO} has; get it anew")
            table = parquet.read_table(path, columns=[*columns, *there.intersection(more)])
            for column in table.column_names:
                found.setdefault(column, []).append(_plain(table[column].combine_chunks(), pyarrow))
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{path} is damaged ({' '.join(str(error).split())}); get it anew") from error
    return {column: np.concatenate(parts) for column, parts in found.items()}


def _plain(values: Any, pyarrow: Any) -> Array:
    """(F,) numbers, (F, W) numbers, or (F,) objects: strings or lists of them."""
    is_list = pyarrow.types.is_list(values.type) or pyarrow.types.is_fixed_size_list(values.type)
    if is_list and pyarrow.types.is_floating(values.type.value_type):
        flat: Array = values.flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(len(values), -1)
    plain: Array = values.to_numpy(zero_copy_only=False)
    return plain


def _episodes(
    frames: Mapping[str, Any],
    rows: Mapping[str, Any],
    places: Mapping[str, list[tuple[str, int]]],
    contract: Contract,
) -> Iterator[tuple[str, Episode]]:
    """Name and episode, in the order of the data set."""
    fields, times_ns = _fields(frames, places, contract)
    names: set[str] = set()
    for (name, facts), group in _recorded(rows):
        parts = [(first, np.flatnonzero(frames["episode_index"] == number)) for _, _, number, first in group]
        parts = [(first, index[np.argsort(times_ns[index])]) for first, index in parts]
        index = np.concatenate([index for _, index in parts])
        own = {field: values[index] for field, values in fields.items()}
        own["stamps_ns"] = np.concatenate([first + times_ns[index] for first, index in parts])
        digest = hashlib.blake2b(b"".join(value.tobytes() for value in own.values()), digest_size=16).hexdigest()
        name = name if name not in names else f"{name}_{len(names)}"
        names.add(name)
        yield name, Episode(**own, step_ns=contract.step_ns, facts={**json.loads(facts), "digest": digest})


def _recorded(rows: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Iterator[tuple[str, str, int, int]]]]:
    """Name and facts of what was recorded, each with its rows: LeRobot's episodes, the stretches of it."""
    return itertools.groupby(_rows(rows), lambda row: row[:2])


def _rows(rows: Mapping[str, Any]) -> Iterator[tuple[str, str, int, int]]:
    """Name, facts, number and first stamp of each of LeRobot's episodes."""
    for i, number in enumerate(rows["episode_index"].tolist()):
        if RECORDED in rows:
            yield rows[RECORDED][i], rows[FACTS][i], number, int(rows[FIRST_STAMP][i])
        else:
            facts = {"task": ", ".join(rows["tasks"][i]), "partial": False}
            yield f"episode_{number:06d}", json.dumps(facts), number, 0


def _driven(count: int) -> list[str]:
    """Who commanded, where nobody says: the expert."""
    return [Authority.EXPERT.name.lower()] * count


def _fields(
    frames: Mapping[str, Any], places: Mapping[str, list[tuple[str, int]]], contract: Contract
) -> tuple[dict[str, Array], Array]:
    """The fields of an episode for all frames at once, and the time of each in its LeRobot episode, ns."""
    count = len(frames["frame_index"])

    def matrix(kind: str, width: int) -> Array:
        if kind not in places:
            return np.full((count, width), np.nan, dtype=np.float32)
        parts = [frames[column].reshape(count, -1)[:, place] for column, place in places[kind]]
        return np.column_stack(parts).astype(np.float32)

    width = len(contract.action)
    numbers = {who.name.lower(): who for who in Authority}
    sources = frames.get(SOURCE, _driven(count))
    fields = {
        "observations": matrix("observation", len(contract.observation)),
        "executed": matrix("action", width),
        "policy": matrix(POLICY, width),
        "expert": matrix(EXPERT, width),
        "authority": np.array([numbers[source] for source in sources], dtype=np.uint8),
        "intervention": np.asarray(frames.get(INTERVENTION, np.zeros(count)), dtype=np.int32),
        "doubts": matrix(DOUBT, len(DOUBTS)),
    }
    return fields, np.round(frames["frame_index"] * 1e9 / contract.rate_hz).astype(np.int64)
