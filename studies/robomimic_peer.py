# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""BC-RNN-GMM of robomimic (Mandlekar 2021, arXiv:2108.03298) in the study of other people's tasks."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.robomimic_bc import mend_torchvision
from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.evaluation.rollouts import GymTask

STEPS, BATCH, SEQUENCE = 10_000, 100, 10
"""Gradient steps, some twenty minutes; windows in each, and steps in a window, which are its configuration's."""
STATE = "state"


def measured(
    task: GymTask, contract: Contract, shown: Sequence[Episode], goals: range, seed: int, steps: int
) -> tuple[list[bool], float, Callable[[], Any]]:
    """Train it on these demonstrations, and let it drive to the goals; ``steps`` of 0 are ``STEPS``.

    Returns:
        success by goal, processor time of the training, s, and what makes it answer once.
    """
    os.environ.setdefault("TQDM_DISABLE", "1")  # its progress bars are not its work
    torch.manual_seed(seed)
    np.random.seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        policy = _trained(_written(Path(folder) / "shown.hdf5", shown), contract, steps or STEPS)
        train_s = time.process_time() - began
    outcomes = []
    with contextlib.closing(task.make(contract)) as env:
        for goal in goals:
            env.reset(seed=goal)
            policy.start_episode()
            outcome = None
            while outcome is None:
                _, outcome = env.advance(policy({STATE: env.observe(env.reading())}))
            outcomes.append(outcome == "success")
    seen = {STATE: shown[0].observations[0]}
    return outcomes, train_s, lambda: policy(seen)


def _written(path: Path, shown: Sequence[Episode]) -> Path:
    """Write the demonstrations in its format."""
    import h5py

    with h5py.File(path, "w") as file:
        for number, episode in enumerate(shown):
            demo = file.create_group(f"data/demo_{number}")
            demo.attrs["num_samples"] = len(episode)
            demo["actions"] = episode.executed.astype(np.float32)
            demo["rewards"] = demo["dones"] = np.zeros(len(episode), dtype=np.float32)
            demo[f"obs/{STATE}"] = episode.observations.astype(np.float32)
    return path


def _trained(path: Path, contract: Contract, steps: int) -> Any:
    """Return its policy after so many steps of its own training loop."""
    mend_torchvision()
    from robomimic.algo import RolloutPolicy, algo_factory
    from robomimic.config import config_factory
    from robomimic.utils import obs_utils, train_utils

    config = config_factory("bc")
    with config.values_unlocked():
        config.algo.actor_layer_dims = ()  # as its BC-RNN has it
        config.algo.gmm.enabled = config.algo.rnn.enabled = True
        config.algo.rnn.horizon = config.train.seq_length = SEQUENCE
        config.observation.modalities.obs.low_dim = [STATE]
        config.train.batch_size, config.train.hdf5_load_next_obs = BATCH, False
        config.train.dataset_keys = ("actions", "rewards", "dones")
        config.train.data = str(path)
    obs_utils.initialize_obs_utils_with_config(config)
    sizes = {STATE: [len(contract.observation)]}
    model = algo_factory("bc", config, sizes, len(contract.action), torch.device("cpu"))
    data, _ = train_utils.load_data_for_training(config, obs_keys=[STATE])
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
    model.set_train()
    train_utils.run_epoch(model=model, data_loader=loader, epoch=1, num_steps=steps)
    model.set_eval()
    return RolloutPolicy(model)
