# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How the package is installed: by pip, or by colcon as an ament_python package."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = "il_ros"
ROOT = Path(__file__).resolve().parent
NODES = sorted(path.stem for path in (ROOT / NAME / "nodes").glob("*_node.py"))
"""The executables; ``scripts/`` has a link of each name to the one script that runs them."""


def version() -> str:
    """The version, which is written in one place only: ``il_ros/__init__.py``."""
    match = re.search(r'__version__ = "([^"]+)"', (ROOT / NAME / "__init__.py").read_text(encoding="utf-8"))
    assert match is not None
    return match[1]


def requirements(name: str) -> list[str]:
    """The pinned direct dependencies in a file, loosened to the releases that are compatible with them."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [re.sub(r"==([\d.]+)", compatible, line, count=1) for line in lines if line and not line.startswith("#")]
    return [pin for pin in pins if not pin.startswith("numpy")]


def compatible(pin: re.Match[str]) -> str:
    """``>=2.13.0,<2.14`` for ``==2.13.0``: what ``~=`` says, in words that colcon understands, too."""
    *series, _ = pin[1].split(".")
    return f">={pin[1]},<{'.'.join([*series[:-1], str(int(series[-1]) + 1)])}"


def folder(name: str) -> list[tuple[str, list[str]]]:
    """``(target, files)`` for every folder under ``name``, as setuptools' ``data_files`` wants them."""
    files: dict[str, list[str]] = {}
    for path in sorted((ROOT / name).rglob("*")):
        if path.is_file() and path.suffix in (".yaml", ".py", ".rviz", ".json") and path.parent.name != "__pycache__":
            source = path.relative_to(ROOT)
            files.setdefault(f"share/{NAME}/{source.parent}", []).append(str(source))
    return list(files.items())


setup(
    name=NAME,
    version=version(),
    description="Imitation learning on a robot arm, as ordinary ROS 2 nodes",
    author="The il_ros authors",
    license="Apache-2.0",
    python_requires=">=3.10,<3.13",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "**/*.html", "**/*.css", "**/*.js"]},
    install_requires=["numpy>=1.26,<3", *requirements("requirements.txt")],
    extras_require={
        "export": requirements("requirements-export.txt"),
        "onnx": ["onnx>=1.16"],
        "test": ["pytest", "hypothesis"],  # which is how colcon test knows that they are for pytest
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *folder("launch"),
        *folder("config"),
        (f"lib/{NAME}", [f"scripts/{node}" for node in NODES]),
    ],
    entry_points={
        "console_scripts": ["il-ros = il_ros.cli:main", *(f"{node} = il_ros.nodes.{node}:main" for node in NODES)]
    },
    zip_safe=False,
)
