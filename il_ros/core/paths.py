# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where the package's own ``config`` and ``launch`` folders are: in a checkout, or installed under ``share``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from il_ros.core.errors import ConfigError


def share() -> Path:
    """Return the folder that holds ``config`` and ``launch``.

    Raises:
        ConfigError: if neither the checkout nor an installation has them.
    """
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    candidates = [Path(__file__).resolve().parents[2]]
    candidates += [Path(prefix) / "share" / "il_ros" for prefix in prefixes if prefix]
    for folder in candidates:
        if (folder / "config" / "contracts").is_dir():
            return folder
    raise ConfigError(f"il_ros' config folder is in none of {', '.join(map(str, candidates))}; reinstall the package")


def find(kind: str, name: str | Path, suffix: str) -> Path:
    """Return the file called ``name``: a path as it stands, or a bare name from ``share()/kind``.

    Raises:
        ConfigError: if there is none, with the bare names that there are.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.parent == Path("."):
        bundled = share() / kind / (path.name if path.name.endswith(suffix) else f"{path.name}{suffix}")
        if bundled.is_file():
            return bundled
    choices = ", ".join(names(kind, suffix))
    raise ConfigError(f"{name!s} is not a file, nor one of ours; give a path, or one of {choices}")


def names(kind: str, suffix: str) -> list[str]:
    """Return the bare names of our files of one kind."""
    return sorted(path.name.removesuffix(suffix) for path in (share() / kind).glob(f"*{suffix}"))
