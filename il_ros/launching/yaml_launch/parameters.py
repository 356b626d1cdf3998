# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A node's ``param`` entries of a launch file, as the command line arguments that give it these parameters."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from il_ros.core.atomic_io import storage_errors
from il_ros.core.errors import ConfigError
from il_ros.launching.yaml_launch import substitutions
from il_ros.launching.yaml_launch.parser import LaunchBlock
from il_ros.launching.yaml_launch.substitutions import Scope

SCALARS = (bool, int, float, str)


def words(block: LaunchBlock, scope: Scope, prefix: str = "") -> Iterator[str]:
    """Yield ``--params-file`` or ``-p`` and its argument, for one entry and those nested in it.

    Raises:
        ConfigError: naming file and line, if the entry is malformed or its file is missing.
    """
    if "from" in block:
        block.check("param", ("from",), ("allow_substs",))
        yield from ("--params-file", str(_file(block, scope)))
        return
    block.check("param", ("name",), ("value", "param"))
    name = prefix + substitutions.expand(block.text("name"), scope, block.place("name"))
    if ("value" in block) == ("param" in block):
        raise ConfigError(f"{block.place()}: parameter {name!r} needs either a value or nested param, not both")
    if "value" in block:
        yield from ("-p", f"{name}:={literal(_value(block, scope))}")
    for nested in block.blocks("param", "param"):
        yield from words(nested, scope, f"{name}.")


def _file(block: LaunchBlock, scope: Scope) -> Path:
    """Return the path of a parameter file; with ``allow_substs`` that of a copy with its substitutions done."""
    file = Path(substitutions.expand(block.text("from"), scope, block.place("from")))
    if not file.is_file():
        raise ConfigError(f"{block.place('from')}: parameter file {file} is missing; check its path")
    allows = block.get("allow_substs", False)
    if not isinstance(allows, bool):
        raise ConfigError(f"{block.place('allow_substs')}: allow_substs is {allows!r}; it must be true or false")
    return _substituted(file, scope) if allows else file


def _substituted(file: Path, scope: Scope) -> Path:
    """Write a parameter file with its substitutions done, and return its path, which is the same for the same text."""
    try:
        text = yaml.safe_dump(yaml.safe_load(file.read_text(encoding="utf-8")))
        result = substitutions.expand(text, scope, str(file))
        yaml.safe_load(result)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"parameter file {file} is not YAML: {' '.join(str(error).split())}; correct it") from error
    folder = Path(tempfile.gettempdir()) / f"il_ros_{os.getuid()}"
    with storage_errors(folder, "set TMPDIR to a folder that can be written"):
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise ConfigError(f"{folder} belongs to another user; set TMPDIR to a folder of your own")
        copy = folder / f"launch_params_{hashlib.sha256(result.encode()).hexdigest()[:16]}.yaml"
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as unfinished:
            unfinished.write(result)
        os.replace(unfinished.name, copy)  # in one piece, since several launches may write the same text
    return copy


def literal(value: Any) -> str:
    """Return a value as rcl's parser reads it back with its type."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, float) and value - value != 0:  # infinite or not a number
        return {"inf": ".inf", "-inf": "-.inf"}.get(repr(value), ".nan")
    if isinstance(value, float) and "." not in repr(value):
        return repr(value).replace("e", ".0e")  # 1e-05 would be a string to YAML 1.1
    return json.dumps(value, ensure_ascii=False)


def _value(block: LaunchBlock, scope: Scope) -> Any:
    """Return a parameter's value: what a substitution gives is read as YAML, what is written is taken as it is."""
    value = block["value"]
    value = [_item(block, v, scope) for v in value] if isinstance(value, list) else _item(block, value, scope)
    items = value if isinstance(value, list) else [value]
    if len({type(item) for item in items}) != 1:
        raise ConfigError(f"{block.place('value')}: value {value!r}: a list needs elements, all of one type")
    if not isinstance(items[0], SCALARS):
        raise ConfigError(f"{block.place('value')}: value {value!r} cannot be a parameter; quote it if it is text")
    return value


def _item(block: LaunchBlock, written: Any, scope: Scope) -> Any:
    if not isinstance(written, str):
        return written
    text = substitutions.expand(written, scope, block.place("value"))
    if "$(" not in written or not text:
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{block.place('value')}: value {text!r} is not YAML; quote it if it is text, and write '' for each ' in it"
        ) from error
