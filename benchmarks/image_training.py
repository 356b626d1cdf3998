# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training from pictures against robomimic's BC and against LeRobot's loader, on the same pictures and network."""

from __future__ import annotations

from typing import Any

from benchmarks.measurement import Measurement, Side, Stretch

OPTIONS: dict[str, Any] = {"batch": 64, "width": 256, "depth": 2}
COMPARED = (
    "One 96 x 96 camera beside 19 numbers, 2,000 steps; encoder: 6 x 6 patches, two 3 x 3 convolutions of 32 channels, "
    "64 features; ReLU MLP 256 x 2 with a squashed mean, batch 64, squared error, Adam, no random shifts, one thread, "
    "no loader processes. Ours: the encoder 'patch' and the trainer with all it does, from memory-mapped pictures. {} "
    "Limit: our network on one batch that never changes."
)


def ours(batch: int, width: int, depth: int) -> Stretch:
    """Run our trainer over pictures that are mapped from files."""
    import numpy as np

    from benchmarks.image_data import IMAGES, LENGTH, written
    from benchmarks.our_training import WARM, Clock
    from benchmarks.transitions import transitions
    from il_ros.learning.data.dataset import Dataset
    from il_ros.learning.data.images import Frames, WindowImages
    from il_ros.learning.training.config import TrainingConfig
    from il_ros.learning.training.trainer import train

    frames = Frames([np.load(path, mmap_mode="r") for path in sorted(written("mapped").glob("*.npy"))])
    observations, actions = (rows[: IMAGES * LENGTH, None] for rows in transitions())
    ones = np.ones(IMAGES * LENGTH, dtype=np.float32)
    data = Dataset(
        observations=observations, actions=actions, mask=ones[:, None], weight=ones,
        episode=np.repeat(np.arange(IMAGES), LENGTH),
        images={"front": WindowImages(frames, np.arange(IMAGES * LENGTH))},
    )  # fmt: skip

    def stretch(steps: int) -> list[float]:
        config = TrainingConfig(
            policy="benchmarks.plain_mlp", n_obs_steps=1, horizon=1, min_labels=1, width=width, depth=depth,
            options={"activation": "relu", "gaussian": False}, encoder="patch", shift_pixels=0, steps=steps + WARM,
            batch=batch, weight_decay=0.0, val_fraction=0.0, log_every=steps + WARM,
        )  # fmt: skip
        clock = Clock()
        train(data, config, should_stop=clock)
        return [clock.seconds_of_last(steps) / steps]

    return stretch


def limit(batch: int, width: int, depth: int) -> Stretch:
    """Run forward, backward and optimiser of our network on one batch."""
    import torch

    from benchmarks.image_data import SIZE, episodes
    from benchmarks.image_network import FEATURES, WIDTH
    from benchmarks.timing import bare_training
    from il_ros.policies.encoding.encoded_policy import create_encoded
    from il_ros.policies.vision.config import Vision

    observations, actions, pictures = (torch.from_numpy(rows[:batch]) for rows in next(episodes()))
    vision = Vision({"front": (SIZE, SIZE)}, "patch", WIDTH, FEATURES)
    sizes = {"observation_dim": observations.shape[1], "action_dim": actions.shape[1], "n_obs_steps": 1}
    options = {"horizon": 1, "width": width, "depth": depth, "activation": "relu", "gaussian": False}
    made = create_encoded("benchmarks.plain_mlp", {**sizes, **options}, 0, None, vision)
    chunk, mask, generator = actions[:, None], torch.ones(batch, 1), torch.Generator()
    return bare_training(
        made.parameters(),
        lambda: made.loss(made.encode(observations[:, None], [pictures]), chunk, mask, generator).mean(),
    )


