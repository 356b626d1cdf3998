# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core import plugins
from il_ros.core.contract import EqualObjects
from il_ros.core.errors import ConfigError, DataError
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import TrainingProgress
from il_ros.learning.training.resume import ResumePoint
from il_ros.learning.training.trainer import fit_normalizer, split_episodes, train
from il_ros.learning.training.windows import Batches, Windows
from il_ros.policies.base import Policy

POLICIES = sorted(plugins.available("policy"))
SMALL = TrainingConfig(policy="deterministic", width=16, depth=1, steps=40, batch=32, log_every=10, horizon=4)


def windows(episodes: int = 6, history: int = 2, horizon: int = 4) -> Dataset:
    """Ten windows an episode; the action is minus the newest observation, in steps of a half."""
    rng = np.random.default_rng(0)
    count = 10 * episodes
    observations = rng.uniform(-1, 1, (count, history, 2)).astype(np.float32)
    return Dataset(
        observations=observations,
        actions=np.repeat(-np.round(2 * observations[:, -1:]) / 2, horizon, 1),
        mask=np.ones((count, horizon), dtype=np.float32),
        weight=np.ones(count, dtype=np.float32),
        episode=np.repeat(np.arange(episodes), 10),
    )


def weights(policy: Policy) -> list[torch.Tensor]:
    return list(policy.state_dict().values())


def equal(one: Policy, two: Policy) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(two)))


@pytest.mark.parametrize("name", POLICIES)
def test_one_seed_gives_one_result_and_another_seed_another(name: str) -> None:
    config = dataclasses.replace(SMALL, policy=name, observation_noise=0.1)
    first, second = train(windows(), config), train(windows(), config)
    assert equal(first.policy, second.policy)
    assert [p.loss for p in first.curve] == [p.loss for p in second.curve]
    assert not equal(first.policy, train(windows(), dataclasses.replace(config, seed=1)).policy)


@pytest.mark.parametrize("name", POLICIES)
def test_the_loss_falls_also_on_the_episodes_that_are_held_out(name: str) -> None:
    trained = train(windows(12), dataclasses.replace(SMALL, policy=name, steps=200, learning_rate=3e-3))
    assert trained.curve[-1].loss < trained.curve[0].loss
    assert trained.curve[-1].held_out < trained.curve[0].held_out
    assert trained.windows == 110


def test_progress_tells_each_point_of_the_curve_and_ends_at_the_last_step() -> None:
    told: list[TrainingProgress] = []
    trained = train(windows(), SMALL, told.append)
    assert tuple(told) == trained.curve
    assert [p.step for p in told] == [10, 20, 30, 40]


def test_with_fewer_than_five_episodes_none_is_held_out() -> None:
    trained = train(windows(4), SMALL)
    assert trained.windows == 40
    assert np.isnan(trained.curve[-1].held_out)


def test_a_training_that_is_stopped_returns_what_is_there() -> None:
    asked = iter(range(100))
    trained = train(windows(), SMALL, should_stop=lambda: next(asked) >= 12)
    assert trained.stopped
    assert trained.curve[-1].step == 10
    assert all(w.isfinite().all() for w in weights(trained.policy))


def test_a_warm_start_goes_on_from_the_weights_and_keeps_their_normaliser() -> None:
    first = train(windows(), SMALL)
    gentle = dataclasses.replace(SMALL, steps=1, learning_rate=1e-9, ema_decay=0.0)
    second = train(windows(12), gentle, warm_start=(first.policy, first.normaliser))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(weights(first.policy), weights(second.policy)))
    assert second.normaliser is first.normaliser


def test_a_warm_start_from_another_size_is_refused() -> None:
    first = train(windows(), SMALL)
    with pytest.raises(ConfigError, match="cannot go on"):
        train(windows(), dataclasses.replace(SMALL, width=17), warm_start=(first.policy, first.normaliser))


