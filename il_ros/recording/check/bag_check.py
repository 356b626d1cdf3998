# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Check recordings against a contract: they are read once, as ``info`` and ``train`` read them.

``contract_check`` compares a contract with a running graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.core.errors import DataError
from il_ros.core.types import Array
from il_ros.recording.bag.discovery import FoundRecording, recordings
from il_ros.recording.bag.reader import BagReader, is_ours, read
from il_ros.recording.check.command_limits import Share, shares, text
from il_ros.recording.check.contract_check import COMMAND, ERROR, FAST, OK, SLOW, WARNING, Finding, usual_hz
from il_ros.recording.decode.field_columns import FieldColumns
from il_ros.recording.decode.message_batch import MessageBatch, RecordedTopic
from il_ros.recording.episodes.component_source import commanded
from il_ros.recording.episodes.external_notes import TELLING_S, clock_notes
from il_ros.recording.episodes.reader import AUTHORITY, episode_of, find_authority, find_topic
from il_ros.recording.lerobot import reader as lerobot_reader

MOST = 100_000
"""The most messages of a topic by which its rate is measured."""
STEPS = "stamps"
"""The subject of the finding on the number of steps."""


@dataclass(frozen=True)
class Checked:
    """The result of checking one recording."""

    path: Path
    findings: list[Finding]
    episode: Episode | None = field(default=None, repr=False)
    """As it is trained on; None if it cannot be."""


@dataclass(frozen=True)
class Report:
    """The result of checking a recording, or a folder of them."""

    findings: list[Finding]
    limits: list[Share]
    """The share of the actions beyond the contract's limits, component by component."""
    recordings: int
    """The number of recordings."""
    read: int
    """The number of recordings that can be trained on."""
    steps: int
    """The number of their steps."""


def check(contract: Contract, path: Path) -> Report:
    """Check the recording at ``path``, or the folder of them, against the contract.

    The findings of a folder are one for each recording, and those of all of them together.

    Raises:
        DataError: if there is no recording, or the only one cannot be read to its end.
    """
    if lerobot_reader.is_dataset(path):
        episodes = list(lerobot_reader.read_dataset(path, contract).values())
        findings = [Finding(STEPS, OK, f"{len(episodes)} episodes, {sum(map(len, episodes))} steps")]
        return _report(contract, findings, [Checked(path, [], episode) for episode in episodes])
    existing = recordings(path)
    if not existing:
        raise DataError(f"{path} holds no recording; name one, or a folder of recordings")
    if [each.path for each in existing] == [path]:
        if existing[0].why_not:
            raise DataError(existing[0].why_not)
        own = check_bag(contract, path)
        return _report(contract, own.findings, [own])
    checked = [_verdict(contract, each) for each in existing]
    episodes = [each.episode for each in checked if each.episode is not None]
    total = sum(map(len, episodes))
    message = f"{len(episodes)} of {len(checked)} recordings can be read, {total} steps"
    level = OK if total and len(episodes) == len(checked) else ERROR
    return _report(contract, [*map(_line, checked), Finding(STEPS, level, message)], checked)


def _report(contract: Contract, findings: list[Finding], checked: Sequence[Checked]) -> Report:
    episodes = [each.episode for each in checked if each.episode is not None]
    beyond = shares(contract, episodes)
    every = [*findings, *_about_observation(contract, episodes), *_about_limits(contract, beyond, episodes)]
    return Report(every, beyond, len(checked), len(episodes), sum(map(len, episodes)))


def _verdict(contract: Contract, recording: FoundRecording) -> Checked:
    try:
        if not recording.why_not:
            return check_bag(contract, recording.path)
        why = recording.why_not
    except DataError as error:
        why = str(error)
    return Checked(recording.path, [Finding("", ERROR, why)])


def _line(checked: Checked) -> Finding:
    """Return the finding for one of several recordings: how many steps it has, and what is wrong."""
    if checked.episode is None:
        first = next(f for f in checked.findings if f.level == ERROR and f.about in ("", STEPS))
        return Finding(checked.path.name, ERROR, first.told)
    odd = [f"{f.about}: {f.told}" for f in checked.findings if f.level != OK]
    return Finding(checked.path.name, WARNING if odd else OK, "; ".join([f"{len(checked.episode)} steps", *odd]))


