# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Between an arm whose topics have clocks and rates of their own and the graph: the newest of each, with one stamp.

An observation is made of messages that carry equal stamps. This node hears ``raw/joint_states`` and the like, remapped
to what drivers and perception publish, and once a control step repeats the newest message of each under the name that
the contract has for it, with the time of the step. So bags of it hold what the policy saw.

When things fail: while a topic of the contract has not been heard for longer than the contract's ``foreign: stale_s``
(two steps, or 0.1 s, unless it says otherwise) nothing is said, so that the arm holds, and which topic it is that is
missed is told. Fresh is what has come lately; how old its stamp was, the diagnostics tell. What an expert needs beside
the contract's topics is passed on while it is heard.
"""

from __future__ import annotations

import struct
from typing import Any

from il_ros.errors import ConfigError
from il_ros.nodes import interface
from il_ros.nodes.executor import main as run
from il_ros.nodes.interface import GLANCE
from il_ros.nodes.node import IlNode
from il_ros.nodes.parameters import NodeParameters

RAW = "raw/"
"""What the names begin with under which the topics are heard."""
CLOCK_S = 1.0
"""How often the clock is looked at."""
STAMP_AT = 4
"""Where the stamp is in the bytes of a message that begins with a header."""


class AlignNode(IlNode[NodeParameters]):
    """Repeats the newest messages, once a step."""

    def __init__(self) -> None:
        super().__init__("align_node", NodeParameters)
        self._newest: dict[str, tuple[int, bytes]] = {}
        """When the last message of each topic came, by the steady clock, and what it was."""
        seen = {topic.name: topic for topic in (*interface.READING, *interface.observed(self.contract))}
        self._topics = {name: self.publisher(topic) for name, topic in seen.items()}
        for name, topic in seen.items():
            if name.startswith("/"):
                raise ConfigError(
                    f"topic {name!r} would be heard and said under one name; name it without slashes in the contract "
                    f"and remap {RAW}{name.rpartition('/')[2]} to it"
                )
            keep = lambda data, info, name=name: self._newest.update({name: (self.now_ns(), data)})  # noqa: E731
            self.subscribe_raw(topic._replace(name=RAW + name), keep, GLANCE)
        self.create_timer(1.0 / self.contract.rate_hz, lambda: self._guarded(self._say))  # on the clock of the stamps
        self.every(CLOCK_S, self._look_at_the_clock)
        self.start()

    def _say(self) -> None:
        """Repeat what is fresh, if the contract's topics are."""
        fresh_ns, stamp_ns = self.now_ns() - self.contract.stale_ns, self.get_clock().now().nanoseconds
        fresh = {name: data for name, (heard_ns, data) in self._newest.items() if heard_ns >= fresh_ns}
        missed = [RAW + name for name in self.contract.topics if name not in fresh]
        if missed:
            stale_s = self.contract.stale_ns / 1e9
            self.complain(f"nothing heard on {' and '.join(missed)} for {stale_s:g} s; is it remapped, does it come?")
        else:
            for name, data in fresh.items():
                self._topics[name].publish(_stamped(data, stamp_ns))

    def _look_at_the_clock(self) -> None:
        """A simulated clock that nobody tells stands at 0."""
        if not self.get_clock().now().nanoseconds:
            self.complain("the clock stands at 0, so nothing is said; with use_sim_time somebody must publish /clock")

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell."""
        now_ns, clock_ns, told = self.now_ns(), self.get_clock().now().nanoseconds, {}
        for name, (heard_ns, data) in self._newest.items():
            told[f"{RAW}{name}_age_s"] = f"{(now_ns - heard_ns) / 1e9:.3f}"
            told[f"{RAW}{name}_stamp_age_s"] = f"{(clock_ns - _stamp_ns(data)) / 1e9:.3f}"
        return told


def _form(data: bytes) -> str:
    return "<iI" if data[1] & 1 else ">iI"


def _stamp_ns(data: bytes) -> int:
    sec, nanosec = struct.unpack_from(_form(data), data, STAMP_AT)
    return int(sec) * 1_000_000_000 + int(nanosec)


def _stamped(data: bytes, stamp_ns: int) -> bytes:
    """The same message with another stamp."""
    stamp = struct.pack(_form(data), *divmod(stamp_ns, 1_000_000_000))
    return data[:STAMP_AT] + stamp + data[STAMP_AT + len(stamp) :]


def main() -> int:
    """Entry point."""
    return run(AlignNode)


if __name__ == "__main__":
    raise SystemExit(main())