def test_a_window_of_no_weight_teaches_nothing() -> None:
    data = windows(4)
    trained = []
    for rows in (slice(10, 20), slice(20, 30)):  # the first ten repeat others, so that the normaliser is the same
        weight, actions = data.weight.copy(), data.actions.copy()
        weight[:10], actions[:10] = 0, actions[rows]
        trained.append(train(dataclasses.replace(data, weight=weight, actions=actions), SMALL))
    assert equal(trained[0].policy, trained[1].policy)


def test_the_number_of_threads_is_left_as_it_was() -> None:
    before = torch.get_num_threads()
    train(windows(), SMALL)
    assert torch.get_num_threads() == before


def test_windows_of_another_shape_than_configured_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(2, 4\); the configuration says \(2, 5\)"):
        train(windows(), dataclasses.replace(SMALL, horizon=5))


def test_a_loss_that_is_no_longer_finite_ends_the_training_with_the_remedy() -> None:
    with pytest.raises(DataError, match="lower learning_rate"):
        train(windows(), dataclasses.replace(SMALL, learning_rate=1e30, warmup_steps=0))


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_class_has_a_configuration_of_its_name(name: str) -> None:
    config = TrainingConfig.load(name, seed=3)
    assert (config.policy, config.seed) == (name, 3)


def test_a_policy_of_another_package_has_the_defaults() -> None:
    assert TrainingConfig.load("their.policy", steps=7) == TrainingConfig(policy="their.policy", steps=7)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stepz: 3", "'stepz' is not known.*did you mean 'steps'"),
        ("steps: many", "steps is 'many'; it must be a whole number"),
        ("steps: 0", "steps is 0; it must be at least 1"),
        ("device: gpu", "'gpu' is not known; choose from cpu, cuda"),
        ("normalizer: zscore", "'zscore' is not known; choose from quantiles, range"),
        ("val_fraction: 1.5", "val_fraction is 1.5"),
        ("learning_rate: -1", r":2: .*learning_rate is -1; it must be above 0"),
        ("patience: -1", "patience is -1; it must be at least 0"),
        ("patience: 3\nval_fraction: 0", "patience is 3, val_fraction 0"),
    ],
)
def test_a_wrong_line_in_the_yaml_is_one_clear_error(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"policy: mixture\n{line}\n")
    with pytest.raises(ConfigError, match=message):
        TrainingConfig.load(file)


class Killed(Exception):
    """Stands for the kill of a training."""


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("moment", [1, 7, 23])
def test_a_training_that_was_killed_goes_on_and_ends_with_the_same_bits(name: str, moment: int, tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, policy=name, steps=30, log_every=2)
    whole = train(windows(), config)
    calls = 0

    def kill() -> bool:
        nonlocal calls
        calls += 1
        if calls == moment:
            raise Killed
        return False

    with pytest.raises(Killed):
        train(windows(), config, should_stop=kill, savepoint=tmp_path / "unfinished")
    begun: list[int] = []
    resumed = train(windows(), config, lambda p: begun.append(p.step), savepoint=tmp_path / "unfinished")
    assert begun[0] == 2 * (moment // 2) + 2  # it did not begin anew
    assert all(torch.equal(a, b) for a, b in zip(weights(whole.policy), weights(resumed.policy)))
    assert [p.loss for p in whole.curve] == [p.loss for p in resumed.curve]
    assert not (tmp_path / "unfinished").exists()


def ended_at(step: int, config: TrainingConfig, savepoint: Path, data: Dataset | None = None) -> None:
    """A training that was killed right after its report at ``step``."""

    def progress(point: TrainingProgress) -> None:
        if point.step > step:
            raise Killed

    with pytest.raises(Killed):
        train(data or windows(), config, progress, savepoint=savepoint)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": 5}, "seed was 0, now 5"),
        ({"learning_rate": 1e-4}, "learning_rate was 0.001, now 0.0001"),
        ({"observation_noise": 0.5}, "observation_noise was 0.0, now 0.5"),
        ({"steps": 3}, "more steps than 3"),
        ({}, "windows was 60, now 70"),
    ],
)
def test_another_training_is_told_apart_by_what_differs_and_what_was_kept_stays(
    change: dict[str, object], says: str, tmp_path: Path
) -> None:
    path, config = tmp_path / "unfinished.safetensors", dataclasses.replace(SMALL, steps=10, log_every=2)
    ended_at(4, config, path)
    kept = path.read_bytes()
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        train(windows(6 if change else 7), dataclasses.replace(config, **change), savepoint=path)  # type: ignore[arg-type]
    assert "--fresh" in str(caught.value) and str(path) in str(caught.value)
    assert path.read_bytes() == kept
    begun: list[int] = []
    train(windows(), config, lambda p: begun.append(p.step), savepoint=path)
    assert begun[0] == 6 and not path.exists()


