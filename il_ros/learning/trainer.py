"""Training: one lean loop over windows that already lie on the device."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from il_ros import registry, resources, specs
from il_ros.errors import ConfigError, DataError, unknown
from il_ros.learning.dataset import Dataset
from il_ros.learning.normaliser import Normaliser
from il_ros.learning.savepoint import Savepoint, identity
from il_ros.policies.base import Policy, create

DEVICES = ("cpu", "cuda")
LONGEST = 10_000
"""Steps of the longest history or chunk: more is a typing error, and would not fit into memory."""


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
    held_out: float = 0.1
    """Share of the episodes that are only looked at; with fewer than five episodes, none."""
    seed: int = 0
    device: str = "cpu"
    reports: int = 50
    """How often the curve gets a point."""

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise unknown("training: device", self.device, DEVICES)
        for name in ("history", "horizon", "fewest", "steps", "batch", "reports"):
            if getattr(self, name) < 1:
                raise ConfigError(f"training: {name} is {getattr(self, name)}; it must be at least 1")
        for name in ("history", "horizon"):
            if getattr(self, name) > LONGEST:
                raise ConfigError(f"training: {name} is {getattr(self, name)}; it must be at most {LONGEST} steps")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"training: seed is {self.seed}; it must be at least 0 and less than 2**63")
        if not isinstance(self.options, Mapping):
            raise ConfigError(f"training: options is {self.options!r}; it must map the policy's options to values")
        if not 0 <= self.observation_noise < math.inf:
            raise ConfigError(f"training: observation_noise is {self.observation_noise}; it must be 0 or positive")
        if not (0 <= self.held_out < 1 and 0 <= self.averaging < 1):
            raise ConfigError(
                f"training: held_out is {self.held_out}, averaging {self.averaging}; both must be in [0, 1)"
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
        if not is_path and str(name) not in resources.names("config/training", ".yaml"):
            if "." not in str(name):
                registry.load("il_ros.policies", Policy, "policy", str(name))  # type: ignore[type-abstract]
            return cls._build(f"training of {name}", {"policy": str(name), **changes})
        path = resources.find("config/training", name, ".yaml")
        return cls._build(f"training {path.name}", {**specs.read_yaml(path), **changes})

    @classmethod
    def _build(cls, where: str, data: Mapping[str, Any]) -> TrainingConfig:
        config: TrainingConfig = specs.build(cls, where, data)
        return config


@dataclass(frozen=True)
class Progress:
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
    normaliser: Normaliser
    config: TrainingConfig
    curve: tuple[Progress, ...]
    windows: int
    """Windows that were trained on."""
    wall_s: float
    stopped: bool = False
    """Whether it was stopped before its last step."""


@dataclass(frozen=True)
class _Windows:
    """Normalised windows on the device."""

    observations: Tensor
    actions: Tensor
    mask: Tensor
    weight: Tensor

    @classmethod
    def of(cls, data: Dataset, rows: Any, normaliser: Normaliser, device: str) -> _Windows:
        mask = data.mask[rows]
        actions = normaliser.action.forward(data.actions[rows]) * mask[..., None]
        arrays = (normaliser.observation.forward(data.observations[rows]), actions, mask, data.weight[rows])
        return cls(*(torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)).to(device) for a in arrays))

    def loss(self, policy: Policy, index: Tensor, generator: torch.Generator, shift: float = 0.0) -> Tensor:
        observations = self.observations[index]
        if shift:
            size = (len(index), 1, observations.shape[2])  # one shift a window, so that differences stay true
            observations = observations + shift * torch.randn(size, generator=generator, device=index.device)
        losses = policy.loss(observations, self.actions[index], self.mask[index], generator)
        return (losses * self.weight[index]).mean()


def train(
    data: Dataset,
    config: TrainingConfig,
    progress: Callable[[Progress], None] | None = None,
    warm_start: tuple[Policy, Normaliser] | None = None,
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
            killed goes on from there, and ends with the bits that it would have ended with.

    Raises:
        ConfigError: if the policy or one of its options is unknown, or the device is not there.
        DataError: if the windows do not fit the configuration, or the loss is no longer finite.
    """
    _check(data, config)
    with _one_thread():
        kept = None if savepoint is None else Savepoint(savepoint, identity(data, config))
        return _train(data, config, progress or (lambda _: None), warm_start, should_stop, kept)


