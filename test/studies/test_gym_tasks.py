# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The study of other people's tasks: demonstrations that fail are left out, and every number is on its page."""

from __future__ import annotations

import dataclasses
import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from il_ros.core.contract import Contract, ObservationLayout
from il_ros.gate import GateConfig
from il_ros.sim.gym_adapter import contract_of
from studies import gym_tasks, job_cache
from studies.gym_tasks import ARMS, FOR_ALL, PEER, TASKS, ExternalJob, ExternalTask
from studies.job_results import JobResults

HOP = "test/Hop-v0"
SPACES = gymnasium.spaces


class Hop(gymnasium.Env):
    """A point in the plane that is to be at its goal; every third goal is out of reach in the time there is."""

    metadata = {"render_modes": [], "render_fps": 10}
    action_space = SPACES.Box(-1.0, 1.0, (2,), np.float32)
    observation_space = SPACES.Dict({key: SPACES.Box(-9.0, 9.0, (2,)) for key in ("achieved_goal", "desired_goal")})

    def _seen(self):
        return {"achieved_goal": self._at.copy(), "desired_goal": self._goal.copy()}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._at = self.np_random.uniform(-1, 1, 2)
        self._goal = np.full(2, 8.0) if seed % 3 == 2 else self.np_random.uniform(-1, 1, 2)
        return self._seen(), {}

    def step(self, action):
        self._at = self._at + 0.2 * np.asarray(action)
        reached = bool(np.linalg.norm(self._at - self._goal) < 0.15)
        return self._seen(), 0.0, reached, False, {"is_success": reached}


def straight(seen):
    return np.clip(3.0 * (seen["desired_goal"] - seen["achieved_goal"]), -1, 1)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch):
    gymnasium.register(HOP, entry_point=Hop, max_episode_steps=30)
    monkeypatch.setitem(TASKS, "Hop", ExternalTask(HOP, f"{__name__}:straight"))
    yield
    del gymnasium.registry[HOP]


def test_what_succeeded_is_learned_from_and_what_a_job_gave_is_kept(tmp_path: Path) -> None:
    job = ExternalJob("Hop", FOR_ALL, seed=0, demonstrations=30, goals=30, steps=300)
    gym_tasks.work(job, tmp_path)
    kept = json.loads((tmp_path / f"{job.key()}.json").read_text())
    assert kept["failed"] == 10
    assert 12 <= kept["success"] <= 20 and kept["train_s"] > 0.0 and kept["call_ms"] > 0.0
    (row,) = gym_tasks.rows([kept, kept])
    assert row["episodes"] == 60 and row["success"] == kept["success"] / 30
    page = gym_tasks.page([row])
    assert f"| Hop | {FOR_ALL} | 2 | {row['success']:.1%} of 60 |" in page and "left out: Hop 10." in page


@pytest.mark.parametrize("name", sorted(TASKS))
def test_the_script_of_a_task_demonstrates_it(name: str) -> None:
    task = TASKS[name]
    needed = {"Panda": "panda_gym", "Fetch": "gymnasium_robotics"}.get(name[:5])
    if needed and not find_spec(needed):
        pytest.skip("make study-tasks installs it")
    _, failed = gym_tasks.demonstrations(task, contract_of(task.environment, {}), 12)
    assert failed <= (4 if name == "PandaStacked" else 1)


@pytest.mark.skipif(not find_spec("panda_gym"), reason="make study-tasks installs it")
@pytest.mark.parametrize("height_m, is_stacked", [(0.0, False), (0.04, True)])
def test_cubes_that_lie_side_by_side_are_no_stack(height_m: float, is_stacked: bool) -> None:
    importlib.import_module("examples.panda_gym.stacked")
    env = gymnasium.make("PandaStacked-v0")
    env.reset(seed=0)
    goal = env.unwrapped.task.get_goal()[:3]  # type: ignore[attr-defined]
    beside = 0.0 if is_stacked else 0.041  # they nearly touch
    for body, place in (("object1", goal), ("object2", goal + [beside, 0.0, height_m])):
        env.unwrapped.sim.set_base_pose(body, place, np.array([0.0, 0.0, 0.0, 1.0]))  # type: ignore[attr-defined]
    *_, told = env.step(np.zeros(4, dtype=np.float32))
    env.close()
    assert bool(told["is_success"]) == is_stacked


def test_two_blocks_are_equal_each_with_a_zone_and_one_seed_is_one_episode() -> None:
    task = TASKS["TwoBlocks"]
    contract = contract_of(task.environment, {})
    (group,) = contract.equal_objects
    assert [sorted(member) for member in group] == [
        [f"block{n}_position", f"block{n}_yaw", f"zone{n}_target"] for n in (1, 2)
    ]
    shown, _ = gym_tasks.demonstrations(task, contract, 3)
    other, again, _ = (gym_tasks.demonstrations(task, contract, 2)[0] * 2)[1:]
    assert np.array_equal(shown[0].observations, again.observations)
    assert np.array_equal(shown[1].observations, other.observations)


