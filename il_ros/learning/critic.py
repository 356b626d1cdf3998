# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A critic of a policy: how likely it is that the expert would deviate from it, and that the episode fails (risk).

Two heads on one small network, learned from all recorded episodes after the policy itself. The deviation is the safety
classifier of SafeDAgger (Zhang and Cho 2017, arXiv:1605.06450, section 3.1) and of LazyDAgger (Hoque 2021,
arXiv:2104.00053, section 4); the risk is one minus the success that ThriftyDAgger's Q-function foresees (Hoque 2021,
arXiv:2109.08273, section 4.2).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from il_ros.core.contract import Contract
from il_ros.core.episode import Authority, Episode
from il_ros.core.types import Array, PolicyUncertainty
from il_ros.learning.data.dataset import histories
from il_ros.learning.data.labels.base import asked, is_driven_by, wanted
from il_ros.learning.data.normalizer import Normalizer
from il_ros.learning.training.optimizer import flatten_parameters, make_adamw
from il_ros.learning.training.single_thread import one_thread
from il_ros.policies.base import Policy
from il_ros.policies.layers import Trunk

WIDTH, DEPTH = 64, 2
STEPS, BATCH, LEARNING_RATE = 1500, 256, 1e-3
FOLLOW = 0.01
"""How fast the target network follows, at every step."""
OTHERWISE = 0.1
"""An expert who differs by more than this share of the action's range does something else."""
RANKS = 101
"""Quantiles by which ranks are computed."""
HEADS = DEVIATION, SUCCESS = range(2)


