# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The numbers of an observation or an action by the publisher that they come from, in bags of other recorders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.errors import MessageError
from il_ros.core.types import Array
from il_ros.recording.decode.field_columns import WHOLE, Decode, FieldColumns, P, Precision
from il_ros.recording.decode.message_batch import MessageBatch, RecordedTopic


class CommandColumns(FieldColumns):
    """The actions of a topic that carries commands of the contract's type, read as the robot's driver reads them.

    A command that is none of the contract's has NaN in all components.
    """

    def __init__(self, contract: Contract, decode: Decode, precision: Precision = np.float64) -> None:
        is_published = contract.external.clock == "publish"
        super().__init__([part.name for part in contract.action], decode, is_published, precision)
        self._contract = contract

    def _located(self, topic: RecordedTopic, message: Any, find: Callable[[str], P | MessageError]) -> tuple[Any, int]:
        try:
            messages.check_frame(message, self._contract)
            fields = messages.command_paths(message, self._contract)
            if len(fields) != len(self.paths):
                messages.command_of([messages.getter(field)(message) for field in fields], self._contract)
        except (MessageError, AttributeError, TypeError) as error:  # the bag may define the type otherwise
            reason = error if isinstance(error, MessageError) else MessageError(f"command: {error}")
            return [reason] * len(self.paths), WHOLE
        return [find(field) for field in fields], WHOLE

    def _keep(self, block: MessageBatch, stamps: Array, values: Array, kind: int = WHOLE) -> None:
        unusable = np.flatnonzero(~np.isfinite(values).all(axis=1))
        for row in unusable[:1].tolist():
            try:
                messages.command_of(values[row].tolist(), self._contract)
            except MessageError as error:
                self._refuse(int(block.order[row]), error)
        values[unusable] = np.nan
        super()._keep(block, stamps, values, kind)


def commanded(contract: Contract) -> dict[str, Contract]:
    """Return the topics of the action in a bag of another program, and the contract of what is on each of them."""
    *grippers, arm = messages.command_parts(contract)
    if contract.external.fields:
        return {contract.external.topic: contract}
    return {contract.external.topic: arm.contract, **{part.topic.name: part.contract for part in grippers}}


@dataclass(frozen=True)
class ComponentSource:
    """Some components of the observation or the action from one publisher; row n of every array is the same message."""

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
        """Return some of the messages; all of them, as nearly always, are not copied."""
        if len(index) == len(self.order) and (index[1:] > index[:-1]).all():
            return self
        columns = ("stamps_ns", "log_time_ns", "publish_time_ns", "order", "values")
        return dataclasses.replace(self, **{name: getattr(self, name)[index] for name in columns})


def sources_of(topic: str, components: Sequence[int], is_action: bool, columns: FieldColumns) -> list[ComponentSource]:
    """Return a topic as a source; joint states as one source for each publisher of different joints."""
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
    sources = []
    for fields in groups.values():
        joints = ", ".join(dict.fromkeys(str(messages.named_joint(columns.paths[n])) for n in fields))
        label = name if len(groups) == 1 else f"{name} ({joints})"
        part = whole.rows(np.flatnonzero(has[:, fields[0]] | malformed))
        own = [components[n] for n in fields]
        sources.append(dataclasses.replace(part, name=label, components=own, values=part.values[:, fields]))
    return sources
