# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policy inference: run a checkpoint on observations and return action chunks, live and without ROS.

It measures, too, how far an observation is out of distribution: its nearest-neighbour distance to the training data
(OOD detection).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np
import torch

from il_ros.core.contract import Contract
from il_ros.core.episode import Record
from il_ros.core.errors import DataError, MessageError
from il_ros.core.types import Array, Chunk, EpisodeStart, PolicyUncertainty
from il_ros.learning.action_check import sound_actions
from il_ros.learning.attention import ChunkInputs
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.chunk_prefix import ChunkPrefix
from il_ros.learning.dagger.action_perturbation import ActionPerturbation, mix


def use_one_thread() -> None:
    """Make torch use one thread in this whole process: at batch 1 a second one only waits at barriers."""
    torch.set_num_threads(1)


class PolicyRunner:
    """Answers the newest observation with a chunk in real units.

    The noise of a chunk depends on the episode's seed and on the step alone. Whoever asks at every step and whoever
    asks only now and then get the same chunk for the same step, bit by bit.

    Args:
        checkpoint: what to act by.
        seed: mixed into that of the episode.
        lapses: what makes it err now and then, for studies.
        contract: of the arm that it drives; by default that of the checkpoint. Of two limits the tighter one holds.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        seed: int = 0,
        lapses: ActionPerturbation | None = None,
        contract: Contract | None = None,
    ) -> None:
        self.contract, self.author = checkpoint.contract, checkpoint.short_hash
        self._policy, self._normaliser = checkpoint.policy.frozen(), checkpoint.normaliser
        self._critic = checkpoint.critic
        self._states = None if checkpoint.states is None else checkpoint.states.numpy()
        theirs = contract or self.contract
        self._low, self._high = np.maximum(self.contract.low, theirs.low), np.minimum(self.contract.high, theirs.high)
        self._width = len(self.contract.observation)
        self._seed, self.lapses = seed, lapses or ActionPerturbation()
        self._generator = torch.Generator()
        self.history = checkpoint.policy.config.n_obs_steps
        """To, observations that a chunk depends on."""
        self.cameras = checkpoint.policy.cameras
        """Height and width of the images that it sees, by the name of the camera."""
        self._images: list[torch.Tensor] = []
        self._execute = checkpoint.execute_steps
        self._horizon = checkpoint.policy.config.horizon
        self._rows: deque[Array] = deque(maxlen=self.history)
        self._start = EpisodeStart("", 0, 0)
        self._newest_ns: int | None = None
        self._departure = 0.0
        self._in_play = ChunkPrefix(self.contract.step_ns, self._policy.prefix_rows)

    def reset(self, start: EpisodeStart) -> None:
        """Forget the last episode and begin the one that starts."""
        self._start = start
        self.forget()

    def forget(self) -> None:
        """Empty the history, as at a change of authority."""
        self._rows.clear()
        self._in_play.clear()
        self._newest_ns = None

    @property
    def follows(self) -> bool:
        """Whether a chunk depends on what is executed meanwhile, so that ``follow`` is to be called."""
        return self._policy.prefix_rows > 0

    def follow(self, record: Record) -> None:
        """Take note of which chunk is executed, by the gate's record of a step."""
        self._in_play.follow(record)

    def observe(self, stamp_ns: int, observation: Array, images: Mapping[str, Array] | None = None) -> None:
        """Take the observation (Do,) of one step; a gap of more than one and a half steps empties the history.

        A stamp that is not newer than the last one is passed over.

        Args:
            stamp_ns: of the step.
            observation: its numbers.
            images: the newest (H, W, 3) uint8 of each camera, by name; those that the policy does not see are ignored.

        Raises:
            DataError: if the observation or an image has another size than the contract's, or an image is missing.
        """
        if observation.shape != (self._width,):
            raise DataError(
                f"actor: the observation has {observation.size} numbers; the checkpoint's contract has {self._width}, "
                "give both the same contract"
            )
        seen = [self._image(name, size, images or {}) for name, size in self.cameras.items()]
        if self._newest_ns is not None:
            if stamp_ns <= self._newest_ns:
                return
            if stamp_ns - self._newest_ns > self.contract.gap_ns:
                self._rows.clear()
        self._rows.append(self._normaliser.observation.forward(observation))
        self._departure = self._normaliser.observation.departure(observation)
        self._newest_ns, self._images = stamp_ns, seen

    def _image(self, name: str, size: tuple[int, int], images: Mapping[str, Array]) -> torch.Tensor:
        """Return the image of a camera, (1, H, W, 3) uint8.

        Raises:
            DataError: if it is missing, or has another size or type.
        """
        if name not in images:
            raise DataError(
                f"actor: there is no image of camera {name!r}, which the policy sees; observe a step only once each of "
                f"{', '.join(self.cameras)} has a fresh one"
            )
        image = images[name]
        if image.shape != (*size, 3) or image.dtype != np.uint8:
            raise DataError(
                f"actor: the image of camera {name!r} is {image.dtype} {image.shape}; the policy was trained on uint8 "
                f"{(*size, 3)}: crop and resize it as the contract says"
            )
        return torch.from_numpy(np.array(image))[None]  # a copy: the camera may go on writing into its own

    def chunk(self) -> Chunk:
        """Return the chunk that answers the newest observation, within the contract's limits.

        It begins with what is executed before it can be (real-time chunking; Black 2025, arXiv:2506.07339), if the
        policy can go on from that, and ``follow`` told which chunk is played: so there is no seam where it is adopted.

        Raises:
            DataError: if there has been no observation since the last ``reset`` or ``forget``.
            MessageError: if the network's answer is none: of another shape, not finite or absurdly far outside the
                limits. The policy has no answer to this observation; the caller goes on without.
        """
        if self._newest_ns is None:
            raise DataError("actor: there is no observation since the last reset; call observe first")
        episode, step = self._place(self._newest_ns)
        with torch.inference_mode():
            self._generator.manual_seed(mix(episode ^ step))  # neighbours share no structure
            history = self._policy.encode(self._history(), self._images)
            drawn = self._drawn(history, self._in_play.prefix(self._newest_ns))
            sound = self._sound(drawn)
            doubts = self._doubts(history, drawn[:1])
        actions = np.clip(sound, self._low, self._high)
        for row in range(len(actions) if self.lapses.rate else 0):
            lapse = self.lapses.at(episode, step + row)
            if lapse is not None:
                middle, half = (self._high + self._low) / 2, self.lapses.reach * (self._high - self._low) / 2
                erring = middle + half * lapse.uniform(-1.0, 1.0, len(half))
                actions[row] = np.where(self.contract.is_gripper, actions[row], erring)  # it drops nothing
        self._in_play.send(self._newest_ns, actions)
        return Chunk(self._newest_ns, actions, self.author, doubts=doubts, execute=self._execute)

    def _history(self) -> torch.Tensor:
        """Return the last observations, (1, To, Do), normalised."""
        return torch.from_numpy(np.stack([*[self._rows[0]] * (self.history - len(self._rows)), *self._rows]))[None]

    def _place(self, stamp_ns: int) -> tuple[int, int]:
        """Return what the noise of a chunk depends on: a number of the episode, and the step in it."""
        step = round((stamp_ns - self._start.first_stamp_ns) / self.contract.step_ns)
        return mix(mix(self._seed) ^ self._start.seed), step

    def chunk_inputs(self) -> ChunkInputs:
        """Return what the chunk for the newest observation is drawn from; call ``chunk`` first."""
        assert self._newest_ns is not None
        episode, step = self._place(self._newest_ns)
        images = dict(zip(self.cameras, self._images))
        return ChunkInputs(self._newest_ns, self._policy, self._history(), images, mix(episode ^ step))

    def silence(self, stamp_ns: int | None = None) -> Chunk:
        """Return a chunk without rows, the answer of a policy that has none; by default to the newest observation."""
        return Chunk(
            self._newest_ns or 0 if stamp_ns is None else stamp_ns,
            np.empty((0, len(self.contract.action))),
            self.author,
        )

    def _drawn(self, history: torch.Tensor, prefix: Array | None) -> Array:
        """Return the network's answer to the history (1, To, Do), in its own units, after ``prefix`` in real ones."""
        try:
            if prefix is not None:
                given = torch.from_numpy(self._normaliser.action.forward(prefix))[None]
                drawn: Array = self._policy.sample_after(history, given, self._generator)[0].numpy()
            else:
                drawn = self._policy.sample(history, self._generator)[0].numpy()
        except RuntimeError as error:  # torch refuses to draw from probabilities that are not finite
            raise MessageError(
                f"policy: the network gives no answer ({' '.join(str(error).split())[:200]}); check what it sees, or "
                "train it again"
            ) from error
        return drawn

    def _sound(self, drawn: Array) -> Array:
        """Return the network's answer in real units, (Ta, Da) float64, looked at before any limit hides what it is."""
        shape = (self._horizon, len(self.contract.action))
        if drawn.shape != shape:
            raise MessageError(f"policy: the network's answer has shape {drawn.shape}, not {shape}; train it again")
        real = self._normaliser.action.inverse(drawn.astype(np.float64))
        return sound_actions(real, self.contract)

    def distance(self) -> float:
        """Return the distance of the newest observation to its nearest neighbour in the training data.

        In normalised units, where 2 is the whole range of what was trained on; of what was constant there, in its own.
        NaN if there is no observation, or the checkpoint does not know.
        """
        if self._states is None or not self._rows:
            return math.nan
        nearest = ((self._states - self._rows[-1]) ** 2).sum(1).min()
        return math.hypot(math.sqrt(nearest), self._departure)

    def _doubts(self, history: torch.Tensor, first: Array) -> PolicyUncertainty:
        """Return the uncertainty of the first action (1, Da), in the network's units, after the history (1, To, Do)."""
        spread = self._policy.spread(history)
        value = math.nan if spread is None else float(spread[0])
        return (
            PolicyUncertainty(value)
            if self._critic is None
            else self._critic.judge(history, torch.from_numpy(first), value)
        )
