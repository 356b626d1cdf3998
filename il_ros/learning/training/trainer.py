# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The training loop: windows, reports, early stopping; a step itself is in ``training.state``."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from il_ros.core.errors import ConfigError, DataError
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.normalizer import Normalizer
from il_ros.learning.training.config import TrainingConfig
from il_ros.learning.training.result import MAX_STATES, Trained, TrainingProgress
from il_ros.learning.training.resume import ResumePoint, identity
from il_ros.learning.training.single_thread import one_thread
from il_ros.learning.training.state import TrainingState
from il_ros.learning.training.windows import Batches, Windows
from il_ros.policies.base import Policy
from il_ros.policies.encoding.encoded_policy import EncodedPolicy, create_encoded
from il_ros.policies.encoding.relations import Relations
from il_ros.policies.vision.config import Vision

FEWEST = 5
"""With fewer episodes none is held out."""
MAX_IMAGES = 512
"""Windows with images of the episodes held out that a report looks at, evenly thinned: it shall cost little time."""


def train(
    data: Dataset,
    config: TrainingConfig,
    progress: Callable[[TrainingProgress], None] | None = None,
    warm_start: tuple[Policy, Normalizer] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    savepoint: Path | None = None,
) -> Trained:
    """Fit a policy to the windows; equal seeds on one machine give equal weights.

    Args:
        data: windows of the history and horizon that the configuration names.
        config: what to train and how.
        progress: called every ``config.report_steps`` steps, and at the end.
        warm_start: go on from these weights, which keep the normaliser that they were trained with.
        should_stop: called before every step; once true, what is there by then is returned.
        savepoint: a file that keeps the state at every report. A training of the same data and configuration that was
            killed goes on from there, and ends with the bits that it would have ended with. With another number of
            ``steps`` it goes on, too: from there on the learning rate is that of the new number, so it rises again,
            and the result is not that of a training that had so many steps from the beginning.

    Raises:
        ConfigError: if the policy or one of its options is unknown, the device is not there, or ``savepoint`` keeps
            another training.
        DataError: if the windows do not fit the configuration, or the loss or the weights are no longer finite.
    """
    _check(data, config)
    with one_thread():
        resume_point = None if savepoint is None else ResumePoint(savepoint, identity(data, config))
        return _train(data, config, progress or (lambda _: None), warm_start, should_stop, resume_point)


