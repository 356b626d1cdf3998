# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Markers of what the arm's cameras do not see: the scene, the chunks that are meant, and who commands.

They carry no stamp, so that a viewer draws them with the newest transform.
"""

from __future__ import annotations

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from il_ros.core.episode import Authority, Record
from il_ros.core.frames import rotated
from il_ros.core.types import Array
from il_ros.web_ui.scene_props import SceneProps

COLOURS = {
    Authority.POLICY: (0.16, 0.47, 0.84),
    Authority.EXPERT: (0.11, 0.62, 0.35),
    Authority.HOLD: (0.45, 0.45, 0.45),
}
"""Red, green and blue of each authority, from 0 to 1: of its text, and of the path that it means to go."""
TABLE, FINISH = (0.93, 0.93, 0.91), COLOURS[Authority.POLICY]
PATH_M, TEXT_M = 0.006, 0.06
"""Width of a path, and height of a capital letter."""
TEXT_Z_M = 1.0
"""How high above the base it is written who commands."""


def path_marker(frame: str, authority: Authority, points: Array) -> Marker:
    """Return the path (N, 3), m, that a chunk means to go; fewer than two points take the last one away."""
    marker = _marker(frame, "path", 0, Marker.LINE_STRIP, COLOURS[authority])
    marker.scale.x = PATH_M
    if len(points) < 2:
        marker.action = Marker.DELETE
    marker.points = [_point(point) for point in points]
    return marker


def authority_marker(frame: str, record: Record) -> Marker:
    """Return the text about who commands this step, and why."""
    marker = _marker(frame, "authority", 0, Marker.TEXT_VIEW_FACING, COLOURS[record.authority])
    marker.pose.position.z, marker.scale.z = TEXT_Z_M, TEXT_M
    marker.text = f"{record.authority.name}\n{record.reason}"
    return marker


def scene_markers(frame: str, props: SceneProps, poses: Array) -> MarkerArray:
    """Return the table, what is drawn on it, and the bodies at poses (N, 7) as they are now."""
    table = _marker(frame, "table", 0, Marker.CUBE, TABLE)
    table.pose.position.x, table.pose.position.z = 0.45, -0.02
    table.scale.x, table.scale.y, table.scale.z = 0.9, 0.9, 0.04
    markers = [table]
    for number, line in enumerate(props.lines):
        drawn = _marker(frame, "lines", number, Marker.LINE_STRIP, FINISH)
        drawn.scale.x = 0.006
        drawn.points = [_point((x, y, 0.002)) for x, y in line]
        markers.append(drawn)
    for body, pose in zip(props.shapes(len(poses)), poses):
        kind = Marker.CYLINDER if not body.boxes else Marker.CUBE
        for size, centre in body.boxes or ((body.size, (0.0, 0.0, 0.0)),):
            shape = _marker(frame, "bodies", len(markers), kind, body.colour[:3])
            shape.pose.position = _point(pose[:3] + rotated(centre, pose[3:]))
            turned = shape.pose.orientation
            turned.x, turned.y, turned.z, turned.w = map(float, pose[3:])
            shape.scale.x, shape.scale.y, shape.scale.z = map(float, size)
            markers.append(shape)
    return MarkerArray(markers=markers)


def _marker(frame: str, group: str, number: int, kind: int, colour: tuple[float, float, float]) -> Marker:
    marker = Marker(ns=group, id=number, type=kind, action=Marker.ADD)
    marker.header.frame_id = frame
    marker.pose.orientation.w = 1.0
    red, green, blue = colour
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
    return marker


def _point(position: Array | tuple[float, float, float]) -> Point:
    x, y, z = map(float, position)
    return Point(x=x, y=y, z=z)