def check_bag(contract: Contract, path: Path) -> Checked:
    """Read one recording as it is trained on, and check its topics, times and action.

    Raises:
        DataError: if it is damaged.
    """
    reader = read(path)
    named, findings = _named(reader, contract)
    watch = _Watch(contract, reader, named)
    reader.watchers.append(watch)
    episode, reading = None, list[Finding]()
    try:
        episode = episode_of(reader, contract)
        reading = [_about_steps(episode), *_about_clocks(path.name, episode)]
    except DataError as error:
        reader.watchers.clear()
        if watch.is_empty:
            reader.watchers.append(watch)
        for _ in reader.blocks([name for name in named.values() if name is not None]):
            pass  # which raises if it is damaged, and else it is the contract that does not fit
        reading = [Finding(STEPS, ERROR, str(error))]
    for topic, kind in contract.topics.items():
        findings += _about_topic(contract, topic, kind, named.get(topic), reader, watch)
    action = _action_topic(reader, contract, named)
    actions = {action: contract} if action == AUTHORITY else commanded(contract)
    for topic, part in actions.items():
        reading += _about_action(
            part, topic, named.get(topic), reader, topic if topic == contract.gripper_topic else COMMAND
        )
    return Checked(path, [*findings, *reading], episode)


def _named(reader: BagReader, contract: Contract) -> tuple[dict[str, str | None], list[Finding]]:
    """Return the recorded topic by that of the contract and of the action, and findings on ambiguous ones."""
    named: dict[str, str | None] = {}
    findings = []
    for topic in contract.topics:
        try:
            named[topic] = find_topic(reader.types, topic, reader.path)
        except DataError as error:
            findings.append(Finding(topic, ERROR, str(error)))
    try:
        named[AUTHORITY] = find_authority(reader.types, named.values(), reader.path)
        if named[AUTHORITY] is None and not is_ours(reader):
            for topic in commanded(contract):
                named[topic] = find_topic(reader.types, topic, reader.path)
    except DataError as error:
        findings.append(Finding(COMMAND, ERROR, str(error)))
    return named, findings


def _action_topic(reader: BagReader, contract: Contract, named: Mapping[str, str | None]) -> str:
    return AUTHORITY if named.get(AUTHORITY) or is_ours(reader) else contract.external.topic


class _Watch:
    """Watches the messages of the observation and their times while a bag is read."""

    def __init__(self, contract: Contract, reader: BagReader, named: Mapping[str, str | None]) -> None:
        self._columns = {
            name: FieldColumns(messages.observation_fields(contract, topic)[:1], reader.decode)
            for topic in contract.topics
            if (name := named.get(topic)) is not None
        }
        self._left = dict.fromkeys(self._columns, MOST)
        self.is_empty = True

    def __call__(self, topic: RecordedTopic, block: MessageBatch) -> None:
        self.is_empty = False
        left = self._left.get(topic.name, 0)
        if left:
            some = block.rows(np.arange(min(left, len(block.at))))
            self._left[topic.name] = left - len(some.at)
            self._columns[topic.name].add(topic, some)

    def lacks_header(self, name: str) -> bool:
        """Return whether no message of a topic has a header."""
        return not (self._columns[name].stamps_ns >= 0).any()

    def times_ns(self, name: str) -> Array:
        """Return the times of a topic's messages that make a step, by headers or, without, by the recorder's clock."""
        columns = self._columns[name]
        rows = columns.has[:, 0] if columns.paths else np.ones(len(columns.order), np.bool_)
        stamps = columns.stamps_ns[rows]
        times: Array = stamps if len(stamps) and (stamps > 0).mean() > SLOW else columns.log_time_ns[rows]
        return np.sort(times)


def _about_topic(
    contract: Contract, topic: str, kind: str, name: str | None, reader: BagReader, watch: _Watch
) -> list[Finding]:
    if name is None:
        others = ", ".join(sorted(name for name, others in reader.types.items() if others == kind))
        remedy = f"name {others} in the contract" if others else f"nobody publishes a {kind}: name another topic"
        return [Finding(topic, ERROR, f"is not there; {remedy}, or record it")]
    if reader.types[name] != kind:
        return [Finding(topic, ERROR, f"{name} is {reader.types[name]}, not {kind}; correct the contract's topics")]
    if not reader.counts.get(name):
        return [Finding(topic, ERROR, f"{name} has no message; record it again, and check its publisher's QoS")]
    hz = usual_hz(watch.times_ns(name).tolist())
    message = f"{name}, {kind}, {reader.counts[name]:,} messages, {hz:.1f} Hz{', no header' * watch.lacks_header(name)}"
    if contract.rate_hz * SLOW <= hz <= contract.rate_hz * FAST:
        return [Finding(topic, OK, message)]
    if topic in contract.external.static:
        return [Finding(topic, OK, f"{message}; each holds until the next")]
    use = (
        "the latest message of a step is taken" if hz > contract.rate_hz else "messages are repeated, or steps left out"
    )
    if is_ours(reader):
        use = "a step needs a message of every topic with the same stamp"
    return [Finding(topic, WARNING, f"{message}; the contract's rate is {contract.rate_hz:g} Hz: {use}")]


