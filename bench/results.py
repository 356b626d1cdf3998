# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The file of what was measured: a row a metric, each with the processor that it was measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.environment import ROOT
from il_ros.errors import StorageError

RESULTS = ROOT / "bench" / "results.json"
CPU = Path("/proc/cpuinfo")


def join(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Put the rows in the place of those of equal names; the file is the old one or the new one, never half of it.

    Raises:
        StorageError: if it cannot be written.
    """
    here = processor()
    partial = path.with_suffix(".partial")
    try:
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        joined = {row["name"]: row for row in before} | {row["name"]: row | {"processor": here} for row in rows}
        partial.write_text(json.dumps(list(joined.values()), indent=1) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror}; free some space or give --output") from error


def processor() -> str:
    """What this machine computes with, and on how many cores."""
    told = CPU.read_text(encoding="utf-8") if CPU.exists() else ""
    facts = dict(line.split(":", 1) for line in told.partition("\n\n")[0].splitlines() if ":" in line)
    named = {name.strip(): value.strip() for name, value in facts.items()}
    name = named.get("model name", platform.machine())
    return f"{name}, family {named.get('cpu family', '?')}, {os.cpu_count()} cores"
