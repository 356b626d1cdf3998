# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ledger of a run of rounds: what the expert was asked for in each, and how good the policy was after it.

Examples:
  il-ros ledger runs/avoid
  il-ros ledger runs/avoid --report     draws it, and who drove where, in runs/avoid/report.html
  il-ros ledger runs/avoid --json
  il-ros ledger runs/teleop/fork        what a person taught at the page, by the checkpoint that drove
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from il_ros.core.contract import Contract

WIDTH = 120
"""Narrower, the table would be cut."""
HELP = "tell what a run of rounds has cost the expert, and what it bought"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros ledger``."""
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of a run, of dagger or of teleop")
    parser.add_argument("--contract", default="panda_plane", help="of the episodes of teleop (default: panda_plane)")
    parser.add_argument("--report", action="store_true", help="draw it, too, as a page in the folder of the run")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros ledger``."""
    from il_ros.learning.dagger import ledger

    if not (args.folder / ledger.NAME).exists() and (args.folder / "episodes").is_dir() and not args.report:
        rows = ledger.of_episodes(args.folder / "episodes", Contract.load(args.contract))
        if args.json:
            print(json.dumps({"checkpoints": rows}))
        else:
            show_episodes(args.folder, rows)
        return 0
    records = ledger.read(args.folder)
    if args.json:
        print(json.dumps(records))
    else:
        show(args.folder, records)
    if args.report:
        from il_ros.evaluation.report import dagger_report

        path = dagger_report.write(args.folder)
        if not args.json:
            Console().print(f"wrote {path}")
    return 0


def show_episodes(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Print what a person taught without a plan, by the checkpoint that drove meanwhile."""
    table = Table(title=str(folder), box=SIMPLE_HEAD)
    headings = ("checkpoint", "episodes", "success", "labels", "expert\nsteps", "take-\novers", "switches", "seconds")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        counted = ("episodes", "successes", "labels", "expert_steps", "takeovers", "switches")
        counts = [f"{row[key]:,}" for key in counted]
        table.add_row(row["checkpoint"][:8] or "none", *counts, f"{row['expert_s']:.0f}")
    Console().print(table)


def show(folder: Path, records: dict[str, Any]) -> None:
    """Print the rounds as a table."""
    plan = records["plan"]
    title = (
        f"{folder.name}: {plan['task']}, rule {plan['gating_rule']}, labels {plan['labels']}, policy {plan['policy']}"
    )
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    counted = ("round", "episodes", "labels", "expert\nsteps", "take-\novers", "switches", "expert\ns", "watched\ns")
    for heading in (*counted, "assisted", "alone", "95 %\ninterval", "wall\ns", "checkpoint"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in records["rounds"]:
        counts = [f"{row[key]:,}" for key in ("round", "episodes", "labels", "expert_steps", "takeovers", "switches")]
        times = [f"{row['expert_s']:.0f}", f"{row['watched_s']:.0f}"]
        assisted = "" if row["assisted"] is None else f"{row['assisted']['success']:.1%}"
        wall = f"{sum(row['wall_s'].values()):.0f}"
        table.add_row(*counts, *times, assisted, *_alone(row["alone"]), wall, row["checkpoint"]["hash"][:8])
    if records["confirmed"] is not None:
        wall = f"{records['confirmed']['wall_s']:.0f}"
        table.add_row("again", *[""] * 8, *_alone(records["confirmed"]), wall, "")
    console = Console(width=WIDTH) if Console().width < WIDTH else Console()
    console.print(table)
    if records["open"]:
        done = ", ".join(records["open"])
        console.print(f"round {len(records['rounds'])} is under way ({done}); give the command again to go on")


def _alone(measured: dict[str, Any]) -> tuple[str, str]:
    low, high = measured["interval"]
    return f"{measured['success']:.1%}", f"{100 * low:.1f} - {high:.1%}"
