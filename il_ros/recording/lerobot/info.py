# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""``meta/info.json`` of a LeRobot data set: whether it is one, of which version, with what to do about others."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from il_ros.core.errors import DataError
from il_ros.recording.export.lerobot import INFO
from il_ros.recording.lerobot.names import names_of

FIRST_VERSION = "meta_data/info.json"
"""Where the first format of LeRobot's, v1, has it."""
CONVERTER = "python -m lerobot.scripts.convert_dataset_v21_to_v30 --repo-id=OWNER/NAME --root={} --push-to-hub=false"


def is_dataset(folder: Path) -> bool:
    """Return whether a folder is one of LeRobot's data sets, be it whole or not."""
    is_whole = (folder / INFO).is_file() or (folder / FIRST_VERSION).is_file()
    return is_whole or ((folder / "meta").is_dir() and (folder / "data").is_dir())


def read_info(folder: Path) -> dict[str, Any]:
    """Read ``meta/info.json`` and check its features.

    Raises:
        DataError: if it cannot be read, is of another form or of another version of the format.
    """
    path = folder / INFO
    if (folder / FIRST_VERSION).is_file() and not path.is_file():
        raise DataError(
            f"{folder} has LeRobot's format v1; only v3.0 is read, and LeRobot converts v2.1: download it again"
        )
    try:
        info = json.loads(path.read_bytes())
        version, rate_hz, _, _ = (info[key] for key in ("codebase_version", "fps", "total_frames", "total_episodes"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; name a folder of LeRobot's format") from error
    except KeyError as error:
        raise DataError(f"{path} is not one of LeRobot's, it lacks {error}; name a folder of its format") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is not one of LeRobot's ({error!r}); name a folder of its format") from error
    _check_version(folder, str(version))
    try:
        if not 0 < rate_hz < math.inf:
            raise ValueError(f"fps is {rate_hz}")
        for feature in info["features"].values():
            names_of(feature)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is not one of LeRobot's ({error!r}); name a folder of its format") from error
    return info  # type: ignore[no-any-return]


def _check_version(folder: Path, version: str) -> None:
    if version.startswith("v3."):
        return
    remedy = "get it in v3.0"
    if version == "v2.1":
        old = folder.with_name(f"{folder.name}_old")
        first = (
            f"move {old} away, then " if old.exists() else ""
        )  # the converter would put that in the data set's place
        remedy = f"{first}convert it: {CONVERTER.format(folder)} (what it was stays in {old})"
    elif version.startswith(("v2.", "v1.")):
        remedy = "LeRobot's converters lead from v2.0 to v2.1 (in its releases of that time) and from there to v3.0"
    raise DataError(f"{folder} has LeRobot's format {version}; only v3.0 is read; {remedy}")
