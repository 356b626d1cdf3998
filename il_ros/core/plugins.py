# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Plug-ins found by file name: one file in a package is one policy, task, rule or device."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from typing import TypeVar

import yaml

from il_ros.core import schema
from il_ros.core.errors import ConfigError, unknown

T = TypeVar("T")
RENAMED = {("device", "page"): "browser"}
"""Plug-ins that had another name in an earlier version, which is still accepted."""


def available(package: str, base: type[T]) -> dict[str, type[T]]:
    """Return every plug-in of ``package``, keyed by its file's name.

    A module is a plug-in when it defines a concrete subclass of ``base``; other modules of the package (networks, the
    base class) are passed over.
    """
    path = importlib.import_module(package).__path__
    found = {name: _plugin(f"{package}.{name}", base) for _, name, _ in pkgutil.iter_modules(path)}
    return {name: cls for name, cls in sorted(found.items()) if cls is not None}


def load(package: str, base: type[T], kind: str, name: str) -> type[T]:
    """Return the plug-in class called ``name``; a dotted name is a module of another package.

    Raises:
        ConfigError: if there is none, with the names that there are.
    """
    if re.fullmatch(r"\w+(\.\w*)+", name):
        try:
            cls = _plugin(name, base)
        except ImportError as error:
            raise ConfigError(f"{kind} {name!r} cannot be imported ({error}); is its package installed?") from error
        if cls is None:
            raise ConfigError(f"{kind} {name!r} defines no {base.__name__}; subclass il_ros' {base.__name__} in it")
        return cls
    choices, name = available(package, base), RENAMED.get((kind, name), name)
    if name not in choices:
        raise unknown(kind, name, choices)
    return choices[name]


def make(package: str, base: type[T], kind: str, text: str) -> T:
    """Return the plug-in that ``text`` names, alone or with options, as in ``trace:horizon_s=40,scale=2``.

    Raises:
        ConfigError: if there is none, or it has no such option.
    """
    name, _, rest = text.partition(":")
    cls, where = load(package, base, kind, name), f"{kind} {name!r}"
    options = dict(_option(where, part) for part in rest.split(",") if part)
    if dataclasses.is_dataclass(cls):
        return schema.build(cls, where, options)  # type: ignore[no-any-return]
    if options:
        raise ConfigError(f"{where}: {next(iter(options))!r} is not known; it takes no options")
    return cls()


def _option(where: str, text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{where}: {text!r} is no option; write name=value, several with commas between them")
    return key.strip(), yaml.safe_load(value)


def _plugin(module_name: str, base: type[T]) -> type[T] | None:
    module = importlib.import_module(module_name)
    for value in vars(module).values():
        if inspect.isclass(value) and value.__module__ == module.__name__ and issubclass(value, base):
            if not inspect.isabstract(value) and value is not base:
                return value
    return None
