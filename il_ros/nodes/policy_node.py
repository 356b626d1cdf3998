# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The policy node: answers every observation with an action chunk of its stamp; swaps checkpoints between two steps.

When things fail: a checkpoint that is damaged, is not the one that was announced, or was trained for another contract
is refused, and the one before goes on. At the start that ends the process, or with ``autostart:=false`` leaves the node
unconfigured. Without a checkpoint the node is silent, and the gate holds the arm or lets the expert drive. After a gap
in the observations the history begins anew. At a step at which a camera that the policy sees has no fresh image, the
node answers with a chunk without rows, so that the arm holds. A camera that sends the same image while the arm moves is
reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from std_msgs.msg import Float64, String

from il_ros.core import events, messages, topics
from il_ros.core.episode import Authority, Record
from il_ros.core.errors import CheckpointError, ConfigError, MessageError
from il_ros.core.events import TrainedCheckpoint
from il_ros.core.types import Array, Chunk, EpisodeStart
from il_ros.learning import checkpoint as checkpoints
from il_ros.learning import contract_comparison
from il_ros.learning.attention import AttentionThread
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.dagger.action_perturbation import ActionPerturbation
from il_ros.learning.inference import PolicyRunner
from il_ros.ros import codecs
from il_ros.ros.cameras.camera_inputs import CameraInputs
from il_ros.ros.lifecycle import ManagedNode, ManagedParameters
from il_ros.ros.message_timing import Latencies
from il_ros.ros.parameters import SEEDS, param
from il_ros.ros.spin import main as run
from il_ros.ros.step_sequencer import SequencedStep, StepSequencer


@dataclass(frozen=True)
class PolicyParameters(ManagedParameters):
    """Parameters of the policy node."""

    lockstep: bool = param(
        False, "answer the first observation of an episode only once its seed is known", read_only=True
    )
    backend: str = param("policy_node", "who answers in a launch file; here, this node alone", read_only=True)
    checkpoint: str = param("", "folder of the checkpoint to load; empty to wait for the trainer's")
    seed: int = param(0, "seed of the policy's draws where no episode announces one", SEEDS, read_only=True)
    lapses: float = param(
        0.0, "probability a step that the policy's attention lapses, for studies; 0 for never", (0.0, 1.0)
    )
    lapse_reach: float = param(
        1.0, "how far it then strays: the share of the action's range that is drawn from", (0.001, 1.0)
    )
    attention_hz: float = param(
        0.0, "how often it is computed what the policy attends to, while somebody subscribes; 0 for never", (0.0, 10.0)
    )