def _train(
    data: Dataset,
    config: TrainingConfig,
    progress: Callable[[Progress], None],
    warm_start: tuple[Policy, Normaliser] | None,
    should_stop: Callable[[], bool],
    savepoint: Savepoint | None,
) -> Trained:
    started = time.perf_counter()
    generator = torch.Generator(config.device).manual_seed(config.seed)
    kept, held_out = _split(data, config)
    normaliser = warm_start[1] if warm_start else _fit(data)
    windows = _Windows.of(data, kept, normaliser, config.device)
    unseen = _Windows.of(data, held_out, normaliser, config.device)
    policy = _first(data, config, windows, warm_start, generator)
    run = _Run(policy, config, generator)
    curve = run.restore(savepoint)
    reported, stopped = run.step, False
    while run.step < config.steps and not stopped:
        run.advance(windows)
        if run.step % max(1, config.steps // config.reports) == 0 or run.step == config.steps:
            point = _report(run.step, config, run.total / (run.step - reported), run.averaged, unseen, started)
            curve.append(point)
            progress(point)
            run.total, reported = torch.zeros_like(run.total), run.step
            run.keep(savepoint, curve)
        stopped = should_stop()
    if savepoint is not None and not stopped:
        savepoint.forget()
    finished = run.averaged.cpu().requires_grad_(False)
    return Trained(
        finished, normaliser, config, tuple(curve), len(windows.mask), time.perf_counter() - started, stopped
    )


class _Run:
    """A training between two steps: everything that the next one depends on."""

    def __init__(self, policy: Policy, config: TrainingConfig, generator: torch.Generator) -> None:
        self.step = 0
        self.total = torch.zeros((), device=config.device)
        """Sum of the losses since the last report; it stays on the device."""
        self.averaged = copy.deepcopy(policy).eval()
        self._policy, self._config, self._generator = policy, config, generator
        self._weights: list[Tensor] = list(policy.parameters())
        self._averages: list[Tensor] = list(self.averaged.parameters())
        fast = {"fused": True, "weight_decay": config.weight_decay}
        self._optimiser = torch.optim.AdamW(self._weights, lr=config.learning_rate, **fast)  # type: ignore[arg-type]

    def advance(self, windows: _Windows) -> None:
        """Make one step."""
        config, self.step = self._config, self.step + 1
        self._optimiser.param_groups[0]["lr"] = config.learning_rate * _schedule(self.step, config)
        index = torch.randint(len(windows.mask), (config.batch,), generator=self._generator, device=config.device)
        loss = windows.loss(self._policy, index, self._generator, config.observation_noise)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._weights, config.gradient_norm)
        self._optimiser.step()
        with torch.no_grad():  # young averages forget faster, so that the first weights leave no trace
            share = 1 - min(config.averaging, self.step / (self.step + 9))
            torch._foreach_lerp_(self._averages, self._weights, share)
        self.total += loss.detach()

    def keep(self, savepoint: Savepoint | None, curve: list[Progress]) -> None:
        """Write the state to the disk."""
        if savepoint is None:
            return
        tensors = {f"policy.{name}": value for name, value in self._policy.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        for i, weight in enumerate(self._weights):
            tensors |= {f"optimiser.{i}.{name}": value for name, value in self._optimiser.state[weight].items()}
        tensors["generator"] = self._generator.get_state()
        savepoint.save(tensors, {"step": self.step, "curve": [asdict(point) for point in curve]})

    def restore(self, savepoint: Savepoint | None) -> list[Progress]:
        """Take up the state that was kept, if there is one; returns the curve up to there."""
        found = None if savepoint is None else savepoint.load()
        if found is None:
            return []
        tensors, facts = found
        self._policy.load_state_dict(_below("policy.", tensors))
        self.averaged.load_state_dict(_below("averaged.", tensors))
        for i, weight in enumerate(self._weights):
            moments = _below(f"optimiser.{i}.", tensors)
            self._optimiser.state[weight] = {name: value.to(weight.device) for name, value in moments.items()}
        self._generator.set_state(tensors["generator"])
        self.step = int(facts["step"])
        return [Progress(**point) for point in facts["curve"]]


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _schedule(step: int, config: TrainingConfig) -> float:
    """Share of the highest learning rate: linear warm-up, then a cosine to zero."""
    if step < config.warm_up:
        return step / config.warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - config.warm_up) / max(1, config.steps - config.warm_up)))


def _report(
    step: int, config: TrainingConfig, loss: Tensor, averaged: Policy, unseen: _Windows, started: float
) -> Progress:
    held_out, rate = math.nan, step / (time.perf_counter() - started)
    if len(unseen.mask):
        fixed = torch.Generator(config.device).manual_seed(0)  # equal noise in every report
        everything = torch.arange(len(unseen.mask), device=config.device)
        with torch.no_grad():
            held_out = unseen.loss(averaged, everything, fixed).item()
    value = loss.item()
    if not math.isfinite(value):
        raise DataError(
            f"training: the loss is {value} at step {step}; lower learning_rate, now {config.learning_rate}"
        )
    return Progress(step, config.steps, value, held_out, rate)


def _first(
    data: Dataset,
    config: TrainingConfig,
    windows: _Windows,
    warm_start: tuple[Policy, Normaliser] | None,
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


def _fit(data: Dataset) -> Normaliser:
    return Normaliser.fit(data.observations[:, -1], data.actions[data.mask > 0])


def _split(data: Dataset, config: TrainingConfig) -> tuple[Any, Any]:
    """Rows to train on and rows of the episodes that are held out."""
    episodes = np.unique(data.episode)
    count = max(1, round(config.held_out * len(episodes))) if config.held_out and len(episodes) >= 5 else 0
    chosen = np.random.default_rng(config.seed).permutation(episodes)[:count]
    unseen = np.isin(data.episode, chosen)
    return np.flatnonzero(~unseen), np.flatnonzero(unseen)


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
    """One thread while it lasts: on a busy machine two are many times slower, for they spin at barriers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
