# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Measure everything, print a table, and publish it unless the machine was too busy for it to mean anything.

Examples:
  python -m benchmarks
  python -m benchmarks --rounds 2 --only latency --force
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.busy import Others
from benchmarks.environment import PEERS, Environments
from benchmarks.interleave import rounds_of
from benchmarks.measurement import Measurement, measurements
from benchmarks.results import RESULTS, join
from il_ros.core.errors import ConfigError, IlRosError

FEWEST_ROUNDS = 7
GREATEST_OTHERS = 0.2
"""Cores that others may use, before and while it runs."""
LISTEN_S = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; the exit code is that of the error, if there is one."""
    args = _parser().parse_args(arguments)
    try:
        chosen = [m for m in measurements() if args.only in m.name]
        if not chosen:
            names = ", ".join(repr(m.name) for m in measurements())
            raise ConfigError(f"bench: nothing is called {args.only!r}; choose a part of one of {names}")
        peers = {m.peer.environment: PEERS[m.peer.environment] for m in chosen if m.peer.environment in PEERS}
        for python in peers.values():
            if not python.exists():
                raise ConfigError(f"bench: {python} is not there; run make bench, which installs the peers")
        reasons = _busy_before()
        if reasons and not args.force:
            raise ConfigError(_refusal(reasons))
        rows, others = _measure(chosen, args.rounds, peers)
        _print(rows)
        reasons += objections(chosen, rows, others, args.rounds, is_all=not args.only)
        if args.force:
            print("not published, because of --force" + (f"; {'; '.join(reasons)}" if reasons else ""))
            return 0
        if reasons:
            raise ConfigError(_refusal(reasons))
        join(rows, args.output)
        print(f"wrote {args.output}")
        return 0
    except IlRosError as error:
        print(f"il_ros: {error}", file=sys.stderr)
        return error.exit_code


def objections(
    chosen: Sequence[Measurement], rows: Sequence[dict[str, Any]], others: float, rounds: int, is_all: bool
) -> list[str]:
    """Return why the rows should not be published; empty if they may be."""
    limits = {m.row_name(q): m.greatest_spread for m in chosen for q in m.quantiles}
    result = [
        f"the spread of '{row['name']}' is {row['spread']:.0%}, the limit {limits[row['name']]:.0%}"
        for row in rows
        if not row["spread"] <= limits[row["name"]]
    ]
    if others > GREATEST_OTHERS:
        result.append(f"others used {others:.2f} cores meanwhile, the limit is {GREATEST_OTHERS}")
    if rounds < FEWEST_ROUNDS:
        result.append(f"{rounds} rounds are too few, at least {FEWEST_ROUNDS} are needed")
    if not is_all:
        result.append("only a part was measured")
    return result


def _busy_before() -> list[str]:
    others = Others()
    time.sleep(LISTEN_S)
    used = others.cores()
    return [f"others use {used:.2f} cores, the limit is {GREATEST_OTHERS}"] if used > GREATEST_OTHERS else []


def _refusal(reasons: Sequence[str]) -> str:
    return f"bench: not published: {'; '.join(reasons)}; wait until the machine is quiet, or look with --force"


def _measure(chosen: Sequence[Measurement], rounds: int, peers: dict[str, Path]) -> tuple[list[dict[str, Any]], float]:
    """Return the rows, and the cores that others used meanwhile."""
    rows: list[dict[str, Any]] = []
    others = Others()
    with _bars() as progress, Environments(peers) as environments:
        bar = progress.add_task("", total=len(chosen) * rounds)
        for measurement in chosen:
            progress.update(bar, description=measurement.name)
            environments.build(measurement.sides)
            timed = rounds_of(measurement, environments.run, rounds, lambda: progress.advance(bar))
            environments.drop()
            rows += timed.rows()
    return rows, others.cores()


def _print(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(title="ours and the peers', in turn")
    for heading in ("measurement", "ours", "peer", "unit", "ratio", "spread", "of the limit"):
        table.add_column(heading, justify="left" if heading in ("measurement", "unit") else "right")
    for row in rows:
        ours, peer = (f"{row[side]:,.4g}" if row[side] < 1000 else f"{row[side]:,.0f}" for side in ("ours", "peer"))
        shares = (f"{row['ratio']:,.2f}", f"{row['spread']:.0%}", f"{row['limit_fraction']:.0%}")
        table.add_row(row["name"], ours, peer, row["unit"], *shares)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _bars() -> Progress:
    columns = (TextColumn("{task.description:<52}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed, beside the peers'.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each side has its turn (default: 9)")
    parser.add_argument("--only", default="", metavar="TEXT", help="what has TEXT in its name; not published")
    parser.add_argument("--force", action="store_true", help="measure on a busy machine too, and do not publish")
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="where the rows go (default: benchmarks/results.json)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
