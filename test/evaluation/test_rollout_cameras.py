# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A policy with cameras drives in this process, and sees what is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.types import Array
from il_ros.evaluation.rollouts import run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.learning.checkpoint import Checkpoint
from il_ros.learning.data.normalizer import Normalizer
from il_ros.learning.inference import PolicyRunner
from il_ros.policies.encoding.encoded_policy import create_encoded
from il_ros.policies.vision.config import Vision
from il_ros.sim.env import ArmEnv

SIZE = 48
CONTRACT = replace(
    Contract.load("panda_plane"),
    images=tuple(
        ImageComponent(name, f"{name}/image_raw", width=SIZE, height=SIZE, rate_hz=rate, crop=crop)
        for name, rate, crop in (("front", 10.0, ()), ("wrist", 5.0, (8, 8, 32, 32)))
    ),
)


class Watching(PolicyRunner):
    """Keeps what it is shown."""

    seen: list[Mapping[str, Array]]

    def observe(self, stamp_ns: int, observation: Array, images: Mapping[str, Array] | None = None) -> None:
        """Note the images, and observe."""
        self.seen = [*getattr(self, "seen", []), dict(images or {})]
        super().observe(stamp_ns, observation, images)


def runner() -> Watching:
    rng = np.random.default_rng(0)
    vision = Vision({part.name: (part.height, part.width) for part in CONTRACT.images}, width=8, features=4)
    sizes = {"observation_dim": 4, "action_dim": 2, "horizon": 8, "width": 16, "depth": 1}
    policy = create_encoded("deterministic", sizes, 0, vision=vision).eval().requires_grad_(False)
    normaliser = Normalizer.fit(rng.uniform(-0.3, 0.8, (9, 4)), rng.uniform(-0.2, 0.2, (9, 2)))
    return Watching(Checkpoint(Path("x"), {"policy": "deterministic"}, policy, normaliser, CONTRACT))


def test_a_rollout_shows_the_policy_the_newest_image_of_each_camera_at_its_own_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env, gate, taken = ArmEnv("fork", CONTRACT), Gate(CONTRACT, GateConfig(rule="none")), []
    monkeypatch.setattr(env.task, "time_limit_s", 1.5)
    actors = [runner(), runner()]
    rollouts = [
        run_episode(env, gate, 3, actors[0], on_image=lambda part, ns, pixels: taken.append((part.name, ns, pixels))),
        run_episode(env, gate, 3, actors[1]),
    ]
    env.close()
    first = rollouts[0].episode.stamps_ns
    assert np.array_equal(rollouts[0].episode.executed, rollouts[1].episode.executed)
    for name, every in (("front", 2), ("wrist", 4)):
        assert [ns for camera, ns, _ in taken if camera == name] == first[::every].tolist()
        shown = [images[name] for images in actors[0].seen]
        assert len(shown) == len(first) and {one.shape for one in shown} == {(SIZE, SIZE, 3)}
        assert all(np.array_equal(shown[step], shown[step - step % every]) for step in range(len(shown)))
    fronts = [pixels for camera, _, pixels in taken if camera == "front"]
    assert all(np.array_equal(pixels, actors[0].seen[2 * i]["front"]) for i, pixels in enumerate(fronts))
    assert len({pixels.tobytes() for pixels in fronts}) > 1
    assert all(np.array_equal(a["wrist"], b["wrist"]) for a, b in zip(actors[0].seen, actors[1].seen))
