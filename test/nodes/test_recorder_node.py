# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The recorder, message by message: a stamp that cannot be ends nothing, a clock that was set begins an episode."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from il_ros.core import messages, topics
from il_ros.core.contract import Contract
from il_ros.core.types import EpisodeStart
from il_ros.nodes.recorder_node import RecorderNode
from il_ros.recording.bag import reader as bag
from il_ros.ros.message_types import message_class

CONTRACT = Contract.load("panda_plane")
STEP_NS = CONTRACT.step_ns
FAR_NS = (2**31 - 2) * 10**9


class Recorder:
    """A recorder that hears what the test says, at the times at which the test says it."""

    def __init__(self, node: RecorderNode, callbacks: dict[str, Any], folder: Path) -> None:
        self.node, self.folder, self._callbacks, self._sequence = node, folder, callbacks, 0
        self.now_ns = 10**12
        node.now_ns = lambda: self.now_ns  # type: ignore[method-assign]
        self.complaints: list[str] = []
        node.complain = self.complaints.append  # type: ignore[method-assign,assignment]

    def say(self, topic: str, data: bytes, publisher: str = "arm") -> None:
        self._sequence += 1
        info = {"publication_sequence_number": self._sequence, "source_timestamp": 0, "publisher_gid": publisher}
        self._callbacks[topic](data, info)

    def stamped(self, topic: str, stamp_ns: int, publisher: str = "arm") -> None:
        kinds = {"/clock": "rosgraph_msgs/msg/Clock", "command": CONTRACT.command_type, **CONTRACT.topics}
        kinds |= {t.name: t.type_name for t in (topics.EXPERT_ACTION, topics.POLICY_ACTION, topics.AUTHORITY)}
        message = message_class(kinds[topic])()
        if topic == "/clock":
            message.clock.sec, message.clock.nanosec = divmod(stamp_ns, 10**9)
        else:
            messages.set_stamp(message, stamp_ns)
        self.say(topic, serialize_message(message), publisher)

    def step(self, stamp_ns: int, publisher: str = "arm") -> None:
        """One control step of the graph."""
        self.now_ns += STEP_NS
        for topic in ("/clock", *CONTRACT.topics, "expert/action", "command", "gate/authority"):
            self.stamped(topic, stamp_ns, publisher)
        self.node.recorder.watch()

    def steps(self, first_ns: int, count: int, publisher: str = "arm") -> int:
        for k in range(count):
            self.step(first_ns + k * STEP_NS, publisher)
        return first_ns + count * STEP_NS

    def event(self, **told: Any) -> None:
        self.say("episode", serialize_message(String(data=json.dumps(told))))

    def start(self, first_ns: int, seed: int = 1) -> None:
        self.event(event="start", **vars(EpisodeStart("reach", seed, first_ns)))

    def end(self, first_ns: int, last_ns: int, seed: int = 1) -> None:
        told = {"task": "reach", "seed": seed, "outcome": "success", "way": None, "steps": 1, "last_stamp_ns": last_ns}
        self.event(event="end", first_stamp_ns=first_ns, **told)
        self.now_ns += 10**9
        self.node.recorder.watch()

    def bags(self) -> list[dict[str, Any]]:
        self.node.recorder.finish()
        return [bag.read(path).facts for path in self.node.recorder.episodes.closed()]


