# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Check whether what a graph publishes satisfies a contract, topic by topic, with remedies; see ``bag_check``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.errors import IlRosError, MessageError
from il_ros.core.types import Array

OK, WARNING, ERROR = "ok", "warning", "error"
SLOW, FAST = 0.9, 1.1
"""A topic that comes at less, or more, than this share of the contract's rate is too slow, or too fast, for it."""
COMMAND = topics.COMMAND_NAME


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    level: str
    """``ok``, ``warning`` (it works, but not as meant) or ``error`` (the contract is not satisfied)."""
    told: str


@dataclass
class _Topic:
    """The messages received on a topic; of joint states, those that make a step."""

    joints: messages.JointStateMerger | None = None
    times_ns: list[int] = field(default_factory=list)
    stamps: set[int] = field(default_factory=set)
    last: Any = None
    trouble: MessageError | None = None
    """Why the last message of joint states makes no step."""

    def add(self, time_ns: int, message: Any) -> None:
        if self.joints is not None:
            self.last = message if self.last is None else self.last
            try:
                if not self.joints.add(message, time_ns):
                    return
                self.last, self.trouble = message, None
                self.last = self.joints.merged(time_ns)
            except MessageError as error:
                self.trouble = error
        else:
            self.last = message
        self.times_ns.append(time_ns)
        if hasattr(message, "header"):
            self.stamps.add(messages.stamp_ns(message))


def _topic(contract: Contract, topic: str) -> _Topic:
    joints = messages.joints_of(contract, topic)
    return _Topic(messages.JointStateMerger(joints, contract.stale_ns) if joints else None)


def check(
    contract: Contract, types: Mapping[str, str], received: Iterable[tuple[str, int, Any]], expected: Mapping[str, str]
) -> list[Finding]:
    """Check ``received`` messages, as ``(topic, time_ns, message)``, against the contract.

    Args:
        contract: what it is compared with.
        types: the message type of every topic that there is, by its full name.
        received: messages of the topics in ``expected``, in order of arrival.
        expected: by full name, which of the contract's topics (or of those of its command) a topic is.
    """
    commands = {part.topic.name: _Commands(part) for part in messages.command_parts(contract)}
    topics = {topic: _topic(contract, topic) for topic in (*contract.topics, *commands)}
    for name, time_ns, message in received:
        topics[expected[name]].add(time_ns, message)
        if expected[name] in commands:
            commands[expected[name]].add(message)
    names = {topic: name for name, topic in expected.items()}
    findings: list[Finding] = []
    for part, kind in contract.topics.items():
        findings += _about_topic(contract, part, kind, names.get(part), types, topics[part])
        findings += _about_components(contract, part, topics[part].last)
    findings.append(_about_stamps(contract, {part: topics[part] for part in contract.topics}))
    for about, part_commands in commands.items():
        findings += part_commands.findings(names.get(about), types)
    return findings


def _about_topic(
    contract: Contract, topic: str, kind: str, name: str | None, types: Mapping[str, str], received: _Topic
) -> list[Finding]:
    if name is None:
        others = ", ".join(sorted(name for name, others in types.items() if others == kind))
        remedy = f"remap {others}" if others else f"nobody publishes a {kind}, so start its publisher"
        return [Finding(topic, ERROR, f"is not there; {remedy}, or name another in the contract")]
    if types[name] != kind:
        return [Finding(topic, ERROR, f"{name} is {types[name]}, not {kind}; correct the contract's topics")]
    if received.last is None:
        return [Finding(topic, ERROR, f"{name} is silent; start its publisher, and check its QoS")]
    if received.trouble is not None or not received.times_ns:
        message = received.trouble or f"no message of {name} names the first joint of the contract"
        return [Finding(topic, ERROR, f"{message}; the joints of several publishers are put together by their names")]
    rate = usual_hz(received.times_ns)
    if rate > FAST * contract.rate_hz:
        remedy = "the gate takes one observation a control period; raise rate_hz or lower the driver's rate"
        message = f"{name} comes at {rate:.1f} Hz; the contract's rate is {contract.rate_hz:g} Hz: {remedy}"
        return [Finding(topic, WARNING, message)]
    if rate < SLOW * contract.rate_hz:
        return [
            Finding(topic, WARNING, f"{name} comes at {rate:.1f} Hz; the contract's rate is {contract.rate_hz:g} Hz")
        ]
    return [Finding(topic, OK, f"{name}, {kind}, {rate:.1f} Hz")]