@pytest.mark.parametrize(
    "arm, untold", [(FOR_ALL, ()), ("without units", ("alike",)), ("without equal objects", ("equal",))]
)
def test_training_is_told_the_layout_of_the_contract_but_for_what_an_arm_takes_away(
    arm: str, untold: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Told(Exception):
        pass

    def told(*_: object, layout: ObservationLayout, **__: object) -> None:
        raise Told(layout)

    monkeypatch.setattr(gym_tasks.Dataset, "from_episodes", told)
    contract = Contract.load("panda_gripper")
    contract = dataclasses.replace(contract, equal_objects=((("block",), ("goal",)),))
    job = ExternalJob("Hop", arm, seed=0, demonstrations=2, goals=1)
    with pytest.raises(Told) as caught:
        gym_tasks.ours(job, job.training(), contract, [], tmp_path)  # type: ignore[arg-type]
    for name, part in vars(contract.layout).items():
        assert part != type(part)() and getattr(caught.value.args[0], name) == (
            type(part)() if name in untold else part
        )


def test_executed_steps_are_chosen_by_goals_that_serve_for_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, range]] = []

    def rolled_out(checkpoint: Path, task: object, seeds: range, config: GateConfig) -> list[object]:
        asked.append((config.execute_steps, seeds))
        is_good = {1: 0.2, 2: 0.9, 4: 0.9, 8: 0.5}[config.execute_steps]
        return [
            SimpleNamespace(success=n < is_good * len(seeds), outcome="success", way=None, refused="", answers=1)
            for n in range(len(seeds))
        ]

    monkeypatch.setattr(gym_tasks, "roll_out", rolled_out)
    job = ExternalJob("Hop", "steps measured", seed=0, demonstrations=200, goals=100)
    tried = gym_tasks.tried(Path("checkpoint"), job.on)
    assert gym_tasks.best_of(tried) == 4
    assert [steps for steps, _ in asked] == [1, 2, 4, 8]
    assert all(not set(seeds) & {*job.new_goals, *range(job.demonstrations)} for _, seeds in asked)


def test_equal_work_has_one_key_and_any_other_its_own() -> None:
    jobs = [ExternalJob(task, arm, seed, 200, 100) for task in TASKS for arm in ARMS for seed in (0, 1)]
    assert len({job.key() for job in jobs}) == len(jobs)
    assert ExternalJob("Hop", PEER, 0, 200, 100).training() is None
    steps = [ExternalJob("Hop", FOR_ALL, 0, 200, 100, steps) for steps in (0, 10)]
    assert [job.training().steps for job in steps][1] == 10 and steps[0].key() != steps[1].key()  # type: ignore[union-attr]


def test_the_part_that_is_taken_away_is_all_that_differs() -> None:
    whole = ExternalJob("Hop", FOR_ALL, 0, 200, 100).training()
    parts = {"without relations": "relations", "two observations": "n_obs_steps", "without discount": "discount"}
    for arm, changed in ((arm, {key}) for arm, key in {**parts, "one step": "execute_steps"}.items()):
        other = ExternalJob("Hop", arm, 0, 200, 100).training()
        assert {key for key in vars(whole) if vars(whole)[key] != vars(other)[key]} == changed


def test_what_was_published_is_not_run_again_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--tasks", "Hop", "--arms", FOR_ALL, "--demonstrations", "6", "--goals", "2", "--steps", "2"]
    words += ["--output", str(tmp_path), "--results", str(tmp_path)]
    monkeypatch.setattr(job_cache, "run", lambda work, jobs, folder, *_: [work(job, folder) for job in jobs])
    assert gym_tasks.main([*words, "--seeds", "1", "--folder", str(tmp_path / "here")]) == 0
    published = json.loads((tmp_path / gym_tasks.TRAININGS).read_text())
    assert [each["seed"] for each in published] == [0]
    assert gym_tasks.main([*words, "--seeds", "2", "--folder", str(tmp_path / "there")]) == 0
    assert len(list((tmp_path / "there").glob("*.json"))) == 1  # the second training alone
    assert [each["seed"] for each in json.loads((tmp_path / gym_tasks.TRAININGS).read_text())] == [0, 1]
    (row,) = json.loads((tmp_path / "gym_tasks.json").read_text())
    assert row["trainings"] == 2 and row["episodes"] == 4
    words[3:4] = [FOR_ALL, "flow"]
    assert gym_tasks.main([*words, "--seeds", "3", "--folder", str(tmp_path / "there"), "--no-run"]) == 0
    (row,) = json.loads((tmp_path / "gym_tasks.json").read_text())  # nothing was run
    assert row["trainings"] == 2 and row["arm"] == FOR_ALL


def test_what_is_published_of_a_job_replaces_what_was_known_of_it_under_another_key(tmp_path: Path) -> None:
    job, other = (ExternalJob("Hop", FOR_ALL, seed, 6, 2) for seed in (0, 1))
    known = {"before": {**vars(job), "success": 1}, "other": {**vars(other), "success": 2}}
    job_cache.keep(tmp_path / f"{job.key()}.json", {**vars(job), "success": 0})
    kept = JobResults(tmp_path, known).to_publish([job])
    assert {key: one["success"] for key, one in kept.items()} == {"other": 2, job.key(): 0}
