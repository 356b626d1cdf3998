# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Bags of other programs read as demonstrations: no record of authority, topics with rates and clocks of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros import messages
from il_ros.episode import Authority, Episode
from il_ros.errors import DataError, MessageError
from il_ros.recording.bag import BagReader
from il_ros.recording.blocks import Block, Topic
from il_ros.recording.columns import WHOLE, Columns, Decode, P
from il_ros.recording.joining import paths
from il_ros.recording.resampling import Resampled, Track, report, resample
from il_ros.signals import Array
from il_ros.specs import Contract


class Commands(Columns):
    """The actions of a topic that carries commands of the contract's type, read as the robot's driver reads them.

    A command that is none of the contract's has NaN in all components.
    """

    def __init__(self, contract: Contract, decode: Decode) -> None:
        super().__init__([part.name for part in contract.action], decode)
        self._contract = contract

    def _found(self, topic: Topic, message: Any, find: Callable[[str], P | MessageError]) -> tuple[Any, int]:
        try:
            messages.check_frame(message, self._contract)
            fields = messages.command_paths(message, self._contract)
            if len(fields) != len(self.paths):
                messages.command_of([messages.getter(field)(message) for field in fields], self._contract)
        except (MessageError, AttributeError) as error:  # it may not have the fields of its type
            told = error if isinstance(error, MessageError) else MessageError(f"command: {error}")
            return [told] * len(self.paths), WHOLE
        return [find(field) for field in fields], WHOLE

    def _keep(self, block: Block, stamps: Array, values: Array, kind: int = WHOLE) -> None:
        unusable = np.flatnonzero(~np.isfinite(values).all(axis=1))
        for row in unusable[:1].tolist():
            told = f"command {values[row].tolist()} is not {len(self.paths)} finite numbers; it is refused"
            self._refuse(int(block.order[row]), MessageError(told))
        values[unusable] = np.nan
        super()._keep(block, stamps, values, kind)


@dataclass(frozen=True)
class Source:
    """Some components of the observation, or of the action, as one publisher tells them; row n is the same message."""

    name: str
    components: Sequence[int]
    """Where they are in the observation, or in the action."""
    is_action: bool
    stamps_ns: Array
    log_time_ns: Array
    order: Array
    values: Array
    """(n, components)"""
    refused: tuple[int, MessageError] | None


def _sources(name: str, components: Sequence[int], is_action: bool, columns: Columns) -> list[Source]:
    """A topic as a source; one of joint states as so many as there are publishers of different joints."""
    if columns.refused is None or columns.has.all():
        return [_source(name, components, is_action, columns, slice(None), slice(None))]
    has, malformed = columns.has, columns.is_malformed
    groups: dict[bytes, list[int]] = {}
    for field in range(len(components)):
        groups.setdefault(has[:, field].tobytes(), []).append(field)
    found = []
    for fields in groups.values():
        joints = ", ".join(dict.fromkeys(str(messages.named_joint(columns.paths[n])) for n in fields))
        label = name if len(groups) == 1 else f"{name} ({joints})"
        rows = np.flatnonzero(has[:, fields[0]] | malformed)
        found.append(_source(label, [components[n] for n in fields], is_action, columns, rows, fields))
    return found


def _source(name: str, components: Sequence[int], is_action: bool, columns: Columns, rows: Any, fields: Any) -> Source:
    kept = (column[rows] for column in (columns.stamps_ns, columns.log_time_ns, columns.order, columns.values))
    stamps, log_time, order, values = kept
    return Source(name, components, is_action, stamps, log_time, order, values[:, fields], columns.refused)


