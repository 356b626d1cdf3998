# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The substitutions of launch files that we know.

``$(var x)``, ``$(env X)``, ``$(find-pkg-share p)``, ``$(dirname)``, ``$(path-join a b)`` and ``$(string-join , a b)``.
They nest, take quoted arguments, and a backslash escapes the next character, as in launch's grammar.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from il_ros.core import paths
from il_ros.core.errors import ConfigError, unknown

MANY = 1000
"""Stands for any number of arguments."""
MARK = "\ue000"
"""Stands for a substitution's result while the text around it is split as a shell would."""


@dataclass(frozen=True)
class Scope:
    """What substitutions can see."""

    arguments: Mapping[str, str]
    environment: Mapping[str, str]
    directory: Path
    """The folder of the launch file that was begun last."""


def expand(text: str, scope: Scope, place: str) -> str:
    """Return ``text`` with its substitutions done; ``place`` is named in errors.

    Raises:
        ConfigError: for a substitution that is unknown, malformed or has no value.
    """
    return "".join(part for _, part in _Reader(text, scope, place).template())


def split(text: str, scope: Scope, place: str) -> list[str]:
    """Return ``text`` as a list of command line arguments; a substitution's result is never split.

    Raises:
        ConfigError: as ``expand`` does.
    """
    parts = _Reader(text, scope, place).template()
    results = iter([part for is_result, part in parts if is_result])
    template = "".join(MARK if is_result else part for is_result, part in parts)
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise ConfigError(f"{place}: {text!r} cannot be split into arguments: {error}; close the quote") from error
    return ["".join(next(results) if letter == MARK else letter for letter in word) for word in words]


def find_package(name: str, environment: Mapping[str, str], place: str) -> Path:
    """Return the prefix where a package is installed, from AMENT_PREFIX_PATH.

    Raises:
        ConfigError: if it is in none of its folders.
    """
    prefixes = [prefix for prefix in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    for prefix in prefixes:
        if (Path(prefix) / "share/ament_index/resource_index/packages" / name).exists():
            return Path(prefix)
    where = ", ".join(prefixes) or "AMENT_PREFIX_PATH, which is empty"
    raise ConfigError(f"{place}: package {name!r} is not in {where}; install it, or source its setup file")


def _var(scope: Scope, place: str, name: str, default: str | None = None) -> str:
    value = scope.arguments.get(name, default)
    if value is None:
        raise unknown(f"{place}: argument", name, scope.arguments)
    return value


def _env(scope: Scope, place: str, name: str, default: str | None = None) -> str:
    value = scope.environment.get(name, default)
    if value is None:
        raise ConfigError(f"{place}: environment variable {name!r} is not set; set it, or write $(env {name} DEFAULT)")
    return value


def _share(scope: Scope, place: str, name: str) -> str:
    if name == "il_ros":
        return str(paths.share())
    return str(find_package(name, scope.environment, place) / "share" / name)


def _dirname(scope: Scope, place: str) -> str:
    return str(scope.directory)


def _path_join(scope: Scope, place: str, *parts: str) -> str:
    return os.path.join(*parts)


def _string_join(scope: Scope, place: str, delimiter: str, *parts: str) -> str:
    return delimiter.join(parts)


KNOWN: dict[str, tuple[Callable[..., str], range]] = {
    "var": (_var, range(1, 3)),
    "env": (_env, range(1, 3)),
    "find-pkg-share": (_share, range(1, 2)),
    "dirname": (_dirname, range(0, 1)),
    "path-join": (_path_join, range(1, MANY)),
    "string-join": (_string_join, range(2, MANY)),
}
"""Name to function and how many arguments it takes."""


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, scope: Scope, place: str) -> None:
        self._text, self._scope, self._place = text, scope, place
        self._at = 0

    def template(self, stop: str = "") -> list[tuple[bool, str]]:
        """Read everything up to a letter of ``stop``: (whether a substitution made it, text)."""
        parts: list[tuple[bool, str]] = []
        while self._at < len(self._text) and self._text[self._at] not in stop:
            if self._text.startswith("$(", self._at):
                parts.append((True, self._substitution()))
                continue
            if self._text[self._at] == "\\" and self._at + 1 < len(self._text):
                self._at += 1
            parts.append((False, self._text[self._at]))
            self._at += 1
        return parts

    def _substitution(self) -> str:
        self._at += 2
        words = []
        while not self._text.startswith(")", self._at):
            if self._at >= len(self._text):
                raise ConfigError(f"{self._place}: {self._text!r} has a substitution without its end; add a ')'")
            words.append(self._word())
            while self._text.startswith(" ", self._at):
                self._at += 1
        self._at += 1
        return self._call(*words)

    def _word(self) -> str:
        quote = self._text[self._at]
        if quote not in "\"'":
            return "".join(part for _, part in self.template(" )"))
        self._at += 1
        word = "".join(part for _, part in self.template(quote))
        if self._at >= len(self._text):
            raise ConfigError(f"{self._place}: {self._text!r} has a quote without its end; close it")
        self._at += 1
        return word

    def _call(self, name: str = "", *arguments: str) -> str:
        if name == "eval":
            raise ConfigError(f"{self._place}: $(eval ...) is refused, since it runs code; use if:, unless: and let")
        if name not in KNOWN:
            raise unknown(f"{self._place}: substitution", name, KNOWN)
        function, counts = KNOWN[name]
        if len(arguments) not in counts:
            most = "more" if counts.stop == MANY else counts[-1]
            limit = f"{counts[0]} {'or' if most == 'more' else 'to'} {most}" if len(counts) > 1 else counts[0]
            raise ConfigError(f"{self._place}: $({name}) has {len(arguments)} arguments; it takes {limit}")
        return function(self._scope, self._place, *arguments)
