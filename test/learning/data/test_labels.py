# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The schemes of labels: what each learns of one and the same record."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core.episode import Authority, Episode
from il_ros.core.errors import ConfigError
from il_ros.learning.dagger.ledger import tally
from il_ros.learning.data import labels
from il_ros.learning.data.dataset import Dataset

STEP_NS = 50_000_000
HOLD, POLICY, EXPERT = Authority.HOLD, Authority.POLICY, Authority.EXPERT


def episode(drivers: str, asked: bool = True, outcome: str = "success") -> Episode:
    """An episode driven by P(olicy), E(xpert after a take-over), D(emonstrating expert) or H(eld), step by step.

    At step t the expert wants t, the policy -t, and what was executed is what its driver wanted; a held arm gets 0.
    """
    t = np.arange(len(drivers), dtype=np.float32)
    authority = np.array([{"P": POLICY, "H": HOLD}.get(who, EXPERT) for who in drivers], dtype=np.uint8)
    taken = np.array([who == "E" and (not i or drivers[i - 1] != "E") for i, who in enumerate(drivers)])
    wants = np.where(asked | (authority == EXPERT), t, np.nan)
    done = np.select([authority == EXPERT, authority == POLICY], [t, -t], 0.0)
    return Episode(
        stamps_ns=np.arange(len(drivers), dtype=np.int64) * STEP_NS,
        observations=np.repeat(t[:, None], 2, 1),
        executed=np.repeat(done[:, None], 2, 1).astype(np.float32),
        policy=np.repeat(-t[:, None], 2, 1),
        expert=np.repeat(wants[:, None], 2, 1).astype(np.float32),
        authority=authority,
        intervention=np.where(np.array(list(drivers)) == "E", taken.cumsum(), 0).astype(np.int32),
        doubts=np.zeros((len(drivers), 5), dtype=np.float32),
        step_ns=STEP_NS,
        facts={"outcome": outcome},
    )


def said(name: str, *episodes: Episode) -> list[dict[int, float]]:
    """For each episode the labels of a scheme, by step."""
    made = labels.load(name)(episodes)
    return [{int(t): float(each.actions[t, 0]) for t in np.flatnonzero(each.is_label)} for each in made]


def weights(name: str, *episodes: Episode) -> list[list[float]]:
    return [each.weight.round(6).tolist() for each in labels.load(name)(episodes)]


def test_hg_dagger_learns_what_the_expert_drove_and_dagger_what_he_said() -> None:
    mixed = episode("PPEEPH")
    assert said("expert_driven", mixed) == [{2: 2.0, 3: 3.0}]
    assert said("relabelled", mixed) == [{t: float(t) for t in range(6)}]
    assert said("relabelled", episode("PPEEP", asked=False)) == [{2: 2.0, 3: 3.0}]


def test_who_is_trusted_teaches_what_he_did() -> None:
    assert said("iwr", episode("PPEEH")) == [{0: 0.0, 1: -1.0, 2: 2.0, 3: 3.0}]


@pytest.mark.parametrize("name", ["iwr", "sirius:before_s=0.0"])
def test_of_a_rollout_that_failed_the_policys_own_steps_teach_nothing(name: str) -> None:
    assert said(name, episode("PPEEP", outcome="collision")) == [{2: 2.0, 3: 3.0}]


def test_interventions_weigh_as_much_as_all_the_rest() -> None:
    (mixed, shown) = weights("iwr", episode("PPPPPPEE"), episode("DDDD"))
    assert [*mixed[:6], *shown, *mixed[6:]] == pytest.approx([0.6] * 10 + [3.0] * 2)  # 10 x 0.6 = 2 x 3
    assert weights("iwr:share=0.25", episode("PPPPPPEE"))[0][6:] == [1.0] * 2


