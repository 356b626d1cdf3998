# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How busy the machine is with what is not ours."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")


class Others:
    """Cores that others have used since it was made: 0.5 is half a core all the time."""

    def __init__(self) -> None:
        self._started, self._all, self._ours = time.monotonic(), _all_s(), _ours_s()

    def cores(self) -> float:
        """Return their mean so far; the time of our children is ours once they have been collected (``wait``)."""
        elapsed = max(time.monotonic() - self._started, 1e-3)
        return max(0.0, (_all_s() - self._all) - (_ours_s() - self._ours)) / elapsed


def _all_s() -> float:
    """Return processor time of everybody, s; 0 where the system does not report it."""
    try:
        fields = STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _ours_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
