# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Plugins of other pip packages are found by their entry points, and none of them can break the others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from il_ros.core import plugins
from il_ros.core.errors import CheckpointError, ConfigError
from il_ros.learning import checkpoint as checkpoints

ROOT = Path(__file__).resolve().parents[2]
RULE = """
from il_ros.gate.rules.none import NoGating

class Other(NoGating):
    pass
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package of one module that offers gating rules, as pip leaves it on the disk."""

    def install(package: str, source: str, **offers: str) -> None:
        site = tmp_path / package
        metadata = site / f"{package}-3.1.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{package}.py").write_text(source)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 3.1\n")
        lines = [f"{name} = {value}" for name, value in offers.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[il_ros.gating_rules]", *lines, ""]))
        monkeypatch.syspath_prepend(str(site))

    return install


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_every_kind_has_plugins_of_ours_and_all_are_subclasses_of_its_base(kind: str) -> None:
    found = plugins.available(kind)
    assert found and all(issubclass(cls, plugins.KINDS[kind].base_class()) for cls in found.values())
    assert all(plugins.load(kind, name) is cls for name, cls in found.items())
    assert plugins.unusable(kind) == {}


def test_a_rule_of_another_package_is_found_as_a_module_or_as_a_class(install: Install) -> None:
    install("others_a", RULE, by_module="others_a", by_class="others_a:Other")
    cls = plugins.load("gating rule", "by_module")
    assert cls.__name__ == "Other" and plugins.load("gating rule", "by_class") is cls
    assert {"by_module", "by_class", "human"} <= set(plugins.available("gating rule"))
    assert plugins.requirement("gating rule", "by_class") == "others_a==3.1"
    assert plugins.requirement("gating rule", "human") is None


def test_a_broken_plugin_is_listed_with_its_reason_and_breaks_no_other(install: Install) -> None:
    install("others_b", RULE, sound="others_b", number="others_b:__name__", absent="others_b:Absent")
    install("others_c", "raise RuntimeError('no licence')", broken="others_c")
    install("others_d", "", empty="others_d")
    found = plugins.available("gating rule")
    assert "sound" in found and "human" in found and not {"number", "absent", "broken", "empty"} & set(found)
    reasons = plugins.unusable("gating rule")
    assert set(reasons) == {"number", "absent", "broken", "empty"}
    assert "others_c cannot be loaded (RuntimeError: no licence); mend or update it" in reasons["broken"]
    for name, reason in reasons.items():
        with pytest.raises(ConfigError) as caught:
            plugins.load("gating rule", name)
        assert str(caught.value) == reason


def test_a_name_of_ours_comes_first_and_the_clash_is_told(install: Install) -> None:
    install("others_e", RULE, human="others_e")
    assert plugins.load("gating rule", "human").__module__ == "il_ros.gate.rules.human"
    assert plugins.available("gating rule")["human"].__module__ == "il_ros.gate.rules.human"
    assert "'human' of package others_e is not used" in plugins.unusable("gating rule")["human"]


def test_a_name_that_two_packages_offer_is_refused_with_both(install: Install) -> None:
    install("others_f", RULE, twice="others_f")
    install("others_g", RULE, twice="others_g")
    with pytest.raises(ConfigError, match="packages others_f, others_g is offered by each.*ask for one by its module"):
        plugins.load("gating rule", "twice")
    assert "twice" not in plugins.available("gating rule")


# An installed package ------------------------------------------------------------------------------------------------

RUN = """
import json, sys
from pathlib import Path
from il_ros.core import plugins
from il_ros.learning.dagger.in_process import InProcessBackend
from il_ros.learning.dagger.config import DaggerConfig
from il_ros.learning.dagger.run import DaggerRun

folder = Path(sys.argv[1])
config = DaggerConfig(
    task="toy_line", policy="toy_policy", input_device="toy_device", expert="straight", demonstrations=2, rounds=0,
    eval_episodes=2, steps=30,
)
with InProcessBackend(folder, config) as backend:
    ledger = DaggerRun(folder, config, backend).run()
print(json.dumps({"row": ledger.rounds[-1], "unusable": plugins.unusable("policy")}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which pip has installed the package in ``test/plugin_package``."""
    source, target = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "test" / "plugin_package", source)  # where the build may leave its traces
    options = ("--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--target", str(target))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    return target


@pytest.mark.usefixtures("simulation")
def test_an_installed_package_brings_a_policy_a_task_and_a_device(package: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(package), str(ROOT), os.environ.get("PYTHONPATH", "")])
    child = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    result = json.loads(child.stdout)
    assert result["row"]["assisted"] is None and result["row"]["alone"]["episodes"] == 2
    assert "a_library_that_is_not_installed" in result["unusable"]["toy_broken"]
    saved = Path(result["row"]["checkpoint"]["path"])
    assert checkpoints.read_document(saved)["policy_package"] == "il-ros-toy==1.2"
    with pytest.raises(CheckpointError, match="'toy_policy' is of a package that is not installed: pip install il-ros"):
        checkpoints.load(saved)  # here, where it is not installed
