# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every policy class must keep, ours and others', the day that it lands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from il_ros.core import plugins
from il_ros.core.errors import ConfigError
from il_ros.learning.random_tape import RecordRandomness, ReplayRandomness
from il_ros.policies.base import Policy, create

sys.path.insert(0, str(Path(__file__).parent))
CLASSES = [*plugins.available("policy"), "toy_package.categorical"]
SIZES = {"observation_dim": 3, "action_dim": 2, "n_obs_steps": 2, "horizon": 4, "width": 32, "depth": 1}


@pytest.fixture(autouse=True)
def _other_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """``toy_package.categorical`` stands for a module of another package."""
    import toy_categorical

    monkeypatch.setitem(sys.modules, "toy_package", type(sys)("toy_package"))
    monkeypatch.setitem(sys.modules, "toy_package.categorical", toy_categorical)
    monkeypatch.setattr(toy_categorical.Toy, "__module__", "toy_package.categorical")
    monkeypatch.setattr(toy_categorical, "__name__", "toy_package.categorical")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(size: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = generator(7)
    observations = torch.rand((size, 2, 3), generator=g) * 2 - 1
    actions = torch.rand((size, 4, 2), generator=g) * 2 - 1
    return observations, actions, torch.ones((size, 4))


def fitted(name: str, steps: int = 400) -> tuple[Policy, torch.Tensor, torch.Tensor]:
    """A policy fitted to five windows."""
    torch.set_num_threads(1)
    observations, actions, mask = batch(5)
    policy = create(name, {**SIZES, "width": 64}, seed=0)
    g = generator(1)
    policy.prepare(observations, actions, mask, g)
    optimiser = torch.optim.Adam(policy.parameters(), lr=3e-3)
    repeat = torch.arange(5).repeat(8)
    for _ in range(steps):
        optimiser.zero_grad()
        policy.loss(observations[repeat], actions[repeat], mask[repeat], g).mean().backward()
        optimiser.step()
    return policy, observations, actions


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("size", [1, 5])
def test_shapes_are_those_of_the_interface(name: str, size: int) -> None:
    policy = create(name, SIZES, seed=0)
    observations, actions, mask = batch(size)
    assert policy.loss(observations, actions, mask, generator()).shape == (size,)
    chunk = policy.sample(observations, generator())
    assert chunk.shape == (size, 4, 2)
    assert chunk.isfinite().all()


@pytest.mark.parametrize("name", CLASSES)
def test_equal_seeds_give_equal_weights_losses_and_chunks(name: str) -> None:
    observations, actions, mask = batch()
    torch.manual_seed(1)
    first = create(name, SIZES, seed=3)
    torch.manual_seed(2)  # the global generator must have no influence
    second = create(name, SIZES, seed=3)
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key])
    assert torch.equal(
        first.loss(observations, actions, mask, generator()), second.loss(observations, actions, mask, generator())
    )
    assert torch.equal(first.sample(observations, generator()), second.sample(observations, generator()))


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("size", [1, 5])
def test_the_numbers_that_a_chunk_was_drawn_with_are_written_down_and_draw_it_again(name: str, size: int) -> None:
    policy, observations = create(name, SIZES, seed=3), batch(size)[0]
    chunk = policy.sample(observations, generator(4))
    with RecordRandomness() as written:
        assert torch.equal(policy.sample(observations, generator(4)), chunk)
    with ReplayRandomness(written.plan, written.flat()):
        assert torch.equal(policy.sample(observations, generator(5)), chunk)


@pytest.mark.parametrize("name", CLASSES)
def test_the_global_generator_is_left_alone(name: str) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    policy = create(name, SIZES, seed=3)
    policy.loss(*batch(), generator())
    policy.sample(batch()[0], generator())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", CLASSES)
