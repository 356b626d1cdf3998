# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which image of a camera belongs to a step: the newest that is not from its future, unless it is too old.

``aligned`` decides it for all steps of a bag at once, ``CameraBuffer`` step by step as messages come; both agree.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from il_ros.core.contract import ImageComponent
from il_ros.core.types import Array

REMEMBER = 64
"""Images that wait for their step, at most; the one that came first makes room."""
FROZEN_NS = 1_000_000_000
"""A camera that sends the same image for longer counts as frozen, though its stamps go on."""
MOVED = 1e-3
"""A change of the observation (rad, m) that a camera should see: where all stands still, its images may be equal."""
NONE = -1
"""Stands for the row of an image where a step has none."""


def aligned(images_ns: Array, steps_ns: Array, stale_ns: int) -> Array:
    """Return (T,) int64, which image belongs to each step: the newest with a stamp of the step's or before, else -1.

    Args:
        images_ns: (K,) int64, stamps of images, in order of their arrival; of equal ones the last counts.
        steps_ns: (T,) int64, stamps of steps.
        stale_ns: the greatest age of an image, ns.
    """
    if not len(images_ns):
        return np.full(len(steps_ns), NONE, np.int64)
    in_time = images_ns.argsort(kind="stable")
    rows = np.searchsorted(images_ns, steps_ns, side="right", sorter=in_time) - 1
    selected = in_time[rows]
    is_fresh = (rows >= 0) & (steps_ns - images_ns[selected] <= stale_ns)
    return np.where(is_fresh, selected, NONE).astype(np.int64)


def due_ns(component: ImageComponent, first_ns: int, stamp_ns: int, step_ns: int) -> int:
    """Return the stamp of the newest image that a simulated camera has taken at the step of a stamp.

    It takes one at the first step of an episode and then, at its rate, at the first step that is not before its time.
    """

    def count(elapsed_ns: int) -> int:
        return int(elapsed_ns * component.rate_hz / 1e9 + 1e-6)

    elapsed_ns = stamp_ns - first_ns
    taken = count(elapsed_ns)
    while elapsed_ns >= step_ns and count(elapsed_ns - step_ns) == taken:
        elapsed_ns -= step_ns
    return first_ns + elapsed_ns


class CameraBuffer:
    """The images of one camera that have come, until their steps are over."""

    def __init__(self, component: ImageComponent) -> None:
        self.component = component
        self._images: deque[tuple[int, Array]] = deque(maxlen=REMEMBER)
        self._same_since_ns = 0
        """The stamp since which images have been equal."""
        self._seen: Array | None = None
        """What was observed then."""

    @property
    def newest_ns(self) -> int:
        """The stamp of the image that came last; -1 if none has."""
        return self._images[-1][0] if self._images else NONE

    @property
    def frozen_ns(self) -> int:
        """For how long all images have been equal, ns, by their stamps."""
        return self.newest_ns - self._same_since_ns if self._images else 0

    def add(self, stamp_ns: int, image: Array) -> None:
        """Take an image (H, W, 3) uint8."""
        is_same = bool(self._images) and stamp_ns > self.newest_ns and np.array_equal(image, self._images[-1][1])
        if not is_same:
            self._same_since_ns, self._seen = stamp_ns, None
        self._images.append((stamp_ns, image))

    def at(self, step_ns: int) -> tuple[int, Array | None]:
        """Return the image that belongs to a step, None if it is too old or there is none, and its age, ns."""
        stamps = np.array([stamp for stamp, _ in self._images], np.int64)
        row = int(aligned(stamps, np.array([step_ns]), 2**62)[0])
        if row == NONE:
            return NONE, None
        stamp, image = self._images[row]
        self._images = deque((each for each in self._images if each[0] >= stamp), REMEMBER)
        age_ns = step_ns - stamp
        return age_ns, image if age_ns <= self.component.stale_ns else None

    def is_frozen(self, observation: Array) -> bool:
        """Return whether the images have been equal for long while what is observed (Do,) has changed since."""
        if self._seen is None:
            self._seen = observation
        return self.frozen_ns > FROZEN_NS and float(np.abs(observation - self._seen).max(initial=0.0)) > MOVED
