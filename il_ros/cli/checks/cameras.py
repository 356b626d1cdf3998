# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What ``il-ros doctor --contract`` looks at for each camera: drawing, decoding, disk, and what is published now."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from il_ros.cli.doctor import Check
from il_ros.core import messages
from il_ros.core.contract import Contract, ImageComponent
from il_ros.core.errors import IlRosError, MessageError
from il_ros.core.topics import QosKind

REPEATS = 5
MOST_SHARE = 0.25
"""Of a core, for one camera; with more the policy's other work may come too late."""
WRITTEN_BYTES = 64 << 20
DISK_MARGIN = 2.0
DISCOVERY_S, LISTENED_S = 7.0, 2.0
SLOWEST = 0.9
"""The share of the contract's rate below which a camera is too slow."""


def examine(contract: Contract, folder: Path = Path(".")) -> Iterator[Check]:
    """Check the cameras of a contract, in order."""
    for part in contract.images:
        yield decoding(part)
        yield drawing(contract, part)
    yield disk(contract, folder)
    yield from published(contract)


def decoding(part: ImageComponent) -> Check:
    """Check that images are decoded, and what that takes: of the size that a camera of the simulation publishes."""
    name, (width, height) = f"decoding {part.name}", messages.published_size(part)
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    raw = messages.serialized_image(0, part.name, pixels)
    try:
        data = messages.jpeg_of_image(raw, 90) if part.type == messages.COMPRESSED else raw
        took_s = _processor_s(lambda: messages.decoded_image(data, part))
    except (IlRosError, OSError) as error:  # Pillow says by an OSError that it was built without a decoder
        return Check(name, "fail", str(error), "pip install -r requirements.txt: Pillow's wheel has the decoders")
    return _cost(name, f"{width} x {height} to {part.width} x {part.height}", took_s, part.rate_hz)


def drawing(contract: Contract, part: ImageComponent) -> Check:
    """Check what it takes to draw an image, where the simulation has this camera."""
    from il_ros.robot.description import Robot
    from il_ros.sim import tasks
    from il_ros.sim.cameras import MOUNTS, Cameras

    name, size = f"drawing {part.name}", messages.published_size(part)
    if part.name not in MOUNTS:
        return Check(name, "info", f"the simulation has no such camera, only {', '.join(MOUNTS)}")
    task = tasks.load("reach")
    try:
        cameras = Cameras(Robot.load(contract.robot), task)
    except (IlRosError, ImportError) as error:
        return Check(name, "warn", str(error), "see pybullet above; a real arm needs no simulation")
    poses = task.layout(np.random.default_rng(0)).poses
    took_s = _processor_s(lambda: cameras.images({}, poses, [part.name], size))
    cameras.close()
    return _cost(name, f"{size[0]} x {size[1]}", took_s, part.rate_hz)


def disk(contract: Contract, folder: Path) -> Check:
    """Check that the disk takes the raw images as fast as they come."""
    sizes = {part.topic: (*messages.published_size(part), part) for part in contract.images}
    raw = [w * h * 3 * part.rate_hz for w, h, part in sizes.values() if part.type == messages.IMAGE]
    needed = sum(raw) / 1e6
    path = folder / f".il_ros_doctor_{os.getpid()}"
    try:
        speed = WRITTEN_BYTES / 1e6 / _written_s(path)
    except OSError as error:
        return Check("disk for images", "fail", f"{folder.absolute()}: {error.strerror}", "work in another folder")
    finally:
        path.unlink(missing_ok=True)
    found = f"{speed:.0f} MB/s; raw images at most {needed:.1f} MB/s, {60 * needed / 1000:.2f} GB a minute"
    fit = speed > DISK_MARGIN * needed
    remedy = "" if fit else "record on a faster disk, or JPEGs: image_jpeg_quality of the recorder"
    return Check("disk for images", "ok" if fit else "warn", found, remedy)


def published(contract: Contract) -> Iterator[Check]:
    """Check the images that are published now in this ROS domain, if a graph runs."""
    from il_ros.ros import qos
    from il_ros.ros.client.topic_sampler import TopicSampler
    from il_ros.ros.message_types import message_class

    received: dict[str, list[bytes]] = {part.topic: [] for part in contract.images}
    with TopicSampler() as sampler:
        full = {part.topic: sampler.resolve_topic_name(part.topic) for part in contract.images}
        sampler.wait(lambda: set(full.values()) <= sampler.types().keys(), DISCOVERY_S)
        types = sampler.types()
        for part in {part.topic: part for part in contract.images}.values():
            if types.get(full[part.topic]) == part.type:
                offers = [offer["reliability"] for offer in qos.offered(sampler, full[part.topic])]
                profile = qos.PROFILES[QosKind.CAMERA] if set(offers) == {"reliable"} else qos.ANY_PUBLISHER
                kind, keep = message_class(part.type), received[part.topic].append
                sampler.create_subscription(kind, full[part.topic], keep, profile, raw=True)
        if any(name in types for name in full.values()):
            sampler.wait(lambda: False, LISTENED_S)
    for part in contract.images:
        yield judged(part, full[part.topic], types.get(full[part.topic], ""), received[part.topic])


def judged(part: ImageComponent, topic: str, type_name: str, received: Sequence[bytes]) -> Check:
    """Judge what was received of a camera's topic: its type, rate, size and encoding."""
    name = f"camera {part.name}"
    if not type_name:
        return Check(name, "info", f"nobody publishes {topic} now")
    if type_name != part.type:
        return Check(name, "fail", f"{topic} is {type_name}", f"set type: {type_name} in the contract's images")
    if len(received) < 2:
        return Check(name, "fail", f"{len(received)} images came on {topic}", "see docs/cameras.md, a real camera")
    try:
        about = messages.image_form(received[-1], part.type)
        messages.decoded_image(received[-1], part)
    except MessageError as error:
        return Check(name, "fail", str(error), "correct the contract's crop, or the camera's driver")
    stamps = np.array([messages.serialized_stamp_ns(data) for data in received])
    rate_hz = 1e9 / max(1.0, float(np.median(np.diff(np.unique(stamps))))) if len(np.unique(stamps)) > 1 else 0.0
    found = f"{topic}: {rate_hz:.1f} images/s of {part.rate_hz:g}, {about}, {len(received[-1]) / 1e3:.0f} kB"
    fit = rate_hz >= SLOWEST * part.rate_hz
    remedy = "" if fit else f"speed up the camera, or set rate_hz: {rate_hz:.0f} in the contract's images"
    return Check(name, "ok" if fit else "warn", found, remedy)


def _cost(name: str, what: str, took_s: float, rate_hz: float) -> Check:
    share = took_s * rate_hz
    found = f"{what}: {1e3 * took_s:.1f} ms, {share:.2f} of a core at {rate_hz:g} Hz"
    fit = share <= MOST_SHARE
    return Check(name, "ok" if fit else "warn", found, "" if fit else "make images smaller or rarer in the contract")


def _processor_s(act: Callable[[], object]) -> float:
    """Return the processor time of the quickest of some calls, s."""
    took = []
    for _ in range(REPEATS):
        begin = time.process_time()
        act()
        took.append(time.process_time() - begin)
    return min(took)


def _written_s(path: Path) -> float:
    """Return how long the disk takes for a file, s."""
    content, begin = os.urandom(1 << 20), time.monotonic()
    with path.open("wb") as file:
        for _ in range(WRITTEN_BYTES >> 20):
            file.write(content)
        os.fsync(file.fileno())
    return time.monotonic() - begin
