# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A node's ``param`` entries of a launch file, as the command line arguments that give it these parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

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
        block.check("param", ("from",))
        file = Path(substitutions.expand(block.text("from"), scope, block.place("from")))
        if not file.is_file():
            raise ConfigError(f"{block.place('from')}: parameter file {file} is missing; check its path")
        yield from ("--params-file", str(file))
        return
    block.check("param", ("name",), ("value", "param"))
    name = prefix + substitutions.expand(block.text("name"), scope, block.place("name"))
    if ("value" in block) == ("param" in block):
        raise ConfigError(f"{block.place()}: parameter {name!r} needs either a value or nested param, not both")
    if "value" in block:
        yield from ("-p", f"{name}:={literal(_value(block, scope))}")
    for nested in block.blocks("param", "param"):
        yield from words(nested, scope, f"{name}.")


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
