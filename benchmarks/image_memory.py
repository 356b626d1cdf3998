# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How much memory training from pictures takes: ours, robomimic's BC and LeRobot's loader, on the same pictures.

Each side of ``benchmarks.image_training`` trains alone in a process of its own. Its peak of resident memory counts
what it imports, and pictures that are mapped from files as far as they were read.

Examples:
  python -m benchmarks.image_memory
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys

from benchmarks import image_training
from benchmarks.environment import PEERS, ROOT, variables
from benchmarks.measurement import Side, Stretch, build

STEPS = 200
"""In so many steps of 64 windows every picture is read some six times."""


def sides() -> dict[str, Side]:
    """Return who trains, by its name."""
    measurements = image_training.MEASUREMENTS
    found = {"torch alone, imported": Side("benchmarks.image_memory:nothing"), "ours": measurements[0].ours}
    return found | {each.name.partition(", ")[2]: each.peer for each in measurements}


def nothing() -> Stretch:
    """Train nothing, in no time."""
    return lambda steps: []


def peak_mb(side: Side) -> float:
    """Return the peak of resident memory of a process in which this side trains, MB."""
    python = PEERS.get(side.environment)
    command = [
        str(python or sys.executable),
        "-m",
        "benchmarks.image_memory",
        "--side",
        side.factory,
        json.dumps(dict(side.options)),
    ]
    printed = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=variables(clean=python is not None)
    ).stdout
    return float(printed.splitlines()[-1])


def main() -> int:
    """Measure each side and print; with ``--side``, train and print this process's peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", nargs=2, metavar=("FACTORY", "OPTIONS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        import torch

        torch.set_num_threads(1)
        build(args.side[0], json.loads(args.side[1]))(STEPS)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
        return 0
    print(json.dumps({name: round(peak_mb(side)) for name, side in sides().items()}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
