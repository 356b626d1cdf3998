# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A stamp that cannot be changes nothing; a clock that was set is followed with the next message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from il_ros.recording.episodes.stamp_progress import FAR_NS, PATIENCE_NS, SETTLE_NS, StampProgress, Verdict

STEP_NS, LAG_NS = 50_000_000, 100_000_000
GOES_ON, DOUBTFUL, MOVED = Verdict.GOES_ON, Verdict.DOUBTFUL, Verdict.MOVED


class Clock:
    """Publishers that follow each other by steady time."""

    def __init__(self) -> None:
        self.progress, self.steady_ns = StampProgress(STEP_NS, LAG_NS), 10**12

    def say(self, stamp_ns: int, publisher: str = "arm", after_ns: int = STEP_NS) -> Verdict:
        self.steady_ns += after_ns
        return self.progress.add(publisher, stamp_ns, self.steady_ns)


starts = st.integers(0, 10**18)
elsewhere = st.integers(0, 2**31 * 10**9)
seconds = st.integers(0, 20 * 10**9)


@given(starts | seconds, st.integers(1, 20), st.lists(st.tuples(st.integers(1, 20), elsewhere | seconds), max_size=10))
def test_single_stamps_that_cannot_be_leave_the_clock_as_it_is(
    start: int, first: int, strays: list[tuple[int, int]]
) -> None:
    clock, k = Clock(), 0
    for steps, stray in [(first, None), *strays, (1, None)]:
        for _ in range(steps):
            k += 1
            assert clock.say(start + k * STEP_NS) is GOES_ON
        now = start + k * STEP_NS
        if stray is not None and now + STEP_NS < stray <= now + FAR_NS:
            assert clock.say(stray) is GOES_ON
        elif stray is not None and not now - STEP_NS <= stray <= now + FAR_NS:
            assert clock.say(stray) is DOUBTFUL
            assert clock.progress.is_near(stray) == (abs(stray - now) <= FAR_NS)
            assert clock.progress.is_in_doubt(clock.steady_ns)
    assert clock.progress.now_ns == start + k * STEP_NS and not clock.progress.is_in_doubt(clock.steady_ns)


@given(starts, elsewhere)
def test_a_clock_that_was_set_is_followed_from_its_second_message_on(start: int, other: int) -> None:
    clock = Clock()
    clock.say(start)
    if start - 3 * STEP_NS <= other <= start + FAR_NS:
        return
    assert [clock.say(other), clock.say(other + STEP_NS)] == [DOUBTFUL, MOVED]
    assert (clock.progress.before_ns, clock.progress.now_ns) == (start, other + STEP_NS)
    assert clock.say(other + 2 * STEP_NS) is GOES_ON


@given(starts, elsewhere, st.booleans())
def test_a_clock_whose_setting_is_announced_is_followed_at_once(start: int, other: int, is_told_first: bool) -> None:
    clock = Clock()
    clock.say(start)
    if start - LAG_NS <= other <= start + FAR_NS:
        return
    if is_told_first:
        assert clock.progress.expect(other) is GOES_ON
        assert clock.say(other, "another") is MOVED
    else:
        assert clock.say(other, "another") is DOUBTFUL
        assert clock.progress.expect(other) is MOVED
    assert clock.progress.now_ns == other


def test_an_arm_that_is_started_anew_is_believed_once_the_old_one_is_silent() -> None:
    clock = Clock()
    clock.say(100 * 10**9)
    verdicts = [clock.say(10**9 + k * STEP_NS, "new") for k in range(8)]
    settled = 1 + SETTLE_NS // STEP_NS
    assert verdicts == [DOUBTFUL] * (settled - 1) + [MOVED] + [GOES_ON] * (8 - settled)


@given(st.integers(-(10**18), 10**18), st.integers(1, 60))
def test_a_second_publisher_with_a_clock_of_its_own_never_sets_the_clock(offset: int, rate: int) -> None:
    clock, start = Clock(), 10**18
    for k in range(1, 40):
        assert clock.say(start + k * STEP_NS, "arm", 0) is GOES_ON
        for n in range(rate):
            stamp = start + k * STEP_NS + offset + n * STEP_NS // rate
            assert clock.say(stamp, "gripper", STEP_NS // rate) is not MOVED
    assert clock.progress.is_near(start + 40 * STEP_NS)


def test_doubt_ends_by_itself() -> None:
    clock = Clock()
    clock.say(100 * 10**9)
    clock.say(0)
    assert clock.progress.is_in_doubt(clock.steady_ns + PATIENCE_NS)
    assert not clock.progress.is_in_doubt(clock.steady_ns + PATIENCE_NS + 1)
    assert clock.say(100 * 10**9 + STEP_NS) is GOES_ON
