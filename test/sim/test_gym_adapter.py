# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Other people's environments: their numbers under names, the contract of them, stamps and outcomes like ours."""

from __future__ import annotations

import unittest.mock
from collections import OrderedDict
from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.sim import gym_adapter
from il_ros.sim.gym_adapter import GymEnvAdapter, contract_of, names, outcome, told

SPACES = gymnasium.spaces
CAR = "MountainCarContinuous-v0"
REACH = "test/Reach-v0"


class Reach(gymnasium.Env):
    """A point that is to come to a goal; what it sees is a dict whose keys are not sorted."""

    metadata = {"render_modes": [], "render_fps": 10}

    def __init__(self, reach: float = 0.1) -> None:
        box = SPACES.Box(-10.0, 10.0, (2,), np.float64)
        self.observation_space = SPACES.Dict(OrderedDict(goal=box, at=box))
        self.action_space = SPACES.Box(np.float32([-1.0, 0.5]), np.float32([1.0, 2.0]))
        self._reach = reach

    def _seen(self):
        return {"goal": self._goal.copy(), "at": self._at.copy()}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._goal, self._at = self.np_random.uniform(-1.0, 1.0, 2), np.zeros(2)
        return self._seen(), {}

    def step(self, action):
        assert action.dtype == np.float32 and self.action_space.contains(action)
        self._at = self._at + action
        near = bool(np.abs(self._at - self._goal).max() < self._reach)
        return self._seen(), 0.0, near, False, {"is_success": near}


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    gymnasium.register(REACH, entry_point=Reach, max_episode_steps=3)
    yield
    del gymnasium.registry[REACH]


def test_the_contract_has_all_that_is_seen_and_taken():
    contract = contract_of(REACH, {})
    assert contract.rate_hz == 10.0
    assert contract.observation_names == ("goal.0", "goal.1", "at.0", "at.1")
    assert contract.low.tolist() == [-1.0, 0.5] and contract.high.tolist() == [1.0, 2.0]
    assert contract.max_step.tolist() == [2.0, 1.5]
    assert contract.rest(np.zeros(4)).tolist() == [0.0, 0.5]  # the least that is allowed
    assert Contract.from_dict(REACH, contract.to_dict()) == contract


def test_the_bundled_contract_is_the_one_that_is_written():
    assert Contract.load("mountain_car").to_dict() == contract_of(CAR, {}).to_dict()


@pytest.mark.parametrize("environment", [CAR, "Pendulum-v1", REACH])
def test_a_seed_is_the_episode_that_gymnasium_makes_of_it(environment):
    contract, env = contract_of(environment, {}), gymnasium.make(environment)
    ours = GymEnvAdapter(environment, contract, {})
    for seed in (5, 6):
        ours.reset(seed=seed)
        seen, _ = env.reset(seed=seed)
        assert (ours.start.task, ours.start.seed) == (environment, seed)
        for step in range(3):
            flat = SPACES.flatten(env.observation_space, seen)
            assert ours.values.tolist() == flat.tolist()
            assert np.array_equal(ours.observe(ours.reading()), flat.astype(np.float32))
            assert ours.stamp_ns == ours.start.first_stamp_ns + step * contract.step_ns
            action = contract.low + 0.4 * (contract.high - contract.low)
            ours.advance(action)
            seen, *_ = env.step(action.astype(np.float32))
    ours.close()


def test_an_action_is_kept_within_the_limits_and_an_episode_ends_with_its_outcome():
    ours = GymEnvAdapter(REACH, contract_of(REACH, {}), {})
    ours.reset(seed=1)
    ended = [ours.advance(np.array([9.0, 9.0]))[1] for _ in range(3)]
    assert ours.values[2:].tolist() == [3.0, 6.0]
    assert ended == [None, None, "timeout"]
    with pytest.raises(ConfigError, match="cannot be made .*unexpected keyword argument 'rech'"):
        GymEnvAdapter(REACH, contract_of(REACH, {}), {"rech": 1})
    easy = GymEnvAdapter(REACH, contract_of(REACH, {}), {"reach": 9.0})
    easy.reset(seed=1)
    assert easy.advance(np.zeros(2))[1] == "success"


YES = [True, np.bool_(True), 1, 1.0, np.float32(1.0), np.array(True), np.array([1.0]), np.array([[True]])]
NO = [False, np.bool_(False), 0, 0.0, np.float32(0.0), np.array([0.0]), np.nan, np.array([]), np.array([1.0, 0.0])]
NOTHING = [None, "yes", {}, object()]


