# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Plugins: one file in a package of ours is one policy, task, rule or device; other pip packages offer entry points.

Another package declares its plugins in its ``pyproject.toml``, each as a module, or as a class of a module::

    [project.entry-points."il_ros.policies"]
    my_policy = "my_package.my_policy"
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import yaml

from il_ros.core import schema
from il_ros.core.errors import ConfigError, unknown


@dataclass(frozen=True)
class Kind:
    """One kind of plugin."""

    package: str
    """The package of ours in which each module is one."""
    base: str
    """The class that each is a subclass of, as ``module:name``."""
    group: str
    """The group of entry points by which other pip packages offer theirs."""

    def base_class(self) -> type[Any]:
        """Import the base class."""
        cls: type[Any] = pkgutil.resolve_name(self.base)
        return cls


KINDS = {
    "policy": Kind("il_ros.policies", "il_ros.policies.base:Policy", "il_ros.policies"),
    "image encoder": Kind("il_ros.policies.vision", "il_ros.policies.vision.base:ImageEncoder", "il_ros.encoders"),
    "task": Kind("il_ros.sim.tasks", "il_ros.sim.tasks.base:Task", "il_ros.tasks"),
    "device": Kind("il_ros.teleop.devices", "il_ros.teleop.base:Device", "il_ros.devices"),
    "gating rule": Kind("il_ros.gate.rules", "il_ros.gate.rules.base:Rule", "il_ros.gating_rules"),
    "label scheme": Kind("il_ros.learning.data.labels", "il_ros.learning.data.labels.base:Scheme", "il_ros.labels"),
    "export format": Kind("il_ros.recording.export", "il_ros.recording.export.base:Exporter", "il_ros.exporters"),
}
"""Every kind of plugin, by the words that name it in error messages."""
RENAMED = {("device", "page"): "browser"}
"""Plugins that had another name in an earlier version, which is still accepted."""


def available(kind: str) -> dict[str, type[Any]]:
    """Return every plugin of a kind that can be used, ours and those of other packages, by name.

    A module is a plugin if it defines a concrete subclass of the kind's base class; other modules of the package
    (networks, the base class) are passed over. So are plugins of other packages that cannot be used: see ``unusable``.
    """
    usable = {}
    for name in _offers(kind):
        with contextlib.suppress(ConfigError):
            usable[name] = _offered(kind, name)
    modules = pkgutil.iter_modules(importlib.import_module(KINDS[kind].package).__path__)
    ours = {name: _own(kind, name) for _, name, _ in modules}
    usable |= {name: cls for name, cls in ours.items() if cls is not None}
    return dict(sorted(usable.items()))


def offered(kind: str) -> list[str]:
    """Return the names of the plugins that other packages offer, usable or not."""
    return list(_offers(kind))


def unusable(kind: str) -> dict[str, str]:
    """Return why plugins of other packages cannot be used, by name: broken, or of a name that is taken."""
    reasons = {}
    for name, entries in _offers(kind).items():
        try:
            _offered(kind, name)
        except ConfigError as error:
            reasons[name] = str(error)
        if _own(kind, name) is not None:
            reasons[name] = (
                f"{kind} {name!r} of {_packages(entries)} is not used: il_ros has one of that name, which wins, so "
                f"that no package changes what a configuration means; ask for it as {entries[0].module!r}"
            )
    return reasons


def load(kind: str, name: str) -> type[Any]:
    """Return the plugin class called ``name``; a dotted name is a module of another package.

    A name of ours comes before the same name of another package.

    Raises:
        ConfigError: if there is none, with the names that there are, or if it cannot be used, with the reason.
    """
    if re.fullmatch(r"\w+(\.\w*)+", name):
        return _named_by_module(kind, name)
    name = RENAMED.get((kind, name), name)
    cls = _own(kind, name)
    if cls is not None:
        return cls
    if name in _offers(kind):
        return _offered(kind, name)
    raise unknown(kind, name, available(kind))


