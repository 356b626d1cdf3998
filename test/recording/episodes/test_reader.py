# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from il_ros.core import messages
from il_ros.core.episode import Authority
from il_ros.core.errors import DataError
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.write.finalize import finalize

STEPS = 6


@pytest.fixture
def episode_of(journal_of, tmp_path_factory, contract):
    def read(sent, **facts):
        folder = tmp_path_factory.mktemp("episodes")
        return read_episode(finalize(journal_of(sent, folder=folder), folder, facts), contract)

    return read


def test_a_step_is_an_observation_and_its_record(kit, episode_of):
    who = ["policy", "policy", "expert", "expert", "hold", "policy"]
    sent = [m for k in range(STEPS) for m in kit.step(k, who=who[k], intervention=int(who[k] == "expert"))]
    episode = episode_of(sent, outcome="success")
    assert episode.stamps_ns.tolist() == [1_000_000_000 + k * kit.STEP_NS for k in range(STEPS)]
    expected = [[k / 100, -k / 100, 0.5, 0.1] for k in range(STEPS)]
    np.testing.assert_array_equal(episode.observations, np.array(expected, np.float32))
    np.testing.assert_array_equal(episode.executed, np.tile(np.array([0.1, -0.2], np.float32), (STEPS, 1)))
    assert [Authority(a).name.lower() for a in episode.authority] == who
    assert np.isnan(episode.expert).all() and not np.isnan(episode.policy).any()
    assert episode.interventions == 1
    assert {"outcome": "success", "steps": STEPS, "dropped": {}}.items() <= episode.facts.items()


def test_holds_without_an_observation_are_no_steps_and_nothing_that_was_dropped(kit, episode_of):
    sent = [m for k in range(STEPS) for m in kit.step(k)]
    for ns in (1_000_000_000 + kit.STEP_NS, 1_000_000_000 + STEPS * kit.STEP_NS + 7):
        record = kit.authority(ns, "hold", executed="0.0 0.0")
        record.status[0].message = "no complete observation: tool_pose is missing"
        sent.insert(0, kit.sent("/gate/authority", record, ns))
    episode = episode_of(sent)
    assert len(episode) == STEPS and episode.facts["dropped"] == {} and set(episode.authority) == {Authority.POLICY}


def test_a_record_of_another_robot_is_no_step(kit, episode_of):
    sent = [m for k in range(STEPS) for m in kit.step(k)]
    ns = 1_000_000_000 + 2 * kit.STEP_NS
    for executed in ("0.1", "1 2 3", "1e300 0"):
        record = kit.authority(ns, executed=executed, policy="")
        episode = episode_of([kit.sent("/gate/authority", record, ns), *sent])
        assert len(episode) == STEPS - 1 and episode.facts["dropped"] == {"malformed or not finite": 1}


def test_the_bag_gives_the_numbers_that_the_live_policy_saw(kit, contract, episode_of):
    rng = np.random.default_rng(0)
    live, sent = [], []
    for k in range(STEPS):
        ns = 1_000_000_000 + k * kit.STEP_NS
        seen = {"tool_pose": kit.tool(ns, rng.normal()), "objects": kit.objects(ns)}
        live.append(messages.observation(contract, seen))
        sent += [kit.sent(f"/{topic}", message, ns) for topic, message in seen.items()]
        sent.append(kit.sent("/gate/authority", kit.authority(ns), ns))
    np.testing.assert_array_equal(episode_of(sent).observations, np.array(live))


TOPICS = ("tool_pose", "objects", "gate/authority")
present = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=STEPS)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(times=present, order=st.randoms(use_true_random=False))
def test_steps_are_the_stamps_that_have_everything_however_topics_interleave(kit, episode_of, times, order):
    """Each topic keeps its order; any message may be missing or come twice."""
    queues = [
        [kit.step(k)[topic] for k, row in enumerate(times) for _ in range(row[topic])] for topic in range(len(TOPICS))
    ]
    sent = []
    while any(queues):
        sent.append(order.choice([queue for queue in queues if queue]).pop(0))
    episode = episode_of(sent, partial=True)
    whole = [1_000_000_000 + k * kit.STEP_NS for k, row in enumerate(times) if all(row)]
    if all(any(row[topic] for row in times) for topic in range(3)):
        assert episode.stamps_ns.tolist() == whole
        stamps = sum(any(row) for row in times)
        assert sum(episode.facts["dropped"].values()) + len(whole) == stamps


def test_dropped_steps_are_counted_by_reason(kit, episode_of):
    steps = [kit.step(k) for k in range(7)]
    del steps[1][1]  # no objects
    del steps[2][2]  # no record
    del steps[3][:2]  # a record alone
    ns = steps[4][0].log_time_ns
    steps[4][0] = kit.sent("/tool_pose", kit.tool(ns, float("nan")), ns)
    ns = steps[5][0].log_time_ns
    steps[5][2] = kit.sent("/gate/authority", kit.authority(ns, executed="inf 0.0"), ns)
    episode = episode_of(itertools.chain(*steps))
    assert len(episode) == 2 and episode.facts["dropped"] == {
        "incomplete observation": 1,
        "no record of authority": 1,
        "no observation": 1,
        "malformed or not finite": 2,
    }


def test_a_namespace_does_not_matter(kit, episode_of):
    plain = episode_of([m for k in range(3) for m in kit.step(k)])
    spaced = episode_of([m for k in range(3) for m in kit.step(k, prefix="/arm1/")])
    np.testing.assert_array_equal(plain.observations, spaced.observations)
    assert len(spaced) == 3


def test_a_topic_that_could_be_either_of_two_is_refused(kit, episode_of):
    with pytest.raises(DataError, match=r"'tool_pose' may be any of /arm1/tool_pose, /arm2/tool_pose"):
        episode_of([*kit.step(0, prefix="/arm1/"), *kit.step(0, prefix="/arm2/")])


def test_the_end_of_another_name_is_no_match(kit, episode_of):
    ns = 1_000_000_000
    other = kit.sent("/other_tool_pose", kit.tool(ns), ns)
    assert len(episode_of([other, *kit.step(0)])) == 1


def test_a_bag_without_a_topic_of_the_contract_is_refused_unless_it_broke_off(kit, episode_of):
    with pytest.raises(DataError, match=r"panda_plane.*needs objects, the bag has /gate/authority, /tool_pose"):
        episode_of([kit.step(0)[0], kit.step(0)[2]])
    episode = episode_of([kit.step(0)[0]], partial=True)
    assert len(episode) == 0 and episode.observations.shape == (0, 4) and episode.executed.shape == (0, 2)


def test_a_bag_of_which_no_step_can_be_used_says_why(kit, episode_of):
    ns = 1_000_000_000
    broken = kit.sent("/tool_pose", kit.tool(ns, float("inf")), ns)
    with pytest.raises(DataError, match="'tool_x' is not a finite number"):
        episode_of([broken, *kit.step(0)[1:]])
