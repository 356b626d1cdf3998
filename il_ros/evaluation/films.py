# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Films of rollouts: an episode is run again before the camera."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from il_ros import teleop
from il_ros.core.episode import Record
from il_ros.core.types import Array
from il_ros.evaluation.report.clips import Clip
from il_ros.evaluation.rollouts import environment, policy_runner, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.gate.gate import STEADY
from il_ros.robot.ik import Kinematics
from il_ros.sim import tasks
from il_ros.sim.env import ArmEnv

FILM_EVERY = 2
"""A film has a picture every so many steps at most."""
MOST_PICTURES = 140
"""Of a film. An episode that lasts longer has its pictures farther apart."""
ROWS, COLUMNS = slice(96, 456), slice(112, 592)
"""The part of a picture of 640 x 480 in which tool and table are."""


@dataclass(frozen=True)
class FilmedEpisode:
    """An episode that is to be filmed."""

    title: str
    task: str
    seed: int
    checkpoint: Path
    supervised: bool = False
    """Whether the simulated supervisor watches and takes over."""
    execute_steps: int = 0
    """Steps of a chunk that are executed; 0: as the policy was trained for, see ``GateConfig``."""


def film(take: FilmedEpisode, most: int = MOST_PICTURES) -> Clip:
    """Run an episode again before the camera; beside it is what a policy sees that sees pictures.

    Of an episode that lasts until its time limit there are at most so many pictures, and a last one.
    """
    actor = policy_runner(take.checkpoint)
    env = environment(take.task, actor.contract)
    guide, solve = tasks.ScriptedExpert(env.task, "nearest"), Kinematics.of(actor.contract)
    setup = teleop.Setup(actor.contract, guide, env.task.clearance, solve=solve)
    supervisor = teleop.load("supervisor", setup) if take.supervised else None
    rule = "human" if take.supervised else "none"
    gate = Gate(actor.contract, GateConfig(rule, execute_steps=take.execute_steps))
    every = max(FILM_EVERY, math.ceil(env.task.time_limit_s * actor.contract.rate_hz / most))
    frames: list[Array] = []
    captions: list[str] = []

    def shoot(record: Record) -> None:
        if (record.stamp_ns - env.start.first_stamp_ns) // actor.contract.step_ns % every == 0:
            frames.append(picture(env, actor.cameras))
            captions.append(f"{record.authority.name}: {'' if record.reason == STEADY else record.reason}")

    rollout = run_episode(env, gate, take.seed, actor, supervisor, shoot)
    frames.append(picture(env, actor.cameras))
    captions.append(f"{captions[-1].partition(':')[0]}: {rollout.outcome}")
    return Clip(f"{take.title}: {rollout.outcome}", frames, captions, actor.contract.rate_hz / every)


def picture(env: ArmEnv, cameras: Collection[str]) -> Array:
    """Return (H, W, 3) uint8: the scene, and to the right of it what the cameras see, one below the other."""
    scene = env.render(640, 480)[ROWS, COLUMNS]
    if not cameras:
        return scene
    side = len(scene) // len(cameras)
    seen = np.vstack([np.asarray(Image.fromarray(each).resize((side, side))) for each in env.images(cameras).values()])
    return np.hstack([scene[: len(seen)], seen])
