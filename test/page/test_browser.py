"""A person at the page, in a real browser before a real graph."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from il_ros.episode import Authority
from il_ros.recording.episodes import Episodes
from il_ros.recording.steps import read_episode
from il_ros.specs import Contract

pytestmark = [pytest.mark.graph, pytest.mark.slow]

CONTRACT = Contract.load("panda_plane")
STOPS_S = 0.25


@pytest.fixture
def page(browser: Any, stage: Any) -> Iterator[Any]:
    """A tab with somebody at the controls, and an episode that waits for them."""
    context = browser.new_context(viewport={"width": 760, "height": 520})
    page = context.new_page()
    page.goto(stage.url)
    sit(page)
    begin(page, stage)
    yield page
    context.close()


def sit(page: Any, name: str = "Anna") -> None:
    page.fill("#name", name)
    page.click("#sit")
    page.wait_for_function("document.getElementById('driver').textContent === 'You drive.'")


def begin(page: Any, stage: Any) -> None:
    stage.arm.commands.clear()
    number = page.text_content("#episode")
    page.keyboard.press("n")
    page.wait_for_function(f"document.getElementById('episode').textContent !== {json.dumps(number)}")
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
    press(page, "Space")
    keep(page, stage, "a", lambda: stage.arm.left > 0.065)
    keep(page, stage, "w", lambda: page.text_content("#why").startswith("the episode has ended"))
    let_go(page, "Space")


def keep(page: Any, stage: Any, key: str, done: Any) -> None:
    """Hold a key until it is done; where the browser was slow and the arm held, the switch is pressed anew."""
    press(page, key)
    limit = time.time() + 60
    while not done():
        assert time.time() < limit
        stage.listen(0.1)
        if page.text_content("#who") == "HOLD":
            let_go(page, "Space")
            page.wait_for_timeout(100)
            press(page, "Space")
    let_go(page, key)


def stopped_after(stage: Any, since: float) -> float:
    """How long after ``since`` the arm was last commanded to move, s."""
    stage.until("rest", stage.arm.rests)
    stage.listen(0.3)
    assert stage.arm.rests()  # and goes on resting
    moving = [when for when, speed in stage.arm.commands if speed > 0.0]
    return max(0.0, moving[-1] - since)


def test_a_person_demonstrates_trains_watches_corrects_and_the_record_agrees(page: Any, stage: Any) -> None:
    pictures = os.environ.get("IL_ROS_PICTURES")  # a folder, for the tutorial's
    if pictures:
        page.set_viewport_size({"width": 1000, "height": 620})
        warning = page.frame_locator("#scene").locator(".mantine-Notification-root button")
        warning.click(timeout=20_000)

    def picture(name: str) -> None:
        page.screenshot(path=Path(pictures or stage.folder) / f"page-{name}.png")

    picture("waits")
    episodes = Episodes(stage.folder / "episodes")
    stage.director.set("trainer_node", steps=400)
    pass_the_post(page, stage)
    stage.until("the demonstration", lambda: len(episodes.closed()) == 1)
    page.fill("#note", "the first one")
    page.click("#success")
    page.wait_for_function("document.getElementById('words').textContent.includes('success')")
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
    press(page, "Space", "s")  # back a little: a correction
    shows(page, "EXPERT")
    page.wait_for_timeout(400)
    picture("expert")
    let_go(page, "s", "Space")
    shows(page, "HOLD")
    picture("hold")
    page.keyboard.press("g")
    shows(page, "POLICY")
    page.wait_for_timeout(300)
    page.click("#failure")
    stage.until("the rollout", lambda: len(episodes.closed()) == 2)
    rollout = read_episode(episodes.closed()[1], CONTRACT)
    assert rollout.interventions == 1
    assert (rollout.facts["outcome"], rollout.facts["judged"]) == ("failure", True)
    drove = [authority.name for _, _, authority in rollout.spans()]
    assert drove == ["POLICY", "EXPERT", "HOLD", "POLICY"] or drove[1:] == ["POLICY", "EXPERT", "HOLD", "POLICY"]
    backwards = rollout.expert[rollout.authority == Authority.EXPERT]
    assert np.nanmedian(backwards[:, 0]) < -0.1 and np.allclose(backwards[:, 1], 0.0, atol=1e-6)

    page.click("[data-do=discard]")  # the last one, though it is closed
    stage.until("the discarded one to be away", lambda: len(episodes.closed()) == 1)
    assert [path.name for path in episodes.discarded()] == [f"episode_{2:06d}"]


def drive(page: Any, stage: Any) -> None:
    press(page, "Space", "a")
    stage.until("motion", stage.arm.moves)
    stage.listen(0.25)


ENDINGS = {
    "the tab is closed": lambda page: page.close(),
    "the line is cut": lambda page: page.evaluate("line.close()"),
    "the tab is hidden": lambda page: page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    ),
    "another window is in front": lambda page: page.evaluate(
        "document.hasFocus = () => false; window.dispatchEvent(new Event('blur'))"
    ),
    "the dead-man switch is let go and a key is stuck": lambda page: let_go(page, "Space"),
    "the page does nothing for long": lambda page: page.evaluate(
        "const until = performance.now() + 600; while (performance.now() < until);"
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_arm_stops_when(ending: str, page: Any, stage: Any) -> None:
    drive(page, stage)
    began = time.time()
    ENDINGS[ending](page)
    assert stopped_after(stage, began) <= STOPS_S


def test_the_arm_stops_when_the_browser_is_frozen(start_browser: Any, stage: Any) -> None:
    browser = start_browser()
    page = browser.new_page(viewport={"width": 760, "height": 520})
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


def test_a_second_tab_watches_and_cannot_drive(page: Any, stage: Any) -> None:
    other = page.context.new_page()
    other.goto(stage.url)
    other.wait_for_function("document.getElementById('driver').textContent.includes('Anna drives; you watch')")
    assert other.is_disabled("#sit") and other.is_disabled("[data-do=take_over]")
    other.evaluate("say({do: 'sit', name: 'Ben'}); say({do: 'hands', held: true, deflection: [1, 0, 0]})")
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
