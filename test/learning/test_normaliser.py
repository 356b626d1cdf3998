# Copyright 2026 The il_ros authors
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from il_ros.errors import DataError
from il_ros.learning.normaliser import Normaliser

tables = arrays(np.float32, (7, 3), elements=st.floats(-1000, 1000, width=32))


@given(tables, tables)
def test_inverse_undoes_forward(observations: np.ndarray, actions: np.ndarray) -> None:
    normaliser = Normaliser.fit(observations, actions)
    for part, rows in ((normaliser.observation, observations), (normaliser.action, actions)):
        np.testing.assert_allclose(part.inverse(part.forward(rows)), rows, atol=1e-6 * 1000, rtol=1e-5)


@given(tables)
def test_what_was_seen_lies_within_one_and_nothing_is_nan(rows: np.ndarray) -> None:
    values = Normaliser.fit(rows, rows).observation.forward(rows)
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= 1 + 1e-6


@pytest.mark.parametrize("jitter", [0.0, 1e-5])
def test_a_constant_component_only_moves_to_zero(jitter: float) -> None:
    rows = np.full((5, 2), 0.48, dtype=np.float32)
    rows[:, 1] = np.linspace(0, 1, 5)
    rows[0, 0] += jitter
    affine = Normaliser.fit(rows, rows).observation
    assert affine.scale.tolist() == [1.0, 0.5]
    assert np.abs(affine.forward(rows)[:, 0]).max() < 1e-4


@given(tables)
def test_the_plain_form_gives_the_same_bits_back(rows: np.ndarray) -> None:
    normaliser = Normaliser.fit(rows, rows)
    again = Normaliser.from_dict(json.loads(json.dumps(normaliser.to_dict())))
    assert (again.observation.forward(rows) == normaliser.observation.forward(rows)).all()
    assert (again.action.inverse(rows) == normaliser.action.inverse(rows)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named(bad: float) -> None:
    rows = np.zeros((4, 2))
    rows[2, 1] = bad
    with pytest.raises(DataError, match=f"action 1 of row 2 is {bad}"):
        Normaliser.fit(np.zeros((4, 2)), rows)


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="0 rows of observation"):
        Normaliser.fit(np.zeros((0, 2)), np.zeros((4, 2)))
