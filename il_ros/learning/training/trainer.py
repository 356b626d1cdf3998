# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training: one lean loop over windows that already lie on the device."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from il_ros.core import contract, paths, plugins
from il_ros.core.errors import ConfigError, DataError, unknown
from il_ros.learning.data import labels
from il_ros.learning.data.dataset import Dataset
from il_ros.learning.data.normalizer import FITS, Normalizer
from il_ros.learning.training.result import MAX_STATES, Trained, TrainingProgress
from il_ros.learning.training.resume import ResumePoint, identity
from il_ros.learning.training.single_thread import one_thread
from il_ros.learning.training.state import TrainingState
from il_ros.learning.training.windows import Batches, Windows
from il_ros.policies.base import Policy, create

DEVICES = ("cpu", "cuda")
FEWEST = 5
"""With fewer episodes none is held out."""
LONGEST = 10_000
"""Steps of the longest history or chunk: more is a typing error, and would not fit into memory."""


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


@dataclass(frozen=True)
class TrainingConfig:
    """What to train and how; the keys of the YAML files under ``config/training``.

    Raises:
        ConfigError: for a value outside its limits.
    """

    policy: str
    """The policy class, by its file's name or a dotted module name."""
    history: int = 2
    """To, observations in a window."""
    horizon: int = 16
    """Ta, actions in a chunk."""
    fewest: int = 8
    """Windows with fewer labels are left out, unless the episode ends there; see ``Dataset.from_episodes``."""
    width: int = 256
    depth: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    """What this policy class can be told beside the sizes."""
    labels: str = "expert_driven"
    """The scheme of labels, by which a workshop makes windows of episodes."""
    experts: Mapping[str, float] = field(default_factory=dict)
    """How much the labels of each expert count, by name; ``others`` is for those that are not named, 1 by default. A
    workshop leaves out the episodes of whom counts 0; an episode by several counts as the least of them."""
    critic: bool = False
    """Whether a workshop trains a critic of the policy, too, by which gating rules can decide."""
    warm_start: bool = False
    """Whether a workshop goes on from the weights of its last checkpoint, or begins afresh."""
    fresh: float = 0.0
    """The share of all weight that episodes get together which a workshop's last checkpoint did not know: how old and
    new data are mixed. 0 mixes them as they are."""
    steps: int = 4000
    """Gradient steps."""
    batch: int = 256
    """Windows in a step."""
    learning_rate: float = 1e-3
    """The highest of the schedule: linear warm-up over ``warm_up`` steps, then a cosine to zero."""
    warm_up: int = 100
    weight_decay: float = 1e-4
    gradient_norm: float = 1.0
    """Longer gradients are shortened to it."""
    averaging: float = 0.995
    """Decay of the averaged weights, which are the ones that are kept."""
    observation_noise: float = 0.0
    """Standard deviation, in normalised units, by which each history is shifted while training: the smoother policy
    that this makes does not learn single demonstrations by heart (Bishop 1995, noise is Tikhonov regularisation)."""
    normaliser: str = "range"
    """What is taken to [-1, 1]: the whole ``range`` of a component, or its ``quantiles`` 0.01 and 0.99, so that a few
    wild numbers do not squeeze all others together."""
    held_out: float = 0.1
    """Share of the episodes that are only looked at; with fewer than five episodes, none, and never all of them."""
    patience: int = 0
    """Reports without a lower loss on the held-out episodes after which a training ends early; the weights of the
    lowest are kept. 0 never ends early, and keeps the last."""
    seed: int = 0
    device: str = "cpu"
    reports: int = 50
    """How often the curve gets a point."""

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise unknown("training: device", self.device, DEVICES)
        if self.normaliser not in FITS:
            raise unknown("training: normaliser", self.normaliser, FITS)
        for name in ("history", "horizon", "fewest", "steps", "batch", "reports"):
            if getattr(self, name) < 1:
                raise ConfigError(f"training: {name} is {getattr(self, name)}; it must be at least 1")
        for name in ("history", "horizon"):
            if getattr(self, name) > LONGEST:
                raise ConfigError(f"training: {name} is {getattr(self, name)}; it must be at most {LONGEST} steps")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"training: seed is {self.seed}; it must be at least 0 and less than 2**63")
        labels.load(self.labels)
        if not isinstance(self.experts, Mapping) or not all(map(_is_weight, self.experts.values())):
            raise ConfigError(f"training: experts is {self.experts!r}; it must map names to numbers from 0 on")
        if not isinstance(self.options, Mapping):
            raise ConfigError(f"training: options is {self.options!r}; it must map the policy's options to values")
        if not 0 <= self.observation_noise < math.inf:
            raise ConfigError(f"training: observation_noise is {self.observation_noise}; it must be 0 or positive")
        if not (0 <= self.held_out < 1 and 0 <= self.averaging < 1):
            raise ConfigError(
                f"training: held_out is {self.held_out}, averaging {self.averaging}; both must be in [0, 1)"
            )
        if not 0 <= self.fresh < 1:
            raise ConfigError(
                f"training: fresh is {self.fresh}; it is a share, at least 0 (old and new data as they are), below 1"
            )
        if self.patience < 0 or (self.patience and not self.held_out):
            raise ConfigError(
                f"training: patience is {self.patience}, held_out {self.held_out}; choose 0, or a positive "
                "patience with a share of episodes to hold out"
            )
        if not (self.learning_rate > 0 and self.gradient_norm > 0 and self.warm_up >= 0 and self.weight_decay >= 0):
            raise ConfigError(
                f"training: learning_rate is {self.learning_rate}, gradient_norm {self.gradient_norm}, warm_up "
                f"{self.warm_up}, weight_decay {self.weight_decay}; the first two must be positive, none negative"
            )

    @classmethod
    def load(cls, name: str | Path, **changes: Any) -> TrainingConfig:
        """The configuration in a YAML file, or ours for a policy class by its bare name, with ``changes`` on top.

        For a policy class without a file of its own, or one elsewhere (a dotted name), the defaults hold.

        Raises:
            ConfigError: if there is no such file and no such class, or a key or a value is wrong.
        """
        is_path = Path(name).suffix == ".yaml" or Path(name).is_file() or os.sep in str(name)
        if not is_path and str(name) not in paths.names("config/training", ".yaml"):
            if "." not in str(name):
                plugins.load("il_ros.policies", Policy, "policy", str(name))  # type: ignore[type-abstract]
            return cls._build(f"training of {name}", {"policy": str(name), **changes})
        path = paths.find("config/training", name, ".yaml")
        return cls._build(f"training {path.name}", {**contract.read_yaml(path), **changes})

    @classmethod
    def _build(cls, where: str, data: Mapping[str, Any]) -> TrainingConfig:
        config: TrainingConfig = contract.build(cls, where, data)
        return config


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
        progress: told ``config.reports`` times.
        warm_start: go on from these weights, which keep the normaliser that they were trained with.
        should_stop: asked before every step; once true, what is there by then is returned.
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
    fitted = fit_normalizer(data, config.normaliser)
    normaliser = warm_start[1].completed(fitted) if warm_start else fitted
    windows = Windows.of(data, rows, normaliser, config.device)
    held_out = Windows.of(data, held_out_rows, normaliser, config.device)
    policy = _initial_policy(data, config, windows, warm_start, generator)
    state = TrainingState(policy, config, generator)
    batches = Batches(windows, config.batch, config.seed)
    curve, resumed = state.restore(resume_point)
    reported, stopped = state.step, False
    while state.step < config.steps and not stopped and not state.early_stopping.is_due:
        state.advance(batches.of_step(state.step))
        if state.step % max(1, config.steps // config.reports) == 0 or state.step == config.steps:
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
    states = normaliser.observation.forward(data.observations[rows][::every, -1])
    return Trained(
        policy=state.finish(),
        normaliser=normaliser,
        states=torch.from_numpy(states),
        config=config,
        curve=tuple(curve),
        windows=len(windows),
        wall_s=time.perf_counter() - started,
        stopped=stopped,
        notes=(*notes, *resumed),
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
            held_out_loss = held_out.loss(averaged, fixed).item()
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
    warm_start: tuple[Policy, Normalizer] | None,
    generator: torch.Generator,
) -> Policy:
    """Return the policy as it is before the first step, on the device."""
    sizes = {
        "observation_dim": data.observations.shape[2],
        "action_dim": data.actions.shape[2],
        **{name: getattr(config, name) for name in ("history", "horizon", "width", "depth")},
        **config.options,
    }
    policy = create(config.policy, sizes, config.seed).to(config.device)
    if warm_start is None:
        policy.prepare(windows.observations, windows.actions, windows.mask, generator)
        return policy
    if warm_start[0].config != policy.config or type(warm_start[0]) is not type(policy):
        raise ConfigError(
            f"training: cannot go on from {warm_start[0].config} with {policy.config}; train afresh, or keep the sizes"
        )
    policy.load_state_dict(warm_start[0].state_dict())
    return policy


def fit_normalizer(data: Dataset, fit: str = "range") -> Normalizer:
    """Return the statistics of the newest observations and of the labelled actions."""
    return Normalizer.fit(data.observations[:, -1], data.actions[data.mask > 0], fit)


def split_episodes(data: Dataset, config: TrainingConfig) -> tuple[Any, Any, tuple[str, ...]]:
    """Return the rows to train on, the rows of the episodes held out, and a note if those are fewer than configured."""
    episodes = np.unique(data.episode)
    asked = max(1, round(config.held_out * len(episodes))) if config.held_out else 0
    count = min(asked, len(episodes) - 1) if len(episodes) >= FEWEST else 0
    chosen = np.random.default_rng(config.seed).permutation(episodes)[:count]
    unseen = np.isin(data.episode, chosen)
    note = f"held_out is {config.held_out:g}, but of {len(episodes)} episodes {count} are held out: "
    why = "one is left to train on" if count else f"fewer than {FEWEST} are all needed to train on"
    return np.flatnonzero(~unseen), np.flatnonzero(unseen), (note + why,) if count < asked else ()


def _check(data: Dataset, config: TrainingConfig) -> None:
    """Raise an error if the windows do not fit the configuration, or its device is missing."""
    sizes = (data.observations.shape[1], data.actions.shape[1])
    if sizes != (config.history, config.horizon):
        raise DataError(
            f"training: windows have history, horizon {sizes}; the configuration says "
            f"({config.history}, {config.horizon}), so make the windows with it"
        )
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training: device is 'cuda', but torch sees no GPU; choose cpu, or install torch with CUDA")