class PolicyNode(ManagedNode[PolicyParameters]):
    """Serves one checkpoint after the other; while inactive it follows the episode and publishes nothing."""

    def __init__(self) -> None:
        super().__init__("policy_node", PolicyParameters)
        if self.parameters.backend != "policy_node":
            raise ConfigError(
                f"backend is {self.parameters.backend!r}, which runs in a process of its own; leave composed:=true out"
            )
        self._actor: PolicyRunner | None = None
        self._start: EpisodeStart | None = None
        self._authority: Authority | None = None
        self._announced: TrainedCheckpoint | None = None
        """What the trainer has announced, unless a checkpoint has been chosen since."""
        self._answers, self._skipped, self._latency_ns = 0, 0, 0
        self._latencies = Latencies()
        self._lapses = ActionPerturbation(self.parameters.lapses, reach=self.parameters.lapse_reach)
        self._turns = StepSequencer(list(self.contract.topics), self.contract.step_ns, self.parameters.lockstep)
        self._waiting: SequencedStep | None = None
        self._recorded_ns = -1
        self._topic = self.publisher(topics.POLICY_ACTION)
        self._distances = self.publisher(topics.POLICY_DISTANCE)
        self._bytes = codecs.ChunkWriter(self.contract)
        self._cameras = CameraInputs(self, self._go_on)
        self._maps = {part.name: self.publisher(topics.attention(part)) for part in self.contract.images}
        self._attention = AttentionThread(self._publish_attention)
        self._silent = 0
        self.take_turns(self._turns, codecs.observed(self.contract), self._take)
        self.read(codecs.RecordReader(), self._on_authority)
        self.subscribe(topics.CHECKPOINT, self._on_checkpoint)
        self.start()

    def configure(self) -> None:
        """Load the checkpoint, if there is one yet."""
        if self._announced is not None:
            self._adopt(self._load(Path(self._announced.path), self._announced.hash))
        elif self.parameters.checkpoint:
            self._adopt(self._load(Path(self.parameters.checkpoint)))

    def activate(self) -> None:
        """Begin with an empty history, in the middle of an episode too."""
        if self._actor is not None:
            self._actor.forget()

    def deactivate(self) -> None:
        """Drop the observation that waits for its turn."""
        self._waiting = None

    def cleanup(self) -> None:
        """Let go of the checkpoint."""
        self._actor = None

    def prepare(self, parameters: PolicyParameters) -> Callable[[], None]:
        """Load another checkpoint, which may be chosen at any time."""
        lapses = ActionPerturbation(parameters.lapses, reach=parameters.lapse_reach)
        other = parameters.checkpoint and parameters.checkpoint != self.parameters.checkpoint
        loaded = self._load(Path(parameters.checkpoint)) if other else None

        def take_effect() -> None:
            self._lapses = lapses
            if self._actor is not None:
                self._actor.lapses = lapses
            if loaded is not None:
                self._announced = None
                if self.configured:
                    self._adopt(loaded)

        return take_effect

    def _on_checkpoint(self, message: String) -> None:
        announced = events.trained_checkpoint_from_json(message.data)
        if self.configured:
            self._adopt(self._load(Path(announced.path), announced.hash))
        self._announced = announced

    def _load(self, path: Path, expected: str = "") -> Checkpoint:
        """Return a verified checkpoint.

        Raises:
            CheckpointError: if it is damaged, not the one that was announced, or for another contract.
        """
        loaded = checkpoints.load_for(path, self.contract)
        if expected and loaded.hash != expected:
            raise CheckpointError(f"{path} has hash {loaded.hash[:12]}; {expected[:12]} was announced; train it again")
        differences = contract_comparison.differences(self.contract, loaded.contract)
        if differences:
            listed = "; ".join(differences)
            self.get_logger().info(f"{path.name} has another contract, but one for it: {listed}; tighter limits hold")
        return loaded

    def _adopt(self, loaded: Checkpoint) -> None:
        """Go over to a checkpoint."""
        self._actor = PolicyRunner(loaded, self.parameters.seed, self._lapses, self.contract)
        self._remembers = loaded.policy.config.n_obs_steps > 1 or self._actor.follows
        if self._start is not None:
            self._actor.reset(self._start)
        self.report()

    def _on_authority(self, record: Record) -> None:
        """Empty the history when the authority changes."""
        changed = self._authority is not None and record.authority is not self._authority
        if self._actor is not None:
            if changed:
                self._actor.forget()
            self._actor.follow(record)
        self._authority, self._recorded_ns = record.authority, record.stamp_ns
        self._go_on()

    def _go_on(self) -> None:
        """Take the observation that waits, if what it waits for has come."""
        if self._waiting is not None:
            self._take(self._waiting)

    def _take(self, turn: SequencedStep) -> None:
        if not self.active or self._actor is None:
            self._start = turn.start or self._start
            return
        self._waiting = turn if self._must_wait(turn) else None
        if self._waiting is not None:
            return
        began_ns = self.now_ns()
        if turn.start is not None:
            self._start, self._authority = turn.start, None
            self._actor.reset(turn.start)
        elif turn.begins_anew:
            self._authority = None
            self._actor.forget()
        if not self._observe(self._actor, turn):
            self._silent += 1
            self._topic.publish(self._bytes(self._actor.silence(turn.stamp_ns)))
            return
        if self._is_overtaken(turn):
            self._skipped += 1
            return
        self._topic.publish(self._bytes(self._chunk(self._actor)))
        latency_ns = self.now_ns() - began_ns
        self._answers, self._latency_ns = self._answers + 1, self._latency_ns + latency_ns
        self._latencies.add(latency_ns)
        if self._distances.get_subscription_count():
            self._distances.publish(Float64(data=self._actor.distance()))
        self._attend(self._actor)

    def _attend(self, actor: PolicyRunner) -> None:
        """Begin to compute what the policy attends to, if somebody looks and it is time."""
        rate_hz = self.parameters.attention_hz
        looked_at = rate_hz and any(topic.get_subscription_count() for topic in self._maps.values())
        if looked_at and actor.cameras and self._attention.is_due(rate_hz):
            self._attention.begin(actor.chunk_inputs())

    def _publish_attention(self, stamp_ns: int, maps: Mapping[str, Array]) -> None:
        """Publish what the policy attends to; called in the thread that has computed it."""
        for name, levels in maps.items():
            if self.context.ok():
                self._maps[name].publish(messages.serialized_image(stamp_ns, name, levels))

    def _observe(self, actor: PolicyRunner, turn: SequencedStep) -> bool:
        """Show a step to the policy; return False if a camera that it sees has no fresh image."""
        observation = messages.observation_of_topics(self.contract, turn.parts)
        images = self._cameras.at(turn.stamp_ns)
        if stale := self._cameras.stale(actor.cameras, images):
            self.complain(stale)
            return False
        for name in self._cameras.frozen(observation):
            self.complain(f"camera {name!r} sends the same image while the arm moves; it is frozen: restart its driver")
        actor.observe(turn.stamp_ns, observation, images)
        return True

    def _must_wait(self, turn: SequencedStep) -> bool:
        """Return whether, in lockstep, something that belongs to a step may still come.

        That is the record of the step before, which may empty the history that we would use, and the step's images.
        """
        if not self.parameters.lockstep:
            return False
        start = turn.start or self._start
        if start is not None and not self._cameras.have_come(start.first_stamp_ns, turn.stamp_ns):
            return True
        is_recorded = self._recorded_ns >= turn.stamp_ns - self.contract.step_ns
        return self._remembers and turn.start is None and not is_recorded

    def _chunk(self, actor: PolicyRunner) -> Chunk:
        """Return the policy's chunk; one without rows, so that nobody waits, if the network's output is invalid."""
        try:
            return actor.chunk()
        except MessageError as error:
            self.complain(str(error))
            return actor.silence()

    def _is_overtaken(self, turn: SequencedStep) -> bool:
        """Return whether an observation has waited so long behind a slow answer that the next one is preferred."""
        is_paced = not self.parameters.lockstep and turn.start is None
        return is_paced and self.waited_ns() > self.contract.step_ns // 2

    def facts(self) -> dict[str, Any]:
        """Return what the diagnostics report."""
        mean_ms = self._latency_ns / max(1, self._answers) / 1e6
        author, distance = ("", math.nan) if self._actor is None else (self._actor.author, self._actor.distance())
        result = {"checkpoint": author, "answers": self._answers, "skipped": self._skipped}
        result |= {"dropped": self._turns.dropped, **self._cameras.facts()}
        if self.contract.images:
            result |= {"silent": self._silent, "attention_ms": f"{self._attention.took_ms:.1f}"}
        result |= {"latency_ms": f"{mean_ms:.3f}", "distance": f"{distance:.3f}"}
        return {**super().facts(), **result, **self._latencies.facts()}

    def close(self) -> None:
        """End the thread of the attention."""
        self._attention.close()
        super().close()


def main() -> int:
    """Run the node; the entry point."""
    return run(PolicyNode)


if __name__ == "__main__":
    raise SystemExit(main())