def _about_steps(episode: Episode) -> Finding:
    dropped = episode.facts.get("dropped") or {}
    lost = sum(dropped.values())
    message = "; ".join([f"{len(episode)} steps", *(f"{n} left out: {reason}" for reason, n in dropped.items())])
    if not len(episode):
        return Finding(STEPS, WARNING, f"{message}; there is nothing to train on")
    return Finding(STEPS, WARNING if lost > (1 - SLOW) * (len(episode) + lost) else OK, message)


def _about_clocks(name: str, episode: Episode) -> list[Finding]:
    """Return which clock was used, and what is odd about it, such as topics with a constant offset."""
    notes = [note.removeprefix(f"{name}: ") for note in clock_notes({name: episode})]
    rows = (episode.facts.get("resampled") or {}).get("topics", {}).values()
    is_apart = any(abs(row.get("offset_s") or 0.0) > max(TELLING_S, episode.step_ns / 1e9) for row in rows)
    return [Finding("clock", WARNING if n or is_apart else OK, note) for n, note in enumerate(notes)]


def _about_action(contract: Contract, action: str, name: str | None, reader: BagReader, about: str) -> list[Finding]:
    if name is None:
        candidates = ", ".join(sorted(name for name, kind in reader.types.items() if kind == contract.command_type))
        remedy = "use the contract that it was recorded with"
        if not is_ours(reader):
            such = f", such as {candidates}" if candidates else ""
            remedy = f"name the topic of the action under the contract's external: topic{such}"
        return [Finding(about, ERROR, f"{action} is not there, so the commands are not known; {remedy}")]
    kind = reader.types[name]
    is_command = action != AUTHORITY and not contract.external.fields
    if is_command and kind != contract.command_type:
        remedy = "correct the contract's command, or name the fields of the action under external: fields"
        return [Finding(about, ERROR, f"{name} is {kind}, not {contract.command_type}; {remedy}")]
    if not reader.counts.get(name):
        return [Finding(about, ERROR, f"{name} has no message, so the commands are not known")]
    fields = (
        f", its fields {', '.join(contract.external.fields)}"
        if contract.external.fields and action != AUTHORITY
        else ""
    )
    return [Finding(about, OK, f"{name}, {kind}, {reader.counts[name]:,} messages{fields}")]


def _about_observation(contract: Contract, episodes: Sequence[Episode]) -> list[Finding]:
    """Return the range of each component of the observation; one that never changes carries no information."""
    seen = [episode.observations for episode in episodes if len(episode)]
    if not seen:
        return []
    lows = np.min([rows.min(axis=0) for rows in seen], axis=0).tolist()
    highs = np.max([rows.max(axis=0) for rows in seen], axis=0).tolist()
    count, findings = sum(map(len, seen)), []
    for part, low, high in zip(contract.observation, lows, highs):
        if low == high and count > 1:
            value = f"{low:.4g} {part.unit}".strip()
            message = f"{value} at every one of {count} steps; look at its publisher and field"
            findings.append(Finding(part.name, WARNING, message))
        else:
            findings.append(Finding(part.name, OK, f"{low:.4g} to {high:.4g} {part.unit}".strip()))
    return findings


def _about_limits(contract: Contract, beyond: Sequence[Share], episodes: Sequence[Episode]) -> list[Finding]:
    """Return the range of each component of the action; one that never changes carries no information."""
    findings = []
    for part, share, limit in zip(contract.action, beyond, contract.max_step.tolist()):
        message, level = text(part, share, limit), OK if share.is_within else WARNING
        if share.low == share.high and sum(map(len, episodes)) > 1:
            message, level = f"{message}; it never changes: look at its publisher and field", WARNING
        findings.append(Finding(part.name, level, message))
    return findings
