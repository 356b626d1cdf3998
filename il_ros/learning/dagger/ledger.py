# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ledger of a DAgger run: for every round what the expert did, and how the policy measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core import aliases
from il_ros.core.atomic_io import replace_file, storage_errors
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError, DataError
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.data.labels import Scheme, load
from il_ros.learning.data.labels.base import asked
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore

NAME = "ledger.json"
FORMAT = 1


class Ledger:
    """``ledger.json`` in a run's folder: the plan, a row a finished round, and what of the next one is done.

    The file is replaced as a whole at every entry, so that a kill leaves the one before or the one after.

    Raises:
        ConfigError: if the folder holds a run with another plan.
        DataError: if what is there is no ledger.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self._path = folder / NAME
        self._data: dict[str, Any] = {"format": FORMAT, "plan": dict(plan), "rounds": [], "open": {}, "confirmed": None}
        if self._path.exists():
            stored = read(folder)
            begun = {option.name: option.default for option in fields(DaggerConfig)} | stored["plan"]
            differing = [key for key, value in plan.items() if begun[key] != value]
            if differing:
                key = differing[0]
                raise ConfigError(
                    f"{folder} holds a run whose {key} is {begun[key]!r}, not {plan[key]!r}; "
                    "go on with that plan, or choose another folder"
                )
            self._data = stored

    @property
    def rounds(self) -> list[dict[str, Any]]:
        """The rows."""
        return list(self._data["rounds"])

    @property
    def confirmed(self) -> dict[str, Any] | None:
        """The last policy's success on episodes of its own, once it is measured."""
        return self._data["confirmed"]  # type: ignore[no-any-return]

    def done(self, phase: str) -> dict[str, Any] | None:
        """Return the result of a phase of the open round, if it is done."""
        return self._data["open"].get(phase)  # type: ignore[no-any-return]

    def note(self, phase: str, facts: Mapping[str, Any]) -> None:
        """Write the result of a phase of the open round."""
        self._data["open"][phase] = dict(facts)
        self._write()

    def close_round(self, row: Mapping[str, Any]) -> None:
        """Write the row of a finished round."""
        self._data["rounds"].append(dict(row))
        self._data["open"] = {}
        self._write()

    def confirm(self, facts: Mapping[str, Any]) -> None:
        """Write how the last policy measured on other episodes."""
        self._data["confirmed"] = dict(facts)
        self._write()

    def _write(self) -> None:
        with storage_errors(self._path.parent, "free some space and start the run again: it goes on"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(self._data, indent=1) + "\n")


def read(folder: Path) -> dict[str, Any]:
    """Read the ledger of a run.

    Raises:
        DataError: if there is none, or it cannot be read.
    """
    path = folder / NAME
    try:
        data = json.loads(path.read_bytes())
        if data["format"] > FORMAT:
            raise DataError(f"{path} has format {data['format']}; this program reads up to {FORMAT}, update il_ros")
        with aliases.silent():
            data["plan"] = aliases.renamed(data["plan"], tuple(aliases.ALIASES.values()))
        return {key: data[key] for key in ("format", "plan", "rounds", "open", "confirmed")}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; name the folder of a run of rounds") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no ledger ({error!r}); name the folder of a run of rounds") from error


def of_episodes(folder: Path, contract: Contract) -> list[dict[str, Any]]:
    """Return a ledger of episodes without a run: a row for the episodes of each checkpoint, in order.

    Each is a ``tally`` by ``expert_driven`` with the ``checkpoint`` that drove, empty if none did, and ``successes``.

    Raises:
        DataError: if there are no episodes, or one cannot be read.
    """
    groups: dict[str, list[Episode]] = {}
    for path in EpisodeStore(folder).closed():
        episode = read_episode(path, contract)
        groups.setdefault(episode.info.checkpoint, []).append(episode)
    if not groups:
        raise DataError(f"{folder} holds no episode; name the folder of a run")
    scheme, rows = load("expert_driven"), []
    for name, group in groups.items():
        successes = sum(episode.info.is_success for episode in group)
        rows.append({"checkpoint": name, "successes": successes, **tally(group, scheme)})
    return rows


def tally(episodes: Sequence[Episode], scheme: Scheme) -> dict[str, Any]:
    """Count what the expert did in these episodes.

    ``labels`` are the steps that the scheme labels with the expert's action, ``asked_steps`` those with an answer from
    the expert, ``expert_steps`` those that the expert drove. A switch is a change between policy and expert.
    ``doubt_threshold`` is the policy's mean doubt at the last quarter of the take-overs, beyond which people did not
    trust it (Kelly 2019, arXiv:1810.02890, equation 3); None if its class has none to tell.
    """
    labels = sum(int((each.is_label & each.is_experts).sum()) for each in scheme(episodes)) if episodes else 0
    driven = [episode.authority == Authority.EXPERT for episode in episodes]
    step_s = [episode.step_ns / 1e9 for episode in episodes]
    return {
        "episodes": len(episodes),
        "labels": labels,
        "expert_steps": sum(int(d.sum()) for d in driven),
        "asked_steps": sum(int(asked(episode).sum()) for episode in episodes),
        "takeovers": sum(episode.interventions for episode in episodes),
        "switches": sum(_switches(episode) for episode in episodes),
        "expert_s": round(sum(float(d.sum()) * s for d, s in zip(driven, step_s)), 3),
        "watched_s": round(sum(len(episode) * s for episode, s in zip(episodes, step_s)), 3),
        "doubt_threshold": _doubt_threshold(episodes),
    }


def _doubt_threshold(episodes: Sequence[Episode]) -> float | None:
    doubts = [
        float(episode.doubts[start, 0])
        for episode in episodes
        for start, _, authority in episode.spans()
        if authority is Authority.EXPERT and episode.intervention[start] > 0 and np.isfinite(episode.doubts[start, 0])
    ]
    last = doubts[-max(1, len(doubts) // 4) :]
    return round(float(np.mean(last)), 4) if doubts else None


def _switches(episode: Episode) -> int:
    drivers = episode.authority[episode.authority != Authority.HOLD]
    return int((np.diff(drivers.astype(np.int16)) != 0).sum())
