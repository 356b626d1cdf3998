# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the loaders of other projects find in our exports, as JSON; for the environments that have those projects.

Run it as ``.venv-peers/bin/python -m benchmarks.loaders robomimic FILE KEY...`` or ``robomimic_images FILE CAMERA``,
or as ``.venv-lerobot/bin/python -m benchmarks.loaders lerobot FOLDER OWN`` or ``lerobot_images FOLDER OWN``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.robomimic_bc import mend_torchvision


def robomimic(path: str, *keys: str) -> dict[str, Any]:
    """Return every transition of its ``SequenceDataset`` under each filter key, and what its tools read beside."""
    from robomimic.utils import file_utils, obs_utils
    from robomimic.utils.dataset import SequenceDataset

    obs_utils.initialize_obs_utils_with_obs_specs({"obs": {"low_dim": ["state"]}})
    result = {}
    for key in keys:
        data = SequenceDataset(path, ["state"], ["actions", "rewards", "dones"], filter_by_attribute=key)
        items = [data[i] for i in range(len(data))]
        result[key] = {name: [item[name][0].tolist() for item in items] for name in ("actions", "rewards", "dones")}
        result[key] |= {name: [item[name]["state"][0].tolist() for item in items] for name in ("obs", "next_obs")}
        result[key]["demos"] = data.n_demos
    shapes = file_utils.get_shape_metadata_from_dataset(path, all_obs_keys=["state"])
    shape_facts = {"action_dim": shapes["ac_dim"], "shapes": shapes["all_shapes"]}
    return {"keys": result, "env": file_utils.get_env_metadata_from_dataset(path), **shape_facts}


def lerobot(root: str, own: str) -> dict[str, Any]:
    """Return every frame that its ``LeRobotDataset`` gives, each with the action of the next one, and its metadata.

    It writes a data set of its own, too, to the folder ``own``, of the same states and actions.
    """
    import numpy as np
    import torch
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    try:
        from lerobot.utils.feature_utils import dataset_to_policy_features
    except ImportError:  # before 0.6
        from lerobot.datasets.utils import dataset_to_policy_features
    rate = LeRobotDataset("il_ros/exported", root=root).fps
    data = LeRobotDataset("il_ros/exported", root=root, delta_timestamps={"action": [0.0, 1.0 / rate]})
    items = [data[i] for i in range(len(data))]

    def plain(value: Any) -> Any:
        return value.tolist() if isinstance(value, (torch.Tensor, np.ndarray)) else value

    batch = next(iter(torch.utils.data.DataLoader(data, batch_size=4)))
    shapes = {name: list(value.shape) for name, value in batch.items() if isinstance(value, torch.Tensor)}
    _rewrite(own, data.features, [items[a:b] for a, b in _bounds(data.meta.episodes)], rate)
    return {
        "fps": data.fps,
        "episodes": data.num_episodes,
        "lengths": list(data.meta.episodes["length"]),
        "policy": {name: [f.type.name, *f.shape] for name, f in dataset_to_policy_features(data.features).items()},
        "stats": {name: {k: plain(v) for k, v in stats.items()} for name, stats in data.meta.stats.items()},
        "batch": shapes,
        "frames": [{name: plain(value) for name, value in item.items()} for item in items],
    }


def _bounds(episodes: Any) -> list[tuple[int, int]]:
    return list(zip(episodes["dataset_from_index"], episodes["dataset_to_index"]))


def _rewrite(root: str, features: dict[str, Any], episodes: list[list[dict[str, Any]]], rate: int) -> None:
    """Write the states and actions of these episodes with LeRobot's own writer."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    selected = {name: features[name] for name in ("observation.state", "action")}
    made = LeRobotDataset.create("il_ros/own", rate, selected, root=root, use_videos=False)
    for episode in episodes:
        for item in episode:
            state, action = item["observation.state"].numpy(), item["action"][0].numpy()
            made.add_frame({"observation.state": state, "action": action, "task": "go round the post"})
        made.save_episode()
    made.finalize()


def lerobot_images(root: str, own: str) -> dict[str, Any]:
    """Return the digest of each image that its ``LeRobotDataset`` gives, by column: ``exported``, and of its ``own``.

    That is a data set which it writes to the folder ``own``, of the same states, actions and images.
    """
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    data = LeRobotDataset("il_ros/exported", root=root, video_backend="pyav")
    columns = ["observation.state", "action", *data.meta.camera_keys]
    made = LeRobotDataset.create(
        "il_ros/own",
        data.fps,
        {name: data.features[name] for name in columns},
        root=own,
        use_videos=bool(data.meta.video_keys),
        video_backend="pyav",
    )
    for begin, end in _bounds(data.meta.episodes):
        for item in (data[i] for i in range(begin, end)):
            numbers = {name: item[name].numpy() for name in columns[:2]}
            made.add_frame({**numbers, **{name: _pixels(item[name]) for name in columns[2:]}, "task": "look"})
        made.save_episode()
    made.finalize()
    again = LeRobotDataset("il_ros/own", root=own, video_backend="pyav")
    return {name: _digests(each) for name, each in (("exported", data), ("own", again))}


def _digests(data: Any) -> dict[str, list[str]]:
    digests: dict[str, list[str]] = {name: [] for name in data.meta.camera_keys}
    for item in (data[i] for i in range(len(data))):
        for name, found in digests.items():
            found.append(hashlib.sha256(_pixels(item[name]).tobytes()).hexdigest())
    return digests


def _pixels(image: Any) -> Any:
    """Return (H, W, 3) uint8 of an image (3, H, W) from 0 to 1."""
    return (image.permute(1, 2, 0) * 255).round().byte().numpy()


def robomimic_images(path: str, *cameras: str) -> dict[str, Any]:
    """Return the digest of each image of ``obs`` that its ``SequenceDataset`` gives, by camera, of every demo."""
    from robomimic.utils import obs_utils
    from robomimic.utils.dataset import SequenceDataset

    names = [f"{camera}_image" for camera in cameras]
    obs_utils.initialize_obs_utils_with_obs_specs({"obs": {"low_dim": ["state"], "rgb": names}})
    data = SequenceDataset(path, ["state", *names], ["actions"], load_next_obs=True)
    items = [data[i] for i in range(len(data))]
    images = {name: [hashlib.sha256(item["obs"][name][0].tobytes()).hexdigest() for item in items] for name in names}
    return {"images": images, "states": [item["obs"]["state"][0].tolist() for item in items]}


LOADERS: dict[str, Callable[..., dict[str, Any]]] = {
    "robomimic": robomimic,
    "robomimic_images": robomimic_images,
    "lerobot": lerobot,
    "lerobot_images": lerobot_images,
}


def main() -> None:
    """Print what the loader named first finds; its own output goes to standard error."""
    mend_torchvision()
    with contextlib.redirect_stdout(sys.stderr):
        load = LOADERS[sys.argv[1]]
        result = load(*sys.argv[2:])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
