# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The interface of every policy class: a loss to train it by, and a way to draw an action chunk from it."""

from __future__ import annotations

import abc
import ast
import copy
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.machinery import ModuleSpec, PathFinder
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from il_ros.core import plugins, schema
from il_ros.core.errors import ConfigError
from il_ros.policies.layers import Trunk
from il_ros.policies.layers.prefix import nearest

Rows = Annotated[int, Field(ge=0)]
CANDIDATES = 16
"""Draws of which one goes on from what is executed."""
TINY = 1e-9
"""The least count of labels by which errors are divided."""
MOST_CALLS = 1000
"""Network calls for one chunk: more of them is a typing error, and would take seconds."""


@dataclass(frozen=True)
class PolicyConfig:
    """The sizes that every policy class has; a class adds its own options in a subclass, with defaults.

    Raises:
        ConfigError: if a size is not positive.
    """

    observation_dim: int
    """Do, numbers that the policy sees in one step."""
    action_dim: int
    """Da, numbers that it commands in one step."""
    n_obs_steps: int = 2
    """To, observations that it looks at, the newest included."""
    horizon: int = 16
    """Ta, actions in a chunk."""
    width: int = 256
    """Units of a hidden layer."""
    depth: int = 2
    """Residual blocks."""

    @property
    def history(self) -> int:
        """``n_obs_steps`` by its earlier name, for policies of other packages."""
        return self.n_obs_steps

    def __post_init__(self) -> None:
        for f in fields(self):
            if f.type == "int" and getattr(self, f.name) < 1:
                raise ConfigError(f"policy: {f.name} is {getattr(self, f.name)}; it must be at least 1", at=(f.name,))