def robomimic(batch: int, width: int, depth: int, cache: str) -> Stretch:
    """Run robomimic's ``run_epoch`` over its ``SequenceDataset``, with the encoder as a core of its own.

    Args:
        batch: steps in a batch.
        width: of the hidden layers.
        depth: number of them.
        cache: its ``hdf5_cache_mode``: ``low_dim`` reads pictures from the file, ``all`` keeps them in memory.
    """
    import torch

    from benchmarks.image_data import SIZE, written
    from benchmarks.image_network import FEATURES, PatchNetwork
    from benchmarks.robomimic_bc import PARTS, epochs, mend_torchvision
    from benchmarks.transitions import ACTION_DIM

    mend_torchvision()
    from robomimic.algo import algo_factory
    from robomimic.config import config_factory
    from robomimic.models.obs_core import EncoderCore
    from robomimic.utils import obs_utils, train_utils

    class PatchCore(EncoderCore):  # type: ignore[misc]
        """The network as an encoder of robomimic's."""

        def __init__(self, input_shape: Any) -> None:
            super().__init__(input_shape)
            self.network = PatchNetwork(SIZE)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = self.network(inputs)
            return features

        def output_shape(self, input_shape: Any = None) -> list[int]:
            return [FEATURES]

    config = config_factory("bc")
    with config.values_unlocked():
        config.algo.actor_layer_dims = (width,) * depth
        config.algo.optim_params.policy.learning_rate.initial = 1e-3
        config.observation.modalities.obs.rgb = ["front_image"]
        config.observation.encoder.rgb.core_class = "PatchCore"
        config.train.batch_size, config.train.hdf5_cache_mode = batch, cache
        config.train.hdf5_load_next_obs = False  # as its image configurations have it
        config.train.data = str(written("robomimic") / "images.hdf5")
    obs_utils.initialize_obs_utils_with_config(config)
    shapes = {**{name: [size] for name, size in PARTS.items()}, "front_image": [3, SIZE, SIZE]}
    model = algo_factory("bc", config, shapes, ACTION_DIM, torch.device("cpu"))
    data, _ = train_utils.load_data_for_training(config, obs_keys=list(shapes))
    return epochs(model, data, batch)


def lerobot(batch: int, width: int, depth: int) -> Stretch:
    """Train the network from LeRobot's loader, with the steps of its training script."""
    import torch

    from benchmarks.image_data import SIZE, written
    from benchmarks.image_network import PictureRegression
    from benchmarks.robomimic_bc import mend_torchvision
    from benchmarks.timing import together
    from benchmarks.transitions import ACTION_DIM, OBSERVATION_DIM

    mend_torchvision()
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    data = LeRobotDataset("il_ros/bench", root=written("lerobot") / "data")
    loader = torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True, num_workers=0, drop_last=True)
    network = PictureRegression(SIZE, OBSERVATION_DIM, ACTION_DIM, width, depth)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.0)
    batches = (items for _ in iter(int, 1) for items in loader)

    def step() -> None:
        items = next(batches)
        means = network(items["observation.state"], items["observation.images.front"])
        loss = (means - items["action"]).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        optimiser.zero_grad()

    return together(step)


def _measurement(name: str, factory: str, option: dict[str, str], environment: str, words: str) -> Measurement:
    return Measurement(
        name=f"training from pictures, {name}",
        ours=Side("benchmarks.image_training:ours", OPTIONS),
        peer=Side(f"benchmarks.image_training:{factory}", {**OPTIONS, **option}, environment),
        limit=Side("benchmarks.image_training:limit", OPTIONS),
        stretch_s=1.0,
        compared=COMPARED.format(words),
    )


ROBOMIMIC = (
    "Peer: robomimic 0.3.0, BC, the network's encoder as an EncoderCore, run_epoch over SequenceDataset from HDF5, "
    "hdf5_load_next_obs off, hdf5_cache_mode {}."
)
LEROBOT = (
    "Peer: LeRobot 0.4.4, the last for Python 3.11, its LeRobotDataset of lossless PNG pictures that its own writer "
    "wrote, and the steps of its training script with the same network in torch's layers: its own image policies are "
    "all of ResNet18 and larger, where arithmetic that both sides share leaves nothing to compare."
)
MEASUREMENTS = (
    _measurement(
        "robomimic's BC, from the file", "robomimic", {"cache": "low_dim"}, "peers", ROBOMIMIC.format("low_dim")
    ),
    _measurement("robomimic's BC, from memory", "robomimic", {"cache": "all"}, "peers", ROBOMIMIC.format("all")),
    _measurement("LeRobot's loader, PNG", "lerobot", {}, "lerobot", LEROBOT),
)