def test_a_training_that_an_earlier_version_kept_goes_on_whichever_keys_it_did_not_know(tmp_path: Path) -> None:
    path, config = tmp_path / "unfinished.safetensors", dataclasses.replace(SMALL, steps=10, log_every=2)
    ended_at(4, config, path)
    resumed = train(windows(), config, savepoint=shutil.copyfile(path, tmp_path / "copy"))
    stopped = resumed.curve[:2]
    with safetensors.safe_open(str(path), "pt") as file:
        text, tensors = file.metadata(), {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
    known = json.loads(text["training"])
    defaults = json.loads(json.dumps(dataclasses.asdict(TrainingConfig("deterministic")), default=dict))
    later = [key for key, value in defaults.items() if known.get(key) == value and key != "policy"]
    assert {"where", "relations"} <= set(later)
    for unknown in (*([key] for key in later), later):
        kept = {key: value for key, value in known.items() if key not in unknown}
        path.write_bytes(safetensors.torch.save(tensors, {**text, "training": json.dumps(kept)}))
        made = train(windows(), config, savepoint=path)
        assert made.curve[:2] == stopped, unknown  # it did not begin anew


def test_labels_that_were_changed_are_another_training(tmp_path: Path) -> None:
    path, config, data = tmp_path / "unfinished", dataclasses.replace(SMALL, steps=10, log_every=2), windows()
    ended_at(4, config, path)
    data.actions[3] += 0.5
    with pytest.raises(ConfigError, match="the episodes or their labels have changed"):
        train(data, config, savepoint=path)


@pytest.mark.parametrize("steps", [11, 30])
def test_with_more_steps_a_training_goes_on_and_says_what_that_means(steps: int, tmp_path: Path) -> None:
    path, config = tmp_path / "unfinished", dataclasses.replace(SMALL, steps=10, log_every=2, warmup_steps=1)
    ended_at(8, config, path)
    told: list[int] = []
    longer = dataclasses.replace(config, steps=steps)
    made = train(windows(), longer, lambda p: told.append(p.step), savepoint=path)
    assert told[0] > 8 and told[-1] == steps and [p.step for p in made.curve][:4] == [2, 4, 6, 8]
    (note,) = made.notes
    assert note.startswith(f"went on at step 8 of 10 towards {steps}: the learning rate went from ")
    assert not equal(made.policy, train(windows(), longer).policy)


def test_a_file_that_is_damaged_keeps_nothing(tmp_path: Path) -> None:
    path, config = tmp_path / "unfinished", dataclasses.replace(SMALL, steps=10, log_every=2)
    ended_at(4, config, path)
    path.write_bytes(path.read_bytes()[:50])
    begun: list[int] = []
    resumed = train(windows(), config, lambda p: begun.append(p.step), savepoint=path)
    assert begun[0] == 2 and equal(train(windows(), config).policy, resumed.policy)


def test_what_is_put_aside_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "unfinished_x.safetensors"
    assert ResumePoint(path, {}).put_aside() is None
    for number in (1, 2):
        path.write_text(str(number))
        aside = ResumePoint(path, {}).put_aside()
        assert aside is not None and aside.name == f"unfinished_x_00{number}.safetensors"
        assert aside.read_text() == str(number) and not path.exists()


@given(st.integers(1, 12), st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 5))
def test_something_is_left_to_train_on_whatever_is_held_out(episodes: int, share: float, seed: int) -> None:
    data = windows(episodes)
    kept, unseen, notes = split_episodes(data, dataclasses.replace(SMALL, val_fraction=share, seed=seed))
    assert len(kept) >= 10 and len(kept) + len(unseen) == len(data) and not set(kept) & set(unseen)
    held = len(np.unique(data.episode[unseen]))
    asked = max(1, round(share * episodes)) if share else 0
    assert held == asked or (notes and f"of {episodes} episodes {held} are held out" in notes[0])


