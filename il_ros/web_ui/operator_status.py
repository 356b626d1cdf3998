# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the web interface shows of the control graph: who commands, the episode, the nodes, and what is wrong."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Record
from il_ros.core.events import EpisodeEnd, RecordedEpisode, TrainedCheckpoint
from il_ros.core.types import EpisodeStart

SILENT_NS = 500_000_000
"""An arm, or a gate, that publishes nothing for so long in an episode is a fault."""
NEEDED = ("gate_node", "expert_node", "recorder_node")
"""Nodes without which nobody can drive; the web interface sets parameters of each."""


class OperatorStatus:
    """Follows the messages of the graph; time comes in as an argument, ns of the steady clock.

    Args:
        contract: of the arm; its first gripper is shown.
        policy_drives: whether the gating rule lets the policy drive.
        unremarkable: reasons of the gate that are not shown, and the one of a hand-over.
        hand_over: the latter.
    """

    def __init__(self, contract: Contract, policy_drives: bool, unremarkable: Collection[str], hand_over: str) -> None:
        self.observed_ns = self._decided_ns = 0
        """When the arm, and the gate, were received last."""
        self._gripper = next((n for n, part in enumerate(contract.action) if part.kind == "gripper"), None)
        self._contract = contract
        self._unremarkable, self._hand_over = unremarkable, hand_over
        self._facts: dict[str, dict[str, str]] = {}
        self.state: dict[str, Any] = {"authority": "HOLD", "why": "", "interventions": 0, "episode": None}
        self.state |= {"saved": None, "policy_drives": policy_drives, "camera": "", "cameras": {}}
        self.state["gripper"] = None if self._gripper is None else {"measured": None, "commanded": None}

    def on_record(self, record: Record, now_ns: int) -> None:
        """Take note of the gate's record of a step."""
        state = self.state
        if record.reason not in self._unremarkable:
            state["why"] = record.reason
        state["hand_over"] = record.reason == self._hand_over
        state["authority"] = record.authority.name
        state["interventions"] = max(state["interventions"], record.intervention)
        state["score"] = None if np.isnan(record.score) else round(record.score, 4)
        state["driver"] = record.expert_name if record.authority is Authority.EXPERT else record.checkpoint
        self._decided_ns = now_ns
        if self._gripper is not None and len(record.executed) > self._gripper:
            self._set_gripper("commanded", float(record.executed[self._gripper]))

    def on_gripper(self, grip: float) -> None:
        """Take note of how far the gripper is closed, measured, from 0 to 1; NaN if that is not known."""
        if self._gripper is not None and not np.isnan(grip):
            self._set_gripper("measured", self._contract.action[self._gripper].at(grip))

    def _set_gripper(self, what: str, position: float) -> None:
        """Set a position of the gripper: how far it is closed, from 0 to 1, and as a text with its unit."""
        assert self._gripper is not None
        part = self._contract.action[self._gripper]
        closed = part.share(position)
        text = f"{1e3 * position:.0f} mm" if part.unit == "m" else f"{position:.2f} {part.unit}".rstrip()
        self.state["gripper"] |= {what: {"closed": round(min(1.0, max(0.0, closed)), 3), "text": text}}

    @property
    def commanded_grip(self) -> float | None:
        """How far the gripper is commanded to be closed, from 0 to 1; None if that is not known."""
        commanded = (self.state["gripper"] or {}).get("commanded")
        return None if commanded is None else float(commanded["closed"])

    def on_episode(self, event: EpisodeStart | EpisodeEnd) -> None:
        """Take note of the beginning or the end of an episode."""
        running = isinstance(event, EpisodeStart)
        outcome = None if isinstance(event, EpisodeStart) else event.outcome
        self.state["episode"] = {"running": running, "number": event.number, "seed": event.seed, "outcome": outcome}
        if running:
            self.state |= {"interventions": 0, "why": "", "saved": None}

    def on_recorded(self, recorded: RecordedEpisode) -> None:
        """Take note of what the recorder announces."""
        name = None if recorded.path is None else Path(recorded.path).name
        result = {"outcome": recorded.outcome, "error": recorded.error, "discarded": recorded.discarded}
        self.state["saved"] = {"name": name, **result}

    def on_checkpoint(self, checkpoint: TrainedCheckpoint) -> None:
        """Take note of what the trainer announces."""
        self.state["checkpoint"] = {"policy": checkpoint.policy, "labels": checkpoint.labels}

    def on_facts(self, node: str, facts: dict[str, str]) -> None:
        """Take note of a node's diagnostics."""
        self._facts[node] = facts

    def report(self, now_ns: int, alive: Collection[str]) -> dict[str, Any]:
        """Return what the viewers are sent; ``alive`` are the names of the nodes whose diagnostics still come."""
        trainer = {key: self._fact("trainer_node", key) for key in ("state", "step", "steps")}
        counts = [facts.get("dropped", "") for facts in self._facts.values()]
        return {
            **self.state,
            "latency_ms": self._fact("policy_node", "latency_ms"),
            "distance": self._fact("policy_node", "distance"),
            "device": self._fact("expert_node", "device"),
            "dropped": sum(int(count) for count in counts if count.isdecimal()),
            "recording": self._fact("recorder_node", "recording"),
            "trainer": trainer,
            "running": self.is_running(),
            "fault": self.fault(now_ns, alive),
        }

    def _fact(self, node: str, key: str) -> str | None:
        return self._facts.get(node, {}).get(key)

    def is_running(self) -> bool:
        """Return whether the arm is to be moved: in an episode, or always if an arm announces none."""
        episode = self.state["episode"]
        return bool(episode["running"] if episode else self.observed_ns)

    def fault(self, now_ns: int, alive: Collection[str]) -> str | None:
        """Return what is wrong, if the arm is to be moved and cannot."""
        gone = [node for node in NEEDED if node in self._facts and node not in alive]
        if gone:
            return f"{' and '.join(gone)} {'is' if len(gone) == 1 else 'are'} gone"
        if not self.is_running():
            return None
        if now_ns - self.observed_ns > SILENT_NS:
            return "the arm is silent"
        if now_ns - self._decided_ns > SILENT_NS:
            return "the gate is silent"
        return None
