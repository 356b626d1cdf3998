# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Write a checkpoint as an ONNX graph, for programs that know neither il_ros nor torch.

The graph takes the last observations in real units and gives the action chunk in real units, within its limits; the
file of the same name that ends in .json says what each number is called and measured in.

Examples:
  il-ros onnx runs/demo/fork/checkpoints/checkpoint_003_diffusion fork.onnx
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HELP = "write a checkpoint as an ONNX graph"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros onnx``."""
    parser.add_argument("checkpoint", type=Path, help="the checkpoint's folder")
    parser.add_argument("output", type=Path, metavar="OUTPUT.onnx", help="the file to write; .json goes beside it")
    parser.add_argument("--json", action="store_true", help="print what the file beside it says")


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros onnx``."""
    from il_ros.learning import checkpoint, onnx_export

    document = onnx_export.export(checkpoint.load(args.checkpoint), args.output)
    if args.json:
        print(json.dumps(document))
        return 0
    print(f"{args.output}  {args.output.stat().st_size:,} bytes")
    for kind in ("inputs", "outputs"):
        for part in document[kind]:
            print(f"{kind[:-1]:>8}  {part['name']} {part['shape']}  {part.get('distribution', 'real units')}")
    return 0
