# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An arm's URDF as what is drawn: links with their meshes, and where each of them is for given joints."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh

from il_ros.core.errors import ConfigError
from il_ros.core.types import Array

GREY = (200, 200, 200)
CELL_M = 0.003
"""Vertices that share a cell of this size are drawn as one, for a screen without a graphics card to follow."""


@dataclass(frozen=True)
class Mesh:
    """A piece of a link, in the link's frame."""

    vertices: Array
    """(V, 3) m."""
    faces: Array
    """(F, 3) int."""
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class UrdfJoint:
    """How a link hangs on the one before it."""

    name: str
    kind: str
    parent: str
    child: str
    origin: Array
    """(4, 4) the child's frame in the parent's, at zero."""
    axis: Array
    """(3,) in the child's frame."""

    def transform(self, value: float) -> Array:
        """(4, 4) the child's frame in the parent's; ``value`` is in rad or m."""
        motion = np.eye(4)
        if self.kind == "prismatic":
            motion[:3, 3] = value * self.axis
        elif self.kind != "fixed":
            motion = rotation(self.axis, value)
        placed: Array = self.origin @ motion
        return placed


@dataclass(frozen=True)
class UrdfModel:
    """The tree of an arm's links."""

    joints: tuple[UrdfJoint, ...]
    """Each after the one that its parent hangs on."""
    meshes: Mapping[str, tuple[Mesh, ...]] = field(default_factory=dict)
    """By link."""

    @classmethod
    def load(cls, urdf: Path) -> UrdfModel:
        """Read a URDF and the meshes that it shows.

        Raises:
            ConfigError: if it, or one of its meshes, cannot be read.
        """
        try:
            robot = ElementTree.parse(urdf).getroot()
            colours = {e.get("name", ""): _colour(e) for e in robot.iter("material") if e.find("color") is not None}
            meshes = {link.get("name", ""): _meshes(link, urdf.parent, colours) for link in robot.findall("link")}
            return cls(_in_order([_joint(element) for element in robot.findall("joint")]), meshes)
        except (OSError, ElementTree.ParseError, ValueError, AttributeError, TypeError) as error:
            raise ConfigError(f"URDF {urdf} cannot be read ({error}); give one whose meshes lie beside it") from error

    @property
    def root(self) -> str:
        """The link that hangs on no other."""
        (root,) = set(self.meshes) - {joint.child for joint in self.joints}
        return root

    def frames(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """(4, 4) of every link in the root's frame; joints that are not named are at zero."""
        placed = {self.root: np.eye(4)}
        for joint in self.joints:
            placed[joint.child] = placed[joint.parent] @ joint.transform(positions.get(joint.name, 0.0))
        return placed


def rotation(axis: Array, angle: float) -> Array:
    """(4, 4) by ``angle`` rad about ``axis`` (3,): Rodrigues' formula."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned = np.eye(4)
    turned[:3, :3] += np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    return turned


def _in_order(joints: list[UrdfJoint]) -> tuple[UrdfJoint, ...]:
    ordered: list[UrdfJoint] = []
    placed = {joint.parent for joint in joints} - {joint.child for joint in joints}
    while len(ordered) < len(joints):
        ready = [joint for joint in joints if joint.parent in placed and joint.child not in placed]
        if not ready:
            raise ValueError("its links are not one tree")
        ordered += ready
        placed |= {joint.child for joint in ready}
    return tuple(ordered)


def _numbers(element: ElementTree.Element | None, name: str, default: str) -> Array:
    return np.array([float(part) for part in (default if element is None else element.get(name, default)).split()])


def _origin(element: ElementTree.Element) -> Array:
    origin = element.find("origin")
    roll, pitch, yaw = _numbers(origin, "rpy", "0 0 0")
    placed = rotation(np.eye(3)[2], yaw) @ rotation(np.eye(3)[1], pitch) @ rotation(np.eye(3)[0], roll)
    placed[:3, 3] = _numbers(origin, "xyz", "0 0 0")
    return placed


def _joint(element: ElementTree.Element) -> UrdfJoint:
    return UrdfJoint(
        name=element.get("name", ""),
        kind=element.get("type", "fixed"),
        parent=element.find("parent").get("link", ""),  # type: ignore[union-attr]
        child=element.find("child").get("link", ""),  # type: ignore[union-attr]
        origin=_origin(element),
        axis=_numbers(element.find("axis"), "xyz", "1 0 0"),
    )


def _colour(material: ElementTree.Element) -> tuple[int, int, int]:
    red, green, blue = (round(255 * share) for share in _numbers(material.find("color"), "rgba", "0 0 0")[:3])
    return red, green, blue


def _meshes(link: ElementTree.Element, folder: Path, colours: Mapping[str, tuple[int, int, int]]) -> tuple[Mesh, ...]:
    found = []
    for visual in link.findall("visual"):
        mesh = visual.find("geometry/mesh")
        if mesh is None:
            continue
        path = folder / mesh.get("filename", "").removeprefix("package://")
        loaded = trimesh.load_mesh(path, process=False, skip_materials=True)
        origin = _origin(visual)
        vertices = loaded.vertices * _numbers(mesh, "scale", "1 1 1") @ origin[:3, :3].T + origin[:3, 3]
        material = visual.find("material")
        name = "" if material is None else material.get("name", "")
        found.append(Mesh(*thinned(vertices, loaded.faces), colours.get(name, GREY)))
    return tuple(found)


def thinned(vertices: Array, faces: Array, cell_m: float = CELL_M) -> tuple[Array, Array]:
    """Fewer (V, 3) float32 vertices and (F, 3) uint32 faces of much the same shape.

    Vertex clustering: those of a cell become their mean, and what has no area any more is left out; Rossignac and
    Borrel 1993, doi:10.1007/978-3-642-78114-8_29.
    """
    _, cluster, count = np.unique(np.round(vertices / cell_m), axis=0, return_inverse=True, return_counts=True)
    cluster = cluster.reshape(-1)
    means = np.stack([np.bincount(cluster, axis) for axis in vertices.T], axis=1) / count[:, None]
    kept = cluster[faces]
    apart = (kept[:, 0] != kept[:, 1]) & (kept[:, 1] != kept[:, 2]) & (kept[:, 2] != kept[:, 0])
    return means.astype(np.float32), np.unique(kept[apart], axis=0).astype(np.uint32)
