# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a node can tell of the health of the graph around it: nodes that died or run twice, clocks, lost observations.

Nothing here subscribes or publishes; ``IlNode`` feeds these classes and tells what they find in its diagnostics.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

TICK_S = 0.25
"""How often a node looks around."""
QUIET_TICKS = 7
"""A node whose diagnostics, which come once a second, were missed for so many ticks is told of: before 2 s are over."""
STILL_NS = 750_000_000
"""A clock that has shown one time for so long, by the steady clock, stands still."""
MIN_OBSERVATIONS = 10
"""Over how many observations, at least, the share of the lost ones is told."""
MAX_LOST_SHARE = 0.2
"""A larger share of observations that never became complete is told of."""


@dataclass
class _Heard:
    """What was heard of one name."""

    ticks: dict[str, int] = field(default_factory=dict)
    """The tick at which each instance was heard last, in the order in which they were heard last."""
    is_doubled: bool = False
    is_lost: bool = False

    def add(self, instance: str, tick: int) -> None:
        """Take note of an instance; one that is heard again after another one shows that both live."""
        last = next(reversed(self.ticks), instance)
        self.is_doubled |= instance != last and instance in self.ticks
        self.ticks.pop(instance, None)
        self.ticks[instance] = tick

    def forget_quiet(self, tick: int) -> None:
        """Keep the instances that are heard now, or the one that was heard last."""
        *_, last = self.ticks
        self.ticks = {one: then for one, then in self.ticks.items() if tick - then < QUIET_TICKS or one == last}
        self.is_doubled &= len(self.ticks) > 1


class NodeRoster:
    """Which of our nodes are heard, and which have fallen silent.

    Silence is counted in ticks of a timer of the node that listens, so that its own stalls are nobody's silence. A node
    that ended properly has left discovery by the time that it is missed; one that was killed is still listed there.
    """

    def __init__(self) -> None:
        self._tick = 0
        self._heard: dict[str, _Heard] = {}

    def hear(self, name: str, instance: str) -> None:
        """The diagnostics of a node have come; ``instance`` tells it from others of its name, and ends with its gid."""
        heard = self._heard.setdefault(name, _Heard())
        heard.add(instance, self._tick)
        heard.is_lost = False

    def tick(self, discovered: Callable[[], Collection[str]]) -> None:
        """Time has passed; ``discovered`` gives the gids that discovery lists, and is asked when a node is missed."""
        self._tick += 1
        for name, heard in list(self._heard.items()):
            heard.forget_quiet(self._tick)
            if not heard.is_lost and self._silence(heard) >= QUIET_TICKS:
                *_, last = heard.ticks
                heard.is_lost = last.rpartition(":")[2] in discovered()
                if not heard.is_lost:
                    del self._heard[name]

    def _silence(self, heard: _Heard) -> int:
        return self._tick - max(heard.ticks.values())

    def lost(self) -> dict[str, float]:
        """The nodes that were heard and are not any more, each with how long, s."""
        return {name: TICK_S * self._silence(heard) for name, heard in self._heard.items() if heard.is_lost}

    def doubled(self) -> dict[str, list[str]]:
        """The names under which several nodes run, with the instances."""
        return {name: sorted(heard.ticks) for name, heard in self._heard.items() if heard.is_doubled}

    def complaints(self) -> list[str]:
        """What to tell of them."""
        found = [
            f"{name} has not been heard for {silence_s:.0f} s: it died, hangs or is cut off; read its log, restart it"
            for name, silence_s in self.lost().items()
        ]
        doubled = self.doubled()
        if not doubled:
            return found
        places = {name: [one.rpartition(":")[0] for one in instances] for name, instances in sorted(doubled.items())}
        who = ", ".join(f"{name} ({' and '.join(where)})" for name, where in places.items())
        what = "two graphs run in one domain" if len(doubled) > 1 else "two nodes of one name run"
        return [*found, f"{what}: {who}; end one of them, or give it another namespace or ROS_DOMAIN_ID"]

    def running(self, name: str) -> int | None:
        """How many nodes of a name are heard now; None if it is not the name of one of our nodes."""
        heard = self._heard.get(name)
        if heard is None:
            return None
        return 0 if heard.is_lost else len(heard.ticks) if heard.is_doubled else 1


class StillClock:
    """Whether simulated time stands still, measured by the steady clock."""

    def __init__(self, now_ns: int) -> None:
        self._shown_ns, self._since_ns, self._now_ns = 0, now_ns, now_ns

    def look(self, shown_ns: int, now_ns: int) -> None:
        """The clock shows ``shown_ns`` now."""
        self._now_ns = now_ns
        if shown_ns != self._shown_ns:
            self._shown_ns, self._since_ns = shown_ns, now_ns

    def complaint(self) -> str:
        """What is wrong with it; empty if it runs."""
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
    """Which joints of one JointState topic come from several publishers, told by the numbers of the messages.

    The middleware numbers the messages of each publisher upwards, so that a joint whose numbers fall again and again
    has more than one.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._falls: dict[str, int] = {}

    def add(self, joints: Iterable[str], number: int) -> None:
        """A message has come."""
        for joint in joints:
            if number <= self._last.get(joint, -1):
                self._falls[joint] = self._falls.get(joint, 0) + 1
            self._last[joint] = number

    def found(self) -> list[str]:
        """The joints; one fall alone is a publisher that was started anew."""
        return sorted(joint for joint, falls in self._falls.items() if falls > 1)


class LostShare:
    """The share of observations that never became complete, over the last few of them."""

    def __init__(self) -> None:
        self.complete = 0
        """Observations that became complete, to be counted by whoever takes them."""
        self._then = (0, 0)
        self.share = 0.0

    def update(self, dropped: int) -> None:
        """So many observations never became complete, since the start."""
        complete, lost = self.complete - self._then[0], dropped - self._then[1]
        if complete + lost >= MIN_OBSERVATIONS:
            self.share, self._then = lost / (complete + lost), (self.complete, dropped)

    def complaint(self, rates: Sequence[tuple[str, float]]) -> str:
        """What to tell, with the rate of each topic, Hz; empty if hardly anything is lost."""
        if self.share <= MAX_LOST_SHARE:
            return ""
        told = ", ".join(f"{topic} {rate:.1f} Hz" for topic, rate in rates)
        return (
            f"{self.share:.0%} of the observations never became complete ({told}): the messages of one step need one "
            "stamp; mend their publishers, or put resync_node between"
        )