class Critic(nn.Module):
    """Judges what a policy is about to do, given what it has seen.

    Args:
        inputs: To Do + Da, the normalised history and the normalised first action.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.trunk = Trunk(inputs, WIDTH, DEPTH, len(HEADS))
        self.spreads = nn.Parameter(torch.full((RANKS,), torch.nan), requires_grad=False)
        """Quantiles of the policy's spread over the states that were visited; NaN if its class has none to tell."""
        self.risks = nn.Parameter(torch.full((RANKS,), torch.nan), requires_grad=False)
        """The same of the risk."""

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Map (B, To, Do) and (B, Da) to (B, 2): probabilities of a deviation and of success."""
        out: Tensor = self.trunk(torch.cat([observations.flatten(1), actions], dim=1)).sigmoid()
        return out

    def judge(self, observations: Tensor, actions: Tensor, spread: float) -> PolicyUncertainty:
        """Return the uncertainty of one answer; (1, To, Do) and (1, Da)."""
        deviation, success = self(observations, actions)[0].tolist()
        risk = 1.0 - success
        return PolicyUncertainty(spread, deviation, risk, _rank(self.spreads, spread), _rank(self.risks, risk))


def _rank(quantiles: Tensor, value: float) -> float:
    if value != value or bool(quantiles.isnan().any()):
        return float("nan")
    return int(torch.searchsorted(quantiles, value)) / len(quantiles)


@dataclass(frozen=True)
class _Steps:
    """All steps of all episodes, normalised; row n of every field is the same step."""

    observations: Tensor
    """(N, To, Do), as the policy encodes them."""
    actions: Tensor
    """(N, Da) that were executed."""
    otherwise: Tensor
    """(N,) 1 where the expert would have done something else than the policy, 0 where not, NaN where nobody knows."""
    last: Tensor
    """(N,) 1 at the end of an episode."""
    success: Tensor
    """(N,) 1 in an episode that succeeded."""
    policy: Tensor
    """(N, Da) what the policy would do."""
    visited: Tensor
    """(N,) whether the policy drove there."""


def learn(policy: Policy, normaliser: Normalizer, episodes: Sequence[Episode], contract: Contract, seed: int) -> Critic:
    """Fit a critic of ``policy`` to all that was recorded; equal seeds give equal weights."""
    generator = torch.Generator().manual_seed(seed)
    steps = _gather(policy, normaliser, episodes, contract, generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Critic(steps.observations[0].numel() + steps.actions.shape[1])
    with one_thread():
        _fit(critic, steps, generator)
    with torch.no_grad():
        places = torch.linspace(0.0, 1.0, RANKS)
        where = steps.visited if steps.visited.any() else torch.ones_like(steps.visited)
        risks = 1.0 - critic(steps.observations[where], steps.policy[where])[:, SUCCESS]
        critic.risks.copy_(torch.quantile(risks, places))
        spreads = policy.spread(steps.observations[where])
        if spreads is not None:
            critic.spreads.copy_(torch.quantile(spreads, places))
    return critic.eval().requires_grad_(False)


def _gather(
    policy: Policy, normaliser: Normalizer, episodes: Sequence[Episode], contract: Contract, generator: torch.Generator
) -> _Steps:
    with torch.no_grad():
        observations = torch.cat([_observations(policy, normaliser, episode) for episode in episodes])
        own = torch.cat([policy.sample(part, generator)[:, 0] for part in torch.split(observations, 1024)])  # (N, Da)
    labels = np.concatenate([wanted(episode) for episode in episodes])
    known = np.concatenate([asked(e) | is_driven_by(e, Authority.EXPERT) for e in episodes])
    apart = np.abs(normaliser.action.inverse(own.numpy()) - labels) / (contract.high - contract.low)
    otherwise = np.where(known, apart.max(axis=1) > OTHERWISE, np.nan)
    lengths = [len(episode) for episode in episodes]
    last = np.zeros(sum(lengths), dtype=np.float32)
    last[np.cumsum(lengths) - 1] = 1.0
    won = [np.full(n, e.info.is_success) for n, e in zip(lengths, episodes)]
    visited = np.concatenate([is_driven_by(e, Authority.POLICY) for e in episodes])
    executed = normaliser.action.forward(np.concatenate([e.executed for e in episodes]))
    numbers = (executed, otherwise, last, np.concatenate(won))
    done, unlike, ends, wins = (torch.from_numpy(np.asarray(column, dtype=np.float32)) for column in numbers)
    return _Steps(observations, done, unlike, ends, wins, own, torch.from_numpy(visited))


def _observations(policy: Policy, normaliser: Normalizer, episode: Episode) -> Tensor:
    """Return (T, To, Do), normalised, what the policy would have seen at each step.

    Where a step has no image, and so no answer, it is judged with the one before, or else with the first.
    """
    numbers = torch.from_numpy(normaliser.observation.forward(_histories(episode, policy.config.n_obs_steps)))
    tracks = [episode.images[camera] for camera in policy.cameras]
    newest = [np.maximum(np.maximum.accumulate(track.index), 0) for track in tracks]
    if not tracks:
        return policy.encode(numbers, [])
    pieces = []
    for start in range(0, len(numbers), BATCH):
        piece = slice(start, start + BATCH)
        images = [torch.from_numpy(track.frames[rows[piece]]) for track, rows in zip(tracks, newest)]
        pieces.append(policy.encode(numbers[piece], images))
    return torch.cat(pieces) if pieces else numbers


def _histories(episode: Episode, history: int) -> Array:
    """Return (T, To, Do), what the policy would have known at each step; no history crosses a boundary."""
    parts = [histories(episode, np.arange(start, stop), start, history) for start, stop, _ in episode.spans()]
    return np.concatenate([np.empty((0, history, episode.observations.shape[1]), np.float32), *parts])


def _fit(critic: Critic, steps: _Steps, generator: torch.Generator) -> None:
    target = copy.deepcopy(critic)
    (weights, gradient), (followers, _) = flatten_parameters(critic.trunk), flatten_parameters(target.trunk)
    optimizer = make_adamw(weights, gradient, weight_decay=1e-3, max_norm=math.inf)
    following = torch.arange(len(steps.last)).add(1).clamp(max=len(steps.last) - 1)
    known, otherwise = ~steps.otherwise.isnan(), steps.otherwise.nan_to_num()
    for index in _batches(len(steps.last), generator):
        after = following[index]
        with torch.no_grad():  # what the policy would bring about from the next state on
            foreseen = target(steps.observations[after], steps.policy[after])[:, SUCCESS]
            success = torch.where(steps.last[index] > 0, steps.success[index], foreseen)
        seen, done, meant = steps.observations[index], steps.actions[index], steps.policy[index]
        of_done, of_meant = critic(seen.repeat(2, 1, 1), torch.cat([done, meant])).split(len(index))
        loss = nn.functional.binary_cross_entropy(of_done[:, SUCCESS], success)
        here = known[index]  # where it is the policy's own action that is judged
        errors = nn.functional.binary_cross_entropy(of_meant[:, DEVIATION], otherwise[index], reduction="none")
        loss = loss + (errors * here).sum() / here.sum().clamp(min=1)
        gradient.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(LEARNING_RATE)
        followers.lerp_(weights, FOLLOW)


def _batches(count: int, generator: torch.Generator) -> Iterator[Tensor]:
    return (torch.randint(count, (min(BATCH, count),), generator=generator) for _ in range(STEPS))
