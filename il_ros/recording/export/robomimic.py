# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Write robomimic's HDF5 files, for its ``SequenceDataset``; https://robomimic.github.io/docs/datasets/overview.html.

A filter key of robomimic's chooses whole demos, so every span of one authority is a demo of its own.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.contract import Contract, gap_ns
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.export.base import Exporter, cameras_left_out, library, new_output

GYM = 2
"""The number of gymnasium among robomimic's types of environments."""
HELD_OUT = 10
"""One in so many episodes is for validation."""


@dataclass(frozen=True)
class Demo:
    """A span of an episode that one side drove."""

    name: str
    """Of the episode."""
    episode: Episode
    start: int
    stop: int
    kind: str
    """``demonstrations``, ``interventions`` or ``policy``."""
    is_held_out: bool


class Robomimic(Exporter):
    """Writes one demo for each span that one side drove without a gap; what nobody drove (``hold``) is left out.

    Filter keys: ``demonstrations``, ``interventions`` and ``policy``; ``train`` and ``valid`` are what the expert
    drove, every tenth episode being for validation; each of the three is parted likewise, as in
    ``interventions_train``. A key without a demo is not there.

    ``obs/state`` and ``next_obs/state`` are in the contract's order and units. ``actions`` is what the arm was given,
    scaled by the contract's limits to [-1, 1], as robomimic's networks have it; the attributes ``action_low`` and
    ``action_high`` of ``data`` lead back. ``expert_actions`` and ``policy_actions`` are NaN where they were not asked.
    ``next_obs`` repeats the last observation where none follows: before a gap and at an episode's end. The step that
    ends an episode has ``dones``, and ``rewards`` 1 if it succeeded. Nothing is resampled: robomimic has no times.
    """

    def write(self, episodes: Mapping[str, Episode], contract: Contract, target: Path) -> dict[str, Any]:
        """See ``Exporter``; returns how many demos each filter key has."""
        demos = list(_demos(episodes))
        if not demos:
            raise DataError(f"none of {len(episodes)} episodes was driven by anybody, so there is nothing to export")
        keys = _keys(demos)
        memory = io.BytesIO()  # for the library crashes where a disk is full
        with library("h5py").File(memory, "w") as file:
            data = file.create_group("data")
            for number, demo in enumerate(demos):
                _write(data.create_group(f"demo_{number}"), demo, contract)
            data.attrs.update(_attributes(demos, contract))
            for key, numbers in keys.items():
                file[f"mask/{key}"] = np.array([f"demo_{number}" for number in numbers], dtype="S")
        with new_output(target) as path:
            path.write_bytes(memory.getbuffer())
        steps = sum(demo.stop - demo.start for demo in demos)
        return {
            "recorded_episodes": len(episodes),
            "demos": len(demos),
            "steps": steps,
            "held_steps": sum(map(len, episodes.values())) - steps,
            "filter_keys": {key: len(numbers) for key, numbers in keys.items()},
            "cameras_left_out": cameras_left_out(episodes.values()),
        }


def _demos(episodes: Mapping[str, Episode]) -> Iterator[Demo]:
    for number, (name, episode) in enumerate(episodes.items()):
        for start, stop, authority in episode.spans():
            if authority is not Authority.HOLD:
                by_expert = "interventions" if episode.intervention[start] > 0 else "demonstrations"
                kind = by_expert if authority is Authority.EXPERT else "policy"
                yield Demo(name, episode, start, stop, kind, number % HELD_OUT == HELD_OUT - 1)


def _keys(demos: list[Demo]) -> dict[str, list[int]]:
    """Return the numbers of the demos of each filter key."""
    keys: dict[str, list[int]] = {}
    for number, demo in enumerate(demos):
        part = "valid" if demo.is_held_out else "train"
        for key in (demo.kind, f"{demo.kind}_{part}", *[part] * (demo.kind != "policy")):
            keys.setdefault(key, []).append(number)
    return keys


def _write(group: Any, demo: Demo, contract: Contract) -> None:
    episode, span = demo.episode, slice(demo.start, demo.stop)
    group.attrs["num_samples"] = demo.stop - demo.start
    group.attrs["recorded_episode"] = demo.name
    group.attrs["first_stamp_ns"] = int(episode.stamps_ns[demo.start])
    group.attrs["intervention"] = int(episode.intervention[demo.start])
    seen = episode.observations[span]
    group["obs/state"] = seen
    group["next_obs/state"] = np.vstack([seen[1:], _after(demo)])
    for name, actions in (("", episode.executed), ("expert_", episode.expert), ("policy_", episode.policy)):
        group[f"{name}actions"] = scaled(actions[span], contract)
    is_end = np.arange(demo.start, demo.stop) == len(episode) - 1
    is_end &= not episode.facts.get("partial")
    group["dones"] = is_end.astype(np.int64)
    group["rewards"] = (is_end & (episode.facts.get("outcome") == "success")).astype(np.float32)


def _after(demo: Demo) -> Array:
    """Return (Do,) what was observed after the demo's last step, or at it if nothing follows at once."""
    episode, last = demo.episode, demo.stop - 1
    follows = demo.stop < len(episode) and episode.stamps_ns[demo.stop] - episode.stamps_ns[last] <= gap_ns(
        episode.step_ns
    )
    seen: Array = episode.observations[last + int(follows)]
    return seen


def scaled(actions: Array, contract: Contract) -> Array:
    """Return (T, Da) float32, -1 for the least that may be commanded and 1 for the most."""
    share = (actions - contract.low) / (contract.high - contract.low)
    result: Array = (2.0 * share - 1.0).astype(np.float32)
    return result


def _attributes(demos: list[Demo], contract: Contract) -> dict[str, Any]:
    task = str(demos[0].episode.facts.get("task") or "unknown")
    return {
        "total": sum(demo.stop - demo.start for demo in demos),
        "env_args": json.dumps({"env_name": task, "type": GYM, "env_kwargs": {}}),
        "observation_names": list(contract.observation_names),
        "action_names": list(contract.action_names),
        "action_low": contract.low,
        "action_high": contract.high,
    }
