# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What to train and how: the keys of the YAML files under ``config/training``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from il_ros.core import aliases, paths, plugins, schema
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError, unknown
from il_ros.learning.data import labels
from il_ros.learning.data.normalizer import FITS
from il_ros.learning.data.selection import Selection

DEVICES = ("cpu", "cuda")
LONGEST = 10_000
"""Steps of the longest history or chunk: more is a typing error, and would not fit into memory."""
CURVE_POINTS = 50
"""Points of the curve, if the configuration does not say how often it gets one."""

Positive = Annotated[int, Field(ge=1)]
Length = Annotated[int, Field(ge=1, le=LONGEST)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class TrainingConfig:
    """What to train and how.

    Raises:
        ConfigError: for a value outside its limits.
    """

    policy: str
    """The policy class, by its file's name or a dotted module name."""
    n_obs_steps: Length = 2
    """To, observations in a window."""
    sequence: Literal["", "gru", "transformer"] = ""
    """What reads the observations of a window as a sequence: ``gru`` or ``transformer``. Empty: they stand side by side
    before the policy."""
    horizon: Length = 16
    """Ta, actions in a chunk."""
    execute_steps: Annotated[int, Field(ge=0, le=LONGEST)] = 0
    """How many steps of a chunk the policy asks to have executed before its next answer is; 0 leaves it to the gate."""
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How much a label of a chunk counts, beside the one before it. Below 1, a policy that chooses among ways is right
    about what it does next before it is about what it will do; what is far ahead, it knows less well."""
    min_labels: Positive = 8
    """Windows with fewer labels are left out, unless the episode ends there; see ``Dataset.from_episodes``."""
    width: int = 256
    depth: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options of this policy class beside the sizes."""
    encoder: str = "patch"
    """What turns the images of each camera of the contract into features, which stand beside the numbers of the
    observation: ``patch``, the fastest; ``residual``; ``spatial_softmax``, keypoints; or a dotted module name.
    ``none``: the policy sees the numbers alone. A contract without images needs none."""
    encoder_width: Positive = 32
    """Channels of an encoder's layers."""
    encoder_features: Positive = 64
    """Numbers that one image becomes."""
    shift_pixels: Annotated[int, Field(ge=0)] = 4
    """While training, each image is moved at random by up to so many pixels, its edges repeated, so that the policy
    does not learn single images by heart."""
    relations: bool = False
    """Whether the policy sees how the points and headings of the contract lie to each other, beside their places."""
    labels: str = "expert_driven"
    """The scheme of labels, by which a pipeline makes windows of episodes."""
    experts: Mapping[str, NotNegative] = field(default_factory=dict)
    """How much the labels of each expert count, by name; ``others`` is for those that are not named, 1 by default. A
    pipeline leaves out the episodes of an expert that counts 0; an episode by several counts as the least of them."""
    where: tuple[str, ...] = ()
    """Conditions on what the episodes that a pipeline trains on say of themselves, such as ``outcome=success``,
    ``expert!=ben``, ``date>=2026-11-01``. Demonstrations that failed are left out, unless one is about the outcome:
    ``outcome=*`` takes them, too. See ``selection.Condition``."""
    critic: bool = False
    """Whether a pipeline trains a critic of the policy, too, by which gating rules can decide."""
    warm_start: bool = False
    """Whether a pipeline goes on from the weights of its last checkpoint, or begins afresh."""
    new_data_weight: Share = 0.0
    """The share of all weight that episodes get together which a pipeline's last checkpoint did not know: how old and
    new data are mixed. 0 mixes them as they are."""
    steps: Positive = 4000
    """Gradient steps."""
    batch: Positive = 256
    """Windows in a step."""
    learning_rate: Rate = 1e-3
    """The highest of the schedule: linear warm-up over ``warmup_steps``, then a cosine to zero."""
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    weight_decay: NotNegative = 1e-4
    grad_clip_norm: Annotated[float, Field(gt=0)] = 1.0
    """Longer gradients are shortened to it."""
    ema_decay: Share = 0.995
    """Decay of the averaged weights, which are the ones that are kept."""
    observation_noise: NotNegative = 0.0
    """Standard deviation, in normalised units, by which each history is shifted while training: the smoother policy
    that this makes does not learn single demonstrations by heart (Bishop 1995, noise is Tikhonov regularisation)."""
    normalizer: str = "range"
    """What is taken to [-1, 1]: the whole ``range`` of a component, or its ``quantiles`` 0.01 and 0.99, so that a few
    wild numbers do not squeeze all others together."""
    val_fraction: Share = 0.1
    """Share of the episodes that are held out: with fewer than five episodes, none, and never all of them."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Points of the curve without a lower loss on the held-out episodes after which a training ends early; the weights
    of the lowest are kept. 0 never ends early, and keeps the last."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    device: str = "cpu"
    log_every: Annotated[int, Field(ge=0)] = 0
    """Gradient steps from one point of the curve to the next; 0: ``CURVE_POINTS`` points in all."""

    def __post_init__(self) -> None:
        schema.check(self, "training")
        if self.device not in DEVICES:
            raise unknown("training: device", self.device, DEVICES, at=("device",))
        if self.normalizer not in FITS:
            raise unknown("training: normalizer", self.normalizer, FITS, at=("normalizer",))
        labels.load(self.labels)
        Selection.parse(self.where)
        if self.patience and not self.val_fraction:
            raise ConfigError(
                f"training: patience is {self.patience}, val_fraction {self.val_fraction}; choose patience 0, or a "
                "share of episodes to hold out",
                at=("patience",),
            )

    def cameras(self, contract: Contract) -> tuple[str, ...]:
        """Return the names of the cameras that the policy sees."""
        return () if self.encoder == "none" else tuple(part.name for part in contract.images)

    @property
    def report_steps(self) -> int:
        """Gradient steps from one point of the curve to the next."""
        return self.log_every or max(1, self.steps // CURVE_POINTS)

    @classmethod
    def load(cls, name: str | Path, **changes: Any) -> TrainingConfig:
        """Return the configuration in a YAML file, or ours for a policy class by its name, with ``changes`` on top.

        For a policy class without a file of its own, or one elsewhere (a dotted name), the defaults hold.

        Raises:
            ConfigError: if there is no such file and no such class, or a key or a value is wrong, with the line.
        """
        is_path = Path(name).suffix == ".yaml" or Path(name).is_file() or os.sep in str(name)
        if not is_path and str(name) not in paths.names("config/training", ".yaml"):
            if "." not in str(name):
                plugins.load("policy", str(name))
            return cls.from_dict(f"training of {name}", {"policy": str(name), **changes})
        path = paths.find("config/training", name, ".yaml")
        with schema.located(path, changes):
            names = [field.name for field in fields(cls)]
            data = aliases.renamed(schema.read_yaml(path), names) | aliases.renamed(changes, names)
            return cls.from_dict(f"training {path.name}", data)

    @classmethod
    def from_dict(cls, where: str, data: Mapping[str, Any]) -> TrainingConfig:
        """Return the configuration that a mapping describes.

        Raises:
            ConfigError: for a key that is missing, unknown or of the wrong type.
        """
        config: TrainingConfig = schema.build(cls, where, _with_log_every(where, data))
        return config


def _with_log_every(where: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace ``reports``, in earlier versions the number of points of the curve, by ``log_every``."""
    if "reports" not in data:
        return data
    reports, steps = data["reports"], data.get("steps", TrainingConfig.steps)
    if isinstance(reports, bool) or not isinstance(reports, int) or reports < 1:
        raise ConfigError(f"{where}: reports is {reports!r}; it must be a whole number of at least 1", at=("reports",))
    aliases.warn_once("reports", "log_every")
    rest = {key: value for key, value in data.items() if key != "reports"}
    return rest if not isinstance(steps, int) else {"log_every": max(1, steps // reports), **rest}
