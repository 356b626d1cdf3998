# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The browser of this machine, for benches and tests."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
"""Without a screen and a graphics card."""
UNDRAWN = """for (const call of ["drawElements", "drawArrays", "drawElementsInstanced", "drawArraysInstanced"])
    WebGL2RenderingContext.prototype[call] = () => {};"""
"""Leaves the drawing out, and nothing else of the picture: what is under the pointer is worked out without it. Where
there is no graphics card it takes longer than a picture may be silent, and then the arm holds, as it should."""


def find() -> str | None:
    """Return the path of the browser; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)
