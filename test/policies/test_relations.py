# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Relations between the points of an observation: what they say, and that they say it whatever the normaliser is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract, Geometry
from il_ros.policies.base import Policy
from il_ros.policies.encoding.encoded_policy import EncodedPolicy, create_encoded, geometry_of
from il_ros.policies.encoding.relations import FINE, Relations

SCENE = Geometry({"tool": (0, 1, 2), "block": (3, 4, 5), "post": (6, 7)}, {"tool": (8, 9), "block": (10, 11)})
DIM = 12


def relations(seed: int = 0) -> Relations:
    """Fitted to random scenes, normalised by other ranges of each component."""
    rng = torch.Generator().manual_seed(seed)
    made = Relations(SCENE, DIM)
    made.calibrate(torch.rand(DIM, generator=rng), 0.1 + torch.rand(DIM, generator=rng))
    made.fit(torch.rand(50, DIM, generator=rng))
    return made


def of_real(made: Relations, real: torch.Tensor) -> torch.Tensor:
    features: torch.Tensor = made((real - made.offset) / made.scale)
    return features


@given(seed=st.integers(0, 10_000))
def test_they_are_vectors_by_distance_and_angles_whatever_the_normaliser_is(seed: int) -> None:
    real = torch.rand(1, DIM, generator=torch.Generator().manual_seed(seed)) - 0.5
    turns = torch.tensor([[0.3, -1.9]])
    real[:, 8::2], real[:, 9::2] = turns.cos(), turns.sin()
    made = relations(seed)
    features = of_real(made, real)[0]
    places = [real[0, list(SCENE.points[name])] for name in SCENE.points]
    expected: list[float] = []
    for first, second in ((0, 1), (0, 2), (1, 2)):
        flat = min(len(places[first]), len(places[second]))
        vector = torch.zeros(3)
        vector[:flat] = places[second][:flat] - places[first][:flat]
        for scale in made.scales:
            expected += [float(v / (vector.norm() + scale)) for v in (*vector, vector.norm())]
    expected += [math.cos(-2.2), math.sin(-2.2)]
    assert len(expected) == Relations.count(SCENE)
    np.testing.assert_allclose(features, expected, atol=2e-4)


def test_the_scales_are_the_typical_distance_and_a_tenth_of_it() -> None:
    made = Relations(Geometry({"a": (0, 1, 2), "b": (3, 4, 5)}), 6)
    made.calibrate(torch.zeros(6), torch.ones(6))
    made.fit(torch.tensor([[0.0, 0, 0, 0.3, 0, 0], [0.0, 0, 0, 0, 0.4, 0]]))
    typical = math.sqrt((0.09 + 0.16) / 2)
    np.testing.assert_allclose(made.scales, [typical, FINE * typical], rtol=1e-6)


def test_moving_everything_changes_nothing_and_equal_places_are_no_direction() -> None:
    made, real = relations(), torch.rand(1, DIM)
    moved = real.clone()
    for columns in SCENE.points.values():
        moved[:, list(columns)] += torch.tensor([0.2, -0.1, 0.05])[: len(columns)]
    np.testing.assert_allclose(of_real(made, real), of_real(made, moved), atol=1e-4)
    real[:, [3, 4, 5]] = real[:, [0, 1, 2]]
    assert of_real(made, real)[0, :8].abs().max() < 0.01


def test_a_contract_says_which_numbers_are_points_and_headings() -> None:
    geometry = Contract.load("panda_gripper").layout.geometry
    names = Contract.load("panda_gripper").observation_names
    assert {n: [names[i] for i in columns] for n, columns in geometry.points.items()} == {
        name: [f"{name}_{axis}" for axis in "xyz"] for name in ("tool", "block", "goal")
    }
    assert {n: [names[i] for i in c] for n, c in geometry.headings.items()} == {
        name: [f"{name}_c", f"{name}_s"] for name in ("tool", "block", "goal")
    }
    assert Contract.load("panda_plane").layout.geometry.points == {"tool": (0, 1), "obstacle": (2, 3)}
    assert Contract.load("mountain_car").layout.geometry == Geometry()
    assert Geometry.from_dict(geometry.to_dict()) == geometry


def test_a_policy_sees_relations_of_the_newest_observation_alone() -> None:
    sizes = {"observation_dim": DIM, "action_dim": 2, "n_obs_steps": 3, "horizon": 4, "width": 8, "depth": 1}
    policy = create_encoded("deterministic", sizes, 0, SCENE)
    assert isinstance(policy, EncodedPolicy) and geometry_of(policy) == SCENE and policy.measured_dim == DIM
    history = torch.rand(2, 3, DIM)
    seen = policy.encode(history, [])
    assert seen.shape == (2, 3, DIM + Relations.count(SCENE)) and torch.equal(seen[..., :DIM], history)
    older = history.clone()
    older[:, :-1] = 0.0
    assert torch.equal(policy.encode(older, [])[..., DIM:], seen[..., DIM:])
    with torch.no_grad():
        assert torch.equal(policy.frozen().encode(history, []), seen)


@pytest.mark.parametrize("geometry", [None, Geometry(), Geometry({"tool": (0, 1, 2)}, {"tool": (3, 4)})])
def test_without_two_points_or_headings_a_policy_is_the_class_itself(geometry: Geometry | None) -> None:
    policy: Policy = create_encoded("deterministic", {"observation_dim": DIM, "action_dim": 2}, 0, geometry)
    assert not isinstance(policy, EncodedPolicy) and geometry_of(policy) is None
