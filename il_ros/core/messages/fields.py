# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Field paths: numbers in a message by name, as a contract writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from il_ros.core.errors import ConfigError, MessageError


@cache
def getter(path: str) -> Callable[[Any], float]:
    """Return a function that reads the number at ``path`` in a message; see ``ObservationComponent.field``.

    Raises:
        ConfigError: if the path cannot be parsed.
    """
    match = re.fullmatch(r"([A-Za-z_][\w.]*)(?:\[([^\]]+)\])?", path)
    if match is None:
        raise ConfigError(f"field {path!r} cannot be read; write it as pose.position.x or position[joint_name]")
    steps = [int(part) if part.isdigit() else part for part in match[1].split(".")]
    by_name = match[2]

    def read(message: Any) -> float:
        value = message
        try:
            for step in steps:
                value = value[step] if isinstance(step, int) else getattr(value, step)
            if by_name is not None:
                names = list(message.name)
                if by_name not in names:
                    raise MessageError(
                        f"field {path!r}: the message has {', '.join(names)}; check the contract's field"
                    )
                value = value[names.index(by_name)]
            return float(value)
        except (AttributeError, IndexError, ValueError, TypeError) as error:
            raise MessageError(f"field {path!r} is not in the message ({error}); check the contract's field") from error

    return read


def named_joint(path: str) -> str | None:
    """Return the joint that a contract's field names, as in ``position[panda_joint1]``; None if it names none."""
    return path[path.index("[") + 1 : -1] if path.endswith("]") and "[" in path else None
