# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Films of rollouts: an episode is run again before the camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from il_ros import teleop
from il_ros.core.episode import Record
from il_ros.core.types import Array
from il_ros.evaluation.report.clips import Clip
from il_ros.evaluation.rollouts import environment, policy_runner, run_episode
from il_ros.gate import Gate, GateConfig
from il_ros.gate.gate import STEADY
from il_ros.robot.ik import Kinematics
from il_ros.sim import tasks

FILM_EVERY = 2
"""Every so many steps a film has a picture."""


@dataclass(frozen=True)
class FilmedEpisode:
    """An episode that is to be filmed."""

    title: str
    task: str
    seed: int
    checkpoint: Path
    supervised: bool = False
    """Whether the simulated supervisor watches and takes over."""


def film(take: FilmedEpisode) -> Clip:
    """Run an episode again before the camera."""
    actor = policy_runner(take.checkpoint)
    env = environment(take.task, actor.contract)
    guide, solve = tasks.ScriptedExpert(env.task, "nearest"), Kinematics.of(actor.contract)
    setup = teleop.Setup(actor.contract, guide, env.task.clearance, solve=solve)
    supervisor = teleop.load("supervisor", setup) if take.supervised else None
    gate = Gate(actor.contract, GateConfig(rule="human" if take.supervised else "none"))
    frames: list[Array] = []
    captions: list[str] = []

    def shoot(record: Record) -> None:
        if (record.stamp_ns - env.start.first_stamp_ns) // actor.contract.step_ns % FILM_EVERY == 0:
            frames.append(env.render())
            captions.append(f"{record.authority.name}: {'' if record.reason == STEADY else record.reason}")

    rollout = run_episode(env, gate, take.seed, actor, supervisor, shoot)
    frames.append(env.render())
    captions.append(f"{captions[-1].partition(':')[0]}: {rollout.outcome}")
    return Clip(f"{take.title}: {rollout.outcome}", frames, captions, actor.contract.rate_hz / FILM_EVERY)