def usual_hz(times_ns: Sequence[int]) -> float:
    """Return the rate, Hz, by the median interval, which a pause between episodes does not change."""
    usual_ns = float(np.median(np.diff(times_ns))) if len(times_ns) > 1 else np.inf
    return 1e9 / usual_ns if usual_ns else np.inf


def _about_components(contract: Contract, topic: str, latest: Any) -> list[Finding]:
    findings = []
    for part in contract.observation:
        if part.topic != topic or latest is None:
            continue
        try:
            value = messages.getter(part.field)(latest)
        except IlRosError as error:
            findings.append(Finding(part.name, ERROR, str(error)))
            continue
        if np.isfinite(value):
            findings.append(Finding(part.name, OK, f"{value:.4g} {part.unit}".strip()))
        else:
            findings.append(Finding(part.name, ERROR, f"{value} is not a finite number; check its publisher"))
    return findings


def _about_stamps(contract: Contract, topics: Mapping[str, _Topic]) -> Finding:
    """Check how many stamps are on all topics: an observation is joined of messages with equal stamps."""
    about = "stamps"
    sets = [topic.stamps for topic in topics.values()]
    if not all(sets):
        return Finding(about, ERROR, "cannot be compared: a topic is silent, or its messages have no header")
    joined, most = len(set.intersection(*sets)), max(map(len, sets))
    message = f"{joined} of {most} are on all of {', '.join(topics)}"
    if joined == 0 or joined < SLOW * most - 2:  # the first and the last may be cut off
        remedy = "put resync_node between, which stamps them alike; bags are resampled when they are read"
        return Finding(about, ERROR if joined == 0 else WARNING, f"{message}; {remedy}")
    return Finding(about, OK, message)


class _Commands:
    """Compares a message of the command with its part of the contract's action."""

    def __init__(self, part: messages.CommandPart) -> None:
        self._contract, self._about = part.contract, part.topic.name
        self._actions: list[Array] = []
        self._trouble: MessageError | None = None

    def add(self, message: Any) -> None:
        try:
            self._actions.append(messages.command_from(message, self._contract)[1])
        except MessageError as error:
            self._trouble = error

    def findings(self, name: str | None, types: Mapping[str, str]) -> list[Finding]:
        contract = self._contract
        if name is None:
            return [Finding(self._about, WARNING, f"nothing is published yet; start gate_node, or remap {self._about}")]
        if types[name] != contract.command_type:
            message = f"{name} is {types[name]}, not {contract.command_type}; correct the contract's command"
            return [Finding(self._about, ERROR, message)]
        if self._trouble is not None:
            return [Finding(self._about, ERROR, str(self._trouble))]
        if not self._actions:
            return [Finding(self._about, OK, f"{name}, {types[name]}, silent")]
        return [
            Finding(self._about, OK, f"{name}, {types[name]}, {len(self._actions)} commands"),
            *self._about_limits(),
        ]

    def _about_limits(self) -> list[Finding]:
        actions = np.array(self._actions)  # (N, Da)
        steps = np.abs(np.diff(actions, axis=0)).max(axis=0, initial=0.0)
        findings = []
        limits = self._contract.max_step.tolist()
        for part, limit, low, high, step in zip(self._contract.action, limits, actions.min(0), actions.max(0), steps):
            message = f"{low:.4g} to {high:.4g} {part.unit}, {step:.3g} a step at most".replace(" ,", ",")
            outside = low < part.low - 1e-9 or high > part.high + 1e-9
            if outside:
                message += f"; the limits are {part.low:g} to {part.high:g}: widen them, or the gate will clip"
            elif step > limit + 1e-9:
                message += f"; {part.limited_by} allows {limit:g}: raise it, or the gate will slow this down"
            findings.append(Finding(part.name, WARNING if outside or step > limit + 1e-9 else OK, message))
        return findings
