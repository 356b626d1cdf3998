# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Read bags of other recorders as demonstrations: no authority record, topics with rates and clocks of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.bag.metadata import profiles
from il_ros.recording.bag.reader import BagReader
from il_ros.recording.decode.field_columns import FieldColumns
from il_ros.recording.episodes.arrival_order import arrivals
from il_ros.recording.episodes.clocks import NO_STAMP, TopicTimes, choose
from il_ros.recording.episodes.component_source import CommandColumns, ComponentSource, sources_of
from il_ros.recording.episodes.external_notes import check_ages, is_sparse, no_step_error
from il_ros.recording.episodes.hold_resample import Resampled, TopicTrack, report, resample

TRANSIENT_LOCAL = ("transient_local", 1, "1")
"""How recorded QoS profiles write the durability transient local."""
FEWEST = 5
"""A topic with fewer messages is a value that changes now and then, not a stream."""


def read_foreign(reader: BagReader, contract: Contract, names: dict[str, str], action: str) -> Episode:
    """Read a bag of another recorder as a demonstration; every step counts as the expert's.

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
        names: the recorded topic by that of the contract, that of its gripper too if it has one of its own.
        action: the recorded topic that holds the action.

    Raises:
        DataError: if the bag is damaged, or there is no step at which all topics have a message.
    """
    sources, offered = _read(reader, contract, names, action)
    recorded_as = {**names, contract.external.topic: action}
    parts = _in_time(sources, contract.stale_ns)
    static = _static(parts, contract, recorded_as, {**reader.contents.offered, **offered})
    lines = _timelines(parts, static, {recorded_as[topic]: s for topic, s in contract.external.offsets.items()})
    try:
        choice = choose(lines, contract.external.clock, contract.stale_ns)
    except DataError as error:
        raise DataError(f"{reader.path}: {error}") from error
    used = [part.rows(timing.rows) for (part, _), timing in zip(parts, choice.timings)]
    tracks = [
        TopicTrack(timing.times_ns, line.rows(timing.rows).arrived_ns, part.order, line.is_static)
        for part, line, timing in zip(used, lines, choice.timings)
    ]
    resampled = resample(tracks, contract.step_ns, contract.stale_ns, choice.pace)
    called = {recorded: topic for topic, recorded in recorded_as.items()}
    check_ages(reader, contract, resampled, tracks, used, called)
    if not len(resampled.times_ns):
        raise no_step_error(reader, contract, tracks, used)
    stamps, stretches = _in_order(resampled, contract.step_ns)
    by_topic = {
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
        "resampled": {"clock": choice.clock, "why": choice.why, "topics": by_topic, "stretches": stretches},
    }
    observations = np.empty((len(stamps), len(contract.observation)), np.float32)
    actions = np.empty((len(stamps), len(contract.action)))
    for part, index in zip(used, resampled.rows.T):
        (actions if part.is_action else observations)[:, part.components] = part.values[index]
    return _demonstration(contract, stamps, observations, actions, facts)


def _read(
    reader: BagReader, contract: Contract, names: dict[str, str], action: str
) -> tuple[list[ComponentSource], dict[str, list[Any]]]:
    """Read the numbers of the observation's topics and of the action, and the QoS that their publishers offer."""
    fields, how = contract.external.fields, (contract.external.clock == "publish", np.float32)
    *grippers, arm = messages.command_parts(contract)
    recorded = [*((names[part.topic.name], part) for part in grippers if not fields), (action, arm)]
    actions: list[tuple[str, Any, FieldColumns]] = [
        (name, part.columns, CommandColumns(part.contract, reader.decode, np.float32)) for name, part in recorded
    ]
    if fields:
        actions = [(action, slice(None), FieldColumns(fields, reader.decode, *how))]
    observed_fields = [messages.observation_fields(contract, topic) for topic in contract.topics]
    parts = [FieldColumns(paths, reader.decode, *how) for paths in observed_fields]
    listeners = list(zip((names[topic] for topic in contract.topics), parts))
    listeners += [(name, part) for name, _, part in actions]
    offered: dict[str, str] = {}
    for topic, block in reader.blocks({name for name, _ in listeners}):
        offered[topic.name] = topic.offered
        for name, part in listeners:
            if name == topic.name:
                part.add(topic, block)
    sources = []
    for observed, part in zip(contract.topics, parts):
        components = messages.observation_columns(contract, observed)
        sources += sources_of(names[observed], components, False, part)
    for name, columns, part in actions:
        sources += sources_of(name, np.arange(len(contract.action))[columns].tolist(), True, part)
    return sources, {name: profiles(text) for name, text in offered.items() if text}


def _in_time(sources: Sequence[ComponentSource], stale_ns: int) -> list[tuple[ComponentSource, Array]]:
    """Return the messages with finite numbers in order of arrival, with the times of arrival by one clock."""
    finite = [np.logical_and.reduce([messages.is_finite(column) for column in s.values.T]) for s in sources]
    sound = [source.rows(np.flatnonzero(is_finite)) for source, is_finite in zip(sources, finite)]
    arrived = arrivals([part.log_time_ns for part in sound], [part.order for part in sound], stale_ns)
    return [_by_time(part, times) for part, times in zip(sound, arrived)]


def _by_time(part: ComponentSource, times: Array) -> tuple[ComponentSource, Array]:
    if (times[1:] >= times[:-1]).all():
        return part, times
    rows = times.argsort(kind="stable")
    return part.rows(rows), times[rows]


def _static(
    parts: Sequence[tuple[ComponentSource, Array]],
    contract: Contract,
    recorded_as: dict[str, str],
    offered: Mapping[str, Any],
) -> dict[str, str]:
    """Return the recorded topics of which a message holds until the next, and why."""
    static = {recorded_as[topic]: "declared" for topic in contract.external.static}
    for part, arrived in parts:
        if _is_latched(offered.get(part.topic)) and (len(arrived) < FEWEST or is_sparse(arrived, contract.stale_ns)):
            static.setdefault(part.topic, "transient local")
    topics = {part.topic for part, _ in parts}
    return static if topics - static.keys() else {}


def _is_latched(profiles_offered: Any) -> bool:
    """Return whether all publishers of a topic are transient local."""
    durabilities = [profile.get("durability") for profile in profiles_offered or [] if isinstance(profile, dict)]
    return bool(durabilities) and all(each in TRANSIENT_LOCAL for each in durabilities)


def _timelines(
    parts: Sequence[tuple[ComponentSource, Array]], static: Mapping[str, str], offsets: Mapping[str, float]
) -> list[TopicTimes]:
    lines = []
    for part, arrived in parts:
        shift, stamps, published = round(1e9 * offsets.get(part.topic, 0.0)), part.stamps_ns, part.publish_time_ns
        if shift or (stamps <= 0).any():
            stamps, published = np.where(stamps > 0, stamps + shift, NO_STAMP), published + shift
        times = (stamps, published, part.log_time_ns, arrived)
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
    """Return stamps that increase over all stretches, with a gap between two, and how they were moved."""
    stamps, moves, earliest = resampled.times_ns.copy(), [], None
    for stretch in np.unique(resampled.stretch):
        mine = np.flatnonzero(resampled.stretch == stretch)
        start = int(stamps[mine[0]])
        moved = 0 if earliest is None else max(0, earliest - start)
        stamps[mine] += moved
        earliest = int(stamps[mine[-1]]) + 2 * step_ns
        moves.append({"start_ns": start, "steps": len(mine), "moved_ns": moved})
    return stamps, moves
