"""What is drawn is where the simulation is."""

from __future__ import annotations

import numpy as np
import pytest

from il_ros.errors import ConfigError
from il_ros.page.model import Model, thinned
from il_ros.sim.env import ArmEnv
from il_ros.sim.model import HANDLES, TOOL, URDF


@pytest.fixture(scope="module")
def panda(simulation: None) -> Model:
    return Model.load(URDF)


def test_every_link_with_a_shape_is_drawn_and_every_handle_is_a_link(panda):
    drawn = {link for link, meshes in panda.meshes.items() if meshes}
    assert {f"panda_link{i}" for i in range(8)} | {"panda_hand"} <= drawn
    assert {TOOL, *HANDLES.values()} <= set(panda.frames({}))


def test_the_tool_is_drawn_where_the_simulation_says_that_it_is(panda):
    env = ArmEnv("fork", "panda_joints")
    rng = np.random.default_rng(0)
    for seed in range(5):
        env.reset(seed=seed)
        reading, _ = env.advance(np.clip(env.reading().joint_positions + rng.uniform(-0.1, 0.1, 7), -3, 3))
        frames = panda.frames(dict(zip(reading.joint_names, reading.joint_positions)))
        assert frames[TOOL][:3, 3] == pytest.approx(reading.tool_position, abs=1e-6)
    env.close()


def test_a_thinned_shape_is_much_the_same_with_fewer_corners():
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 0.1, 40)] * 2), axis=-1).reshape(-1, 2)
    vertices = np.column_stack([grid, rng.normal(0, 1e-5, len(grid))])
    corners = np.arange(40 * 39).reshape(39, 40)[:, :39].reshape(-1)
    faces = np.concatenate([np.stack([corners, corners + 1, corners + 40], 1)])
    fewer, left = thinned(vertices, faces, 0.01)
    assert len(fewer) < len(vertices) / 5 and len(left) < len(faces) / 5
    assert left.max() < len(fewer) and np.ptp(fewer, axis=0)[:2] == pytest.approx([0.1, 0.1], abs=0.01)


@pytest.mark.parametrize("text", ["", "<robot>", "<robot name='r'><joint name='j' type='fixed'/></robot>"])
def test_a_urdf_that_cannot_be_read_is_named(text, tmp_path):
    path = tmp_path / "arm.urdf"
    path.write_text(text)
    with pytest.raises(ConfigError, match="arm.urdf cannot be read"):
        Model.load(path)
