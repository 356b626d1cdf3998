# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The errors of this package, one class for each kind; each carries the exit code that a script sees."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class IlRosError(Exception):
    """Base of every error that this package raises on purpose.

    The message names the value, the limit and the remedy, and fits on one line.
    """

    exit_code = 1


class ConfigError(IlRosError):
    """A name, a YAML key, an argument or a parameter is unknown or not acceptable.

    Args:
        text: the message.
        at: the keys that lead to what is wrong in the file that was read, outermost first.
    """

    exit_code = 2

    def __init__(self, text: str = "", at: tuple[str | int, ...] = ()) -> None:
        super().__init__(text)
        self.at = at


class MessageError(IlRosError):
    """A message does not satisfy the contract: names, shape, stamp or a non-finite number."""

    exit_code = 3


class DataError(IlRosError):
    """A bag, a journal or a data set is missing, damaged or unusable."""

    exit_code = 4


class CheckpointError(IlRosError):
    """A checkpoint is missing, damaged or of another program."""

    exit_code = 5


class StorageError(IlRosError):
    """The disk is full or cannot be written."""

    exit_code = 6


class GraphError(IlRosError):
    """A node, a topic or a service did not answer in time."""

    exit_code = 7


def unknown(kind: str, name: str, choices: Iterable[str], at: tuple[str | int, ...] = ()) -> ConfigError:
    """Return the error for a name that is not one of ``choices``; it suggests the nearest."""
    known = sorted(choices)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ConfigError(f"{kind} {name!r} is not known; choose from {', '.join(known)}{hint}", at)
