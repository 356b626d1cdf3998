# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Serve a checkpoint of LeRobot (ACT, Diffusion, VQ-BeT, SmolVLA, pi0, ...) to the remote policy node.

Runs in LeRobot's environment; it needs neither il_ros nor ROS:

  pip install lerobot==0.6.0 msgpack==1.2.4 websockets==16.1.1
  python serve.py outputs/train/act/checkpoints/last/pretrained_model --port 8000

and in the environment of il_ros, with the inputs that the server prints:

  il-ros launch teleop backend:=remote_policy_node server:=ws://127.0.0.1:8000 \
      inputs:="observation.state=*, observation.images.front=front, task=prompt"
"""

from __future__ import annotations

import argparse
import functools
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgpack
import numpy as np
import torch
from websockets.sync.server import ServerConnection, serve

BEGINS, TASK, STATE, IMAGES = "il_ros.begins", "task", "observation.state", "observation.images."
MOST_BYTES = 64 * 2**20
"""Of a request."""


class LeRobotPolicy:
    """A checkpoint with its processors: normalisation, tokens, device.

    Args:
        checkpoint: a folder, or a name on the hub.
        device: that it computes on, as cpu or cuda; empty for the checkpoint's own.
    """

    def __init__(self, checkpoint: str, device: str = "") -> None:
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        config = PreTrainedConfig.from_pretrained(checkpoint)
        config.device = device or config.device
        self._policy = get_policy_class(config.type).from_pretrained(checkpoint, config=config)
        self._policy.to(config.device).eval()
        on = {"device_processor": {"device": str(config.device)}}
        self._before, self._after = make_pre_post_processors(config, checkpoint, preprocessor_overrides=on)
        self.kind = config.type
        self.features = {name: tuple(feature.shape) for name, feature in config.input_features.items()}
        """By key, the shape of what it sees; of images (3, H, W)."""

    def reset(self) -> None:
        """Forget what came before."""
        self._policy.reset()

    @torch.inference_mode()
    def chunk(self, seen: Mapping[str, Any], prompt: str) -> Any:
        """Return the actions that answer an observation, (Ta, Da) float32.

        LeRobot's ``select_action`` keeps the history as the class needs it, draws a chunk where its queue of actions is
        empty, and returns the first of them; the others are taken out of the queue.
        """
        self._queue().clear()
        batch = self._before({**{key: torch.from_numpy(value) for key, value in seen.items()}, TASK: prompt})
        first = self._policy.select_action(batch)
        rows = [first, *self._queue()]
        return torch.cat([self._after(row) for row in rows]).float().cpu().numpy()

    def _queue(self) -> Any:
        """Return the actions that it drew and that were not asked for yet; classes keep them by two names."""
        queue = getattr(self._policy, "_action_queue", None)
        return self._policy._queues["action"] if queue is None else queue


def observation(heard: Mapping[str, Any], features: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return what a checkpoint sees of a request: float32 numbers, and images (3, H, W) from 0 to 1.

    Raises:
        ValueError: if something is missing, or of another shape.
    """
    missing = [key for key in features if key not in heard]
    if missing:
        sent = ", ".join(key for key in heard if key != BEGINS)
        raise ValueError(f"the checkpoint sees {', '.join(missing)}, which was not sent; sent was {sent}: see inputs")
    seen = {}
    for key, shape in features.items():
        value = np.asarray(heard[key])
        if key.startswith(IMAGES) and value.dtype == np.uint8 and value.ndim == 3:
            value = value.transpose(2, 0, 1).astype(np.float32) / 255
        if value.shape != tuple(shape):
            raise ValueError(f"{key} has shape {value.shape}; the checkpoint was trained on {tuple(shape)}: see inputs")
        seen[key] = np.array(value, np.float32)
    return seen


def inputs(features: Iterable[str]) -> str:
    """Return the argument ``inputs`` of the remote policy node; FIRST..LAST stands for names of the contract."""
    sources = {STATE: "*"} | {key: key.removeprefix(IMAGES) for key in features if key.startswith(IMAGES)}
    return ", ".join([*(f"{key}={sources.get(key, 'FIRST..LAST')}" for key in features), f"{TASK}=prompt"])


def answer(connection: ServerConnection, policy: LeRobotPolicy) -> None:
    """Answer the requests of one client, one after the other; an error is sent as its traceback."""
    connection.send(pack({"il_ros": 1, "features": {key: list(shape) for key, shape in policy.features.items()}}))
    policy.reset()
    for message in connection:
        try:
            heard = unpack(message)
            if heard.get(BEGINS, False):
                policy.reset()
            actions = policy.chunk(observation(heard, policy.features), heard.get(TASK, ""))
        except Exception:  # whatever it is, the client is told, and its arm holds
            connection.send(traceback.format_exc())
        else:
            connection.send(pack({"actions": actions}))


def _to_plain(value: Any) -> dict[bytes, Any]:
    return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}


def _from_plain(found: dict[Any, Any]) -> Any:
    if b"__ndarray__" not in found:
        return found
    return np.frombuffer(found[b"data"], np.dtype(found[b"dtype"])).reshape(found[b"shape"])


pack = functools.partial(msgpack.packb, default=_to_plain)
unpack = functools.partial(msgpack.unpackb, object_hook=_from_plain)


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the checkpoint and serve it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a folder with config.json and model.safetensors, or a name on the hub")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from other machines")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--device", default="", help="cpu, cuda, ...; by default the checkpoint's own")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves it to torch")
    parser.add_argument("--seed", type=int, default=0, help="of policies that draw at random")
    args = parser.parse_args(arguments)
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    policy = LeRobotPolicy(args.checkpoint, args.device)
    shapes = ", ".join(f"{key} {tuple(shape)}" for key, shape in policy.features.items())
    with serve(functools.partial(answer, policy=policy), args.host, args.port, max_size=MOST_BYTES) as server:
        print(f"{policy.kind} on ws://{args.host}:{args.port}; it sees {shapes}")
        print(f'inputs:="{inputs(policy.features)}"', flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
