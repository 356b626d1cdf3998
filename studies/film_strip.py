# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An episode as a strip of pictures."""

from __future__ import annotations

from pathlib import Path

from il_ros.evaluation.films import FilmedEpisode, film
from studies import pictures

PICTURES = 6
DRAWN = 5 * PICTURES
"""Of so many of an episode those are taken that lie as far apart as can be; how long it lasts is known at its end."""


def draw(take: FilmedEpisode, file: Path) -> None:
    """Draw an episode of a policy that drives alone, from its start to its end."""
    clip = film(take, DRAWN)
    figure, (axes,) = pictures.new_grid(1, PICTURES, 1.5)
    for number, place in enumerate(axes):
        index = round(number * (len(clip.frames) - 1) / (PICTURES - 1))
        place.imshow(clip.frames[index])
        place.set_title(f"{index / clip.fps:.1f} s", fontsize=7, pad=2)
    figure.suptitle(clip.title, fontsize=9)
    pictures.save(figure, file)
