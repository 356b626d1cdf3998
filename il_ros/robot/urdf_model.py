# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An arm's URDF as it is drawn: links with their meshes, and the frame of each link for given joint positions."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh

from il_ros.core.errors import ConfigError
from il_ros.core.frames import matrix
from il_ros.core.types import Array
from il_ros.robot import urdf
from il_ros.robot.urdf import UrdfJoint

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
class UrdfModel:
    """The tree of an arm's links."""

    joints: tuple[UrdfJoint, ...]
    """Each after the one by which its parent is attached."""
    meshes: Mapping[str, tuple[Mesh, ...]] = field(default_factory=dict)
    """By link."""

    @classmethod
    def load(cls, path: Path) -> UrdfModel:
        """Read a URDF and the meshes that it shows.

        Raises:
            ConfigError: if it, or one of its meshes, cannot be read.
        """
        joints = urdf.read_joints(path)
        try:
            robot = ElementTree.parse(path).getroot()
            colours = {e.get("name", ""): _colour(e) for e in robot.iter("material") if e.find("color") is not None}
            meshes = {link.get("name", ""): _meshes(link, path.parent, colours) for link in robot.findall("link")}
            model = cls(joints, meshes)
            model.root  # noqa: B018, which must be one
        except urdf.SYNTAX_ERRORS as error:
            raise ConfigError(f"URDF {path} cannot be read ({error}); give one whose meshes lie beside it") from error
        return model

    @property
    def root(self) -> str:
        """The link that is attached to no other."""
        (root,) = set(self.meshes) - {joint.child for joint in self.joints}
        return root

    def frames(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """Return (4, 4) of every link in the root's frame; joints that are not named are at zero."""
        placed = {self.root: np.eye(4)}
        for joint in self.joints:
            placed[joint.child] = placed[joint.parent] @ joint.transform(positions.get(joint.name, 0.0))
        return placed


def _colour(material: ElementTree.Element) -> tuple[int, int, int]:
    red, green, blue = (round(255 * share) for share in urdf.numbers(material.find("color"), "rgba", "0 0 0")[:3])
    return red, green, blue


def _meshes(link: ElementTree.Element, folder: Path, colours: Mapping[str, tuple[int, int, int]]) -> tuple[Mesh, ...]:
    meshes = []
    for visual in link.findall("visual"):
        mesh = visual.find("geometry/mesh")
        if mesh is None:
            continue
        path = folder / mesh.get("filename", "").removeprefix("package://")
        loaded = trimesh.load_mesh(path, process=False, skip_materials=True)
        position, quaternion = urdf.origin(visual)
        vertices = loaded.vertices * urdf.numbers(mesh, "scale", "1 1 1") @ matrix(quaternion).T + position
        material = visual.find("material")
        name = "" if material is None else material.get("name", "")
        meshes.append(Mesh(*thinned(vertices, loaded.faces), colours.get(name, GREY)))
    return tuple(meshes)


def thinned(vertices: Array, faces: Array, cell_m: float = CELL_M) -> tuple[Array, Array]:
    """Return fewer (V, 3) float32 vertices and (F, 3) uint32 faces of much the same shape.

    Vertex clustering: those of a cell become their mean, and faces that have no area any more are left out; Rossignac
    and Borrel 1993, doi:10.1007/978-3-642-78114-8_29.
    """
    _, cluster, count = np.unique(np.round(vertices / cell_m), axis=0, return_inverse=True, return_counts=True)
    cluster = cluster.reshape(-1)
    means = np.stack([np.bincount(cluster, axis) for axis in vertices.T], axis=1) / count[:, None]
    corners = cluster[faces]
    apart = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    return means.astype(np.float32), np.unique(corners[apart], axis=0).astype(np.uint32)


def write_thinned(path: Path, target: Path, most: int, apart_m: float) -> bool:
    """Write a mesh of fewer triangles, at ``target``, for one of more than ``most``; return whether that was needed."""
    shape = trimesh.load_mesh(path, process=False)
    if len(shape.faces) <= most:
        return False
    vertices, faces = thinned(shape.vertices, shape.faces, apart_m)
    trimesh.Trimesh(vertices, faces, process=False).export(target)
    return True
