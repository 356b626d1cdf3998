# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training: one lean loop over windows that already lie on the device."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import repeat
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
from il_ros.learning.training.optimizer import AdamW, as_one
from il_ros.learning.training.resume import ResumePoint, identity
from il_ros.policies.base import Policy, create

DEVICES = ("cpu", "cuda")
STATES = 1000
"""So many observations are kept of what a policy was trained on, to tell how far away another is."""
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
                plugins.load("policy", str(name))
            return cls._build(f"training of {name}", {"policy": str(name), **changes})
        path = paths.find("config/training", name, ".yaml")
        return cls._build(f"training {path.name}", {**contract.read_yaml(path), **changes})

    @classmethod
    def _build(cls, where: str, data: Mapping[str, Any]) -> TrainingConfig:
        config: TrainingConfig = contract.build(cls, where, data)
        return config


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is; also a point of its curve."""

    step: int
    steps: int
    loss: float
    """Mean over the steps since the last report."""
    held_out: float
    """Loss of the averaged weights on the episodes that are held out; NaN without any."""
    steps_per_s: float


@dataclass(frozen=True)
class Trained:
    """What a training leaves."""

    policy: Policy
    """With the averaged weights, on the processor, for evaluation."""
    normaliser: Normalizer
    states: Tensor
    """(N, Do) float32, normalised: observations that it was trained on, evenly thinned to at most ``STATES``."""
    config: TrainingConfig
    curve: tuple[TrainingProgress, ...]
    windows: int
    """Windows that were trained on."""
    wall_s: float
    stopped: bool = False
    """Whether it was stopped before its last step."""
    notes: tuple[str, ...] = ()
    """What whoever asked for the training should know of it."""


@dataclass(frozen=True)
class _Windows:
    """Normalised windows on the device."""

    observations: Tensor
    actions: Tensor
    mask: Tensor
    weight: Tensor | None
    """None if every window counts alike, as they mostly do."""

    def __len__(self) -> int:
        return len(self.mask)

    @classmethod
    def of(cls, data: Dataset, rows: Any, normaliser: Normalizer, device: str) -> _Windows:
        mask, weight = data.mask[rows], data.weight[rows]
        actions = normaliser.action.forward(data.actions[rows]) * mask[..., None]
        arrays = (normaliser.observation.forward(data.observations[rows]), actions, mask, weight)
        seen, done, shown, counts = (
            torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)).to(device) for a in arrays
        )
        return cls(seen, done, shown, None if (weight == 1).all() else counts)

    def rows(self, index: Any) -> _Windows:
        """Some of the windows."""
        weight = None if self.weight is None else self.weight[index]
        return _Windows(self.observations[index], self.actions[index], self.mask[index], weight)

    def split(self, size: int) -> list[_Windows]:
        """Pieces of ``size`` windows, without a copy."""
        seen, done, shown = (torch.split(part, size) for part in (self.observations, self.actions, self.mask))
        weights = repeat(None) if self.weight is None else torch.split(self.weight, size)
        return [_Windows(*piece) for piece in zip(seen, done, shown, weights)]

    def loss(self, policy: Policy, generator: torch.Generator, shift: float = 0.0) -> Tensor:
        observations = self.observations
        if shift:
            size = (len(self), 1, observations.shape[2])  # one shift a window, so that differences stay true
            observations = observations + shift * torch.randn(size, generator=generator, device=observations.device)
        losses = policy.loss(observations, self.actions, self.mask, generator)
        return (losses if self.weight is None else losses * self.weight).mean()


class _Batches:
    """The windows in batches: each pass shuffles them anew, so that a batch is a slice and costs nothing.

    What a step sees depends on the seed and on the step alone. Fewer windows than make a batch are repeated.
    """

    def __init__(self, windows: _Windows, batch: int, seed: int) -> None:
        self._windows, self._batch, self._seed = windows, batch, seed
        self._per_pass = max(1, len(windows) // batch)
        self._pass, self._shuffled = -1, [windows]

    def of_step(self, step: int) -> _Windows:
        """The batch of a step, counted from 0."""
        number, place = divmod(step, self._per_pass)
        if number != self._pass:
            self._pass, self._shuffled = number, self._windows.rows(self._order(number)).split(self._batch)
        return self._shuffled[place]

    def _order(self, number: int) -> Tensor:
        rng = np.random.default_rng([self._seed, number])
        size = self._per_pass * self._batch
        orders = [rng.permutation(len(self._windows)) for _ in range(-(-size // len(self._windows)))]
        return torch.from_numpy(np.concatenate(orders)[:size]).to(self._windows.mask.device)


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
    with _one_thread():
        kept = None if savepoint is None else ResumePoint(savepoint, identity(data, config))
        return _train(data, config, progress or (lambda _: None), warm_start, should_stop, kept)


def _train(
    data: Dataset,
    config: TrainingConfig,
    progress: Callable[[TrainingProgress], None],
    warm_start: tuple[Policy, Normalizer] | None,
    should_stop: Callable[[], bool],
    savepoint: ResumePoint | None,
) -> Trained:
    started = time.perf_counter()
    generator = torch.Generator(config.device).manual_seed(config.seed)
    kept, held_out, notes = _split(data, config)
    fitted = _fit(data, config.normaliser)
    normaliser = warm_start[1].completed(fitted) if warm_start else fitted
    windows = _Windows.of(data, kept, normaliser, config.device)
    unseen = _Windows.of(data, held_out, normaliser, config.device)
    run = _Run(_first(data, config, windows, warm_start, generator), config, generator)
    batches = _Batches(windows, config.batch, config.seed)
    curve, resumed = run.restore(savepoint)
    reported, stopped = run.step, False
    while run.step < config.steps and not stopped and not run.is_overdue:
        run.advance(batches.of_step(run.step))
        if run.step % max(1, config.steps // config.reports) == 0 or run.step == config.steps:
            point = _report(run.step, config, run.total / (run.step - reported), run.averaged, unseen, started)
            curve.append(point)
            progress(point)
            run.total, reported = torch.zeros_like(run.total), run.step
            run.judge(point.held_out)
            run.keep(savepoint, curve)
        stopped = should_stop()
    if savepoint is not None and not stopped:
        savepoint.forget()
    seen = normaliser.observation.forward(data.observations[kept][:: -(-len(kept) // STATES), -1])
    return Trained(
        *(run.finish(), normaliser, torch.from_numpy(seen), config),
        *(tuple(curve), len(windows), time.perf_counter() - started),
        stopped=stopped,
        notes=(*notes, *resumed),
    )


class _Run:
    """A training between two steps: everything that the next one depends on.

    All weights are one vector, and so are their gradients and their averages: small networks are bound by the number
    of calls, not by arithmetic.
    """

    def __init__(self, policy: Policy, config: TrainingConfig, generator: torch.Generator) -> None:
        self.step = 0
        self.total = torch.zeros((), device=config.device)
        """Sum of the losses since the last report; it stays on the device."""
        self.averaged = copy.deepcopy(policy).eval()
        self._policy, self._config, self._generator = policy, config, generator
        (self._weights, self._gradient), (self._averages, _) = as_one(policy), as_one(self.averaged)
        self._best, self._least, self._since = self._averages.clone(), math.inf, 0
        self._optimiser = AdamW(self._weights, self._gradient, config.weight_decay, config.gradient_norm)

    def advance(self, batch: _Windows) -> None:
        """Make one step."""
        config, self.step = self._config, self.step + 1
        self._gradient.zero_()
        loss = batch.loss(self._policy, self._generator, config.observation_noise)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self._optimiser.step(config.learning_rate * _schedule(self.step, config))
            # young averages forget faster, so that the first weights leave no trace
            self._averages.lerp_(self._weights, 1 - min(config.averaging, self.step / (self.step + 9)))
            self.total += loss

    def judge(self, held_out: float) -> None:
        """Take note of a report, if there is a patience to lose."""
        if not self._config.patience:
            return
        if held_out < self._least:
            self._best.copy_(self._averages)
            self._least, self._since = held_out, 0
        else:
            self._since += 1

    @property
    def is_overdue(self) -> bool:
        """Whether patience is at its end; without held-out episodes it never is."""
        return 0 < self._config.patience <= self._since and self._least < math.inf

    def finish(self) -> Policy:
        """The policy with the averaged weights, on the processor, each in a memory of its own."""
        if self._least < math.inf:
            self._averages.copy_(self._best)
        if not self._averages.isfinite().all():
            raise DataError(
                f"training: a weight is not finite after step {self.step}; lower learning_rate, now "
                f"{self._config.learning_rate}"
            )
        for parameter in self.averaged.parameters():
            parameter.data, parameter.grad = parameter.data.cpu().clone(), None
        return self.averaged.cpu().requires_grad_(False)

    def keep(self, savepoint: ResumePoint | None, curve: list[TrainingProgress]) -> None:
        """Write the state to the disk."""
        if savepoint is None:
            return
        tensors = {f"policy.{name}": value for name, value in self._policy.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        tensors |= {f"optimiser.{name}": value for name, value in self._optimiser.state().items()}
        tensors |= {"generator": self._generator.get_state(), "best": self._best}
        facts = {"step": self.step, "steps": self._config.steps, "least": self._least, "since": self._since}
        savepoint.save(tensors, {**facts, "curve": [asdict(point) for point in curve]})

    def restore(self, savepoint: ResumePoint | None) -> tuple[list[TrainingProgress], tuple[str, ...]]:
        """Take up the state that was kept, if there is one; returns the curve up to there, and a note about it."""
        found = None if savepoint is None else savepoint.load()
        if found is None:
            return [], ()
        tensors, facts = found
        self._policy.load_state_dict(_below("policy.", tensors))
        self.averaged.load_state_dict(_below("averaged.", tensors))
        self._optimiser.load_state(_below("optimiser.", tensors))
        self._generator.set_state(tensors["generator"])
        self._best.copy_(tensors["best"])
        self.step, self._least, self._since = int(facts["step"]), float(facts["least"]), int(facts["since"])
        return [TrainingProgress(**point) for point in facts["curve"]], _of_more_steps(self.step, facts, self._config)


def _of_more_steps(step: int, facts: Mapping[str, Any], config: TrainingConfig) -> tuple[str, ...]:
    """What there is to know of a training that was begun for another number of steps."""
    before = int(facts.get("steps", config.steps))
    if before == config.steps:
        return ()
    rates = (config.learning_rate * _schedule(step, replace(config, steps=n)) for n in (before, config.steps))
    return (
        "went on at step {} of {} towards {}: the learning rate went from {:.2g} to {:.2g} there, so the result is not "
        "that of {} steps from the beginning".format(step, before, config.steps, *rates, config.steps),
    )


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _schedule(step: int, config: TrainingConfig) -> float:
    """Share of the highest learning rate: linear warm-up, then a cosine to zero."""
    if step < config.warm_up:
        return step / config.warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - config.warm_up) / max(1, config.steps - config.warm_up)))


def _report(
    step: int, config: TrainingConfig, loss: Tensor, averaged: Policy, unseen: _Windows, started: float
) -> TrainingProgress:
    held_out, rate = math.nan, step / (time.perf_counter() - started)
    if len(unseen):
        fixed = torch.Generator(config.device).manual_seed(0)  # equal noise in every report
        with torch.no_grad():
            held_out = unseen.loss(averaged, fixed).item()
    value = loss.item()
    for what, number in (("loss", value), *([("held-out loss", held_out)] if len(unseen) else [])):
        if not math.isfinite(number):
            raise DataError(
                f"training: the {what} is {number} at step {step}; lower learning_rate, now {config.learning_rate}, or "
                "look for wild numbers in the data"
            )
    return TrainingProgress(step, config.steps, value, held_out, rate)


def _first(
    data: Dataset,
    config: TrainingConfig,
    windows: _Windows,
    warm_start: tuple[Policy, Normalizer] | None,
    generator: torch.Generator,
) -> Policy:
    """The policy as it is before the first step, on the device."""
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


def _fit(data: Dataset, fit: str = "range") -> Normalizer:
    return Normalizer.fit(data.observations[:, -1], data.actions[data.mask > 0], fit)


def _split(data: Dataset, config: TrainingConfig) -> tuple[Any, Any, tuple[str, ...]]:
    """Rows to train on, of one episode at least; rows of those held out; a note if these are fewer than asked for."""
    episodes = np.unique(data.episode)
    asked = max(1, round(config.held_out * len(episodes))) if config.held_out else 0
    count = min(asked, len(episodes) - 1) if len(episodes) >= FEWEST else 0
    chosen = np.random.default_rng(config.seed).permutation(episodes)[:count]
    unseen = np.isin(data.episode, chosen)
    note = f"held_out is {config.held_out:g}, but of {len(episodes)} episodes {count} are held out: "
    why = "one is left to train on" if count else f"fewer than {FEWEST} are all needed to train on"
    return np.flatnonzero(~unseen), np.flatnonzero(unseen), (note + why,) if count < asked else ()


def _check(data: Dataset, config: TrainingConfig) -> None:
    sizes = (data.observations.shape[1], data.actions.shape[1])
    if sizes != (config.history, config.horizon):
        raise DataError(
            f"training: windows have history, horizon {sizes}; the configuration says "
            f"({config.history}, {config.horizon}), so make the windows with it"
        )
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training: device is 'cuda', but torch sees no GPU; choose cpu, or install torch with CUDA")


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread while it lasts, on which numbers below 1e-38 are zeros.

    On a busy machine two threads are many times slower, for they spin at barriers. And the components of a mixture that
    do not explain a chunk have such numbers for gradients, with which Intel's processors are a hundred times slower.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
