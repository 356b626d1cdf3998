# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Data classes are made of plain data; errors name value, limit, remedy and line."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from il_ros.core import schema
from il_ros.core.errors import ConfigError, unknown


@dataclass(frozen=True)
class Wheel:
    radius_m: Annotated[float, Field(gt=0)]
    name: str = ""

    def __post_init__(self) -> None:
        if self.name == "square":
            raise ConfigError("a wheel cannot be square; choose another", at=("name",))


@dataclass(frozen=True)
class Cart:
    wheels: tuple[Wheel, ...]
    load: Mapping[str, float] = field(default_factory=dict)
    brake: float | str | None = None
    seats: int = 1
    open: bool = False


TEXT = """# a cart
wheels:
  - {radius_m: 0.2}
  - radius_m: 0.3
    name: left
load:
  sand: 3
seats: 2
"""


def test_plain_data_becomes_data_classes(tmp_path: Path) -> None:
    (tmp_path / "cart.yaml").write_text(TEXT)
    cart = schema.build(Cart, "cart", schema.read_yaml(tmp_path / "cart.yaml"))
    assert cart == Cart((Wheel(0.2), Wheel(0.3, "left")), {"sand": 3.0}, None, 2)
    assert schema.build(Cart, "cart", {"wheels": cart.wheels}).wheels == cart.wheels


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("seats: 2", "seats: 2.5", 8, "seats is 2.5; it must be a whole number"),
        ("seats: 2", "seats: true", 8, "seats is True; it must be a whole number"),
        ("seats: 2", "open: 1", 8, "open is 1; it must be true or false"),
        ("seats: 2", "seat: 2", 8, "key 'seat' is not known; choose from .*; did you mean 'seats'"),
        ("seats: 2", "brake: [1]", 8, "brake is .1.; it must be a"),
        ("sand: 3", "sand: '3'", 7, "load.sand is '3'; it must be a number"),
        ("{radius_m: 0.2}", "{radius_m: 0}", 3, r"wheels.0.radius_m is 0; it must be above 0"),
        ("name: left", "name: 7", 5, "wheels.1.name is 7; it must be a string"),
        ("name: left", "name: square", 5, "wheels.1: a wheel cannot be square; choose another"),
        ("radius_m: 0.3", "radius: 0.3", 4, "wheels.1: key 'radius' is not known; .* did you mean 'radius_m'"),
        ("{radius_m: 0.2}", "{name: a}", 3, "cart: wheels.0 lacks the key 'radius_m'; add it"),
        ("{radius_m: 0.2}", "3", 3, "cart: wheels.0: 3 is no mapping; it must be a mapping of radius_m, name"),
    ],
)
def test_error_names_value_limit_remedy_and_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    path = tmp_path / "cart.yaml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ConfigError, match=says) as raised, schema.located(path):
        schema.build(Cart, "cart", schema.read_yaml(path))
    assert str(raised.value).startswith(f"{path}:{line}: ")


def test_error_about_a_change_from_elsewhere_names_no_line(tmp_path: Path) -> None:
    path = tmp_path / "cart.yaml"
    path.write_text(TEXT)
    with pytest.raises(ConfigError, match="^cart: seats is 'two'"), schema.located(path, ["seats"]):
        schema.build(Cart, "cart", {**schema.read_yaml(path), "seats": "two"})


def test_error_keeps_its_place_from_one_process_to_another() -> None:
    error: Any = pickle.loads(pickle.dumps(unknown("key", "seat", ["seats"], at=("cart", "seat"))))
    assert error.at == ("cart", "seat") and "did you mean 'seats'" in str(error)
