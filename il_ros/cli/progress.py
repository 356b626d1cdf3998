# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Progress bars on standard error, so that what a command prints can be piped."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ERR = Console(stderr=True)


def bars() -> Progress:
    """Make a set of progress bars; use as a context manager."""
    return Progress(
        TextColumn("{task.description:<46}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=ERR,
    )
