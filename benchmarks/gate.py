# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What one step of the gate costs, beside the gate of a commit before, whose sources are taken from git.

A step is what the gate node asks of the gate for one observation: the policy's answer, the expert's, the decision.

Examples:
  python -m benchmarks.gate
  python -m benchmarks.gate --against f77521f --rounds 5
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import timeit
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEFORE = "f77521f"
"""The last commit whose limits held from command to command alone."""
CONTRACTS = ("panda_plane", "panda_joints")
BATCH, BATCHES = 50, 400
"""Steps that are timed as one, and how often; the fastest counts, since others only make it slower."""


def step_us(contract: str) -> float:
    """Measure a step in this process, microseconds."""
    import numpy as np

    from il_ros.core.contract import Contract
    from il_ros.core.types import Chunk
    from il_ros.gate import Gate, GateConfig

    loaded = Contract.load(contract)
    gate, width = Gate(loaded, GateConfig(rule="human")), len(loaded.action)
    seen, rows, nothing = np.zeros(len(loaded.observation), np.float32), np.zeros((8, width)), np.empty((0, width))
    stamps = iter(range(loaded.step_ns, 10**18, loaded.step_ns))

    def step() -> None:
        stamp = next(stamps)
        gate.offer_policy(stamp, lambda: Chunk(stamp, rows), stamp)
        gate.offer_expert(Chunk(stamp, nothing, "expert", False), stamp)
        gate.step(stamp, seen, stamp)

    return 1e6 * min(timeit.repeat(step, number=BATCH, repeat=BATCHES)) / BATCH


def timed(contract: str, sources: Path) -> float:
    """Measure a step with these sources, in a process of its own, microseconds."""
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    command = [sys.executable, str(Path(__file__).resolve()), "--step", contract]
    done = subprocess.run(command, env=environment, cwd=sources, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(against: str, rounds: int) -> list[dict[str, object]]:
    """Return a row for each contract.

    Raises:
        ConfigError: if git does not have that commit.
    """
    from il_ros.core.errors import ConfigError

    packed = subprocess.run(["git", "-C", str(ROOT), "archive", against, "il_ros", "config"], capture_output=True)
    if packed.returncode:
        raise ConfigError(f"git has no {against}: {packed.stderr.decode().strip()}; give another commit with --against")
    made: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        for contract in CONTRACTS:
            pairs = [(timed(contract, ROOT), timed(contract, Path(folder))) for _ in range(rounds)]
            ratios = sorted(now / before for now, before in pairs)
            now, before = (sorted(side)[rounds // 2] for side in zip(*pairs))
            name = f"gate step, {contract}, against {against}"
            made.append({"name": name, "ours": now, "peer": before, "unit": "us", "ratio": ratios[rounds // 2]})
    return made


def main() -> int:
    """Measure, print and leave; the entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default=BEFORE, help=f"a commit (default: {BEFORE})")
    parser.add_argument("--rounds", type=int, default=9, help="how often both are timed in turn (default: 9)")
    parser.add_argument("--output", type=Path, help="results are joined to those in this file")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        print(step_us(args.step))
        return 0
    from benchmarks.results import join
    from il_ros.core.errors import IlRosError

    try:
        rows = measure(args.against, args.rounds)
    except IlRosError as error:
        print(f"il_ros: {error}", file=sys.stderr)
        return error.exit_code
    for row in rows:
        print(f"{row['name']}: {row['ours']:.1f} us, was {row['peer']:.1f} us: {row['ratio']:.2f} times")
    if args.output:
        join(rows, args.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
