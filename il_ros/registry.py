"""Plug-ins found by file name: one file in a package is one policy, task, rule or device."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import TypeVar

from il_ros.errors import ConfigError, unknown

T = TypeVar("T")


def available(package: str, base: type[T]) -> dict[str, type[T]]:
    """Every plug-in of ``package``, keyed by its file's name.

    A module is a plug-in when it defines a concrete subclass of ``base``; other modules of the package (networks, the
    base class) are passed over.
    """
    path = importlib.import_module(package).__path__
    found = {name: _plugin(f"{package}.{name}", base) for _, name, _ in pkgutil.iter_modules(path)}
    return {name: cls for name, cls in sorted(found.items()) if cls is not None}


def load(package: str, base: type[T], kind: str, name: str) -> type[T]:
    """The plug-in class called ``name``; a dotted name is a module of somebody else's package.

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
    choices = available(package, base)
    if name not in choices:
        raise unknown(kind, name, choices)
    return choices[name]


def _plugin(module_name: str, base: type[T]) -> type[T] | None:
    module = importlib.import_module(module_name)
    for value in vars(module).values():
        if inspect.isclass(value) and value.__module__ == module.__name__ and issubclass(value, base):
            if not inspect.isabstract(value) and value is not base:
                return value
    return None