def test_masked_steps_have_no_influence_on_loss_or_gradient(name: str) -> None:
    observations, actions, mask = batch()
    mask[:, 2:] = 0
    other = torch.where(mask[..., None] > 0, actions, 0.9 - actions)
    results = []
    for labels in (actions, other):
        policy = create(name, SIZES, seed=0)
        losses = policy.loss(observations, labels, mask, generator())
        losses.mean().backward()
        results.append((losses.detach(), [p.grad for p in policy.parameters()]))
    assert torch.equal(results[0][0], results[1][0])
    for one, two in zip(results[0][1], results[1][1]):
        assert (one is None and two is None) or torch.equal(one, two)


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "mixture"])
def test_by_how_much_labels_count_is_no_input_and_only_their_ratio_matters(name: str) -> None:
    policy, (observations, actions, mask) = create(name, SIZES, seed=0), batch()
    ratio = torch.tensor([1.0, 0.5, 0.25, 0.0])
    one, other = (policy.loss(observations, actions, c * ratio * mask, generator()) for c in (1.0, 0.01))
    assert torch.allclose(one, other, rtol=1e-4)


def test_a_label_of_a_mixture_weighs_in_its_choice_by_how_much_it_counts() -> None:
    policy, (observations, actions, mask) = create("mixture", SIZES, seed=0), batch()
    counting = mask * torch.tensor([1.0, 1e-6, 1e-6, 1e-6])
    first_alone = policy.loss(observations, actions, mask * torch.tensor([1.0, 0.0, 0.0, 0.0]), generator())
    assert torch.allclose(policy.loss(observations, actions, counting, generator()), first_alone, rtol=1e-3)


@pytest.mark.parametrize("name", CLASSES)
def test_a_window_is_judged_by_itself(name: str) -> None:
    policy = create(name, SIZES, seed=0)
    observations, actions, mask = batch()
    whole = policy.loss(observations, actions, mask, generator())
    changed = actions.clone()
    changed[1:] = -changed[1:]
    assert torch.equal(policy.loss(observations, changed, mask, generator())[0], whole[0])


@pytest.mark.parametrize("name", CLASSES)
def test_five_demonstrations_are_learned_by_heart(name: str) -> None:
    policy, observations, actions = fitted(name)
    assert all(p.isfinite().all() for p in policy.parameters())
    error = (policy.sample(observations, generator()) - actions).abs().max()
    assert error < 0.1


@pytest.mark.parametrize("name", CLASSES)
def test_saved_weights_hold_everything_that_the_policy_knows(name: str) -> None:
    policy, observations, _ = fitted(name, steps=5)
    again = create(name, {**SIZES, "width": 64}, seed=99)
    again.load_state_dict(policy.state_dict())
    assert torch.equal(policy.sample(observations, generator()), again.sample(observations, generator()))


@pytest.mark.parametrize("name", CLASSES)
def test_the_frozen_policy_draws_what_the_eager_one_draws(name: str) -> None:
    policy, observations, _ = fitted(name, steps=20)
    served = policy.frozen()
    for row in observations[:5, None]:
        with torch.inference_mode():
            assert torch.equal(served.sample(row, generator(3)), policy.eval().sample(row, generator(3)))


@pytest.mark.parametrize("name", CLASSES)
def test_an_option_that_the_class_does_not_have_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="'widht'.*did you mean 'width'"):
        create(name, {**SIZES, "widht": 3}, seed=0)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("key", ["width", "horizon", "n_obs_steps"])
def test_a_size_that_is_not_positive_is_refused(name: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is 0; it must be at least 1"):
        create(name, {**SIZES, key: 0}, seed=0)


def test_an_unknown_policy_is_told_what_there_is() -> None:
    with pytest.raises(ConfigError, match="'difusion' is not known.*did you mean 'diffusion'"):
        create("difusion", SIZES, seed=0)


def test_the_three_classes_of_the_first_issue_are_there() -> None:
    assert {"deterministic", "mixture", "diffusion"} <= set(CLASSES)