@pytest.mark.parametrize("key", ["is_success", "success"])
@pytest.mark.parametrize(("values", "said"), [(YES, [True]), (NO, [False]), (NOTHING, [])])
def test_a_step_is_one_of_success_if_info_says_so_in_whatever_type(key, values, said):
    for value in values:
        assert told({key: value, "reward": 1.0}) == said, value
    assert told({}) == []


@pytest.mark.parametrize(
    ("terminated", "truncated", "said", "ended"),
    [
        (False, False, [], None),
        (False, False, [True], None),
        (True, False, [], "unknown"),
        (True, True, [], "unknown"),
        (True, False, [False, False], "failure"),
        (True, False, [True], "success"),
        (True, False, [False, True, False], "success"),
        (False, True, [True, False], "success"),
        (False, True, [False], "timeout"),
        (False, True, [], "timeout"),
    ],
)
def test_an_episode_is_a_success_if_any_of_its_steps_was_one(terminated, truncated, said, ended):
    assert outcome(terminated, truncated, said) == ended


class Told(gymnasium.Env):
    """Ends at its fourth step, and says at each what it was told to; every step is rewarded."""

    metadata = {"render_modes": [], "render_fps": 10}
    observation_space = SPACES.Box(-1.0, 1.0, (1,), np.float64)
    action_space = SPACES.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, infos, terminates) -> None:
        self._infos, self._terminates = infos, terminates

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._left = list(self._infos)
        return np.zeros(1), {}

    def step(self, action):
        info, last = self._left.pop(0), not self._left
        return np.zeros(1), 1.0, last and self._terminates, last and not self._terminates, info


@given(
    st.lists(st.sampled_from([{}, {"success": 0.0}, {"success": np.array([1.0])}, {"is_success": True}]), min_size=1)
)
def test_what_was_told_at_any_step_counts_and_a_reward_never_does(infos):
    for terminates in (False, True):
        env = Told(infos, terminates)
        with unittest.mock.patch.object(gym_adapter, "make", lambda *given, env=env: env):
            ours = GymEnvAdapter("told-v0", contract_of("told-v0", {}, 10.0), {})
        for seed in range(2):  # what an episode was told is forgotten with it
            ours.reset(seed=seed)
            (*before, last) = [ours.advance(np.zeros(1))[1] for _ in infos]
            assert before == [None] * len(before)
            won, silent = any({} != each != {"success": 0.0} for each in infos), not any(infos)
            lost = ("unknown" if silent else "failure") if terminates else "timeout"
            assert last == ("success" if won else lost)


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        (SPACES.Discrete(4), "is no array and no dict of arrays; .*FlattenObservation"),
        (SPACES.Box(-1.0, 1.0, ()), "is no array and no dict of arrays"),
        (SPACES.Box(0, 255, (96, 96, 3), np.uint8), "of 27648 numbers cannot be published; .* to 1000"),
        (SPACES.Dict({"a.b": SPACES.Box(-1.0, 1.0, (2,))}), "key 'a.b' cannot be a name"),
    ],
)
def test_what_cannot_be_seen_by_name_is_refused(space, complaint):
    with pytest.raises(ConfigError, match=complaint):
        names(space)


def test_a_contract_that_is_not_the_environments_is_refused_with_the_command_that_writes_one():
    with pytest.raises(ConfigError, match=f"is not what {CAR} sees; il-ros contract from-gym {CAR} writes"):
        GymEnvAdapter(CAR, Contract.load("panda_plane"), {})
    plain = contract_of(REACH, {}).to_dict()
    plain["action"].popitem()
    with pytest.raises(ConfigError, match="commands 1 numbers, test/Reach-v0 takes 2"):
        GymEnvAdapter(REACH, Contract.from_dict("mine", plain), {})


def test_a_contract_may_leave_out_what_the_policy_should_not_see():
    plain = contract_of(REACH, {}).to_dict()
    del plain["observation"]["goal.1"]
    ours = GymEnvAdapter(REACH, Contract.from_dict("mine", plain), {})
    ours.reset(seed=2)
    assert np.array_equal(ours.observe(ours.reading()), ours.values[[0, 2, 3]].astype(np.float32))


@pytest.mark.parametrize("environment", ["Nix-v0", "no_such_module:Nix-v0"])
def test_an_environment_that_is_not_there_is_refused(environment):
    with pytest.raises(ConfigError, match=f"environment '{environment}' cannot be made"):
        contract_of(environment, {})


def test_actions_that_are_choices_are_refused():
    with pytest.raises(ConfigError, match="is not continuous; only a Box"):
        contract_of("CartPole-v1", {})
