# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Substitutions read as in launch's own grammar."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from il_ros.core import paths
from il_ros.core.errors import ConfigError
from il_ros.launching.yaml_launch.substitutions import Scope, expand, split

SCOPE = Scope({"x": "1", "name": "x", "spaced": "a b"}, {"HOME": "/home/ada", "which": "x"}, Path("/launch"))


def test_text_without_substitutions_stays_as_it_is():
    assert expand("a 'b' (c) $ d$e", SCOPE, "here") == "a 'b' (c) $ d$e"


@given(st.text(st.characters(exclude_characters="\\$")))
def test_any_text_without_dollar_and_backslash_stays_as_it_is(text):
    assert expand(text, SCOPE, "here") == text


@given(st.text())
def test_escaped_text_is_what_it_was(text):
    assert expand("".join(f"\\{letter}" for letter in text), SCOPE, "here") == text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(var x)", "1"),
        ("a$(var x)b$(var x)", "a1b1"),
        ("$(var nix default)", "default"),
        ("$(var nix 'two words')", "two words"),
        ('$(var nix "")', ""),
        ("$(var $(var name))", "1"),
        ("$(var $(env which))", "1"),
        ("$(var nix $(env HOME)/logs)", "/home/ada/logs"),
        ("$(env HOME)/x", "/home/ada/x"),
        ("$(env NIX default)", "default"),
        ("$(dirname)/y.yaml", "/launch/y.yaml"),
        ("/$(path-join opt ros $(string-join . setup bash))", "/opt/ros/setup.bash"),
        ("$(path-join $(dirname) y.yaml)", "/launch/y.yaml"),
        ("$(path-join a /b c)", "/b/c"),
        ("$(string-join . https://$(var name) ros org)", "https://x.ros.org"),
        ("$(string-join ', ' 'a b' c)", "a b, c"),
        ("$(string-join '' a b)", "ab"),
        (r"\$(var x)", "$(var x)"),
        ("$(find-pkg-share il_ros)", str(paths.share())),
    ],
)
def test_substitutions_give(text, result):
    assert expand(text, SCOPE, "here") == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$(eval 1 + 1)", r"here: \$\(eval ...\) is refused, since it runs code"),
        (
            "$(command ls)",
            "here: substitution 'command' is not known; choose from dirname, env, find-pkg-share, path-join,.* var",
        ),
        ("$(var y)", "here: argument 'y' is not known; choose from name, spaced, x"),
        ("$(env Y)", r"here: environment variable 'Y' is not set; set it, or write \$\(env Y DEFAULT\)"),
        ("$(var x", r"add a '\)'"),
        ("$(var 'x)", "has a quote without its end"),
        ("$(var)", r"\$\(var\) has 0 arguments; it takes 1 to 2"),
        ("$(dirname x)", r"\$\(dirname\) has 1 arguments; it takes 0"),
        ("$(find-pkg-share nix)", "package 'nix' is not in"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(text, message):
    with pytest.raises(ConfigError, match=message):
        expand(text, SCOPE, "here")


def test_arguments_are_split_as_a_shell_would_but_results_are_not():
    assert split("-p a:=$(var spaced) 'b c' d$(var x)", SCOPE, "here") == ["-p", "a:=a b", "b c", "d1"]
