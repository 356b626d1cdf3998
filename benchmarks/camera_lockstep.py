# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How much faster than real time the simulation runs in lockstep with a camera of 96 x 96 pixels at 10 Hz.

And how long one such picture takes. The whole graph is on: simulation, scripted expert, gate and the recorder, which
keeps the images, in one process. The scripted expert picks and places a block; the pauses between episodes, and making
their bags, count.

Examples:
  python -m benchmarks.camera_lockstep
  python -m benchmarks.camera_lockstep --contract xarm6_gripper --episodes 20
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from il_ros.core.contract import Contract, ImageComponent
from il_ros.launching.graph import running
from il_ros.sim.env import ArmEnv

SIZE, CAMERA_HZ = 96, 10.0
PICTURES = 200


def contract_in(folder: Path, name: str) -> Path:
    """Write the contract of that name with a camera; return its path."""
    front = ImageComponent("front", "front/image_raw", width=SIZE, height=SIZE, rate_hz=CAMERA_HZ)
    return replace(Contract.load(name), images=(front,)).save(folder / "with_camera.yaml")


def measured(contract: str, episodes: int) -> dict[str, Any]:
    """Run episodes; return how long they took, by the clock of the simulation and by ours."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = contract_in(folder, contract)
        options: dict[str, Any] = {
            "task": "pick_place", "device": "scripted", "expert": "random", "folder": folder / "episodes",
            "contract": path, "lockstep": True, "composed": True, "isolated": True,
        }  # fmt: skip
        with running("collect", folder / "logs", **options) as client:
            client.episodes(range(1), lambda _: None)  # what is done once is not timed
            began = time.monotonic()
            done = client.episodes(range(1, 1 + episodes), lambda _: None)
            wall_s = time.monotonic() - began
        steps = sum(int(facts["steps"]) for facts in done)
        simulated_s = steps / Contract.load(contract).rate_hz
    return {"contract": contract, "episodes": episodes, "simulated s": round(simulated_s, 1), "s": round(wall_s, 1),
            "times real time": round(simulated_s / wall_s, 1)}  # fmt: skip


def picture_ms(contract: str) -> float:
    """Return the processor time of one picture, ms: the median of many, of a block that is picked and placed."""
    env = ArmEnv("pick_place", replace(Contract.load(contract), images=()))
    env.reset(seed=0)
    times = []
    for _ in range(PICTURES):
        env.step(env.action_space.sample())
        began = time.process_time()
        env.images(["front"], (SIZE, SIZE))
        times.append(time.process_time() - began)
    env.close()
    return 1e3 * statistics.median(times)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contract", default="panda_gripper", help="of an arm with a gripper (default: panda_gripper)")
    parser.add_argument("--episodes", type=int, default=10, help="how many are timed (default: 10)")
    args = parser.parse_args()
    result = measured(args.contract, args.episodes)
    print(json.dumps({**result, "picture, ms of processor time": round(picture_ms(args.contract), 2)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
