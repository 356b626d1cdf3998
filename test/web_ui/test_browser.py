# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A person at the page, in a real browser before a real graph."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import signal
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from benchmarks.browser import UNDRAWN
from il_ros.core import messages
from il_ros.core.contract import Contract
from il_ros.core.episode import Authority
from il_ros.gate.gate import CUT_OFF, LATE, STALE
from il_ros.gate.state_machine import Event
from il_ros.learning.dagger import ledger
from il_ros.recording.bag.reader import read
from il_ros.recording.episodes.reader import authorities, read_episode
from il_ros.recording.episodes.store import EpisodeStore

pytestmark = [pytest.mark.graph, pytest.mark.alone, pytest.mark.slow]

CONTRACT = Contract.load("panda_plane")
STOPS_S = 0.25


@contextlib.contextmanager
def seated(browser: Any, stage: Any, script: str = "") -> Iterator[Any]:
    """A tab with somebody at the controls, and an episode that waits for them."""
    context = browser.new_context(viewport={"width": 760, "height": 520})
    try:
        context.add_init_script(script)
        page = context.new_page()
        page.goto(stage.url)
        sit(page)
        begin(page, stage)
        yield page
    finally:
        context.close()


@pytest.fixture
def page(browser: Any, stage: Any) -> Iterator[Any]:
    """One whose picture is drawn."""
    with seated(browser, stage) as made:
        yield made


@pytest.fixture
def undrawn(browser: Any, stage: Any) -> Iterator[Any]:
    """One whose picture is not drawn, while all else of it is there; see ``UNDRAWN``."""
    with seated(browser, stage, UNDRAWN) as made:
        yield made


def sit(page: Any, name: str = "Anna") -> None:
    page.fill("#name", name)
    free = "document.getElementById('driver').textContent !== '' && !document.getElementById('sit').disabled"
    page.wait_for_function(free)  # whoever asks while the last tab is being closed is refused
    page.click("#sit")
    page.wait_for_function("document.getElementById('driver').textContent === 'You drive.'")


def begin(page: Any, stage: Any) -> None:
    number = page.text_content("#episode")
    page.keyboard.press("n")
    page.wait_for_function(f"document.getElementById('episode').textContent !== {json.dumps(number)}")
    stage.listen(0.3)  # what is still to be heard of the episode before is not of this one
    stage.arm.commands.clear()
    stage.until("a command", lambda: bool(stage.arm.commands))


def shows(page: Any, state: str) -> None:
    page.wait_for_function(f"document.getElementById('who').textContent === '{state}'")


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.down(key)