@pytest.fixture
def recorder(ros: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    callbacks: dict[str, Any] = {}

    def subscribe_raw(self: Any, topic: Any, callback: Any) -> None:
        callbacks[topic.name] = lambda data, info: self._guarded(callback, data, info)

    monkeypatch.setattr(RecorderNode, "subscribe_raw", subscribe_raw)
    ros(folder=str(tmp_path / "episodes"), contract="panda_plane")
    node = RecorderNode()
    made = Recorder(node, callbacks, tmp_path / "episodes")
    assert node.active
    yield made
    node.close()


ONE_OF_ALL = ("/clock", *CONTRACT.topics, "expert/action", "policy/action", "command", "gate/authority")


@pytest.mark.parametrize("topic", ONE_OF_ALL)
@pytest.mark.parametrize("stamp_ns", [FAR_NS, 0, 8 * 10**9])
@pytest.mark.parametrize("is_between", [False, True])
def test_one_message_whose_stamp_cannot_be_ends_nothing(
    recorder: Recorder, topic: str, stamp_ns: int, is_between: bool
) -> None:
    begin = 10**9 if stamp_ns == 8 * 10**9 else 100 * 10**9
    for seed in (1, 2, 3):
        recorder.start(begin, seed)
        end = recorder.steps(begin, 10)
        if seed == 1 and not is_between:
            recorder.stamped(topic, stamp_ns)
        end = recorder.steps(end, 10) - STEP_NS
        recorder.end(begin, end, seed)
        if seed == 1 and is_between:
            recorder.stamped(topic, stamp_ns)
        begin = end + 10**9
    facts = recorder.bags()
    assert [(f["seed"], f["complete"], f.get("partial")) for f in facts] == [(n, True, None) for n in (1, 2, 3)]
    if stamp_ns == FAR_NS:
        assert any("far from the observation's" in told for told in recorder.complaints)
        assert is_between or facts[0]["stray"] == {recorder.node.resolve_topic_name(topic): 1}
    counts = [bag.read(path).counts[recorder.node.resolve_topic_name("command")] for path in closed(recorder)]
    assert all(20 <= count <= 21 for count in counts[1:])


def closed(recorder: Recorder) -> list[Path]:
    return recorder.node.recorder.episodes.closed()


@pytest.mark.parametrize("other_ns", [10**9, 99 * 10**9, 200 * 10**9, FAR_NS])
@pytest.mark.parametrize("publisher", ["arm", "arm started anew"])
@pytest.mark.parametrize("announced", ["no", "before", "after"])
def test_a_clock_that_was_set_closes_the_episode_as_partial_and_begins_another(
    recorder: Recorder, other_ns: int, publisher: str, announced: str
) -> None:
    recorder.start(100 * 10**9, 1)
    until = recorder.steps(100 * 10**9, 20)
    if announced == "before":
        recorder.start(other_ns, 1 if other_ns == 10**9 else 2)
    recorder.step(other_ns, publisher)
    if announced == "after":
        recorder.start(other_ns, 2)
    since = recorder.now_ns
    after = recorder.steps(other_ns + STEP_NS, 20, publisher)
    assert recorder.now_ns - since <= 10**9
    if announced != "no":
        recorder.end(other_ns, after - STEP_NS, 2)
    else:
        recorder.node.operator_services.stop()
    facts = recorder.bags()
    assert len(facts) == 2 and facts[0]["partial"] and not facts[0].get("complete")
    assert "clock went from" in facts[0]["reason"] or "another episode began" in facts[0]["reason"]
    assert facts[0]["seed"] == 1 and facts[1].get("partial") is None
    if announced != "no":
        assert facts[1]["complete"] and facts[1]["seed"] == 2
    stamps = [bag_stamps(recorder, n) for n in (0, 1)]
    assert stamps[0] == list(range(100 * 10**9, until, STEP_NS))
    assert stamps[1] == list(range(other_ns, after, STEP_NS))


def bag_stamps(recorder: Recorder, number: int) -> list[int]:
    reader, found = bag.read(closed(recorder)[number]), []
    for _, _, message in reader.messages([recorder.node.resolve_topic_name("tool_pose")]):
        found.append(messages.stamp_ns(message))
    return found


def test_an_arm_that_announces_nothing_is_recorded_again_after_its_clock_went_back(recorder: Recorder) -> None:
    recorder.start(50 * 10**9)
    end = recorder.steps(50 * 10**9, 20) - STEP_NS
    recorder.end(50 * 10**9, end)
    recorder.steps(10**9, 20)
    episode = recorder.node.recorder.current
    assert episode is not None and episode.last_ns[recorder.node.recorder.observed[0]] == 10**9 + 19 * STEP_NS


@pytest.mark.parametrize("text", ["no JSON", "3", "[]", '{"event": "end"}', '{"a":' * 2000 + "1" + "}" * 2000])
def test_words_that_make_no_sense_are_told_and_recorded(recorder: Recorder, text: str) -> None:
    recorder.start(10**9)
    recorder.steps(10**9, 3)
    recorder.say("episode", serialize_message(String(data=text)))
    recorder.say("episode", b"\0\1\0\0\xff")
    recorder.say("tool_pose", b"\0\1")
    recorder.steps(10**9 + 3 * STEP_NS, 3)
    recorder.end(10**9, 10**9 + 5 * STEP_NS)
    assert sum("episode" in told for told in recorder.complaints) == 2
    assert sum("tool_pose" in told for told in recorder.complaints) == 1
    (facts,) = recorder.bags()
    assert facts["complete"] and bag.read(closed(recorder)[0]).counts["/episode"] == 4


def test_facts_of_an_announcement_cannot_stand_in_for_its_own(recorder: Recorder) -> None:
    recorder.event(event="start", task="reach", seed=3, first_stamp_ns=10**9, facts={"task": "other", "seed": 9})
    recorder.steps(10**9, 3)
    recorder.end(10**9, 10**9 + 2 * STEP_NS, 3)
    (facts,) = recorder.bags()
    assert (facts["task"], facts["seed"]) == ("reach", 3)
