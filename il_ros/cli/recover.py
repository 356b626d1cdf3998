# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``il-ros recover``: what a killed recorder or a damaged disk left behind becomes episodes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from il_ros.recording.bag.reader import read, verdicts
from il_ros.recording.write.recovery import oddities, recover

HELP = "make episodes of the journals and damaged bags in a folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Looks for journals that no recorder writes any more, and reads every byte of every episode. Whatever is "
        "unfinished or damaged becomes an episode with the facts partial and recovered; what could not be saved is "
        "kept beside it as .damaged. Doing it twice changes nothing."
    )
    parser.add_argument("folder", type=Path, help="the folder that holds episode_000001 and so on")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Recover, and tell what was saved.

    Raises:
        DataError: if there is no such folder.
        StorageError: if the disk takes no more; nothing is lost.
    """
    console = Console(stderr=True, markup=False)
    for path in oddities(args.folder):
        console.print(f"{path} has the name of a journal and is none, or its bag's name is taken; it is left alone")
    with console.status(f"reading {args.folder}"):
        bags = recover(args.folder, thorough=True, progress=lambda path: console.print(f"recovering {path.name}"))
        reasons = verdicts(args.folder)
    rows = [_row(bag) for bag in bags]
    not_read = {str(path): why for path, why in reasons.items() if why}
    if args.json:
        others = {"recordings": len(reasons), "not_read": not_read} if not_read else {}
        print(json.dumps({"recovered": rows, **others}))
        return 0
    if rows:
        Console(markup=False).print(_table(rows))
    else:
        print(f"nothing to recover in {args.folder}")
    for why in not_read.values():
        print(f"not read: {why}")
    return 0


def _row(bag: Path) -> dict[str, Any]:
    facts = read(bag).facts
    return {"episode": bag.name, "reason": facts.get("reason", ""), **facts.get("salvaged", {})}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="recovered episodes")
    for name in ("episode", "messages", "bytes", "of", "reason", "cut off"):
        table.add_column(name, justify="right" if name in ("messages", "bytes", "of") else "left")
    for row in rows:
        numbers = [f"{row.get(key, 0):,}" for key in ("messages", "bytes", "source_bytes")]
        table.add_row(row["episode"], *numbers, row["reason"], "\n".join(row.get("cut_off", [])) or "nothing")
    return table