def let_go(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.up(key)


def pass_the_post(page: Any, stage: Any) -> None:
    """Around the post and across the line."""
    ended = lambda: page.text_content("#why").startswith("the episode has ended")  # noqa: E731
    for way, done in (("a", lambda: stage.arm.left > 0.065), ("w", ended)):
        insist(page, stage, done, *keys(page, "Space", way))
        let_go(page, way, "Space")


def keys(page: Any, *names: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """What presses keys, and what lets them go."""
    return lambda: press(page, *names), lambda: let_go(page, *reversed(names))


def insist(
    page: Any, stage: Any, done: Callable[[], bool], take: Callable[[], None], leave: Callable[[], None]
) -> None:
    """Drive until it is done, and on; where the browser was slow and the arm held, the switch is pressed anew."""
    leave()
    limit = time.time() + 110
    while not done():
        assert time.time() < limit
        if page.text_content("#who") != "EXPERT":
            leave()
            page.wait_for_timeout(100)
            take()
            patience = time.time() + 0.5
            while time.time() < patience and not done():
                stage.listen(0.05)
        stage.listen(0.05)


def drives(page: Any, stage: Any) -> bool:
    """Whether a person moves the arm."""
    return page.text_content("#who") == "EXPERT" and stage.arm.moves()


def alone(page: Any, stage: Any) -> None:
    """A new episode in which no policy drives."""
    page.uncheck("#policy")
    begin(page, stage)
    shows(page, "HOLD")


def stopped_after(stage: Any, since: float) -> float:
    """How long after ``since`` the arm was last commanded to move, s."""
    stage.until("rest", stage.arm.rests)
    stage.listen(0.3)
    assert stage.arm.rests()  # and goes on resting
    moving = [when for when, speed in stage.arm.commands if speed > 0.0]
    return max(0.0, moving[-1] - since)


def who_drove(bag: Path) -> list[str]:
    """Who drove, in their order, according to the gate's records.

    On a busy machine a policy or an expert is late at times, or an observation is, and the gate holds the arm until the
    next one, as it should; its records say so, and these holds are left out. All others are listed.
    """
    reader = read(bag)
    records = [messages.record_from(message) for _, _, message in reader.messages(authorities(reader.types))]
    spans = [next(span) for _, span in itertools.groupby(records, lambda record: record.authority)]
    lost = [f"{Event.EXPERT_LOST.value}: {cause}" for cause in (STALE, LATE, CUT_OFF)]
    late = (Event.POLICY_LOST.value, messages.INCOMPLETE, *lost)
    drove = [first.authority.name for first in spans if not first.reason.startswith(late)]
    return [name for name, _ in itertools.groupby(drove)]


def test_a_person_demonstrates_trains_watches_corrects_and_the_record_agrees(page: Any, stage: Any) -> None:
    pictures = os.environ.get("IL_ROS_PICTURES")  # a folder, for the tutorial's
    if pictures:
        page.set_viewport_size({"width": 1000, "height": 620})
        warning = page.frame_locator("#scene").locator(".mantine-Notification-root button")
        warning.click(timeout=20_000)
        page.wait_for_timeout(5000)  # until all of it is drawn

    def picture(name: str) -> None:
        page.screenshot(path=Path(pictures or stage.folder) / f"page-{name}.png")

    picture("waits")
    episodes = EpisodeStore(stage.folder / "episodes")
    stage.director.set("trainer_node", steps=400)
    pass_the_post(page, stage)
    stage.until("the demonstration", lambda: len(episodes.closed()) == 1)
    page.fill("#note", "the first one")
    page.click("#success")
    page.wait_for_function("document.getElementById('words').textContent.includes('success')")
    stage.until("the verdict", lambda: read_episode(episodes.closed()[0], CONTRACT).facts.get("judged"))
    demonstration = read_episode(episodes.closed()[0], CONTRACT)
    told = {key: demonstration.facts.get(key) for key in ("outcome", "judged", "note", "expert")}
    assert told == {"outcome": "success", "judged": True, "note": "the first one", "expert": "Anna"}
    assert (demonstration.authority == Authority.EXPERT).sum() > 40 and demonstration.interventions == 0
    picture("saved")

    page.click("[data-do=train]")
    page.wait_for_function("document.getElementById('checkpoint').textContent.startsWith('mixture')", timeout=60_000)
    picture("trained")
    begin(page, stage)
    shows(page, "POLICY")
    page.wait_for_timeout(600)
    picture("policy")
    back = keys(page, "Space", "s")  # a little: a correction
    insist(page, stage, lambda: drives(page, stage), *back)
    page.wait_for_timeout(400)
    picture("expert")
    back[1]()
    shows(page, "HOLD")
    picture("hold")
    page.keyboard.press("g")
    shows(page, "POLICY")
    page.wait_for_timeout(300)
    page.click("#failure")
    stage.until("the rollout", lambda: len(episodes.closed()) == 2)
    rollout = read_episode(episodes.closed()[1], CONTRACT)
    assert rollout.interventions == 1
    demonstrated, corrected = ledger.of_episodes(episodes.folder, CONTRACT)
    assert (demonstrated["checkpoint"], demonstrated["takeovers"], demonstrated["successes"]) == ("", 0, 1)
    assert (bool(corrected["checkpoint"]), corrected["takeovers"], corrected["successes"]) == (True, 1, 0)
    assert (rollout.facts["outcome"], rollout.facts["judged"]) == ("failure", True)
    assert who_drove(episodes.closed()[1]) == ["POLICY", "EXPERT", "HOLD", "POLICY"]
    backwards = rollout.expert[rollout.authority == Authority.EXPERT]
    assert np.nanmedian(backwards[:, 0]) < -0.1 and np.allclose(backwards[:, 1], 0.0, atol=1e-6)

    page.click("[data-do=discard]")  # the last one, though it is closed
    stage.until("the discarded one to be away", lambda: len(episodes.closed()) == 1)
    assert [path.name for path in episodes.discarded()] == [f"episode_{2:06d}"]


def drive(page: Any, stage: Any) -> None:
    insist(page, stage, lambda: drives(page, stage), *keys(page, "Space", "a"))
    stage.listen(0.25)


def doing(script: str) -> Callable[[Any], float]:
    """Runs a script in a page; when it began there, s since the epoch.

    The browser's clock is ours. What passes until an order reaches the browser is no matter of the arm's: on a busy
    machine that was 94 of 145 ms from the order to the last motion.
    """
    return lambda page: page.evaluate(f"() => {{ const began = Date.now(); {script}; return began; }}") / 1000


def when(event: str, act: Callable[[Any], None], in_picture: bool = False) -> Callable[[Any], float]:
    """Does something with keys or mouse; when the browser had it, s since the epoch."""

    def do(page: Any) -> float:
        there = page.frames[int(in_picture)]
        there.evaluate(f"addEventListener('{event}', (e) => window.hadIt = performance.timeOrigin + e.timeStamp, true)")
        act(page)
        return there.evaluate("window.hadIt") / 1000

    return do


def closing(page: Any) -> float:
    """Closes a tab, which cannot tell when it was."""
    began = time.time()
    page.close()
    return began


ENDINGS = {
    "the tab is closed": closing,
    "the line is cut": doing("line.close()"),
    "the tab is hidden": doing(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    ),
    "another window is in front": doing("document.hasFocus = () => false; window.dispatchEvent(new Event('blur'))"),
    "the dead-man switch is let go and a key is stuck": when("keyup", lambda page: let_go(page, "Space")),
    "a modifier is pressed": when("keydown", lambda page: press(page, "Control")),
    "the hands go to a text box": when("focusin", lambda page: page.click("#note")),
    "the page does nothing for long": doing("while (Date.now() < began + 600);"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_arm_stops_when(ending: str, undrawn: Any, stage: Any) -> None:
    drive(undrawn, stage)
    assert stopped_after(stage, ENDINGS[ending](undrawn)) <= STOPS_S


PAD = """([held, fast, aside]) => {
    const button = (pressed) => ({pressed, value: Number(pressed)});
    const buttons = [false, false, false, false, held, fast].map(button);
    const pad = {connected: true, axes: [aside, 0.05, 0, 0], buttons};
    navigator.getGamepads = () => [null, pad];
}"""
"""A gamepad as browsers show it: LB, RB, and how far the left stick is to the right; it is not quite still ahead."""
LET_GO = {
    "LB is let go": doing("navigator.getGamepads()[1].buttons[4].pressed = false"),
    "the gamepad is unplugged": doing("navigator.getGamepads = () => [null, null]"),
}


@pytest.mark.parametrize("ending", LET_GO)
def test_a_gamepad_drives_while_its_dead_man_switch_is_held_and_the_arm_stops_when(
    ending: str, undrawn: Any, stage: Any
) -> None:
    page = undrawn
    alone(page, stage)
    pad = lambda held, fast: page.evaluate(PAD, [held, fast, -1.0])  # noqa: E731
    pad(False, False)
    stage.listen(0.4)
    assert stage.arm.rests()  # the stick alone does nothing
    before, off = stage.arm.left, lambda: pad(False, False)
    stage.arm.commands.clear()
    insist(page, stage, lambda: stage.arm.left > before + 0.02, lambda: pad(True, False), off)
    assert max(speed for _, speed in stage.arm.commands) < 0.13
    insist(page, stage, lambda: stage.arm.commands[-1][1] > 0.2, lambda: pad(True, True), off)
    assert stopped_after(stage, LET_GO[ending](page)) <= STOPS_S
    shows(page, "HOLD")


GRABS = "[...document.querySelectorAll('canvas')].some((canvas) => canvas.style.cursor === 'pointer')"
"""Whether there is something to take hold of under the pointer; pulling at nothing would turn the picture."""
GRIPS = {"tool": None, "hand": "panda_hand", "elbow": "panda_link4"}
"""What is taken hold of, and the link where it is; the tool's is at its tip."""
EYE, LOOKS_AT, FIELD_OF_VIEW = np.array([0.08, -0.58, 0.74]), np.array([0.33, 0.04, 0.20]), np.radians(75.0)
"""The picture's camera, as the page opens it."""


def on_screen(page: Any, place: Any) -> tuple[float, float]:
    """Where in the window a place of the base frame is drawn, pixels."""
    box = page.locator("#scene").bounding_box()
    ahead = (LOOKS_AT - EYE) / np.linalg.norm(LOOKS_AT - EYE)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    sight = np.asarray(place) - EYE
    scale = 0.5 * box["height"] / np.tan(0.5 * FIELD_OF_VIEW) / (sight @ ahead)
    x, y = scale * (sight @ right), -scale * (sight @ np.cross(right, ahead))
    return box["x"] + 0.5 * box["width"] + x, box["y"] + 0.5 * box["height"] + y


@pytest.mark.parametrize("grip", GRIPS)
def test_who_drags_moves_the_arm_and_it_stops_when_the_button_is_let_go(grip: str, undrawn: Any, stage: Any) -> None:
    page = undrawn
    alone(page, stage)
    start = stage.arm.left
    stage.arm.pushed.clear()

    def take() -> None:
        held = stage.arm.place_of(GRIPS[grip])
        page.mouse.move(*on_screen(page, held), steps=3)
        limit = time.time() + 1.0
        while not (grabs := page.frames[1].evaluate(GRABS)) and time.time() < limit:
            page.wait_for_timeout(50)  # until the picture has noticed
        if grabs:
            page.mouse.down()
            far = 0.08 if grip == "tool" else 0.15  # m; an arm gives way to a push slowly
            page.mouse.move(*on_screen(page, held + [0.0, far, 0.0]), steps=8)

    insist(page, stage, lambda: stage.arm.left > start + 0.01 and not stage.arm.rests(), take, page.mouse.up)
    let_go_of_it = when("pointerup", lambda page: page.mouse.up(), in_picture=True)
    assert stopped_after(stage, let_go_of_it(page)) <= STOPS_S
    shows(page, "HOLD")
    at_rest = stage.arm.tool
    stage.listen(0.5)
    assert np.allclose(stage.arm.tool, at_rest, atol=1e-3)
    assert stage.arm.pushed == {GRIPS[grip]} - {None}  # it was this one that was dragged


def test_the_arm_stops_when_the_browser_is_frozen(start_browser: Any, stage: Any) -> None:
    browser = start_browser()
    page = browser.new_page(viewport={"width": 760, "height": 520})
    page.add_init_script(UNDRAWN)
    page.goto(stage.url)
    sit(page)
    begin(page, stage)
    drive(page, stage)
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    began = time.time()
    for process in processes:
        os.kill(process["id"], signal.SIGSTOP)
    try:
        assert stopped_after(stage, began) <= STOPS_S
    finally:
        for process in processes:
            os.kill(process["id"], signal.SIGCONT)
        browser.close()


def picture(kind: str, colour: str) -> CompressedImage:
    data = io.BytesIO()
    Image.new("RGB", (160, 120), colour).save(data, kind)
    return CompressedImage(format=kind, data=array("B", data.getvalue()))


PIXEL = """() => {
    const image = document.getElementById('picture'), canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    return [canvas.width, canvas.height, ...pen.getImageData(80, 60, 1, 1).data];
}"""


def test_the_page_shows_what_a_camera_sees_and_says_so_when_it_falls_silent(page: Any, stage: Any) -> None:
    assert page.is_hidden("#camera")
    driver = Node("camera_driver")
    camera = driver.create_publisher(CompressedImage, "camera/image/compressed", 1)

    def sees(message: CompressedImage, fact: Any, timeout_s: float = 15.0) -> None:
        limit = time.time() + timeout_s
        while not fact():
            assert time.time() < limit
            camera.publish(message)
            page.wait_for_timeout(50)

    words = lambda: page.text_content("#camera figcaption")  # noqa: E731
    try:
        sees(picture("jpeg", "red"), lambda: page.is_visible("#camera") and words() == "")
        width, height, red, green, blue, _ = page.evaluate(PIXEL)
        assert (width, height) == (160, 120) and red > 240 and max(green, blue) < 15
        sees(picture("png", "lime"), lambda: page.evaluate(PIXEL)[2:5] == [0, 255, 0])
        page.screenshot(path=stage.folder / "page-camera.png")
        page.wait_for_function("/no picture for [1-9]/.test(document.querySelector('#camera figcaption').textContent)")
        assert "stale" in page.get_attribute("#camera", "class")
        page.screenshot(path=stage.folder / "page-camera-silent.png")
        sees(CompressedImage(format="h264", data=array("B", b"no")), lambda: "'h264' is neither JPEG" in words())
        sees(picture("jpeg", "blue"), lambda: words() == "" and page.evaluate(PIXEL)[4] > 240)
    finally:
        driver.destroy_node()


def test_a_page_that_is_told_nothing_more_says_so(page: Any) -> None:
    page.evaluate("line.onmessage = null")  # as if the node hung, while its side of the line stays open
    shows(page, "FAULT")
    assert page.text_content("#why").startswith("nothing received for ")


def test_a_second_tab_watches_and_cannot_drive(page: Any, stage: Any) -> None:
    other = page.context.new_page()
    other.goto(stage.url)
    other.wait_for_function("document.getElementById('driver').textContent.includes('Anna drives; you watch')")
    assert other.is_disabled("#sit") and other.is_disabled("[data-do=take_over]")
    other.evaluate("send({do: 'sit', name: 'Ben'}); send({do: 'hands', held: true, deflection: [1, 0, 0]})")
    other.wait_for_function("document.getElementById('words').textContent.includes('Anna drives')")
    page.wait_for_timeout(300)
    assert page.text_content("#who") != "EXPERT"


def test_no_request_leaves_the_machine(page: Any, stage: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_request(lambda _: len(asked) > 4):  # page, style, script, and the scene with its own
        page.reload()
    page.wait_for_function("document.getElementById('driver').textContent !== ''")
    page.wait_for_timeout(1500)
    hosts = {url.split("/")[2].split(":")[0] for url in asked if url.startswith(("http", "ws"))}
    assert hosts <= {"127.0.0.1", "localhost"}
