# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Write the reference pages: ``python -m tools.reference``.

The page of the nodes needs rclpy; without it, or with ``--without-nodes``, that page is left as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from tools import cli_reference, contract_reference, python_api, training_reference

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_reference.page,
    "contract.md": contract_reference.page,
    "training-config.md": training_reference.page,
    "python-api.md": python_api.page,
}
"""The pages that need no ROS, by file name."""


def main() -> None:
    """Write every page that can be made here."""
    parser = argparse.ArgumentParser(description="write the reference pages")
    parser.add_argument("--without-nodes", action="store_true", help="leave the page of the nodes as it is")
    pages = dict(PAGES)
    if not parser.parse_args().without_nodes and find_spec("rclpy") is not None:
        from tools import nodes_reference

        pages["nodes.md"] = nodes_reference.page
    for name, page in pages.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