class Policy(torch.nn.Module, abc.ABC):
    """A distribution over action chunks, given the last observations, all in the normaliser's units.

    A new class is one file in this package, or a module of another package that is named with its dots; a checkpoint
    of it is loaded where that module is imported already, or declares a policy: see ``is_declared``. It sets
    ``Config`` if it has options of its own and implements ``loss`` and ``sample``; every random draw comes from the
    generator that is passed in. Whatever it needs to know of the data beforehand (bins, centres) it may take in
    ``prepare`` and keep in buffers, so that it is saved with the weights.
    """

    Config: ClassVar[type[PolicyConfig]] = PolicyConfig
    draws: ClassVar[bool] = False
    """Whether two draws for one history may mean different ways."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def cameras(self) -> Mapping[str, tuple[int, int]]:
        """Height and width of the images that it sees, by the name of the camera; a class by itself sees none."""
        return {}

    @property
    def measured_dim(self) -> int:
        """Do, numbers of an observation that are measured; what images become is beside them."""
        return self.config.observation_dim

    @property
    def encoded_dim(self) -> int:
        """How many numbers ``encode`` makes of a history."""
        return self.config.n_obs_steps * self.config.observation_dim

    def encode(self, observations: Tensor, images: Sequence[Tensor]) -> Tensor:
        """Return (B, To, Do), what the other methods take, of the numbers of an observation and its images.

        A class by itself sees the numbers alone; see ``encoding.encoded_policy.EncodedPolicy``.
        """
        return observations

    @abc.abstractmethod
    def loss(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Return how badly the policy explains what the expert did.

        Args:
            observations: (B, To, Do), oldest first.
            actions: (B, Ta, Da), the expert's chunk.
            mask: (B, Ta), how much the action counts as a label: 1, or less by the training's ``discount``; 0 where it
                is padding, which must have no influence.
            generator: the source of every random draw, on the same device.

        Returns:
            (B,), one number per window: weights and means are the trainer's affair.
        """

    @abc.abstractmethod
    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history: (B, To, Do) to (B, Ta, Da)."""

    @property
    def prefix_rows(self) -> int:
        """How many rows of a chunk may be given to ``sample_after``; 0 for classes that always draw the same."""
        return self.config.horizon - 1 if self.draws else 0

    def sample_after(self, observations: Tensor, prefix: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history that begins with ``prefix`` (B, n, Da), 1 <= n <= ``prefix_rows``.

        That is, by default, the one of several draws that begins most like it, so that it means to go the same way.
        """
        return nearest(self.sample(observations.repeat_interleave(CANDIDATES, dim=0), generator), prefix)

    def spread(self, observations: Tensor) -> Tensor | None:
        """Return how far apart its answers to each history (B, To, Do) may be: (B,); None if the class cannot tell."""
        return None

    def log_likelihood(self, observations: Tensor, actions: Tensor, mask: Tensor) -> Tensor:
        """Return how likely the labelled actions are, for classes that can tell: (B,), natural logarithms.

        Discrete classes give the probability, continuous ones the density in normalised units.

        Raises:
            ConfigError: if the class cannot tell.
        """
        name = type(self).__name__.lower()
        raise ConfigError(f"policy {name!r} has no log-likelihood; gaussian, mixture, categorical, autoregressive do")

    def frozen(self) -> Policy:
        """Return a copy for inference, whose trunks are frozen; it draws the same chunks."""
        served = copy.deepcopy(self).eval().requires_grad_(False)
        for module in list(served.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, Trunk):
                    setattr(module, name, child.frozen())
        return served

    def is_like(self, other: Policy) -> bool:
        """Return whether the weights of ``other`` fit: class and sizes are the same."""
        return type(self) is type(other) and self.config == other.config

    def prepare(self, observations: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        """See all training windows once, before the first step of a training that starts afresh."""


@dataclass(frozen=True)
class PrefixConfig(PolicyConfig):
    """The options of a class that can be trained with given rows.

    Raises:
        ConfigError: if they leave none to be drawn.
    """

    prefix_steps: Rows = 0
    """Up to so many rows of a chunk are given in training, as they are to a policy that answers late: choose as many
    steps as an answer may take."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.prefix_steps < self.horizon:
            name, most = type(self).__name__.removesuffix("Config").lower(), self.horizon - 1
            raise ConfigError(
                f"policy {name!r}: prefix_steps is {self.prefix_steps}; it must be from 0 to horizon - 1, {most}",
                at=("prefix_steps",),
            )


class PrefixPolicy(Policy):
    """One that can be trained with given rows, and then goes on from them; see ``layers.prefix.Prefix``."""

    draws = True
    config: PrefixConfig

    @abc.abstractmethod
    def sample_given(self, observations: Tensor, prefix: Tensor | None, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history, whose first rows (B, n, Da) are given, or none: (B, Ta, Da).

        Without ``prefix_steps`` none is.
        """

    def sample(self, observations: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history: (B, Ta, Da)."""
        return self.sample_given(observations, None, generator)

    @property
    def prefix_rows(self) -> int:
        """As many as were given in training at most, or all but one."""
        return self.config.prefix_steps or super().prefix_rows

    def sample_after(self, observations: Tensor, prefix: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one chunk for each history, whose first rows (B, n, Da) are given: (B, Ta, Da)."""
        if not self.config.prefix_steps:
            return super().sample_after(observations, prefix, generator)
        return self.sample_given(observations, prefix, generator)


def label_mean(errors: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of errors (..., Ta) over the rows that are labels, by how much they count; 0 where none does."""
    return (errors * mask).sum(-1) / mask.sum(-1).clamp(min=TINY)


def create(name: str, sizes: Mapping[str, Any], seed: int) -> Policy:
    """Return a fresh policy of the class called ``name``; equal seeds give equal weights.

    Args:
        name: a class of ours by its file's name, or the dotted name of a module elsewhere.
        sizes: the keys of the class' ``Config``.
        seed: of the first weights.

    Raises:
        ConfigError: if there is no such class, or it has no such option.
    """
    cls: type[Policy] = plugins.load("policy", name)
    config = schema.build(cls.Config, f"policy {name!r}", sizes)
    with torch.random.fork_rng(devices=[]):  # layers draw their first weights from the global generator
        torch.manual_seed(seed)
        return cls(config)


def is_declared(name: str) -> bool:
    """Return whether a file may decide that the policy class called ``name`` is used, though nobody here has named it.

    Classes of ours are, and modules that are imported already. To import another module is to run it, so that must be
    a policy by its own source, which is read and not run: it imports from ``il_ros.policies`` and defines a class.
    """
    if "." not in name or name in sys.modules:
        return True
    spec = _find(name)
    source = getattr(spec.loader, "get_source", lambda name: None)(name) if spec is not None else None
    try:
        body = ast.parse(source or "").body
    except SyntaxError:
        return False
    imports = [node.module or "" for node in body if isinstance(node, ast.ImportFrom) and not node.level]
    imports += [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    uses_ours = any(f"{module}.".startswith("il_ros.policies.") for module in imports)
    return uses_ours and any(isinstance(node, ast.ClassDef) for node in body)


def _find(name: str) -> ModuleSpec | None:
    """Return where a module is; unlike ``importlib.util.find_spec`` it imports no package on the way."""
    first, *rest = name.split(".")
    if not all((first, *rest)):
        return None
    spec, full = importlib.util.find_spec(first), first
    for part in rest:
        full = f"{full}.{part}"
        within = None if spec is None else spec.submodule_search_locations
        spec = None if within is None else PathFinder.find_spec(full, within)
    return spec
