# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the recorder loses, needs and writes with two raw cameras of 640 x 480 pixels at 30 Hz beside topics at 100 Hz.

This process publishes; the recorder runs in one of its own. The images are a picture with the noise of a sensor, or
what the simulated cameras draw while an arm moves, which is far easier to compress. ``share`` is processor time of the
recorder, all of its threads, per second of recording; ``share with bag`` includes what it needs to finish the bag.
``not received`` are those lost, by their sequence numbers, and those sent before a topic was connected on both sides.

Examples:
  python -m benchmarks.cameras
  python -m benchmarks.cameras --images drawn
  python -m benchmarks.cameras --seconds 600 --reliability best_effort
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseArray, PoseStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState

from il_ros.core import messages
from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.types import Array
from il_ros.recording.bag.reader import bytes_of, read
from il_ros.sim.env import ArmEnv

WIDTH, HEIGHT, CAMERA_HZ, TOPIC_HZ = 640, 480, 30.0, 100.0
DIFFERENT = 16
"""Images that are published in turn."""
NOISE = 3.0
"""Standard deviation of the sensor's noise, levels of 256."""
READY_S, SETTLED_S = 30.0, 15.0
"""How long the recorder is waited for, and how long the connection has to be complete on its side, too."""
KEPT_S = 10.0
"""For how long the drivers of the topics keep what is not acknowledged; those of the cameras keep less."""
KEPT_IMAGES = 90


def noisy_pictures(rng: np.random.Generator) -> list[Array]:
    """Return images (H, W, 3) uint8 of one scene, each with a noise of its own."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    scene = np.stack([96 + 64 * np.sin(rows / 37 + k) + 48 * np.cos(columns / 53 - k) for k in range(3)], axis=2)
    noisy = [scene + rng.normal(0.0, NOISE, scene.shape) for _ in range(DIFFERENT)]
    return [np.clip(image, 0, 255).astype(np.uint8) for image in noisy]


def drawn_pictures(rng: np.random.Generator) -> list[Array]:
    """Return images (H, W, 3) uint8 of a camera of the simulation while the arm moves."""
    env = ArmEnv("pick_place", "panda_gripper")
    env.reset(seed=0)
    low, high = env.contract.low, env.contract.high
    images = []
    for _ in range(DIFFERENT):
        env.step(rng.uniform(low, high).astype(np.float32))
        images.append(env.images(["front"], (WIDTH, HEIGHT))["front"])
    env.close()
    return images


PICTURES = {"noise": noisy_pictures, "drawn": drawn_pictures}


class Drivers(Node):
    """Drivers of an arm and of two cameras."""

    def __init__(self, reliability: str, images: str) -> None:
        super().__init__("drivers")
        deep = QoSProfile(depth=round(KEPT_S * TOPIC_HZ))
        kinds = {"tool_pose": PoseStamped, "objects": PoseArray, "joint_states": JointState}
        self._topics = [(self.create_publisher(kind, name, deep), kind()) for name, kind in kinds.items()]
        policy = ReliabilityPolicy[reliability.upper()]
        self.cameras = [
            self.create_publisher(Image, f"{name}/image_raw", QoSProfile(depth=KEPT_IMAGES, reliability=policy))
            for name in ("front", "wrist")
        ]
        pixels = PICTURES[images](np.random.default_rng(0))
        self._images = [messages.serialized_image(0, "camera", image) for image in pixels]
        self.late_s = 0.0

    def are_heard(self) -> bool:
        """Return whether the recorder is connected to everything."""
        return all(topic.get_subscription_count() for topic in (*self.cameras, *(t for t, _ in self._topics)))

    def publish_for(self, seconds: float) -> dict[str, int]:
        """Publish in real time; return how many messages of each kind."""
        begin, steps, images = time.monotonic(), 0, 0
        while (now := time.monotonic() - begin) < seconds:
            if now >= steps / TOPIC_HZ:
                self.late_s = max(self.late_s, now - steps / TOPIC_HZ)
                for topic, message in self._topics:
                    messages.set_stamp(message, time.time_ns())
                    topic.publish(serialize_message(message))
                steps += 1
            elif now >= images / CAMERA_HZ:
                data = self._images[images % DIFFERENT]
                for camera in self.cameras:
                    camera.publish(messages.with_stamp(data, time.time_ns()))
                images += 1
            else:
                time.sleep(0.0005)
        return {"images of a camera": images, "messages of a topic": steps}


FINISHED_S = 600.0


def contract_in(folder: Path) -> Path:
    """Write the contract of an arm with the two cameras; return its path."""
    images = (ImageComponent(n, f"{n}/image_raw", width=96, height=96, rate_hz=CAMERA_HZ) for n in ("front", "wrist"))
    return dataclasses.replace(Contract.load("panda_plane"), images=tuple(images)).save(folder / "two_cameras.yaml")


def cpu_s(pid: int) -> float:
    """Return the processor time of a process so far, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(seconds: float, reliability: str, images: str, folder: Path) -> dict[str, Any]:
    """Record for some seconds; return what was lost, needed and written."""
    options = {"contract": contract_in(folder), "folder": folder / "episodes"}
    words = [word for name, value in options.items() for word in ("-p", f"{name}:={value}")]
    recorder = subprocess.Popen([sys.executable, "-m", "il_ros.nodes.recorder_node", "--ros-args", *words])
    try:
        drivers = Drivers(reliability, images)
        deadline = time.monotonic() + READY_S
        while not drivers.are_heard() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(SETTLED_S)
        before = cpu_s(recorder.pid)
        sent = drivers.publish_for(seconds)
        time.sleep(1.0)  # whatever is on its way arrives
        recording_s = cpu_s(recorder.pid) - before
        ended = time.monotonic()
        (journal,) = (folder / "episodes").glob("*.journal.mcap")
        journal_mb = journal.stat().st_size / 1e6
        recorder.send_signal(signal.SIGINT)
        recorder.wait(FINISHED_S)
    finally:
        recorder.kill()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    total_s = usage.ru_utime + usage.ru_stime - before
    return {**sent, **_recorded(folder / "episodes" / "episode_000001", sent, seconds),
            "share": round(recording_s / seconds, 3), "share with bag": round(total_s / seconds, 3),
            "journal MB/s": round(journal_mb / seconds, 1), "finalize s": round(time.monotonic() - ended, 1),
            "latest publication s": round(drivers.late_s, 3)}  # fmt: skip


def _recorded(bag: Path, sent: dict[str, int], seconds: float) -> dict[str, Any]:
    reader = read(bag)
    images, topics = sent.values()
    missing = {name: (images if "image" in name else topics) - n for name, n in reader.counts.items() if n}
    raw = WIDTH * HEIGHT * 3 * 2 * images
    size = bytes_of(bag)
    return {
        "lost": {name: gap["lost"] for name, gap in reader.facts["gaps"].items()},
        "not received": missing,
        "MB/min": round(60 * size / seconds / 1e6, 1),
        "of raw": round(size / raw, 3),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--reliability", choices=["reliable", "best_effort"], default="reliable")
    parser.add_argument("--images", choices=list(PICTURES), default="noise")
    args = parser.parse_args()
    rclpy.init()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(args.seconds, args.reliability, args.images, Path(folder)), indent=2))
    rclpy.shutdown()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