def test_the_share_that_could_not_be_held_out_is_told() -> None:
    made = train(windows(6), dataclasses.replace(SMALL, steps=4, val_fraction=0.95))
    assert made.windows == 10 and "val_fraction is 0.95, but of 6 episodes 5 are held out: one is left" in made.notes[0]


def test_scaling_by_quantiles_is_an_option() -> None:
    data = windows(20)
    data.actions[5, 0] = 500.0
    scales = {
        name: train(data, dataclasses.replace(SMALL, steps=4, normalizer=name)).normaliser.action.scale[0]
        for name in ("range", "quantiles")
    }
    assert scales["range"] > 200 and scales["quantiles"] <= 1.0


def test_weights_that_are_not_finite_are_no_result() -> None:
    config = dataclasses.replace(SMALL, warmup_steps=0, learning_rate=1e39, ema_decay=0.0)
    with pytest.raises(DataError, match="a weight is not finite after step 1; lower learning_rate"):
        train(windows(), config, should_stop=lambda: True)


@pytest.mark.parametrize("name", POLICIES)
def test_what_never_changed_is_answered_as_it_was_by_every_class(name: str) -> None:
    data = windows(12)
    constant = np.full_like(data.actions[..., :1], 0.04)
    data = dataclasses.replace(
        data,
        actions=np.concatenate([data.actions, constant], axis=2),
        observations=np.concatenate([data.observations, np.full_like(data.observations[..., :1], 0.7)], axis=2),
    )
    trained = train(data, dataclasses.replace(SMALL, policy=name))
    for live in (0.7, 0.9, -50.0):
        seen = trained.normaliser.observation.forward(np.array([[[0.3, 0.1, live]] * 2]))
        drawn = trained.policy.sample(torch.from_numpy(seen), torch.Generator().manual_seed(0))
        answer = trained.normaliser.action.inverse(drawn[0].numpy())
        assert np.abs(answer[:, -1] - 0.04).max() < 1e-6 and np.isfinite(answer).all()


def overfitting() -> tuple[Dataset, TrainingConfig]:
    """Noise for labels: whatever is learned of them is wrong of the others."""
    data = windows(12)
    noise = np.random.default_rng(1).normal(size=data.actions.shape).astype(np.float32)
    config = dataclasses.replace(
        SMALL, width=64, steps=2000, batch=16, learning_rate=1e-2, log_every=20, val_fraction=0.3
    )
    return dataclasses.replace(data, actions=noise), config


def test_patience_ends_a_training_that_learns_by_heart_and_keeps_the_best_weights() -> None:
    data, config = overfitting()
    patient = train(data, dataclasses.replace(config, patience=5))
    last, lowest = patient.curve[-1], min(patient.curve, key=lambda point: point.held_out)
    assert last.step < config.steps and not patient.stopped
    assert patient.curve[-6] == lowest
    until_then = iter([False] * (lowest.step - 1) + [True])
    assert equal(patient.policy, train(data, config, should_stop=lambda: next(until_then)).policy)


