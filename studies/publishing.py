# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where the studies publish: pages and pictures among the documents, rows as JSON in ``studies/results``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from il_ros.core.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "studies"
RESULTS = ROOT / "studies" / "results"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for where a study publishes."""
    parser.add_argument("--output", type=Path, help="a folder for the page and its pictures; none: print alone")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder for the rows (default: %(default)s)")
    parser.add_argument(
        "--from-results", action="store_true", help="run nothing: write the page from the rows in --results"
    )


def write_json(path: Path, rows: Any) -> None:
    """Write rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read rows.

    Raises:
        DataError: if there are none, or they are damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({error}); restore it, or run the study without --from-results"
        ) from error


def write_page(folder: Path, name: str, text: str) -> None:
    """Write a page and print its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    print(f"wrote {folder / name}")
