#!/usr/bin/env bash
# LeRobot 0.4.4: DiffusionPolicy.predict_action_chunk(observation) does not look at the observation that it is given, only
# at those that select_action has queued. Of a policy that was just reset it raises; after one select_action it answers
# that one's observation, whatever it is given, and two calls with different observations give equal chunks. LeRobot's
# policy server for asynchronous inference (lerobot.async_inference) lists diffusion among the policies that it serves and
# calls predict_action_chunk alone. ACTPolicy, which has no history, answers what it is given. 0.6.0 is alike: there the
# call after a reset raises an AssertionError without a text. Who wants whole chunks of any class: clear its queue of
# actions, call select_action, and take the rest out of the queue. Seen here (2026-11-30):
#   act: after a reset a chunk, of two observations different chunks
#   diffusion: after a reset RuntimeError, of two observations equal chunks
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip"
"$pip" install -q torch==2.13.0 numpy==2.2.6 einops==0.8.2 safetensors==0.8.0 huggingface-hub==0.35.3 draccus==0.10.0 \
  diffusers==0.35.2 datasets==4.8.4 pillow==12.3.0 accelerate==1.12.0 imageio==2.37.0 pyserial==3.5 deepdiff==8.6.1 \
  gymnasium==1.2.3 av==15.1.0 jsonlines==4.0.0
"$pip" install -q --no-deps lerobot==0.4.4 torchvision==0.25.0
cat > "$folder/chunks.py" <<'P'
"""Ask an untrained policy of each class for a chunk after a reset, and for the chunks of two observations."""

import sys

import torch
from torch import library as operators

try:
    import torchvision  # noqa: F401
except RuntimeError:  # the index has its build for CUDA alone, whose operators do not load beside torch's for processors
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    for operator in ("nms", "qnms"):
        operators.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy

STATE, AROUND = "observation.state", "observation.environment_state"
FEATURES = {
    "input_features": {STATE: PolicyFeature(FeatureType.STATE, (4,)), AROUND: PolicyFeature(FeatureType.ENV, (3,))},
    "output_features": {"action": PolicyFeature(FeatureType.ACTION, (2,))},
    "device": "cpu",
}


def observation(value):
    return {STATE: torch.full((1, 4), value), AROUND: torch.full((1, 3), value)}


def told(policy, **noise):
    policy.reset()
    try:
        policy.predict_action_chunk(observation(0.5), **noise)
        first = "a chunk"
    except Exception as error:
        first = type(error).__name__
    policy.reset()
    policy.select_action(observation(0.0))
    chunks = []
    for value in (0.5, -0.5):
        torch.manual_seed(0)  # of what the diffusion's sampler draws
        chunks.append(policy.predict_action_chunk(observation(value), **noise))
    one, other = chunks
    return f"after a reset {first}, of two observations {'equal' if torch.equal(one, other) else 'different'} chunks"


torch.manual_seed(0)
act = ACTPolicy(ACTConfig(**FEATURES, chunk_size=16, n_action_steps=8, dim_model=32, n_heads=2, dim_feedforward=32))
diffusion = DiffusionPolicy(DiffusionConfig(**FEATURES, horizon=16, n_action_steps=8, down_dims=(16, 32)))
results = {"act": told(act.eval()), "diffusion": told(diffusion.eval(), noise=torch.zeros(1, 16, 2))}
for name, result in results.items():
    print(f"{name}: {result}")
assert results == {
    "act": "after a reset a chunk, of two observations different chunks",
    "diffusion": "after a reset RuntimeError, of two observations equal chunks",
}
P
"$folder/venv/bin/python" "$folder/chunks.py"
