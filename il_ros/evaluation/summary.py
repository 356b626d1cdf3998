# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a number of rollouts amount to: success with its interval, the ways that were taken, and the outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from il_ros.evaluation.metrics import Success, behaviour_entropy
from il_ros.evaluation.rollouts import Rollout, check_answers
from il_ros.sim.timeline import UNKNOWN


def summary(rollouts: Sequence[Rollout], ways: int) -> dict[str, Any]:
    """Return success with its interval, the entropy of the ways that successes took, and the count of each outcome.

    Episodes whose outcome is ``unknown`` are in the last alone.

    Raises:
        CheckpointError: if the network gave no answers, see ``check_answers``.
    """
    check_answers(rollouts)
    success = Success.of([rollout.success for rollout in rollouts if rollout.outcome != UNKNOWN])
    taken = [rollout.way for rollout in rollouts if rollout.success and rollout.way is not None]
    entropy = behaviour_entropy(taken, ways) if taken else 0.0
    outcomes = dict(sorted(Counter(rollout.outcome for rollout in rollouts).items()))
    refused = [rollout.refused for rollout in rollouts if rollout.refused]
    without = {"refused": {"episodes": len(refused), "first": refused[0]}} if refused else {}
    return {**success.to_dict(), "entropy": round(entropy, 4), "outcomes": outcomes, **without}
