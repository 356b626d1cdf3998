# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""LeRobot data sets with one damage each: refused, told, the same numbers, or other numbers without a word.

A trial flips bits, cuts, zeroes, exchanges blocks or whole files of one data set, reads it as ``il-ros train`` and
``il-ros info`` do, and compares what came out with what the sound set holds. Two sets are damaged: our export, whose
pages carry checksums, and one as LeRobot writes it, without any; ``--set`` names another. ``silent`` are the trials
with other numbers and no word of it; for our export the exit code is 1 if there is one, for any set if there is an
error that is not one of ours.

Example:
  python -m benchmarks.lerobot_damage --trials 10000
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import IlRosError
from il_ros.core.messages import DOUBTS
from il_ros.core.types import Array
from il_ros.recording import export
from il_ros.recording.export.base import library
from il_ros.recording.lerobot.reader import read_dataset
from il_ros.recording.lerobot.summary import dataset_summary

CONTRACT = "panda_plane"
FIELDS = ("stamps_ns", "observations", "executed", "policy", "expert", "authority", "intervention", "doubts")
BLOCK = 64
"""Blocks of up to so many bytes are exchanged or zeroed."""
Damage = Callable[[np.random.Generator, bytearray], None]


def flip(rng: np.random.Generator, data: bytearray) -> None:
    """Turn one to three bits over."""
    for place in rng.integers(0, 8 * len(data), rng.integers(1, 4)).tolist():
        data[place // 8] ^= 1 << place % 8


def cut(rng: np.random.Generator, data: bytearray) -> None:
    """Take away the end, or a piece before it."""
    start = int(rng.integers(0, len(data)))
    del data[start : None if rng.random() < 0.5 else start + int(rng.integers(1, BLOCK))]


def zero(rng: np.random.Generator, data: bytearray) -> None:
    """Write zeros over a block, as a file system does that lost it."""
    start, size = int(rng.integers(0, len(data))), int(rng.integers(1, BLOCK))
    data[start : start + size] = bytes(len(data[start : start + size]))


def exchange(rng: np.random.Generator, data: bytearray) -> None:
    """Put two blocks of one size each in the other's place."""
    size = int(rng.integers(1, min(BLOCK, len(data) // 2) + 1))
    one, other = sorted(rng.integers(0, len(data) - size + 1, 2).tolist())
    if other - one >= size:
        data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


DAMAGES: dict[str, Damage] = {"flip": flip, "cut": cut, "zero": zero, "exchange": exchange}


def episode(contract: Contract, count: int, seed: int) -> Episode:
    """Return an episode in which everything happens and no number occurs twice."""
    rng, width = np.random.default_rng(seed), len(contract.action)
    actions = rng.uniform(contract.low, contract.high, (3, count, width)).astype(np.float32)
    actions[1:][rng.random((2, count)) < 0.3] = np.nan
    authority = np.repeat(rng.integers(0, 3, count), rng.integers(1, 6, count))[:count].astype(np.uint8)
    return Episode(
        stamps_ns=1_700_000_000_000_000_000 + np.arange(count) * contract.step_ns,
        observations=rng.normal(size=(count, len(contract.observation))).astype(np.float32),
        executed=actions[0],
        policy=actions[1],
        expert=actions[2],
        authority=authority,
        intervention=(authority == Authority.EXPERT).astype(np.int32),
        doubts=rng.random((count, len(DOUBTS))).astype(np.float32),
        step_ns=contract.step_ns,
        facts={"task": "fork", "seed": seed, "outcome": "success", "expert": "left", "partial": False},
    )


def ours(folder: Path, contract: Contract) -> None:
    """Return our export of four episodes."""
    episodes = {f"episode_{n:06d}": episode(contract, 30 + 5 * n, n) for n in range(4)}
    export.load("lerobot").write(episodes, contract, folder)


def theirs(folder: Path, contract: Contract) -> None:
    """Write the same as LeRobot does: without our columns and checksums, a row group an episode, two files, snappy."""
    parquet = library("pyarrow.parquet")
    ours(folder, contract)
    (folder / "meta" / "il_ros.json").unlink()
    path = folder / "meta" / "info.json"
    info = json.loads(path.read_text())
    names = ("observation.state", "action", "timestamp", "frame_index", "episode_index", "index", "task_index")
    path.write_text(json.dumps({**info, "features": {name: info["features"][name] for name in names}}, indent=4))
    (data,), (rows,) = (folder / "data").rglob("*.parquet"), (folder / "meta" / "episodes").rglob("*.parquet")
    table, about = parquet.read_table(data).select(names), parquet.read_table(rows)
    bounds = [0, *about["dataset_to_index"].to_pylist()]
    for file, numbers in (("file-000", (0, 1)), ("file-001", (2, 3))):
        with parquet.ParquetWriter(data.with_name(f"{file}.parquet"), table.schema, compression="snappy") as writer:
            for number in numbers:
                writer.write_table(table.slice(bounds[number], bounds[number + 1] - bounds[number]))
    parquet.write_table(about.select([n for n in about.column_names if not n.startswith(("recorded", "first"))]), rows)


SETS = {"ours": ours, "theirs": theirs}


def outcome(folder: Path, contract: Contract, sound: dict[str, Episode]) -> str:
    """Return what reading the set comes to."""
    notes: list[str] = []
    try:
        summary = dataset_summary(folder)
    except IlRosError:
        summary = {"notes": ["refused"]}
    try:
        read = read_dataset(folder, contract, notes)
    except IlRosError as error:
        assert "\n" not in str(error), error
        return "refused"
    if same(read, sound):
        return "told, the same" if notes else "the same"
    return "told" if notes or summary["notes"] else "silent"


def same(one: dict[str, Episode], other: dict[str, Episode]) -> bool:
    """Return whether all numbers of the episodes, which are in one order, are equal."""
    if len(one) != len(other):
        return False
    pairs = [(getattr(a, f), getattr(b, f)) for a, b in zip(one.values(), other.values()) for f in FIELDS]
    return all(equal(a, b) for a, b in pairs)


def equal(one: Array, other: Array) -> bool:
    """Return whether two fields are equal, NaN to NaN."""
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def trials(folder: Path, contract: Contract, count: int, seed: int) -> Iterator[tuple[str, str, str, int]]:
    """Return file, damage, outcome and seed of each trial; the set is sound again after each."""
    sound = read_dataset(folder, contract)
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".parquet", ".json"))
    for number in range(seed, seed + count):
        rng = np.random.default_rng(number)
        path = paths[rng.integers(len(paths))]
        whole, kind = path.read_bytes(), str(rng.choice([*DAMAGES, "swap"]))
        if kind == "swap":
            other = paths[rng.integers(len(paths))]
            before = other.read_bytes()
            path.write_bytes(before)
            other.write_bytes(whole)
        else:
            data = bytearray(whole)
            DAMAGES[kind](rng, data)
            path.write_bytes(data)
        yield path.name if path.suffix == ".json" else path.parts[-3], kind, outcome(folder, contract, sound), number
        path.write_bytes(whole)
        if kind == "swap":
            other.write_bytes(before)


def run(name: str, folder: Path, contract: Contract, count: int, seed: int) -> dict[str, Any]:
    """Count by outcome, and the silent ones by file and damage, with a few seeds that show them."""
    counts: Counter[str] = Counter()
    silent: dict[str, list[int]] = {}
    for path, kind, came, number in trials(folder, contract, count, seed):
        counts[came] += 1
        if came == "silent":
            silent.setdefault(f"{path}, {kind}", []).append(number)
    shown = {what: {"trials": len(seeds), "seeds": seeds[:5]} for what, seeds in sorted(silent.items())}
    return {"set": name, "trials": count, **dict(sorted(counts.items())), "silent_in": shown}


def main() -> int:
    """Run the trials and print what came of them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10000, help="of each set (default: 10000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    parser.add_argument("--set", type=Path, help="damage a copy of this data set instead")
    parser.add_argument("--contract", default=CONTRACT, help="the contract for it, by name or path")
    args = parser.parse_args()
    contract, results = Contract.load(args.contract), []
    with tempfile.TemporaryDirectory() as scratch:
        for name in ["given"] if args.set else SETS:
            folder = Path(scratch) / name
            if args.set:
                shutil.copytree(args.set, folder)
            else:
                SETS[name](folder, contract)
            results.append(run(name, folder, contract, args.trials, args.seed))
            print(json.dumps(results[-1], indent=1))
    return int(any(result["set"] == "ours" and result.get("silent") for result in results))


if __name__ == "__main__":
    sys.exit(main())
