# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The one table of names that earlier versions used for keys and options, which are still accepted."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from il_ros.core.errors import ConfigError

ALIASES: Mapping[str, str] = {
    # training
    "history": "n_obs_steps",
    "fewest": "min_labels",
    "averaging": "ema_decay",
    "held_out": "val_fraction",
    "warm_up": "warmup_steps",
    "gradient_norm": "grad_clip_norm",
    "normaliser": "normalizer",
    "fresh": "new_data_weight",
    # options of policies
    "levels": "num_train_timesteps",
    "calls": "num_inference_steps",
    "predicts": "prediction_type",
    "floor": "min_std",
    "spread": "sample_scale",
    "least_weight": "min_weight",
    # contracts
    "foreign": "external",
    # options of commands, arguments of launch files and keys of a run's ledger
    "added": "labels_per_round",
    "evaluated": "eval_episodes",
    "enough": "success_threshold",
    "device": "input_device",
    "paced": "real_time",
    "rule": "gating_rule",
    "loop": "no_ros",
}
"""Old name to new name. An old name counts only where it names nothing else, and its new name does."""

VALUES: Mapping[tuple[str, object], str] = {
    ("prediction_type", "chunk"): "sample",
    ("prediction_type", "noise"): "epsilon",
}
"""Old values of a key, by its new name."""

_warned: set[str] = set()
_silent = ContextVar("silent", default=False)


def current(name: str, names: Collection[str]) -> str:
    """Return today's name for ``name``, one of ``names``; a name that is unknown is returned as it is."""
    if name in names or ALIASES.get(name) not in names:
        return name
    return ALIASES[name]


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Warn of nothing, while files are read that nobody writes by hand, such as checkpoints."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def renamed(data: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return ``data`` with its old keys and values replaced by today's ``names``; warn of each once.

    Raises:
        ConfigError: if a key stands there by both names.
    """
    result: dict[str, Any] = {}
    for key, value in data.items():
        name = current(key, names) if isinstance(key, str) else key
        if name in result or (name != key and name in data):
            raise ConfigError(f"keys {key!r} and {name!r} are one and the same; remove {key!r}", at=(key,))
        if name != key:
            warn_once(key, name)
        result[name] = VALUES.get((name, value), value) if isinstance(value, str) else value
    return result


def warn_once(old: str, new: str) -> None:
    """Log a warning that ``old`` is now called ``new``, once in a process."""
    if old not in _warned and not _silent.get():
        _warned.add(old)
        logging.getLogger("il_ros").warning("%r is now called %r; the old name is still accepted", old, new)
