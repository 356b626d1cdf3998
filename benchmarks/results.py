# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The file of what was measured: a row a metric, each with the processor that it was measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.environment import ROOT
from il_ros.core.atomic_io import replace_file
from il_ros.core.errors import StorageError

RESULTS = ROOT / "benchmarks" / "results.json"
CPU = Path("/proc/cpuinfo")


def join(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Put the rows in the place of those of equal names; the file is the old one or the new one, never half of it.

    Raises:
        StorageError: if it cannot be written.
    """
    here = processor()
    try:
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        joined = {row["name"]: row for row in before} | {row["name"]: row | {"processor": here} for row in rows}
        replace_file(path, json.dumps(list(joined.values()), indent=1) + "\n")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}; free some space or give --output") from error


def processor() -> str:
    """Return what this machine computes with, and on how many cores."""
    text = CPU.read_text(encoding="utf-8") if CPU.exists() else ""
    facts = dict(line.split(":", 1) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    named = {name.strip(): value.strip() for name, value in facts.items()}
    name = named.get("model name", platform.machine())
    return f"{name}, family {named.get('cpu family', '?')}, {os.cpu_count()} cores"
