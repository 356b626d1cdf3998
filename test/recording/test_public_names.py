# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

from il_ros import recording


@pytest.mark.parametrize("name", recording.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(recording, name).__name__ == name


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = recording.no_such_name
