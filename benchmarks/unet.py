# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A one-dimensional U-Net for action chunks of the size that Diffusion Policy has."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

WIDTHS = (256, 512, 1024)
TIME_FEATURES = 256
KERNEL = 5
GROUPS = 8


class ConvBlock(nn.Module):
    """Two convolutions; after the first, each channel is scaled and shifted by the condition (FiLM)."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.one, self.two = _convolution(inputs, outputs), _convolution(outputs, outputs)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * outputs))
        self.skip: nn.Module = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return (B, inputs, T) to (B, outputs, T)."""
        scale, shift = self.film(condition)[..., None].chunk(2, dim=1)
        out: Tensor = self.two(scale * self.one(x) + shift) + self.skip(x)
        return out


class UNet(nn.Module):
    """The noise in a chunk, (B, T, Da), at a noise level, given the observations: Chi 2023, arXiv:2303.04137.

    The sizes are the published ones for low-dimensional observations: three levels of 256, 512 and 1024 channels,
    kernels of 5, groups of 8, 256 features of the noise level; 65 million weights. Written after the paper, because
    the robomimic on the package index (0.3.0) does not have it yet; that of robomimic 0.5.0 has as many weights of the
    same shapes, and takes as long within 1 %.
    """

    def __init__(self, action_dim: int, condition_dim: int) -> None:
        super().__init__()
        self.time = nn.Sequential(
            nn.Linear(TIME_FEATURES, 4 * TIME_FEATURES), nn.Mish(), nn.Linear(4 * TIME_FEATURES, TIME_FEATURES)
        )
        condition = TIME_FEATURES + condition_dim
        before = (action_dim, *WIDTHS[:-1])
        self.down = nn.ModuleList(_pair(a, b, condition) for a, b in zip(before, WIDTHS))
        self.shrink = nn.ModuleList(nn.Conv1d(w, w, 3, stride=2, padding=1) for w in WIDTHS[:-1])
        self.middle = _pair(WIDTHS[-1], WIDTHS[-1], condition)
        rising = WIDTHS[:0:-1]
        self.up = nn.ModuleList(_pair(2 * w, below, condition) for w, below in zip(rising, WIDTHS[-2::-1]))
        self.grow = nn.ModuleList(nn.ConvTranspose1d(w, w, 4, stride=2, padding=1) for w in WIDTHS[-2::-1])
        self.last = nn.Sequential(_convolution(WIDTHS[0], WIDTHS[0]), nn.Conv1d(WIDTHS[0], action_dim, 1))

    def forward(self, chunk: Tensor, level: Tensor, observations: Tensor) -> Tensor:
        """Map (B, T, Da), (B,) and (B, Do) to (B, T, Da)."""
        condition = torch.cat([self.time(_waves(level)), observations], dim=-1)
        x, seen = chunk.transpose(1, 2), []
        for i, pair in enumerate(self.down):
            x = _through(pair, x, condition)
            seen.append(x)
            x = self.shrink[i](x) if i < len(self.shrink) else x
        x = _through(self.middle, x, condition)
        for pair, grow in zip(self.up, self.grow):
            x = grow(_through(pair, torch.cat([x, seen.pop()], dim=1), condition))
        out: Tensor = self.last(x)
        return out.transpose(1, 2)


def _pair(inputs: int, outputs: int, condition: int) -> nn.ModuleList:
    return nn.ModuleList([ConvBlock(inputs, outputs, condition), ConvBlock(outputs, outputs, condition)])


def _through(pair: nn.Module, x: Tensor, condition: Tensor) -> Tensor:
    for block in pair.children():
        x = block(x, condition)
    return x


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, KERNEL, padding=KERNEL // 2), nn.GroupNorm(GROUPS, outputs), nn.Mish()
    )


def _waves(level: Tensor) -> Tensor:
    rates = torch.exp(torch.arange(TIME_FEATURES // 2) * (-math.log(10_000) / (TIME_FEATURES // 2 - 1)))
    angles = level[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