def _train(
    data: Dataset,
    config: TrainingConfig,
    progress: Callable[[TrainingProgress], None],
    warm_start: tuple[Policy, Normalizer] | None,
    should_stop: Callable[[], bool],
    resume_point: ResumePoint | None,
) -> Trained:
    started = time.perf_counter()
    generator = torch.Generator(config.device).manual_seed(config.seed)
    rows, held_out_rows, notes = split_episodes(data, config)
    fitted = fit_normalizer(data, config.normalizer)
    normaliser = warm_start[1].completed(fitted) if warm_start else fitted
    frames = tuple(part.frames.on(config.device) for part in data.images.values())
    windows = Windows.of(data, rows, normaliser, config.device, frames, config.discount)
    if frames:
        held_out_rows = held_out_rows[:: -(-len(held_out_rows) // MAX_IMAGES) or 1]
    held_out = Windows.of(data, held_out_rows, normaliser, config.device, frames, config.discount)
    policy = _initial_policy(data, config, windows, normaliser, warm_start, generator)
    state = TrainingState(policy, config, generator)
    batches = Batches(windows, config.batch, config.seed, data.layout.equal)
    curve, resumed = state.restore(resume_point)
    reported, stopped = state.step, False
    while state.step < config.steps and not stopped and not state.early_stopping.is_due:
        state.advance(batches.of_step(state.step))
        if state.step % config.report_steps == 0 or state.step == config.steps:
            loss = state.total / (state.step - reported)
            point = _report(state.step, config, loss, state.averaged, held_out, started)
            curve.append(point)
            progress(point)
            state.total, reported = torch.zeros_like(state.total), state.step
            state.early_stopping.report(point.held_out)
            state.save(resume_point, curve)
        stopped = should_stop()
    if resume_point is not None and not stopped:
        resume_point.forget()
    every = -(-len(rows) // MAX_STATES)
    seen = data.observations[rows][::every, -1]
    if data.layout.equal.groups:  # what is known of one object is known of its equals
        exchanged = data.layout.equal.exchanged(len(seen), np.random.default_rng(config.seed))
        seen = np.take_along_axis(seen, exchanged, axis=1)
    states = normaliser.observation.forward(seen)
    return Trained(
        policy=state.finish(),
        normaliser=normaliser,
        states=torch.from_numpy(states),
        config=config,
        curve=tuple(curve),
        windows=len(windows),
        wall_s=time.perf_counter() - started,
        stopped=stopped,
        notes=(*_blind_note(data), *_unrelated_note(data, config), *notes, *resumed),
    )


def _report(
    step: int, config: TrainingConfig, loss: Tensor, averaged: Policy, held_out: Windows, started: float
) -> TrainingProgress:
    """Return the report of ``step``.

    Raises:
        DataError: if a loss is not finite.
    """
    held_out_loss, rate = math.nan, step / (time.perf_counter() - started)
    if len(held_out):
        fixed = torch.Generator(config.device).manual_seed(0)  # equal noise in every report
        with torch.no_grad():
            held_out_loss = held_out.mean_loss(averaged, fixed, config.batch).item()
    mean_loss = loss.item()
    for what, value in (("loss", mean_loss), *([("held-out loss", held_out_loss)] if len(held_out) else [])):
        if not math.isfinite(value):
            raise DataError(
                f"training: the {what} is {value} at step {step}; lower learning_rate, now {config.learning_rate}, or "
                "look for wild numbers in the data"
            )
    return TrainingProgress(step, config.steps, mean_loss, held_out_loss, rate)


def _initial_policy(
    data: Dataset,
    config: TrainingConfig,
    windows: Windows,
    normaliser: Normalizer,
    warm_start: tuple[Policy, Normalizer] | None,
    generator: torch.Generator,
) -> Policy:
    """Return the policy as it is before the first step, on the device."""
    policy = _fresh_policy(data, config).to(config.device)
    if warm_start is None:
        _calibrate(policy, normaliser)
        policy.prepare(windows.observations, windows.actions, windows.mask, generator)
        return policy
    if not policy.is_like(warm_start[0]):
        raise ConfigError(
            f"training: cannot go on from {warm_start[0].config} with {policy.config}; train afresh, or keep the sizes "
            "and the encoder"
        )
    policy.load_state_dict(warm_start[0].state_dict())
    _calibrate(policy, normaliser)
    return policy


def _calibrate(policy: Policy, normaliser: Normalizer) -> None:
    """Tell the policy how its observations are normalised, as far as it takes them back to real units."""
    if isinstance(policy, EncodedPolicy) and policy.relations is not None:
        offset, scale = normaliser.observation.offset, normaliser.observation.scale
        policy.relations.calibrate(torch.from_numpy(offset), torch.from_numpy(scale))


def _fresh_policy(data: Dataset, config: TrainingConfig) -> Policy:
    """Return the policy that the configuration describes, behind what encodes points and images of the data."""
    cameras = {name: part.frames.size for name, part in data.images.items()}
    vision = Vision(cameras, config.encoder, config.encoder_width, config.encoder_features) if cameras else None
    sizes = {
        "observation_dim": data.observations.shape[2],
        "action_dim": data.actions.shape[2],
        **{name: getattr(config, name) for name in ("n_obs_steps", "horizon", "width", "depth")},
        **config.options,
    }
    geometry = data.layout.geometry if config.relations else None
    return create_encoded(config.policy, sizes, config.seed, geometry, vision, config.sequence)


def _blind_note(data: Dataset) -> tuple[str, ...]:
    """Return a note if windows were left out for want of an image."""
    count = data.blind + len(data)
    return (f"{data.blind} of {count} windows lack a fresh image of a camera and are left out",) if data.blind else ()


def _unrelated_note(data: Dataset, config: TrainingConfig) -> tuple[str, ...]:
    """Return a note if relations were asked for, and there are none."""
    if not config.relations or Relations.count(data.layout.geometry):
        return ()
    return (
        "relations: the contract names no two points (NAME_x, NAME_y, NAME_z, in m) and no two headings (NAME_c, "
        "NAME_s), so the policy sees its numbers alone",
    )


def fit_normalizer(data: Dataset, fit: str = "range") -> Normalizer:
    """Return the statistics of the newest observations and of the labelled actions."""
    return Normalizer.fit(data.observations[:, -1], data.actions[data.mask > 0], fit, data.layout)


def split_episodes(data: Dataset, config: TrainingConfig) -> tuple[Any, Any, tuple[str, ...]]:
    """Return the rows to train on, the rows of the episodes held out, and a note if those are fewer than configured."""
    episodes = np.unique(data.episode)
    requested = max(1, round(config.val_fraction * len(episodes))) if config.val_fraction else 0
    count = min(requested, len(episodes) - 1) if len(episodes) >= FEWEST else 0
    chosen = np.random.default_rng(config.seed).permutation(episodes)[:count]
    unseen = np.isin(data.episode, chosen)
    note = f"val_fraction is {config.val_fraction:g}, but of {len(episodes)} episodes {count} are held out: "
    why = "one is left to train on" if count else f"fewer than {FEWEST} are all needed to train on"
    return np.flatnonzero(~unseen), np.flatnonzero(unseen), (note + why,) if count < requested else ()


def _check(data: Dataset, config: TrainingConfig) -> None:
    """Raise an error if the windows do not fit the configuration, or its device is missing."""
    sizes = (data.observations.shape[1], data.actions.shape[1])
    if sizes != (config.n_obs_steps, config.horizon):
        raise DataError(
            f"training: windows have n_obs_steps, horizon {sizes}; the configuration says "
            f"({config.n_obs_steps}, {config.horizon}), so make the windows with it"
        )
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training: device is 'cuda', but torch sees no GPU; choose cpu, or install torch with CUDA")
