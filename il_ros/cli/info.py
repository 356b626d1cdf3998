# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``il-ros info``: what an episode, a folder of episodes, a data set of LeRobot's or a checkpoint holds."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from il_ros.cli import default_contract
from il_ros.core.errors import DataError
from il_ros.recording.bag.discovery import recordings
from il_ros.recording.bag.facts import are_ours
from il_ros.recording.bag.reader import verdicts
from il_ros.recording.episodes.summary import episode_summary, folder_summary
from il_ros.recording.lerobot.reader import is_dataset
from il_ros.recording.lerobot.summary import dataset_summary
from il_ros.recording.write.recovery import leftovers

HELP = "tell what an episode, a folder of episodes, a data set of LeRobot's or a checkpoint holds"
CHECKPOINT = "checkpoint.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "An episode: its facts, topics, counts, gaps, steps by authority and interventions; every byte is checked. "
        "A folder of episodes: one table, by task, expert and outcome; with --experts how the experts compare. "
        "An episode that another program recorded: what was resampled, dropped and padded to satisfy the contract. "
        "A data set of LeRobot's: who drove, interventions, labels, and the components that a contract can name. "
        "A checkpoint: its policy, contract and data."
    )
    parser.add_argument("path", type=Path, help="an episode, a folder of episodes, of a data set or of a checkpoint")
    parser.add_argument("--experts", action="store_true", help="compare the experts of a folder; reads all of it")
    parser.add_argument(
        "--contract",
        help=f"for --experts and for bags of other programs: {default_contract.ABOUT}; "
        "the exit code is 4 if it names a topic of the bag with another type than the bag has",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(args: argparse.Namespace) -> int:
    """Print a summary of ``args.path``.

    Raises:
        DataError: if it is none of these, or is damaged.
        CheckpointError: if a checkpoint cannot be read.
    """
    summary = (experts if args.experts else summarise)(args.path, args.contract)
    code = DataError.exit_code if summary.get("is_of_another_type") else 0
    if args.json:
        print(json.dumps(summary))
        return code
    show = {
        "experts": _show_experts,
        "episode": _show_episode,
        "episodes": _show_folder,
        "dataset": _show_dataset,
        "checkpoint": _show_checkpoint,
    }
    show[summary["kind"]](Console(markup=False), summary)
    return code


def summarise(path: Path, contract_name: str | None = None) -> dict[str, Any]:
    """Return the plain form of what is at ``path``; its ``kind`` is one of those that ``run`` can show."""
    if not path.is_dir() and not (path.is_file() and recordings(path)):
        raise DataError(f"{path} is not a folder; name an episode, a folder of episodes, a data set or a checkpoint")
    if (path / CHECKPOINT).is_file():
        return _checkpoint(path)
    if is_dataset(path):
        return dataset_summary(path)
    if [recording.path for recording in recordings(path)] == [path]:
        return episode_summary(path, default_contract.load(contract_name, path))
    reasons, left = verdicts(path), leftovers(path)
    if not reasons and not left:
        raise DataError(f"{path} holds no episode, data set or checkpoint; name one, or a folder of episodes")
    return {
        "kind": "episodes",
        "path": str(path),
        "rows": folder_summary(bag for bag, why in reasons.items() if not why),
        "recordings": len(reasons),
        "not_read": {bag.name: why for bag, why in reasons.items() if why},
        "leftovers": [p.name for p in left],
    }


def experts(path: Path, contract_name: str | None = None) -> dict[str, Any]:
    """Return the plain form of how the experts of a folder of episodes compare."""
    from il_ros.evaluation.expert_comparison import compare
    from il_ros.learning.pipeline import TrainingPipeline

    contract = default_contract.load(contract_name, path)
    return {
        "kind": "experts",
        "path": str(path),
        "rows": compare(TrainingPipeline(path, path, contract).ingest(), contract),
    }


def _show_experts(console: Console, summary: dict[str, Any]) -> None:
    table = Table(title=summary["path"])
    for name in ("expert", "episodes", "success", "take-overs", "seconds", "smooth", "met", "differs"):
        table.add_column(name, justify="left" if name == "expert" else "right", overflow="fold")
    for row in summary["rows"]:
        cells = [row["expert"], str(row["episodes"]), _if_known(row["success"], ".0%"), str(row["interventions"])]
        cells += [f"{row['duration_s']:.1f}", _if_known(row["smoothness"], ".1f"), f"{row['met']:.0%}"]
        table.add_row(*cells, _if_known(row["disagreement"], ".1%"))
    console.print(table)
    console.print(
        "seconds: of driving in an episode; smooth: log dimensionless jerk, nearer to 0 is smoother; met: states that "
        "another expert met, too; differs: by how much the actions there did, as a share of the range"
    )


def _if_known(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _checkpoint(path: Path) -> dict[str, Any]:
    from il_ros.learning.checkpoint_files import read_document

    data = read_document(path)
    sizes = {file.name: file.stat().st_size for file in sorted(path.iterdir()) if file.is_file()}
    return {"kind": "checkpoint", "path": str(path), "files": sizes, **{k: v for k, v in data.items() if k != "kind"}}


def _show_episode(console: Console, summary: dict[str, Any]) -> None:
    facts = summary["facts"]
    steps = ", ".join(f"{n} {who}" for who, n in summary["steps"].items()) or "none"
    values = {key: value for key, value in facts.items() if key not in ("gaps", "resampled", "silences")}
    if are_ours(facts) and facts.get("silences"):
        values["silences"] = ", ".join(f"{silence['s']:g} s" for silence in facts["silences"])
    values["steps"] = f"{steps}; {summary['interventions']} interventions"
    values["length"] = f"{summary['duration_s']:.2f} s, {summary['messages']:,} messages, {summary['bytes']:,} bytes"
    console.print(_pairs(summary["path"], values))
    if isinstance(facts.get("resampled"), dict) and "stretches" in facts["resampled"]:
        _show_resampled(console, facts["resampled"])
    gaps = facts.get("gaps") or {} if are_ours(facts) else {}
    table = Table()
    for heading in ("topic", "type", "messages", "lost", "missing numbers"):
        table.add_column(heading, overflow="fold")
    for name, topic in summary["topics"].items():
        gap = gaps.get(name) or {}
        missing = ", ".join(f"{first}-{last}" for first, last in gap.get("missing", []))
        table.add_row(name, topic["type"], f"{topic['messages']:,}", str(gap.get("lost", 0)), missing)
    console.print(table)


def _show_resampled(console: Console, summary: dict[str, Any]) -> None:
    table = Table(title=f"resampled by the clock of the {summary['clock']}: {summary['why']}")
    columns = ["messages", "greatest_age_s", "rms_age_s", "dropped", "padded", "stale", "malformed", "bad_stamps"]
    columns += ["offset_s", "static"]
    for heading in ("topic", *columns):
        table.add_column(heading.replace("_", " "), justify="left" if heading == "topic" else "right", overflow="fold")
    for name, row in summary["topics"].items():
        told_of = (row[column] for column in columns)
        table.add_row(name, *("-" if value in (None, "") else _written(value) for value in told_of))
    console.print(table)
    console.print(
        "dropped: messages that no step uses; padded: steps that repeat the message of the step before; "
        "stale: steps left out since it was too old; bad stamps: messages left out since their stamps cannot be right; "
        "offset: by how much its stamps are ahead of most topics' when they were recorded; "
        f"{len(summary['stretches'])} stretches between jumps of the clock"
    )


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _show_folder(console: Console, summary: dict[str, Any]) -> None:
    columns = ("task", "expert", "outcome", "episodes", "partial", "steps", "lost", "MB")
    rows = [{**row, "MB": f"{row['bytes'] / 1e6:.2f}"} for row in summary["rows"]]
    console.print(_counts(columns, rows, title=summary["path"]))
    for why in summary["not_read"].values():
        console.print(f"not read: {why}")
    if summary["leftovers"]:
        console.print(f"unfinished: {', '.join(summary['leftovers'])}; run il-ros recover {summary['path']}")


def _show_dataset(console: Console, summary: dict[str, Any]) -> None:
    steps = ", ".join(f"{n:,} {who}" for who, n in summary["steps"].items())
    values = {"format": summary["format"], "robot": summary["robot"] or "-"}
    values["length"] = f"{summary['episodes']:,} episodes, {summary['frames']:,} frames at {summary['fps']:g} a second"
    values["length"] += f", {summary['duration_s']:.2f} s, {summary['bytes']:,} bytes"
    values |= {column: ", ".join(names) for column, names in summary["components"].items()}
    values["steps"] = f"{steps}; {summary['interventions']} interventions"
    values["labels"] = f"the expert's action is known of {summary['labels']:,} frames"
    console.print(_pairs(summary["path"], values))
    columns = ("task", "expert", "outcome", "episodes", "partial", "frames", "interventions")
    for note in summary["notes"]:
        console.print(f"note: {note}")
    console.print(_counts(columns, summary["rows"], title="recorded"))


def _counts(columns: Sequence[str], rows: Iterable[dict[str, Any]], title: str) -> Table:
    table = Table(title=title)
    for name in columns:
        table.add_column(name, justify="left" if name in columns[:3] else "right", overflow="fold")
    for row in rows:
        table.add_row(*(v if isinstance(v, str) else f"{v:,}" for v in (row[name] for name in columns)))
    return table


def _show_checkpoint(console: Console, summary: dict[str, Any]) -> None:
    files = {name: f"{size:,} bytes" for name, size in summary["files"].items()}
    values = {key: value for key, value in summary.items() if key not in ("kind", "path", "files")}
    console.print(_pairs(summary["path"], {**values, **files}))


def _pairs(title: str, values: dict[str, Any]) -> Table:
    table = Table(title=title, show_header=False)
    for key, value in values.items():
        table.add_row(key, value if isinstance(value, str) else json.dumps(value, indent=1))
    return table
