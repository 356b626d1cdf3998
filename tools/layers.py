# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The layers of the package: what each area may import, and the picture of it in the docs.

python -m tools.layers    draws the imports that there are between the markers of docs/architecture.md
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- layers -->", "<!-- /layers -->"

LAYERS: Mapping[str, frozenset[str]] = {
    "programs": frozenset({"cli", "launching"}),
    "ROS 2": frozenset({"ros", "nodes"}),
    "users": frozenset({"api", "learning", "evaluation"}),
    "parts": frozenset({"sim", "teleop", "policies", "gate", "recording", "web_ui"}),
    "foundations": frozenset({"core", "robot"}),
}
"""The areas (packages and modules directly below ``il_ros``) by layer, from the top down."""

BELOW_PROGRAMS = LAYERS["foundations"] | LAYERS["parts"] | {"learning", "evaluation"}
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "core": frozenset({"core"}),
    "robot": frozenset({"core", "robot"}),
    **{part: LAYERS["foundations"] | {part} for part in LAYERS["parts"]},
    **dict.fromkeys(("api", "learning", "evaluation"), BELOW_PROGRAMS),
    "ros": BELOW_PROGRAMS | {"ros"},
    "nodes": BELOW_PROGRAMS | {"ros", "nodes"},
    **dict.fromkeys(("launching", "cli"), BELOW_PROGRAMS | LAYERS["ROS 2"] | LAYERS["programs"]),
}
"""What each area may import of the package. Parts never import each other, and nothing imports what is above it."""

ONLY_IN: Mapping[str, frozenset[str]] = {
    "rclpy": frozenset({"ros", "nodes"}),
    "pybullet": frozenset({"sim"}),
    "pybullet_data": frozenset({"sim"}),
    "torch": frozenset({"policies", "learning"}),
    **dict.fromkeys(("aiohttp", "viser"), frozenset({"web_ui"})),
    "websockets": frozenset({"web_ui", "learning"}),
    "msgpack": frozenset({"learning"}),
    "trimesh": frozenset({"robot", "web_ui"}),
}
"""Where the heavy libraries may appear."""


def files() -> list[str]:
    """Return the paths of all modules below ``il_ros``."""
    return sorted(path.relative_to(ROOT / "il_ros").as_posix() for path in (ROOT / "il_ros").rglob("*.py"))


def area_of(path: str) -> str:
    """Return the area of a file at ``path`` below ``il_ros``."""
    return path.removesuffix(".py").split("/")[0]


def imported(source: str, package: str) -> Iterator[str]:
    """Yield the full names of the modules that a file of ``package`` imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                yield str(node.args[0].value)


def violations(path: str, source: str) -> list[str]:
    """Return what a file at ``path`` below ``il_ros`` imports against the rule.

    ``il_ros/__init__.py`` may name every module, since it imports none before it is asked for.
    """
    if path == "__init__.py":
        return []
    area, package = area_of(path), ".".join(["il_ros", *path.split("/")[:-1]])
    result = []
    for name in imported(source, package):
        root, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if root == "il_ros" and target in MAY_IMPORT and target not in MAY_IMPORT.get(area, frozenset()):
            result.append(f"il_ros/{path} imports {name}")
        if root in ONLY_IN and area not in ONLY_IN[root]:
            result.append(f"il_ros/{path} imports {name}, which belongs in {' and '.join(sorted(ONLY_IN[root]))}")
    return result


def imports() -> dict[str, set[str]]:
    """Return the areas that each area imports, itself left out."""
    result: dict[str, set[str]] = {area: set() for area in MAY_IMPORT}
    for path in files():
        area, package = area_of(path), ".".join(["il_ros", *path.split("/")[:-1]])
        if area in result:
            source = (ROOT / "il_ros" / path).read_text(encoding="utf-8")
            names = (name.split(".") for name in imported(source, package) if name.startswith("il_ros."))
            result[area] |= {name[1] for name in names if name[1] in result} - {area}
    return result


def drawn() -> str:
    """Return the layers as a Mermaid graph: an arrow for each import that no longer way of arrows implies."""
    graph = imports()
    lines = ["```mermaid", "graph TD"]
    for layer, areas in LAYERS.items():
        lines += [
            f'  subgraph {layer.replace(" ", "_")}["{layer}"]',
            *(f"    {area}" for area in sorted(areas)),
            "  end",
        ]
    for area, targets in sorted(graph.items()):
        through = {c: graph[c] for c in targets if area not in graph[c]}  # two areas that import each other are level
        implied = {b for c, beyond in through.items() for b in beyond if c not in graph[b]}
        lines += [f"  {area} --> {target}" for target in sorted(targets - implied)]
    return "\n".join([*lines, "```"])


def with_picture(page: str) -> str:
    """Return the page with the picture between its markers.

    Raises:
        ValueError: if the page lacks the markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks the lines {BEGIN} and {END}; write them where the picture belongs")
    return f"{before}{BEGIN}\n{drawn()}\n{END}{after}"


def main() -> int:
    """Write the picture into the page."""
    PAGE.write_text(with_picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
