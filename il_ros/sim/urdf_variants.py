# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Variants of an arm's URDF for the simulation: fingers to grasp with, and few triangles for its cameras."""

from __future__ import annotations

import copy
import math
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from il_ros.core.errors import ConfigError
from il_ros.core.types import Array
from il_ros.robot.description import Box, Gripper, Robot
from il_ros.robot.urdf import UrdfJoint, read_joints
from il_ros.robot.urdf_model import write_thinned

MANY_FACES, COARSE_M = 100, 0.015
"""Meshes of more faces are drawn by fewer, their vertices as far apart as this."""
SAMPLES = 200
"""At so many angles of its joint a linkage is looked at."""
CONTACT = {
    "friction_anchor": "", "stiffness": "30000", "damping": "1000", "spinning_friction": "0.1", "lateral_friction": "1"
}  # fmt: skip
"""The surface of fingers whose URDF says nothing of it: that which the Panda's has."""
SLIDE = "il_ros_slide_"
"""How the joints begin along which fingers slide that a linkage moves on the real arm."""


@contextmanager
def with_pads(robot: Robot) -> Iterator[Path]:
    """Write the robot's URDF, its fingers made of flat boxes, and yield the path; the file is removed afterwards.

    The mesh of a finger is one convex hull, which touches what it holds at a point; boxes touch it at their corners.
    Fingers that a linkage moves slide straight instead: simulated linkages give way to what they hold.
    """
    tree = _tree(robot)
    _add_pads(tree, robot)
    linkage = Linkage.of(robot)
    if linkage is not None:
        linkage.replace(tree.getroot())
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
        for number, mesh in enumerate(tree.getroot().iter("mesh")):
            _thin(mesh, path.parent / f"{number}.obj")
        tree.write(path)
        yield path


class Linkage:
    """A linkage whose one joint, turned from open to closed, moves two parallel fingers towards each other."""

    def __init__(self, gripper: Gripper, joints: tuple[UrdfJoint, ...]) -> None:
        self._gripper, self._joints = gripper, {joint.child: joint for joint in joints}
        self._base = next(joint.parent for joint in joints if joint.name == gripper.joint)
        self.angles = np.linspace(gripper.closed, gripper.open, SAMPLES)
        """(S,) rad, of the joint."""
        first, second = ([self._frame(link, angle) for angle in self.angles] for link in gripper.pads)
        self._closed = first[0], second[0]
        apart = first[-1][:3, 3] - second[-1][:3, 3]
        self._axis = apart / np.linalg.norm(apart)
        self.slides = np.array([(frame[:3, 3] - first[0][:3, 3]) @ self._axis for frame in first])
        """(S,) m, how far each finger then is from where it is closed."""
        order = np.argsort(self.angles)
        self._sorted = self.angles[order], self.slides[order]

    def slide(self, angle: float) -> float:
        """Return how far each finger is from where it is closed, m, when the joint is at ``angle``, rad."""
        return float(np.interp(angle, *self._sorted))

    def angle(self, slide: float) -> float:
        """Return the inverse of ``slide``."""
        return float(np.interp(slide, self.slides, self.angles))

    @classmethod
    def of(cls, robot: Robot) -> Linkage | None:
        """Return the linkage of a robot's gripper; None if its fingers slide by themselves, or it has none."""
        gripper, joints = robot.gripper, read_joints(robot.urdf)
        kinds = {joint.name: joint.kind for joint in joints}
        if gripper is None or not gripper.pads or kinds.get(gripper.joint, "prismatic") == "prismatic":
            return None
        return cls(gripper, joints)

    def _frame(self, link: str, angle: float) -> Array:
        """Return (4, 4), a link in the frame of the gripper's base."""
        positions, frame = self._gripper.positions(angle), np.eye(4)
        while link != self._base:
            joint = self._joints[link]
            frame, link = joint.transform(positions.get(joint.name, 0.0)) @ frame, joint.parent
        return frame

    def replace(self, root: ElementTree.Element) -> None:
        """Let the fingers slide: take the linkage out of a URDF."""
        for joint in root.findall("joint"):
            if joint.get("name") in self._gripper.joints:
                root.remove(joint)
        bars = {joint.child for joint in self._joints.values() if joint.name in self._gripper.joints}
        for link in root.findall("link"):
            if link.get("name") in bars - self._gripper.pads.keys():
                root.remove(link)
        for name, frame, side in zip(self._gripper.pads, self._closed, (1.0, -1.0)):
            axis = frame[:3, :3].T @ self._axis * side
            joint = ElementTree.SubElement(root, "joint", name=SLIDE + name, type="prismatic")
            ElementTree.SubElement(joint, "parent", link=self._base)
            ElementTree.SubElement(joint, "child", link=name)
            ElementTree.SubElement(joint, "origin", xyz=_words(frame[:3, 3]), rpy=_words(_rpy(frame[:3, :3])))
            ElementTree.SubElement(joint, "axis", xyz=_words(axis))
            ElementTree.SubElement(joint, "limit", lower="0", upper=str(self.slides[-1]), effort="100", velocity="1")


def _words(numbers: Array) -> str:
    return " ".join(map(str, numbers.tolist()))


def _rpy(rotation: Array) -> Array:
    """Return roll, pitch and yaw, rad, of a rotation (3, 3)."""
    roll, yaw = math.atan2(rotation[2, 1], rotation[2, 2]), math.atan2(rotation[1, 0], rotation[0, 0])
    return np.array([roll, math.atan2(-rotation[2, 0], math.hypot(rotation[2, 1], rotation[2, 2])), yaw])


def _thin(mesh: ElementTree.Element, path: Path) -> None:
    """Let a mesh of few triangles, at ``path``, stand for one of many: some links have no other collision mesh."""
    if write_thinned(Path(mesh.get("filename", "")), path, MANY_FACES, COARSE_M):
        mesh.set("filename", str(path))


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
        if links[name].find("contact") is None:
            contact = ElementTree.SubElement(links[name], "contact")
            for key, value in CONTACT.items():
                ElementTree.SubElement(contact, key, {"value": value} if value else {})


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
