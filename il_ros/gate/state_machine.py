# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The state machine of the gate: its transition table, from every state and event to the next state."""

from __future__ import annotations

import enum

from il_ros.core.episode import Authority


class State(enum.Enum):
    """Who drives, or whom the arm waits for."""

    POLICY = "policy"
    EXPERT = "expert"
    POLICY_LOST = "policy_lost"
    """The policy should drive and its answers stopped: hold until there is one, or an expert takes over."""
    EXPERT_LOST = "expert_lost"
    """The expert had control and their answers stopped: hold until a new take-over or a release."""

    @property
    def authority(self) -> Authority:
        """Who commands the arm in this state."""
        return {State.POLICY: Authority.POLICY, State.EXPERT: Authority.EXPERT}.get(self, Authority.HOLD)


class Event(enum.Enum):
    """What can happen between two steps."""

    TAKE_OVER = "take_over"
    RELEASE = "release"
    POLICY_LOST = "policy_lost"
    POLICY_BACK = "policy_back"
    EXPERT_LOST = "expert_lost"
    """There is no event for an expert who is back: they take over, which is an act."""


TABLE: dict[tuple[State, Event], State] = {
    (State.POLICY, Event.TAKE_OVER): State.EXPERT,
    (State.POLICY, Event.RELEASE): State.POLICY,
    (State.POLICY, Event.POLICY_LOST): State.POLICY_LOST,
    (State.POLICY, Event.POLICY_BACK): State.POLICY,
    (State.POLICY, Event.EXPERT_LOST): State.POLICY,
    (State.EXPERT, Event.TAKE_OVER): State.EXPERT,
    (State.EXPERT, Event.RELEASE): State.POLICY,
    (State.EXPERT, Event.POLICY_LOST): State.EXPERT,
    (State.EXPERT, Event.POLICY_BACK): State.EXPERT,
    (State.EXPERT, Event.EXPERT_LOST): State.EXPERT_LOST,
    (State.POLICY_LOST, Event.TAKE_OVER): State.EXPERT,
    (State.POLICY_LOST, Event.RELEASE): State.POLICY_LOST,
    (State.POLICY_LOST, Event.POLICY_LOST): State.POLICY_LOST,
    (State.POLICY_LOST, Event.POLICY_BACK): State.POLICY,
    (State.POLICY_LOST, Event.EXPERT_LOST): State.POLICY_LOST,
    (State.EXPERT_LOST, Event.TAKE_OVER): State.EXPERT,
    (State.EXPERT_LOST, Event.RELEASE): State.POLICY,
    (State.EXPERT_LOST, Event.POLICY_LOST): State.EXPERT_LOST,
    (State.EXPERT_LOST, Event.POLICY_BACK): State.EXPERT_LOST,
    (State.EXPERT_LOST, Event.EXPERT_LOST): State.EXPERT_LOST,
}
