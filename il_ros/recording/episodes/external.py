# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags of other programs read as demonstrations: no record of authority, topics with rates and clocks of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import DataError, MessageError
from il_ros.core.types import Array
from il_ros.recording.bag.metadata import profiles
from il_ros.recording.bag.reader import BagReader
from il_ros.recording.decode.field_columns import WHOLE, Decode, FieldColumns, P
from il_ros.recording.decode.message_batch import MessageBatch, RecordedTopic
from il_ros.recording.episodes.arrival_order import arrivals
from il_ros.recording.episodes.clocks import NO_STAMP, TopicTimes, choose
from il_ros.recording.episodes.hold_resample import Resampled, TopicTrack, report, resample

TRANSIENT_LOCAL = ("transient_local", 1, "1")
"""How a recorded QoS profile says that a publisher keeps its last messages for whoever comes later."""
TELLING_S = 0.1
"""An offset between clocks that is worth a note."""
MOST_NOTES = 8
FEWEST = 5
"""Messages of a topic that is a stream and no value that changes now and then."""


class CommandColumns(FieldColumns):
    """The actions of a topic that carries commands of the contract's type, read as the robot's driver reads them.

    A command that is none of the contract's has NaN in all components.
    """

    def __init__(self, contract: Contract, decode: Decode) -> None:
        super().__init__([part.name for part in contract.action], decode, contract.foreign.clock == "publish")
        self._contract = contract

    def _found(self, topic: RecordedTopic, message: Any, find: Callable[[str], P | MessageError]) -> tuple[Any, int]:
        try:
            messages.check_frame(message, self._contract)
            fields = messages.command_paths(message, self._contract)
            if len(fields) != len(self.paths):
                messages.command_of([messages.getter(field)(message) for field in fields], self._contract)
        except (MessageError, AttributeError, TypeError) as error:  # the bag may define the type otherwise
            told = error if isinstance(error, MessageError) else MessageError(f"command: {error}")
            return [told] * len(self.paths), WHOLE
        return [find(field) for field in fields], WHOLE

    def _keep(self, block: MessageBatch, stamps: Array, values: Array, kind: int = WHOLE) -> None:
        unusable = np.flatnonzero(~np.isfinite(values).all(axis=1))
        for row in unusable[:1].tolist():
            told = f"command {values[row].tolist()} is not {len(self.paths)} finite numbers; it is refused"
            self._refuse(int(block.order[row]), MessageError(told))
        values[unusable] = np.nan
        super()._keep(block, stamps, values, kind)


@dataclass(frozen=True)
class ComponentSource:
    """Some components of the observation, or of the action, as one publisher tells them; row n is the same message."""

    name: str
    topic: str
    components: Sequence[int]
    """Where they are in the observation, or in the action."""
    is_action: bool
    stamps_ns: Array
    log_time_ns: Array
    publish_time_ns: Array
    order: Array
    values: Array
    """(n, components)"""
    refused: tuple[int, MessageError] | None

    def rows(self, index: Array) -> ComponentSource:
        """Some of the messages; all of them, as nearly always, are not copied."""
        if len(index) == len(self.order) and (np.diff(index) > 0).all():
            return self
        columns = ("stamps_ns", "log_time_ns", "publish_time_ns", "order", "values")
        return dataclasses.replace(self, **{name: getattr(self, name)[index] for name in columns})


def _sources(topic: str, components: Sequence[int], is_action: bool, columns: FieldColumns) -> list[ComponentSource]:
    """A topic as a source; one of joint states as so many as there are publishers of different joints."""
    name = f"{topic} (action)" if is_action else topic
    whole = ComponentSource(
        *(name, topic, components, is_action, columns.stamps_ns, columns.log_time_ns, columns.publish_time_ns),
        *(columns.order, columns.values, columns.refused),
    )
    if columns.refused is None or columns.has.all():
        return [whole]
    has, malformed = columns.has, columns.is_malformed
    groups: dict[bytes, list[int]] = {}
    for field in range(len(components)):
        groups.setdefault(has[:, field].tobytes(), []).append(field)
    found = []
    for fields in groups.values():
        joints = ", ".join(dict.fromkeys(str(messages.named_joint(columns.paths[n])) for n in fields))
        label = name if len(groups) == 1 else f"{name} ({joints})"
        part = whole.rows(np.flatnonzero(has[:, fields[0]] | malformed))
        own = [components[n] for n in fields]
        found.append(dataclasses.replace(part, name=label, components=own, values=part.values[:, fields]))
    return found