def read_foreign(reader: BagReader, contract: Contract, names: dict[str, str], action: str) -> Episode:
    """The demonstration that a bag of another program holds; every step counts as the expert's.

    At each step of the contract's grid stands the latest message of every topic, if it is not older than
    ``Contract.stale_ns``. Times are the headers' stamps or, if one of the topics has none, those of recording for all.
    A clock that jumps begins a new stretch, whose stamps are moved if they would not come after the others'.

    The facts gain ``steps``, ``dropped`` and ``resampled``: which clock was used, what ``report`` says of each topic
    together with how many messages were malformed, and the stretches, each with its steps, where its clock stood and by
    how much its stamps were moved.

    Args:
        reader: of the bag.
        contract: what an observation and an action are.
        names: the recorded topic by that of the contract.
        action: the recorded topic that holds the action.

    Raises:
        DataError: if the bag is damaged, or there is no step at which all topics have spoken.
    """
    parts = _read(reader, contract, names, action)
    has_stamps = all(len(part.order) and (part.stamps_ns > 0).all() for part in parts)
    sound = [np.flatnonzero(messages.is_finite(part.values).all(axis=1)) for part in parts]
    tracks = [
        Track((part.stamps_ns if has_stamps else part.log_time_ns)[rows], part.log_time_ns[rows], part.order[rows])
        for part, rows in zip(parts, sound)
    ]
    resampled = resample(tracks, contract.step_ns, contract.stale_ns)
    if not len(resampled.times_ns):
        raise _nowhere(reader, contract, tracks, parts)
    stamps, stretches = _in_order(resampled, contract.step_ns)
    told = {
        name: {**row, "malformed": len(part.order) - len(rows)}
        for name, row, part, rows in zip(
            [part.name for part in parts], report(resampled, tracks, contract.step_ns), parts, sound
        )
    }
    facts = {
        **reader.facts,
        "steps": len(stamps),
        "dropped": {"a topic was stale": lost} if (lost := resampled.possible - len(stamps)) else {},
        "resampled": {"clock": "header" if has_stamps else "recording", "topics": told, "stretches": stretches},
    }
    values = [part.values[rows][index] for part, rows, index in zip(parts, sound, resampled.rows.T)]
    observations = np.empty((len(stamps), len(contract.observation)), np.float32)
    actions = np.empty((len(stamps), len(contract.action)))
    for part, numbers in zip(parts, values):
        (actions if part.is_action else observations)[:, part.components] = numbers
    return _demonstration(contract, stamps, observations, actions, facts)


def _read(reader: BagReader, contract: Contract, names: dict[str, str], action: str) -> list[Source]:
    """The numbers of every topic of the observation, and those of the action."""
    fields = contract.foreign.fields
    actions = Columns(fields, reader.decode) if fields else Commands(contract, reader.decode)
    parts = [*(Columns(paths(contract, topic), reader.decode) for topic in contract.topics), actions]
    listeners = list(zip([*(names[topic] for topic in contract.topics), action], parts))
    for topic, block in reader.blocks({name for name, _ in listeners}):
        for name, part in listeners:
            if name == topic.name:
                part.add(topic, block)
    sources = []
    for observed, part in zip(contract.topics, parts):
        components = [n for n, component in enumerate(contract.observation) if component.topic == observed]
        sources += _sources(names[observed], components, False, part)
    return sources + _sources(f"{action} (action)", range(len(contract.action)), True, actions)


def _demonstration(contract: Contract, stamps: Array, observations: Array, actions: Array, facts: Any) -> Episode:
    executed = actions.astype(np.float32)
    return Episode(
        stamps_ns=stamps,
        observations=observations,
        executed=executed,
        policy=np.full_like(executed, np.nan),
        expert=executed,
        authority=np.full(len(stamps), Authority.EXPERT, np.uint8),
        intervention=np.zeros(len(stamps), np.int32),
        doubts=np.full((len(stamps), len(messages.DOUBTS)), np.nan, np.float32),
        step_ns=contract.step_ns,
        facts=facts,
    )


def _in_order(resampled: Resampled, step_ns: int) -> tuple[Array, list[dict[str, Any]]]:
    """Stamps that increase over all stretches, with a gap between two, and what was done for that."""
    stamps, told, earliest = resampled.times_ns.copy(), [], None
    for stretch in np.unique(resampled.stretch):
        mine = np.flatnonzero(resampled.stretch == stretch)
        start = int(stamps[mine[0]])
        moved = 0 if earliest is None else max(0, earliest - start)
        stamps[mine] += moved
        earliest = int(stamps[mine[-1]]) + 2 * step_ns
        told.append({"start_ns": start, "steps": len(mine), "moved_ns": moved})
    return stamps, told


def _nowhere(reader: BagReader, contract: Contract, tracks: list[Track], parts: list[Source]) -> DataError:
    """Why there is no step: a topic without a sound message, or topics that never speak together."""
    topics = [part.name.removesuffix(" (action)") for part in parts]
    for topic, track, part in zip(topics, tracks, parts):
        if not len(track.order):
            why = part.refused[1] if part.refused else "it has none, or none with finite numbers"
            return DataError(f"{reader.path}: no message of {topic} can be used ({why}); check the contract's fields")
    spans = ", ".join(
        f"{topic} from {track.times_ns.min() / 1e9:.3f} to {track.times_ns.max() / 1e9:.3f} s"
        for topic, track in zip(topics, tracks)
    )
    return DataError(
        f"{reader.path}: at no step are all topics at most {contract.stale_ns / 1e9} s old ({spans}); "
        "check their clocks, or raise the contract's foreign: stale_s"
    )
