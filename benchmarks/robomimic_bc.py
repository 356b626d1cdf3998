# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training against the behavioural cloning of ARISE-Initiative/robomimic."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement, Side, Stretch
from benchmarks.transitions import ACTION_DIM, EPISODES, OBSERVATION_DIM, STEPS, transitions

PARTS = {"robot0_eef_pos": 3, "robot0_eef_quat": 4, "robot0_gripper_qpos": 2, "object": 10}
"""The observation of its low-dimensional configuration, and how many numbers each part has."""


def peer(batch: int, width: int, depth: int) -> Stretch:
    """Run ``run_epoch`` over its ``SequenceDataset``, all of it cached, as its training script runs them."""
    import torch

    mend_torchvision()
    from robomimic.algo import algo_factory
    from robomimic.config import config_factory
    from robomimic.utils import obs_utils, train_utils

    config = config_factory("bc")
    with config.values_unlocked():
        config.algo.actor_layer_dims = (width,) * depth
        config.algo.optim_params.policy.learning_rate.initial = 1e-3
        config.train.batch_size = batch
    obs_utils.initialize_obs_utils_with_config(config)
    model = algo_factory(
        algo_name="bc",
        config=config,
        obs_key_shapes={name: [size] for name, size in PARTS.items()},
        ac_dim=ACTION_DIM,
        device=torch.device("cpu"),
    )
    handle, path = tempfile.mkstemp(".hdf5")
    os.close(handle)
    try:
        _write(Path(path))
        with config.values_unlocked():
            config.train.data = path
        data, _ = train_utils.load_data_for_training(config, obs_keys=list(PARTS))
    finally:
        os.unlink(path)
    return epochs(model, data, batch)


def epochs(model: Any, data: Any, batch: int) -> Stretch:
    """Run its ``run_epoch`` over its ``SequenceDataset``."""
    import time

    import torch
    from robomimic.utils import train_utils

    loader = torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True, num_workers=0, drop_last=True)
    epoch = iter(range(1, 10**9))

    def stretch(steps: int) -> list[float]:
        started = time.perf_counter()
        train_utils.run_epoch(model=model, data_loader=loader, epoch=next(epoch), num_steps=steps)
        return [(time.perf_counter() - started) / steps]

    return stretch


def _write(path: Path) -> None:
    """Write the demonstrations in its HDF5 format."""
    import h5py
    import numpy as np

    observations, actions = transitions()
    with h5py.File(path, "w") as file:
        for i in range(EPISODES):
            rows = slice(i * STEPS, (i + 1) * STEPS)
            demo = file.create_group(f"data/demo_{i}")
            demo.attrs["num_samples"] = STEPS
            demo["actions"] = actions[rows]
            demo["rewards"] = demo["dones"] = np.zeros(STEPS, dtype=np.float32)
            starts = np.cumsum([0, *PARTS.values()])
            for name, start, stop in zip(PARTS, starts, starts[1:]):
                demo[f"obs/{name}"] = observations[rows, start:stop]


def mend_torchvision() -> None:
    """Let torchvision be imported beside a torch without CUDA.

    robomimic imports it for cameras, which are not used here; the package index has only the build for CUDA, whose
    operators do not load, and then it misses them while it is imported.
    """
    from torch import library as operators

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]  # what was imported before it failed
        for name in ("nms", "qnms"):
            operators.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")


OPTIONS: dict[str, Any] = {"batch": 100, "width": 256, "depth": 2}
OURS = {**OPTIONS, "policy": "benchmarks.plain_mlp", "activation": "relu", "gaussian": False}
assert sum(PARTS.values()) == OBSERVATION_DIM

MEASUREMENTS = (
    Measurement(
        name="training, robomimic's BC, 256 x 2, batch 100",
        ours=Side("benchmarks.our_training:ours", OURS),
        peer=Side("benchmarks.robomimic_bc:peer", OPTIONS, "peers"),
        limit=Side("benchmarks.our_training:limit", OURS),
        compared="ReLU MLP 256 x 2 with a squashed mean, batch 100, Adam, squared error, the same 10,000 transitions "
        "in memory, one thread. Peer: robomimic 0.3.0, its low-dimensional BC configuration, run_epoch over "
        "SequenceDataset with hdf5_cache_mode all and no loader processes, progress bars off; the four "
        "observation keys and three data set keys are that configuration's (with one of each, its loader is quicker). "
        "Ours: the trainer with all it does (clipping, averaged weights, schedule).",
    ),
)
