# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Markers are in the base frame, carry no stamp and have the colour of the authority."""

from __future__ import annotations

import numpy as np
import pytest
from visualization_msgs.msg import Marker

from il_ros.core.episode import Authority
from il_ros.ros.display import markers
from il_ros.ros.display.task_props import task_props


def test_a_path_has_the_points_of_the_chunk_and_is_taken_away_without_them() -> None:
    points = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    marker = markers.path_marker("base", Authority.POLICY, points)
    assert np.allclose([(p.x, p.y, p.z) for p in marker.points], points)
    assert (marker.header.frame_id, marker.header.stamp.sec, marker.type) == ("base", 0, Marker.LINE_STRIP)
    assert marker.action == Marker.ADD and marker.color.b > marker.color.g
    assert markers.path_marker("base", Authority.POLICY, points[:1]).action == Marker.DELETE


@pytest.mark.parametrize("task", ["", "fork", "trace"])
def test_the_scene_has_the_table_and_each_post_on_top_of_it(task: str) -> None:
    posts = np.array([[0.4, 0.1, 0.03], [0.5, -0.1, 0.03]])
    turned = np.tile((0.0, 0.0, 0.6, 0.8), (2, 1))
    scene = markers.scene_markers("base", task_props(task), np.hstack([posts, turned]))
    by_group = {(marker.ns, marker.id): marker for marker in scene.markers}
    assert len(by_group) == len(scene.markers) and ("table", 0) in by_group
    drawn = [marker.pose.position for marker in scene.markers if marker.ns == "bodies"]
    assert np.allclose([(p.x, p.y, p.z) for p in drawn], posts)
    assert (("lines", 0) in by_group) == (task != "")
