# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of a training configuration's keys, from the classes that read it."""

from __future__ import annotations

from pathlib import Path

import yaml

from il_ros.core import aliases, paths, plugins
from il_ros.learning.training.config import TrainingConfig
from il_ros.policies.base import PolicyConfig
from tools.tables import Field, fields, first_line, table

HEAD = """# Training configuration

Generated from the classes that read it by `python -m tools.reference`; a test compares this page with the code.

`--policy`, and the parameter `policy` of the trainer node, take the name of a policy class, the name of a file in
`config/training/`, the path of a YAML file with the keys below, or a policy of another package: the name of its entry
point, or the dotted name of its module ([extending](../extending.md#in-a-pip-package)).
Only `policy` is required. An unknown key or a value outside its range is refused with the line, and with exit code 2.

```yaml
policy: diffusion
steps: 7000
batch: 128
options: {num_train_timesteps: 50, num_inference_steps: 8}
```

"""
TEXTS = {
    "width": "Units of each hidden layer.",
    "depth": "Blocks of the network trunk.",
    "steps": "Gradient steps.",
    "weight_decay": "Weight decay of AdamW.",
    "seed": "Seed of the first weights and of the order of the data.",
    "device": "Where to train: `cpu` or `cuda`.",
    "warmup_steps": "Steps of the linear warm-up of the learning rate.",
    "clip": "Bound of a sampled chunk, in normalised units.",
    "components": "Gaussians of the mixture.",
    "min_std": "The least standard deviation while training, in normalised units.",
}
"""Descriptions of keys whose class has none."""
OLD_NAMES = """## Old names

Keys were renamed to what LeRobot and diffusers call them. A file with old names is still read, with one warning for
each; a key that stands there by both names is refused. `reports`, the number of points of the curve, is now
`log_every`, the steps from one point to the next: `reports: 50` with `steps: 4000` is `log_every: 80`.

"""


def page() -> str:
    """Return the whole page in Markdown."""
    text = HEAD + "## Keys\n\n" + _keys(fields(TrainingConfig))
    text += "\n## Options of the policy classes\n\nGiven as a mapping under `options`.\n"
    for name, cls in plugins.available("policy").items():
        own = _options(cls.Config)
        text += f"\n### {name}\n\n{first_line(cls.__doc__)}\n\n" + (_keys(own) if own else "No options.\n")
    text += "\n" + OLD_NAMES + table(("old", "new"), _old_names())
    return text + "\n## Files in `config/training`\n\n" + table(("name", "policy", "content"), _files())


def _options(config: type) -> list[Field]:
    """Return the options of a policy class, also those that its configuration inherits, but none that all have."""
    above = [cls for cls in config.__mro__ if issubclass(cls, PolicyConfig) and cls is not PolicyConfig]
    return list({field.name: field for cls in reversed(above) for field in fields(cls)}.values())


def _keys(keys: list[Field]) -> str:
    """Return the table of some keys."""
    rows = [
        (f"`{f.name}`", f"`{f.default}`" if f.default else "required", f.text or TEXTS.get(f.name, "")) for f in keys
    ]
    return table(("key", "default", "meaning"), rows)


def _old_names() -> list[tuple[str, str]]:
    """Return old and new name of each key, and of each value, that was renamed."""
    classes = [TrainingConfig, *(cls.Config for cls in plugins.available("policy").values())]
    keys = {f.name for cls in classes for f in fields(cls)}
    rows = [(f"`{old}`", f"`{new}`") for old, new in aliases.ALIASES.items() if new in keys]
    return rows + [(f"`{key}: {old}`", f"`{key}: {new}`") for (key, old), new in aliases.VALUES.items()]


def _files() -> list[tuple[str, str, str]]:
    """Return name, policy class and first comment of each file that comes with the package."""
    rows = []
    for name in paths.names("config/training", ".yaml"):
        text = Path(paths.find("config/training", name, ".yaml")).read_text(encoding="utf-8")
        comment = text.splitlines()[0].lstrip("# ") if text.startswith("#") else ""
        rows.append((f"`{name}`", f"`{yaml.safe_load(text)['policy']}`", comment))
    return rows
