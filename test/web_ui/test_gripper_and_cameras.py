# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A person at the page of an arm with a gripper and cameras, in a real browser before a real graph."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from benchmarks.browser import UNDRAWN
from il_ros.core.contract import Contract

pytestmark = [pytest.mark.graph, pytest.mark.alone, pytest.mark.slow]

IMAGES = {
    name: {"topic": f"{name}/image_raw", "width": 16, "height": 12, "rate_hz": 5.0, "stale_s": 2.0}
    for name in ("front", "wrist")
}
DRIVES = "document.getElementById('driver').textContent === 'You drive.'"
OPEN_M = 0.04


@pytest.fixture(scope="module")
def gripping(staged: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, simulation: None) -> Iterator[Any]:
    """The graph of a Panda with its gripper and two cameras."""
    folder = tmp_path_factory.mktemp("gripping")
    contract = folder / "gripping.yaml"
    contract.write_text(yaml.safe_dump({**Contract.load("panda_gripper").to_dict(), "images": IMAGES}, sort_keys=False))
    with staged(folder, contract=str(contract), task="pick_place") as stage:
        yield stage


@pytest.fixture
def page(browser: Any, gripping: Any) -> Iterator[Any]:
    """A tab with somebody at the controls, in an episode."""
    with contextlib.closing(browser.new_context(viewport={"width": 1000, "height": 700})) as context:
        context.add_init_script(UNDRAWN)
        page = context.new_page()
        page.goto(gripping.url)
        page.fill("#name", "Anna")
        page.wait_for_function("document.getElementById('driver').textContent !== ''")
        page.click("#sit")
        page.wait_for_function(DRIVES)
        page.keyboard.press("n")
        gripping.until("the fingers", lambda: finger(gripping) > 0.9 * OPEN_M)
        yield page


def finger(stage: Any) -> float:
    """m, how far a finger is open."""
    return float(stage.arm.joints.get("panda_finger_joint1", -1.0))


def toggle_until(page: Any, stage: Any, done: Callable[[], bool]) -> None:
    """Hold the switch and press the key; anew where the browser was slow, so that the switch did not count."""
    limit = time.monotonic() + 100
    while not done():
        assert time.monotonic() < limit, finger(stage)
        page.keyboard.up("Space")
        comes(stage, lambda: page.text_content("#who") != "EXPERT")
        page.keyboard.down("Space")
        page.keyboard.press("c")
        comes(stage, done)
    page.keyboard.up("Space")


def comes(stage: Any, fact: Callable[[], bool], within_s: float = 3.0) -> bool:
    """Whether something is so within a while."""
    limit = time.monotonic() + within_s
    while not fact() and time.monotonic() < limit:
        stage.listen(0.05)
    return fact()


def test_the_grippers_key_closes_and_opens_it_but_only_while_the_switch_is_held(page: Any, gripping: Any) -> None:
    says = lambda text: page.wait_for_function(  # noqa: E731
        "text => document.getElementById('gripper').textContent.includes(text)", arg=text
    )
    page.keyboard.down("c")
    says("hold space, too")
    page.keyboard.up("c")
    says("commanded 40 mm")
    assert finger(gripping) > 0.9 * OPEN_M
    toggle_until(page, gripping, lambda: finger(gripping) < 0.05 * OPEN_M)
    says("CLOSED")
    says("measured 0 mm, commanded 0 mm")
    page.wait_for_function("document.getElementById('who').textContent === 'HOLD'")
    assert finger(gripping) < 0.05 * OPEN_M  # letting go of the switch opens nothing
    toggle_until(page, gripping, lambda: finger(gripping) > 0.9 * OPEN_M)
    says("OPEN")


def test_the_cameras_are_shown_as_the_policy_sees_them(page: Any) -> None:
    for name in IMAGES:
        image = f"document.querySelector('[data-camera={name}] .image')"
        page.wait_for_function(f"{image} && {image}.naturalWidth === 16 && {image}.naturalHeight === 12")
        page.wait_for_function(f"document.querySelector('[data-camera={name}] figcaption').textContent === ''")
    page.check("#attention")
    page.wait_for_function("document.getElementById('unattended').textContent.includes('no policy')")
