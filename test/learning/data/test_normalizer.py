# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from il_ros.core.contract import ObservationLayout
from il_ros.core.errors import DataError
from il_ros.learning.data.normalizer import FINEST, Affine, Normalizer

tables = arrays(np.float32, (7, 3), elements=st.floats(-1000, 1000, width=32))


@given(tables, tables)
def test_inverse_undoes_forward(observations: np.ndarray, actions: np.ndarray) -> None:
    normaliser = Normalizer.fit(observations, actions)
    for part, rows in ((normaliser.observation, observations), (normaliser.action, actions)):
        np.testing.assert_allclose(part.inverse(part.forward(rows)), rows, atol=1e-6 * 1000, rtol=1e-5)


@given(tables)
def test_what_was_seen_lies_within_one_and_nothing_is_nan(rows: np.ndarray) -> None:
    values = Normalizer.fit(rows, rows).observation.forward(rows)
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= 1 + 1e-6


@pytest.mark.parametrize("jitter", [0.0, 1e-5])
def test_a_constant_component_only_moves_to_zero(jitter: float) -> None:
    rows = np.full((5, 2), 0.48, dtype=np.float32)
    rows[:, 1] = np.linspace(0, 1, 5)
    rows[0, 0] += jitter
    affine = Normalizer.fit(rows, rows).observation
    assert affine.scale.tolist() == [1.0, 0.5]
    assert np.abs(affine.forward(rows)[:, 0]).max() < 1e-4


@given(tables, st.sampled_from([((0, 1, 2),), ((0, 2),), ((0, 1), (2,))]))
def test_of_one_quantity_no_scale_is_much_finer_than_the_coarsest(
    rows: np.ndarray, alike: tuple[tuple[int, ...], ...]
) -> None:
    plain, made = (Normalizer.fit(rows, rows, layout=ObservationLayout(alike=groups)) for groups in ((), alike))
    own, scale, moves = plain.observation.scale, made.observation.scale, ~made.observation.is_constant
    assert (scale >= own).all() and (made.observation.offset == plain.observation.offset).all()
    for group in ([c for c in group if moves[c]] for group in alike):
        if group:
            assert scale[group].max() == own[group].max() and scale[group].min() >= FINEST * scale[group].max()
    others = sorted({0, 1, 2} - {c for group in alike for c in group if moves[c]})
    assert (scale[others] == own[others]).all()
    assert (made.action.scale == plain.action.scale).all()


@given(tables)
def test_the_plain_form_gives_the_same_bits_back(rows: np.ndarray) -> None:
    normaliser = Normalizer.fit(rows, rows)
    again = Normalizer.from_dict(json.loads(json.dumps(normaliser.to_dict())))
    assert (again.observation.forward(rows) == normaliser.observation.forward(rows)).all()
    assert (again.action.inverse(rows) == normaliser.action.inverse(rows)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named(bad: float) -> None:
    rows = np.zeros((4, 2))
    rows[2, 1] = bad
    with pytest.raises(DataError, match=f"action 1 of row 2 is {bad}"):
        Normalizer.fit(np.zeros((4, 2)), rows)


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="0 rows of observation"):
        Normalizer.fit(np.zeros((0, 2)), np.zeros((4, 2)))


@given(tables, st.integers(0, 2), st.floats(-1e30, 1e30), st.floats(-1e6, 1e6))
def test_a_constant_is_answered_whatever_the_network_says_and_shown_as_nothing(
    rows: np.ndarray, column: int, said: float, live: float
) -> None:
    rows[:, column] = rows[0, column]
    for fit in ("range", "quantiles"):
        affine = Affine.fit("action", rows, fit)
        answer, seen = affine.inverse(np.full(3, said)), affine.forward(np.full(3, live))
        assert affine.is_constant[column]
        assert answer[column] == rows[0, column] and seen[column] == 0.0
        assert affine.departure(np.where(np.arange(3) == column, live, rows[0])) >= abs(live - rows[0, column])


def test_a_few_wild_numbers_squeeze_the_others_only_where_the_whole_range_is_taken() -> None:
    rows = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    rows[7, 0] = 1000.0
    by_range, by_quantiles = (Affine.fit("action", rows, fit) for fit in ("range", "quantiles"))
    assert by_range.scale[0] > 400 and by_quantiles.scale[0] == pytest.approx(0.98, abs=0.05)
    np.testing.assert_allclose(by_quantiles.forward(np.quantile(rows, (0.01, 0.99), axis=0)), [[-1, -1], [1, 1]], 1e-5)
    np.testing.assert_allclose(by_quantiles.inverse(by_quantiles.forward(rows)), rows, rtol=1e-4, atol=1e-6)


def test_what_hardly_ever_changes_is_no_constant_by_its_quantiles() -> None:
    rows = np.full((1000, 1), 0.04)
    rows[500, 0] = 0.0
    affine = Affine.fit("action", rows, "quantiles")
    assert not affine.is_constant.any() and affine.scale.tolist() == [0.02]


def test_what_was_constant_takes_its_scale_from_newer_data_once_it_moves() -> None:
    old, new = np.zeros((5, 2)), np.zeros((5, 2))
    old[:, 0] = new[:, 0] = np.linspace(-1, 1, 5)
    before = Normalizer.fit(old, old)
    assert before.completed(Normalizer.fit(old, old)) is before
    new[:, 0], new[:, 1] = 5 * new[:, 0], np.linspace(0, 4, 5)
    after = before.completed(Normalizer.fit(new, new))
    assert after.action.scale.tolist() == [1.0, 2.0] and after.action.offset.tolist() == [0.0, 2.0]
    assert not after.observation.is_constant.any()


def test_a_plain_form_of_before_constants_were_marked_is_read() -> None:
    part = {"offset": [0.5, 0.04], "scale": [2.0, 1.0]}
    action = Normalizer.from_dict({"observation": part, "action": part}).action
    assert action.inverse(np.array([1.0, 0.01])).tolist() == [2.5, 0.05]


@pytest.mark.parametrize(
    "part",
    [
        {"offset": [0.0], "scale": [1.0, 1.0]},
        {"offset": 0.0, "scale": 1.0},
        {"offset": [[0.0]], "scale": [[1.0]]},
        {"offset": [0.0], "scale": None},
        {"offset": [0.0], "scale": [None]},
        {"offset": [0.0], "scale": [0.0]},
        {"offset": [0.0], "scale": [-1.0]},
        {"offset": [np.inf], "scale": [1.0]},
        {"offset": [0.0], "scale": [1.0], "constant": [0]},
        {"offset": [0.0], "scale": [1.0], "constant": [True, True]},
    ],
)
def test_a_plain_form_that_cannot_be_is_refused(part: dict[str, object]) -> None:
    with pytest.raises(DataError, match="normaliser: action has offset"):
        Affine.from_dict("action", part)