def test_what_led_to_an_intervention_has_no_weight_and_the_window_can_be_set() -> None:
    mixed = episode("PPPPEEPP")
    assert list(said("sirius:before_s=0.1", mixed)[0]) == [0, 1, 4, 5, 6, 7]
    assert list(said("sirius:before_s=0.15", mixed)[0]) == [0, 4, 5, 6, 7]
    assert list(said("sirius:before_s=9", mixed)[0]) == [4, 5, 6, 7]
    assert list(said("sirius:before_s=0", mixed)[0]) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_sirius_gives_interventions_half_demonstrations_their_share_and_the_policy_the_rest() -> None:
    mixed, shown = weights("sirius:before_s=0", episode("PPPPPPEE"), episode("DD"))
    assert sum(mixed[6:]) == pytest.approx(5.0)  # half of ten labels
    assert sum(shown) == pytest.approx(2.0)
    assert sum(mixed[:6]) == pytest.approx(3.0)


drivers = st.text("PEDH", min_size=1, max_size=30)


@pytest.mark.parametrize("name", labels.available())
@given(parts=st.lists(st.tuples(drivers, st.sampled_from(["success", "lost"])), min_size=1, max_size=4))
def test_every_scheme_weighs_one_on_average_and_never_teaches_what_nobody_wanted(
    name: str, parts: list[tuple[str, str]]
) -> None:
    episodes = [episode(text, outcome=outcome) for text, outcome in parts]
    made = labels.load(name)(episodes)
    counted = np.concatenate([each.weight[each.is_label] for each in made])
    if len(counted):
        assert counted.mean() == pytest.approx(1.0, rel=1e-4)
        assert (counted > 0).all()
    for each, own in zip(made, episodes):
        t = np.flatnonzero(each.is_label)
        assert np.isin(np.abs(each.actions[t, 0]), t).all()
        assert (each.actions[t, 0][each.is_experts[t]] >= 0).all()  # the expert's word is the expert's
        assert not (each.is_followed & ~each.is_label).any()
        driven = own.authority == EXPERT
        assert each.is_label[driven].all()  # what the expert drove is always learned


@pytest.mark.parametrize("horizon", [1, 4])
def test_a_chunk_never_goes_on_where_the_expert_was_asked_but_not_followed(horizon: int) -> None:
    data = Dataset.from_episodes([episode("PPPEEEPP")], 1, horizon, labels.load("relabelled"))
    of_step = dict(zip(data.observations[:, -1, 0].astype(int).tolist(), data.mask.sum(1).astype(int).tolist()))
    assert of_step == {0: 1, 1: 1, 2: 1, 3: min(3, horizon), 4: min(2, horizon), 5: 1, 6: 1, 7: 1}


def test_the_threshold_of_doubt_is_that_of_the_last_quarter_of_the_take_overs() -> None:
    doubtful = episode("PEPEPEPEPEPEPEPE")
    doubtful.doubts[:] = np.arange(16)[:, None]
    scheme = labels.load("expert_driven")
    assert tally([doubtful], scheme)["doubt_threshold"] == 14.0  # of take-overs at 1, 3, ..., 13, 15
    doubtful.doubts[13:] = np.nan
    assert tally([doubtful], scheme)["doubt_threshold"] == 11.0
    doubtful.doubts[:] = np.nan
    assert tally([doubtful, episode("DDD")], scheme)["doubt_threshold"] is None


def test_the_ledger_counts_what_the_expert_did() -> None:
    episodes = [episode("PPEEPEEEP"), episode("HPPP", asked=False)]
    told = tally(episodes, labels.load("expert_driven"))
    assert (told["episodes"], told["labels"], told["expert_steps"], told["takeovers"]) == (2, 5, 5, 2)
    assert (told["switches"], told["asked_steps"]) == (4, 9)
    assert (told["expert_s"], told["watched_s"]) == (0.25, 0.65)
    assert tally(episodes, labels.load("relabelled"))["labels"] == 9
    assert tally(episodes, labels.load("iwr"))["labels"] == 5  # what the policy taught itself cost the expert nothing


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("iwr:share=1", "share is 1.0; it must be between 0 and 1"),
        ("sirius:before_s=-1", "before_s is -1.0; it must be from 0 to an hour"),
        ("hg", "label scheme 'hg' is not known; choose from expert_driven, iwr, relabelled, sirius"),
    ],
)
def test_a_scheme_that_cannot_be_is_refused(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        labels.load(name)
