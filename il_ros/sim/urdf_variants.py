# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Variants of an arm's URDF for the simulation: flat finger pads to grasp with, and few triangles for its cameras."""

from __future__ import annotations

import copy
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from il_ros.core.errors import ConfigError
from il_ros.robot.description import Box, Robot


@contextmanager
def with_pads(robot: Robot) -> Iterator[Path]:
    """Write the robot's URDF, its fingers made of flat boxes, and yield the path; the file is removed afterwards.

    The mesh of a finger is one convex hull, which touches what it holds at a point; boxes touch it at their corners.
    """
    tree = _tree(robot)
    _add_pads(tree, robot)
    with _written(tree) as path:
        yield path


@contextmanager
def as_drawn(robot: Robot) -> Iterator[Path]:
    """Write the robot's URDF, drawn by its collision meshes and touched by nothing, and yield the path.

    Those have a thirtieth of the triangles, and a software renderer takes as much less time.
    """
    tree = _tree(robot)
    _add_pads(tree, robot)
    for link in tree.getroot().findall("link"):
        colour = link.find("visual/material")
        for visual in link.findall("visual"):
            link.remove(visual)
        for collision in link.findall("collision"):
            link.remove(collision)
            collision.tag = "visual"
            for own in collision.findall("material"):
                collision.remove(own)
            if colour is not None:
                collision.append(copy.deepcopy(colour))
            link.append(collision)
    with _written(tree) as path:
        yield path


def _tree(robot: Robot) -> ElementTree.ElementTree[ElementTree.Element]:
    """Return the URDF, its meshes named by where they are."""
    try:
        tree = ElementTree.parse(robot.urdf)
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(f"URDF {robot.urdf} cannot be read ({error}); correct the robot file's urdf") from error
    for mesh in tree.getroot().iter("mesh"):
        path = Path(robot.urdf).absolute().parent / mesh.get("filename", "").removeprefix("package://")
        if path.is_file():
            mesh.set("filename", str(path))
    return tree


def _add_pads(tree: ElementTree.ElementTree[ElementTree.Element], robot: Robot) -> None:
    """Let boxes stand for the collision meshes of the fingers.

    Raises:
        ConfigError: if the arm has no such link.
    """
    if robot.gripper is None:
        return
    links = {link.get("name"): link for link in tree.getroot().findall("link")}
    for name, boxes in robot.gripper.pads.items():
        if name not in links:
            raise ConfigError(f"robot: gripper: pads names the link {name!r}, which {robot.urdf} has not; correct it")
        for collision in links[name].findall("collision"):
            links[name].remove(collision)
        links[name].extend(_box(*box) for box in boxes)


def _box(size: Box, centre: Box) -> ElementTree.Element:
    collision = ElementTree.Element("collision")
    ElementTree.SubElement(collision, "origin", xyz=" ".join(map(str, centre)), rpy="0 0 0")
    geometry = ElementTree.SubElement(collision, "geometry")
    ElementTree.SubElement(geometry, "box", size=" ".join(map(str, size)))
    return collision


@contextmanager
def _written(tree: ElementTree.ElementTree[ElementTree.Element]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="il_ros_") as folder:
        path = Path(folder) / "arm.urdf"
        tree.write(path)
        yield path