@pytest.mark.parametrize("moment", [30, 101, 199])
def test_patience_too_survives_a_kill(moment: int, tmp_path: Path) -> None:
    data, config = overfitting()
    config = dataclasses.replace(config, patience=5)
    whole, calls = train(data, config), iter(range(10**6))

    def kill() -> bool:
        if next(calls) == moment:
            raise Killed
        return False

    if whole.curve[-1].step > moment:
        with pytest.raises(Killed):
            train(data, config, should_stop=kill, savepoint=tmp_path / "unfinished")
    resumed = train(data, config, savepoint=tmp_path / "unfinished")
    assert equal(whole.policy, resumed.policy)
    assert [p.held_out for p in whole.curve] == [p.held_out for p in resumed.curve]


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("what", ["one step", "one episode", "constant", "short chunks"])
def test_poor_data_make_finite_weights(name: str, what: str) -> None:
    data = windows(1)
    if what == "one step":
        data = data.rows(slice(1))
    elif what == "constant":
        data = dataclasses.replace(
            data, observations=np.ones_like(data.observations), actions=np.full_like(data.actions, 0.3)
        )
    elif what == "short chunks":
        mask = np.zeros_like(data.mask)
        mask[:, 0] = 1
        data = dataclasses.replace(data, mask=mask)
    trained = train(data, dataclasses.replace(SMALL, policy=name))
    assert all(value.isfinite().all() for value in weights(trained.policy))
    drawn = trained.policy.sample(torch.zeros(3, 2, 2), torch.Generator().manual_seed(0))
    assert drawn.isfinite().all()
    if what == "constant":
        assert trained.normaliser.action.inverse(np.zeros(2)) == pytest.approx(0.3)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize(("field", "bad"), [("observations", np.nan), ("actions", np.inf)])
def test_a_number_that_is_none_is_refused_before_anything_is_learned(name: str, field: str, bad: float) -> None:
    data = windows()
    getattr(data, field)[7, -1, 0] = bad
    with pytest.raises(DataError, match=f"{field[:-1]} 0 of row .* is {bad}; drop that step"):
        train(data, dataclasses.replace(SMALL, policy=name))


@pytest.mark.parametrize("windows_there", [3, 32, 33, 100])
def test_every_pass_shows_each_window_as_often_as_any_other(windows_there: int) -> None:
    data = windows(10).rows(slice(windows_there))
    shown = Batches(Windows.of(data, slice(None), fit_normalizer(data), "cpu"), 32, 5, EqualObjects())
    per_pass = max(1, windows_there // 32)
    seen = torch.cat([shown.of_step(step).observations[:, -1] for step in range(per_pass)])
    assert len(seen) == 32 * per_pass
    counts = torch.unique(seen, dim=0, return_counts=True)[1]
    assert counts.max() - counts.min() <= 1 and counts.max() == -(-len(seen) // windows_there)
    assert torch.equal(shown.of_step(0).observations[:, -1], seen[:32])
    assert not torch.equal(shown.of_step(per_pass).observations[:, -1], seen[:32])


def test_labels_count_less_the_farther_ahead_they_are_and_padding_never() -> None:
    data = windows(3)
    mask = data.mask.copy()
    shown = Windows.of(data, slice(None), fit_normalizer(data), "cpu", discount=0.5)
    expected = torch.from_numpy(mask) * 0.5 ** torch.arange(mask.shape[1])
    assert torch.equal(shown.mask, expected) and not torch.equal(shown.mask, torch.from_numpy(mask))
    assert torch.equal(shown.actions, Windows.of(data, slice(None), fit_normalizer(data), "cpu").actions)


@pytest.mark.parametrize("discount", [0.0, -0.5, 1.5])
def test_a_discount_that_is_none_is_refused(discount: float) -> None:
    with pytest.raises(ConfigError, match="discount"):
        dataclasses.replace(SMALL, discount=discount)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("name", POLICIES)
def test_a_graphics_card_trains_what_the_processor_can_use(name: str, tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, policy=name, device="cuda", steps=200)
    trained = train(windows(), config, savepoint=tmp_path / "unfinished")
    assert trained.curve[-1].loss < trained.curve[0].loss
    assert trained.policy.frozen().sample(torch.zeros(1, 2, 2), torch.Generator()).isfinite().all()