def make(kind: str, text: str) -> Any:
    """Return the plugin that ``text`` describes: its name, or with options, as in ``trace:horizon_s=40,scale=2``.

    Raises:
        ConfigError: if there is none, or it has no such option.
    """
    name, _, rest = text.partition(":")
    cls, where = load(kind, name), f"{kind} {name!r}"
    options = dict(_option(where, part) for part in rest.split(",") if part)
    if dataclasses.is_dataclass(cls):
        return schema.build(cls, where, options)
    if options:
        raise ConfigError(f"{where}: {next(iter(options))!r} is not known; it takes no options")
    return cls()


def requirement(kind: str, name: str) -> str | None:
    """Return the package whose entry point offers the plugin, as ``package==version``; None for one of ours.

    A dotted name tells its package itself: None, too.
    """
    entries = [] if "." in name or _own(kind, name) is not None else _offers(kind).get(name, [])
    return next((f"{entry.dist.name}=={entry.dist.version}" for entry in entries if entry.dist is not None), None)


def _named_by_module(kind: str, name: str) -> type[Any]:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"{kind} {name!r} cannot be imported ({error}); is its package installed?") from error
    return _defined(kind, module, f"{kind} {name!r}")


def _own(kind: str, name: str) -> type[Any] | None:
    """Return the class in the module of ours called ``name``; None if there is none."""
    module = f"{KINDS[kind].package}.{name}"
    if not name.isidentifier() or find_spec(module) is None:
        return None
    return next(_subclasses(importlib.import_module(module), KINDS[kind].base_class()), None)


def _offers(kind: str) -> dict[str, list[EntryPoint]]:
    """Return the entry points of other packages, by name: more than one if several packages use it."""
    offers: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=KINDS[kind].group):
        offers.setdefault(entry.name, []).append(entry)
    return dict(sorted(offers.items()))


def _offered(kind: str, name: str) -> type[Any]:
    """Return the class behind the entry points called ``name``.

    Raises:
        ConfigError: if it cannot be used.
    """
    entry, *others = _offers(kind)[name]
    where = f"{kind} {name!r} of {_packages([entry, *others])}"
    if others:
        modules = ", ".join(repr(each.module) for each in (entry, *others))
        raise ConfigError(f"{where} is offered by each of them; ask for one by its module: {modules}")
    try:
        value = entry.load()
    except Exception as error:  # whatever another package raises must not break the others: it becomes the reason
        reason = " ".join(str(error).split())
        raise ConfigError(f"{where} cannot be loaded ({type(error).__name__}: {reason}); mend or update it") from error
    if isinstance(value, ModuleType):
        return _defined(kind, value, where)
    base = KINDS[kind].base_class()
    if not _is_concrete(value, base):
        raise ConfigError(f"{where}: {entry.value!r} is no concrete subclass of il_ros' {base.__name__}")
    return value  # type: ignore[no-any-return]


def _defined(kind: str, module: ModuleType, where: str) -> type[Any]:
    """Return the plugin class that a module of another package defines.

    Raises:
        ConfigError: if it defines none.
    """
    base = KINDS[kind].base_class()
    cls = next(_subclasses(module, base), None)
    if cls is None:
        raise ConfigError(f"{where} defines no {base.__name__}; subclass il_ros' {base.__name__} in it")
    return cls


def _subclasses(module: ModuleType, base: type[Any]) -> Iterator[type[Any]]:
    """Yield the concrete subclasses of ``base`` that a module defines itself."""
    values = list(vars(module).values())
    yield from (v for v in values if _is_concrete(v, base) and v.__module__ == module.__name__)


def _is_concrete(value: object, base: type[Any]) -> bool:
    return inspect.isclass(value) and issubclass(value, base) and value is not base and not inspect.isabstract(value)


def _packages(entries: list[EntryPoint]) -> str:
    names = sorted({entry.dist.name if entry.dist is not None else entry.value for entry in entries})
    return f"package{'s' * (len(names) > 1)} {', '.join(names)}"


def _option(where: str, text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{where}: {text!r} is no option; write name=value, several with commas between them")
    return key.strip(), yaml.safe_load(value)