def read_foreign(reader: BagReader, contract: Contract, names: dict[str, str], action: str) -> Episode:
    """The demonstration that a bag of another program holds; every step counts as the expert's.

    At each step of the contract's grid stands the latest message of every topic, if it is not older than
    ``Contract.stale_ns``; of a static topic, whatever its age. Times are those of the clock that ``clocks.choose``
    finds or the contract names. A clock that jumps begins a new stretch, whose stamps are moved if they would not come
    after the others'. Where messages lie in the file makes no difference.

    The facts gain ``steps``, ``dropped`` and ``resampled``: which clock was used and why, what ``report`` says of each
    topic together with how many messages were malformed or had a stamp that cannot be right, and the stretches, each
    with its steps, where its clock stood and by how much its stamps were moved.

    Args:
        reader: of the bag.
        contract: what an observation and an action are.
        names: the recorded topic by that of the contract.
        action: the recorded topic that holds the action.

    Raises:
        DataError: if the bag is damaged, or there is no step at which all topics have spoken.
    """
    sources, offered = _read(reader, contract, names, action)
    recorded_as = {**names, contract.foreign.topic: action}
    parts = _in_time(sources, contract.stale_ns)
    static = _static(parts, contract, recorded_as, {**reader.contents.offered, **offered})
    lines = _timelines(parts, static, {recorded_as[topic]: s for topic, s in contract.foreign.offsets.items()})
    try:
        choice = choose(lines, contract.foreign.clock, contract.stale_ns)
    except DataError as error:
        raise DataError(f"{reader.path}: {error}") from error
    used = [part.rows(timing.rows) for (part, _), timing in zip(parts, choice.timings)]
    tracks = [
        TopicTrack(timing.times_ns, line.arrived_ns[timing.rows], part.order, line.is_static)
        for part, line, timing in zip(used, lines, choice.timings)
    ]
    resampled = resample(tracks, contract.step_ns, contract.stale_ns, choice.pace)
    called = {recorded: topic for topic, recorded in recorded_as.items()}
    _check_ages(reader, contract, resampled, tracks, used, called)
    if not len(resampled.times_ns):
        raise _nowhere(reader, contract, tracks, used)
    stamps, stretches = _in_order(resampled, contract.step_ns)
    told = {
        part.name: {
            **row,
            "malformed": len(source.order) - len(part.order),
            "bad_stamps": len(part.order) - len(timing.rows),
            "clock": timing.clock,
            "offset_s": None if timing.offset_ns is None else round(timing.offset_ns / 1e9, 6),
            "static": static.get(part.topic, ""),
        }
        for source, (part, _), row, timing in zip(
            sources, parts, report(resampled, tracks, contract.step_ns), choice.timings
        )
    }
    facts = {
        **reader.facts,
        "steps": len(stamps),
        "dropped": {"a topic was stale": lost} if (lost := resampled.possible - len(stamps)) else {},
        "resampled": {"clock": choice.clock, "why": choice.why, "topics": told, "stretches": stretches},
    }
    observations = np.empty((len(stamps), len(contract.observation)), np.float32)
    actions = np.empty((len(stamps), len(contract.action)))
    for part, index in zip(used, resampled.rows.T):
        (actions if part.is_action else observations)[:, part.components] = part.values[index]
    return _demonstration(contract, stamps, observations, actions, facts)


def _read(
    reader: BagReader, contract: Contract, names: dict[str, str], action: str
) -> tuple[list[ComponentSource], dict[str, list[Any]]]:
    """The numbers of every topic of the observation, those of the action, and the QoS that their publishers offer."""
    fields = contract.foreign.fields
    is_published = contract.foreign.clock == "publish"
    actions = FieldColumns(fields, reader.decode, is_published) if fields else CommandColumns(contract, reader.decode)
    parts = [
        *(
            FieldColumns(messages.observation_fields(contract, topic), reader.decode, is_published)
            for topic in contract.topics
        ),
        actions,
    ]
    listeners = list(zip([*(names[topic] for topic in contract.topics), action], parts))
    offered: dict[str, str] = {}
    for topic, block in reader.blocks({name for name, _ in listeners}):
        offered[topic.name] = topic.offered
        for name, part in listeners:
            if name == topic.name:
                part.add(topic, block)
    sources = []
    for observed, part in zip(contract.topics, parts):
        components = messages.observation_columns(contract, observed)
        sources += _sources(names[observed], components, False, part)
    sources += _sources(action, range(len(contract.action)), True, actions)
    return sources, {name: profiles(text) for name, text in offered.items() if text}


def _in_time(sources: Sequence[ComponentSource], stale_ns: int) -> list[tuple[ComponentSource, Array]]:
    """The messages whose numbers can be used, in the order in which they came, with when that was by one clock."""
    finite = [np.logical_and.reduce([messages.is_finite(column) for column in s.values.T]) for s in sources]
    sound = [source.rows(np.flatnonzero(is_finite)) for source, is_finite in zip(sources, finite)]
    arrived = arrivals([part.log_time_ns for part in sound], [part.order for part in sound], stale_ns)
    by_time = [times.argsort(kind="stable") for times in arrived]
    return [(part.rows(rows), times[rows]) for part, times, rows in zip(sound, arrived, by_time)]


def _static(
    parts: Sequence[tuple[ComponentSource, Array]],
    contract: Contract,
    recorded_as: dict[str, str],
    offered: Mapping[str, Any],
) -> dict[str, str]:
    """The topics, as they were recorded, of which a message holds until the next, and why."""
    static = {recorded_as[topic]: "declared" for topic in contract.foreign.static}
    for part, arrived in parts:
        if _is_latched(offered.get(part.topic)) and (len(arrived) < FEWEST or _is_sparse(arrived, contract.stale_ns)):
            static.setdefault(part.topic, "transient local")
    topics = {part.topic for part, _ in parts}
    return static if topics - static.keys() else {}


