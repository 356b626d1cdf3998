# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Health of the graph around a node: nodes that died or run twice, clocks that stand still, lost observations.

Nothing here subscribes or publishes; ``NodeDiagnostics`` feeds these classes and publishes what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

TICK_S = 0.25
"""How often a node looks around."""
QUIET_TICKS = 7
"""A node whose diagnostics, one per second, were missed for so many ticks is reported: before 2 s are over."""
STILL_NS = 625_000_000
"""A clock that has shown one time for so long, by the steady clock, stands still.

Two and a half ticks, so that the third look finds it, however early it comes: it is reported within a second."""
MIN_OBSERVATIONS = 10
"""Over how many observations, at least, the share of lost ones is computed."""
MAX_LOST_SHARE = 0.2
"""A larger share of observations that never became complete is reported."""


@dataclass
class _Instances:
    """The nodes of one name whose diagnostics were received."""

    ticks: dict[str, int] = field(default_factory=dict)
    """The tick at which each instance was received last, in the order in which they were received last."""
    is_doubled: bool = False
    is_lost: bool = False

    def add(self, instance: str, tick: int) -> None:
        """Note an instance; one that is received again after another one shows that both run."""
        last = next(reversed(self.ticks), instance)
        self.is_doubled |= instance != last and instance in self.ticks
        self.ticks.pop(instance, None)
        self.ticks[instance] = tick

    def forget_quiet(self, tick: int) -> None:
        """Forget the instances that are silent, except the one that was received last."""
        *_, last = self.ticks
        self.ticks = {one: then for one, then in self.ticks.items() if tick - then < QUIET_TICKS or one == last}
        self.is_doubled &= len(self.ticks) > 1


class NodeRoster:
    """Which of our nodes publish diagnostics, and which have stopped.

    Silence is counted in ticks of a timer of the receiving node, so that its own stalls are not counted. A node
    that ended properly has left discovery by the time that it is missed; one that was killed is still listed there.
    """

    def __init__(self) -> None:
        self._tick = 0
        self._nodes: dict[str, _Instances] = {}

    def add(self, name: str, instance: str) -> None:
        """Note the diagnostics of a node; ``instance``, which ends with its gid, is one of those with its name."""
        node = self._nodes.setdefault(name, _Instances())
        node.add(instance, self._tick)
        node.is_lost = False

    def tick(self, discovered: Callable[[], Collection[str]]) -> None:
        """Count one tick; ``discovered`` returns the gids that discovery lists, and is called when a node is missed."""
        self._tick += 1
        for name, node in list(self._nodes.items()):
            node.forget_quiet(self._tick)
            if not node.is_lost and self._silence(node) >= QUIET_TICKS:
                *_, last = node.ticks
                node.is_lost = last.rpartition(":")[2] in discovered()
                if not node.is_lost:
                    del self._nodes[name]

    def _silence(self, node: _Instances) -> int:
        return self._tick - max(node.ticks.values())

    def lost(self) -> dict[str, float]:
        """Return the nodes that have stopped publishing, each with for how long, s."""
        return {name: TICK_S * self._silence(node) for name, node in self._nodes.items() if node.is_lost}

    def doubled(self) -> dict[str, list[str]]:
        """Return the names under which several nodes run, with the instances."""
        return {name: sorted(node.ticks) for name, node in self._nodes.items() if node.is_doubled}

    def complaints(self) -> list[str]:
        """Return a complaint for each of them."""
        lost = [
            f"no diagnostics of {name} for {silence_s:.0f} s: it died, hangs or is cut off; read its log, restart it"
            for name, silence_s in self.lost().items()
        ]
        doubled = self.doubled()
        if not doubled:
            return lost
        places = {name: [one.rpartition(":")[0] for one in instances] for name, instances in sorted(doubled.items())}
        who = ", ".join(f"{name} ({' and '.join(where)})" for name, where in places.items())
        what = "two graphs run in one domain" if len(doubled) > 1 else "two nodes of one name run"
        return [*lost, f"{what}: {who}; end one of them, or give it another namespace or ROS_DOMAIN_ID"]

    def running(self, name: str) -> int | None:
        """Return how many nodes of a name run now; None if it is not the name of one of our nodes."""
        node = self._nodes.get(name)
        if node is None:
            return None
        return 0 if node.is_lost else len(node.ticks) if node.is_doubled else 1


class StillClock:
    """Whether simulated time stands still, measured by the steady clock."""

    def __init__(self, now_ns: int) -> None:
        self._shown_ns, self._since_ns, self._now_ns = 0, now_ns, now_ns

    def look(self, shown_ns: int, now_ns: int) -> None:
        """Note that the clock shows ``shown_ns`` now."""
        self._now_ns = now_ns
        if shown_ns != self._shown_ns:
            self._shown_ns, self._since_ns = shown_ns, now_ns

    def complaint(self) -> str:
        """Return what is wrong with it; empty if it runs."""
        stood_ns = self._now_ns - self._since_ns
        if stood_ns < STILL_NS:
            return ""
        if not self._shown_ns:
            return "the clock stands at 0: use_sim_time is set, and nobody publishes /clock; publish it, or unset it"
        return (
            f"/clock has stood still at {self._shown_ns / 1e9:.3f} s for {stood_ns / 1e9:.0f} s; is the simulation "
            "paused, between two episodes, or gone?"
        )


class SharedJoints:
    """Which joints of one JointState topic come from several publishers, by the sequence numbers of the messages.

    The middleware numbers the messages of each publisher upwards, so that a joint whose numbers fall again and again
    has more than one.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._falls: dict[str, int] = {}

    def add(self, joints: Iterable[str], number: int) -> None:
        """Note the joints and the sequence number of a message."""
        for joint in joints:
            if number <= self._last.get(joint, -1):
                self._falls[joint] = self._falls.get(joint, 0) + 1
            self._last[joint] = number

    def found(self) -> list[str]:
        """Return the joints; one fall alone is a publisher that was restarted."""
        return sorted(joint for joint, falls in self._falls.items() if falls > 1)


class LostShare:
    """The share of observations that never became complete, over the last few of them."""

    def __init__(self) -> None:
        self.complete = 0
        """Observations that became complete; the caller counts them."""
        self._then = (0, 0)
        self.share = 0.0

    def update(self, dropped: int) -> None:
        """Compute the share; ``dropped`` observations never became complete since the start."""
        complete, lost = self.complete - self._then[0], dropped - self._then[1]
        if complete + lost >= MIN_OBSERVATIONS:
            self.share, self._then = lost / (complete + lost), (self.complete, dropped)

    def complaint(self, rates: Sequence[tuple[str, float]]) -> str:
        """Return a complaint with the rate of each topic, Hz; empty if hardly anything is lost."""
        if self.share <= MAX_LOST_SHARE:
            return ""
        listed = ", ".join(f"{topic} {rate:.1f} Hz" for topic, rate in rates)
        return (
            f"{self.share:.0%} of the observations never became complete ({listed}): the messages of one step need one "
            "stamp; correct their publishers, or put resync_node between"
        )
