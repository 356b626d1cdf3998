# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The linters of ament pass, told of the house's style in setup.cfg; skipped where they are missing (make test-ros).

ament_copyright is not among them: it knows the long notices of licences only, not the two lines of REUSE that stand in
our files, and to be told of these it wants an entry point of the installed package. ``test_licence.py`` checks them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = [str(ROOT / name) for name in ("il_ros", "launch", "setup.py")]
OTHERS = ("test", "benchmarks", "studies", "examples", "tools")


def test_ament_flake8_passes_with_the_configuration_in_setup_cfg(monkeypatch):
    linter = pytest.importorskip("ament_flake8.main", reason="ament_flake8 is not installed; see make test-ros")
    monkeypatch.chdir(ROOT)  # the configuration names folders
    code, errors = linter.main_with_errors(["--config", "setup.cfg", *OURS, *OTHERS])
    assert code == 0, "\n".join(errors)


def test_ament_pep257_passes_for_docstrings_of_googles_kind(capfd):
    linter = pytest.importorskip("ament_pep257.main", reason="ament_pep257 is not installed; see make test-ros")
    exempt = ["D105", "D107", "D402", "D403", "D417"]  # as in setup.cfg, where the reasons are
    assert linter.main(["--convention", "google", "--add-ignore", *exempt, "--", *OURS]) == 0, capfd.readouterr()
