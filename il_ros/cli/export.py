# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Write episodes in the form of another project: LeRobot's data sets (version 3), or robomimic's HDF5.

Examples:
  il-ros export lerobot runs/episodes exported/fork
  il-ros export robomimic runs/episodes exported/fork.hdf5
  il-ros export lerobot runs/episodes exported/block --contract my_cameras.yaml --images lossless
  il-ros train exported/fork                               and back: LeRobot's data sets are read as they are

The libraries that write them come with pip install 'il_ros[export]'.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from il_ros.cli import default_contract
from il_ros.recording import export

HELP = "write episodes in the form of LeRobot or robomimic"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros export``."""
    parser.add_argument("form", metavar="FORM", help="one of " + ", ".join(export.available()))
    parser.add_argument(
        "episodes", type=Path, metavar="FOLDER", help="folder of closed episodes, or as for il-ros train"
    )
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the folder or file to make; none is overwritten")
    parser.add_argument("--contract", help=default_contract.ABOUT)
    parser.add_argument(
        "--images",
        metavar="FORM",
        help="how images are written: video (the default; AV1 as LeRobot has it, with loss), lossless, or none, for "
        "LeRobot; lossless (the default) or none for robomimic",
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros export``."""
    exporter, contract = export.load(args.form), default_contract.load(args.contract, args.episodes)
    options = {} if args.images is None else {"images": exporter.known_form(args.images)}
    from il_ros.learning.pipeline import TrainingPipeline

    workshop = TrainingPipeline(args.episodes, args.episodes, contract)
    with Console(stderr=True, markup=False).status(f"reading {args.episodes}"):
        workshop.ingest()
        report = exporter.write(workshop.episodes, contract, args.output, **options)
    report["skipped"] = {str(path): why for path, why in workshop.skipped.items()}
    report["remarks"] = workshop.remarks
    report |= {"notes": workshop.notes} if workshop.notes else {}
    if args.json:
        print(json.dumps({"path": str(args.output), **report}))
        return 0
    table = Table(show_header=False, title=str(args.output))
    for name, value in _lines(report):
        table.add_row(name, value)
    Console(markup=False).print(table)
    return 0


def _lines(report: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and value of everything in a report, however deep."""
    for key, value in report.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{above}{key}: ")
        elif value != []:
            yield f"{above}{key}", f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
