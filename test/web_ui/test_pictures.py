# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pages get the newest picture of each camera in turn, and what the policy attends to if they ask for it."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
from aiohttp.test_utils import make_mocked_request
from PIL import Image

from il_ros.web_ui.camera_image import CameraImage, heat
from il_ros.web_ui.pictures import Pictures


@pytest.fixture(autouse=True)
def busy(monkeypatch):
    """On a busy machine a picture gets old before it is looked at."""
    monkeypatch.setattr("il_ros.web_ui.pictures.LOOK_S", 60.0)


async def looked(pictures, after, attention=False):
    """Camera, layer, content and number of the next picture."""
    answer = await pictures.handle(make_mocked_request("GET", f"/camera?after={after}{'&attention=1' * attention}"))
    headers = answer.headers
    return headers["X-Camera"], headers["X-Layer"], answer.body, int(headers["X-Picture"])


def show(pictures, content, *camera, **options):
    pictures.show(CameraImage(content, "image/png"), *camera, **options)


@pytest.mark.parametrize("seed", range(10))
def test_a_slow_page_gets_the_newest_of_every_camera_however_often_each_comes(seed):
    async def story():
        rng, pictures = np.random.default_rng(seed), Pictures(asyncio.get_running_loop())
        newest, number, seen = {}, 0, []
        for camera in ("", "front", "wrist"):
            newest[camera] = b"first"
            show(pictures, b"first", camera)
        await asyncio.sleep(0)
        for step in range(60):
            for camera in rng.choice(["front"] * 8 + ["", "wrist"], rng.integers(0, 6)):
                newest[str(camera)] = str(step).encode()
                show(pictures, newest[str(camera)], str(camera))
            await asyncio.sleep(0)
            if any(shown.number > number for shown in pictures._newest.values()):
                camera, layer, body, number = await looked(pictures, number)
                assert layer == "image" and body == newest[camera]
                seen.append(camera)
        assert set(seen[:5]) == {"", "front", "wrist"}

    asyncio.run(story())


def test_what_the_policy_attends_to_is_for_who_asks_for_it():
    async def story():
        pictures = Pictures(asyncio.get_running_loop())
        show(pictures, b"map", "front", attention=True)
        show(pictures, b"image", "vorn \u00e4\n")
        await asyncio.sleep(0)
        assert not pictures.show_attention
        assert await looked(pictures, 0) == ("vorn%20%C3%A4%0A", "image", b"image", 2)
        assert await looked(pictures, 0, attention=True) == ("front", "attention", b"map", 1)
        assert pictures.show_attention

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(3))
def test_pixels_are_shown_as_they_are_and_levels_as_colours_that_grow_denser(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
    shown = CameraImage.from_pixels(pixels)
    assert shown.kind == "image/png" and np.array_equal(np.asarray(Image.open(io.BytesIO(shown.data))), pixels)
    colours = heat(np.arange(256, dtype=np.uint8)[None])
    assert colours.shape == (1, 256, 4) and colours[0, 0, 3] == 0 and (np.diff(colours[0, :, 3].astype(int)) >= 0).all()
