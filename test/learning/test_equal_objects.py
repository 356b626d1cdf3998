# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is learned of one object holds of its equals: in windows, in the normaliser, and of the policy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from il_ros.core.contract import EqualObjects, ObservationLayout
from il_ros.core.episode import Authority, Episode, Record
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.trainer import fit_normalizer, train
from il_ros.learning.training.windows import Batches, Windows

STEP_NS = 50_000_000
EQUAL = EqualObjects(3, (((0,), (2,)),))
"""Of three numbers, the first and the last belong to equal objects."""
SWAPPED = [2, 1, 0]
CONFIG = TrainingConfig("deterministic", n_obs_steps=2, horizon=2, width=32, depth=1, steps=400, batch=64, seed=3)


def demonstrated(equal: EqualObjects) -> Dataset:
    """Return windows in which the first object is left of the last one; the action is where the left one is."""
    rng, episodes = np.random.default_rng(0), []
    for _ in range(6):
        seen = np.stack([rng.uniform(-1, -0.2, 40), rng.uniform(-1, 1, 40), rng.uniform(0.2, 0.6, 40)], axis=1)
        records = [Record(STEP_NS * n, Authority.EXPERT, "steady", 0, row[:1]) for n, row in enumerate(seen)]
        episodes.append(Episode.from_steps(seen, records, STEP_NS, {}))
    return Dataset.from_episodes(episodes, 2, 2, layout=ObservationLayout(equal=equal))


def answers(equal: EqualObjects, seen: np.ndarray) -> Tensor:
    """Return (n,), the actions in real units of a policy that was taught with these windows."""
    made = train(demonstrated(equal), CONFIG)
    shown = torch.from_numpy(made.normaliser.observation.forward(np.repeat(seen[:, None], 2, axis=1)))
    chunks = made.policy.sample(made.policy.encode(shown, []), torch.Generator())
    return torch.from_numpy(made.normaliser.action.inverse(chunks.numpy()))[:, 0, 0]


def test_a_policy_does_with_exchanged_objects_what_it_did_before_though_it_was_never_shown() -> None:
    seen = demonstrated(EQUAL).observations[:50, -1]
    right = torch.from_numpy(seen[:, 0])
    assert (answers(EQUAL, seen) - right).abs().mean() < 0.1
    assert (answers(EQUAL, seen[:, SWAPPED]) - right).abs().mean() < 0.1
    assert (answers(EqualObjects(), seen[:, SWAPPED]) - right).abs().mean() > 0.4


def test_each_pass_exchanges_about_half_of_the_windows_whole_and_nothing_else() -> None:
    data = demonstrated(EQUAL)
    normaliser = fit_normalizer(data)
    windows, plain = (Windows.of(data, slice(None), normaliser, "cpu") for _ in range(2))
    shown, unexchanged = Batches(windows, 60, 5, EQUAL), Batches(plain, 60, 5, EqualObjects(3))
    exchanged = []
    for step in range(8):
        seen, as_it_was = shown.of_step(step), unexchanged.of_step(step)
        assert torch.equal(seen.actions, as_it_was.actions) and torch.equal(seen.mask, as_it_was.mask)
        before = as_it_was.observations
        same, swapped = ((seen.observations == each).flatten(1).all(1) for each in (before, before[..., SWAPPED]))
        assert (same | swapped).all()
        exchanged.append(swapped)
    first, second = torch.cat(exchanged[:4]), torch.cat(exchanged[4:])
    assert 0.35 < first.float().mean() < 0.65 and not torch.equal(first, second)


def test_equal_objects_have_one_scale_and_the_others_their_own() -> None:
    with_equals, without = (fit_normalizer(demonstrated(equal)).observation for equal in (EQUAL, EqualObjects()))
    assert with_equals.offset[0] == with_equals.offset[2] and with_equals.scale[0] == with_equals.scale[2]
    assert without.offset[0] != without.offset[2]
    assert with_equals.offset[1] == without.offset[1] and with_equals.scale[1] == without.scale[1]


def test_what_is_known_of_one_object_is_known_of_its_equals() -> None:
    made = train(demonstrated(EQUAL), replace(CONFIG, steps=1))
    left = made.normaliser.observation.inverse(made.states.numpy())
    swapped = left[:, 0] > left[:, 2]
    assert 0.3 < swapped.mean() < 0.7


def test_a_training_with_equal_objects_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=30, log_every=10)
    whole = train(demonstrated(EQUAL), config)

    steps = iter(range(100))
    unfinished = tmp_path / "unfinished"
    train(demonstrated(EQUAL), config, should_stop=lambda: next(steps) == 22, savepoint=unfinished)
    begun: list[int] = []
    rest = train(demonstrated(EQUAL), config, lambda point: begun.append(point.step), savepoint=unfinished)
    assert begun == [30]
    assert all(torch.equal(a, b) for a, b in zip(whole.policy.parameters(), rest.policy.parameters()))


def test_a_dataset_with_equal_objects_is_another_one() -> None:
    assert demonstrated(EQUAL).digest() != demonstrated(EqualObjects()).digest()
    assert demonstrated(EqualObjects(3)).digest() == demonstrated(EqualObjects()).digest()