def _is_latched(profiles_offered: Any) -> bool:
    """Whether all publishers of a topic keep their last messages for whoever comes later."""
    told = [profile.get("durability") for profile in profiles_offered or [] if isinstance(profile, dict)]
    return bool(told) and all(durability in TRANSIENT_LOCAL for durability in told)


def _is_sparse(times_ns: Array, stale_ns: int) -> bool:
    """Whether a topic speaks so seldom that its messages are stale before the next."""
    return len(times_ns) < 2 or float(np.median(np.diff(np.sort(times_ns)))) > stale_ns


def _timelines(
    parts: Sequence[tuple[ComponentSource, Array]], static: Mapping[str, str], offsets: Mapping[str, float]
) -> list[TopicTimes]:
    lines = []
    for part, arrived in parts:
        shift = round(1e9 * offsets.get(part.topic, 0.0))
        stamps = np.where(part.stamps_ns > 0, part.stamps_ns + shift, NO_STAMP)
        times = (stamps, part.publish_time_ns + shift, part.log_time_ns, arrived)
        lines.append(TopicTimes(part.name, part.topic, *times, part.topic in static, shift))
    return lines


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


def _check_ages(
    reader: BagReader,
    contract: Contract,
    resampled: Resampled,
    tracks: Sequence[TopicTrack],
    parts: Sequence[ComponentSource],
    called: Mapping[str, str],
) -> None:
    """Refuse a bag of which most steps are lost to a topic that speaks too seldom; ``called``: the contract's names.

    Raises:
        DataError: naming the topic, and what the contract can say of it.
    """
    for track, part, stale in zip(tracks, parts, resampled.stale.tolist()):
        if track.is_static or 2 * stale <= resampled.possible or not _is_sparse(track.times_ns, contract.stale_ns):
            continue
        count = len(track.order)
        told = "1 message" if count == 1 else f"{count} messages"
        between = "" if count < 2 else f", {float(np.median(np.diff(np.sort(track.times_ns)))) / 1e9:.3g} s apart,"
        raise DataError(
            f"{reader.path}: {part.topic} has {told}{between} and is older than {contract.stale_ns / 1e9:g} s at "
            f"{stale} of {resampled.possible} steps; if a message holds until the next, as a goal or a calibration "
            f"does, write its topic under the contract's foreign: {{static: [{called[part.topic]}]}}, else record "
            "it more often"
        )


def _nowhere(
    reader: BagReader, contract: Contract, tracks: list[TopicTrack], parts: list[ComponentSource]
) -> DataError:
    """Why there is no step: a topic without a sound message, or topics that never speak together."""
    for track, part in zip(tracks, parts):
        if not len(track.order):
            why = part.refused[1] if part.refused else "it has none, or none with finite numbers"
            return DataError(
                f"{reader.path}: no message of {part.topic} can be used ({why}); check the contract's fields"
            )
    spans = ", ".join(
        f"{part.topic} from {track.times_ns.min() / 1e9:.3f} to {track.times_ns.max() / 1e9:.3f} s"
        for part, track in zip(parts, tracks)
        if not track.is_static
    )
    return DataError(
        f"{reader.path}: at no step are all topics at most {contract.stale_ns / 1e9} s old ({spans}); if they were "
        "recorded together their clocks differ: name the right one under the contract's foreign: clock (header, "
        "publish or log), or what each topic's is behind by under foreign: offsets"
    )


def clock_notes(episodes: Mapping[str, Episode]) -> list[str]:
    """What training should tell of the clocks of bags of other programs: by which they were read, and what was odd."""
    clocks: dict[str, list[str]] = {}
    odd: list[str] = []
    for name, episode in episodes.items():
        told = episode.facts.get("resampled")
        if not isinstance(told, dict):
            continue
        clocks.setdefault(f"by the clock of the {told['clock']}: {told['why']}", []).append(name)
        step_s = episode.step_ns / 1e9
        for topic, row in told["topics"].items():
            if row["bad_stamps"]:
                odd.append(f"{name}: {row['bad_stamps']} messages of {topic} left out: their stamps cannot be right")
            if row["static"]:
                odd.append(f"{name}: a message of {topic} holds until the next ({row['static']})")
            if row["clock"] == "header" and abs(row["offset_s"] or 0.0) > max(step_s, TELLING_S):
                odd.append(
                    f"{name}: the stamps of {topic} are {row['offset_s']:+.3f} s from the other topics' when they were "
                    "recorded: a delay, or another clock, which the contract's foreign: offsets can mend"
                )
    notes = [f"{names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)}: {text}" for text, names in clocks.items()]
    more = [f"and {len(odd) - MOST_NOTES} more such notes; see il-ros info"] if len(odd) > MOST_NOTES else []
    return notes + odd[:MOST_NOTES] + more
