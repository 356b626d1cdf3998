# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The doctor finds what is wrong and says what to do."""

import json
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from il_ros.cli import doctor, main


def test_a_sound_machine_has_no_failure_and_every_complaint_has_a_remedy(capsys):
    checks = list(doctor.examine())
    assert [check for check in checks if check.status == "fail"] == []
    assert all(check.remedy for check in checks if check.status in ("warn", "fail"))
    assert {"middleware", "disk", "shared memory", "discovery"} <= {check.name for check in checks}


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("info", 0), ("warn", 0), ("fail", 1)])
def test_only_a_failure_changes_the_exit_code(monkeypatch, capsys, status, code):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Check("disk", status, "1 MB", "free some")])
    assert main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == [
        {"name": "disk", "status": status, "found": "1 MB", "remedy": "free some"}
    ]
    assert main(["doctor"]) == code
    assert "free some" in capsys.readouterr().out


def test_a_machine_without_pybullet_is_warned_because_a_real_arm_needs_none(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: None)
    check = doctor.physics()
    assert (check.status, check.found) == ("warn", "missing: no simulation")
    assert "pip install" in check.remedy


def test_a_full_disk_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    assert doctor.disk(tmp_path).status == "fail"


def test_small_shared_memory_and_many_leftovers_warn(monkeypatch, tmp_path):
    assert doctor.shared_memory(tmp_path).status == "ok"
    for i in range(doctor.STALE_FILES + 1):
        (tmp_path / f"fastrtps_{i}").touch()
    assert doctor.shared_memory(tmp_path).status == "warn"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    assert doctor.shared_memory(tmp_path).status == "warn"
    assert doctor.shared_memory(tmp_path / "nix").status == "warn"


@pytest.mark.parametrize("domain", ["233", "-1", "x"])
def test_an_impossible_domain_fails(monkeypatch, domain):
    monkeypatch.setenv("ROS_DOMAIN_ID", domain)
    assert doctor.discovery().status == "fail"


def test_a_middleware_that_does_not_answer_fails(monkeypatch):
    def hang(*args, **options):
        raise subprocess.TimeoutExpired("python", 30)

    monkeypatch.setattr(subprocess, "run", hang)
    assert doctor.middleware().status == "fail"


def test_a_middleware_that_cannot_be_loaded_fails_with_its_last_words(monkeypatch):
    monkeypatch.setattr(doctor, "ROUND_TRIP", "raise RuntimeError('no librmw')")
    check = doctor.middleware()
    assert (check.status, check.found) == ("fail", "RuntimeError: no librmw")


def test_gamepads_are_listed(tmp_path):
    (tmp_path / "js0").touch()
    assert doctor.gamepads(tmp_path).found == "js0"


def test_a_plugin_that_cannot_be_used_warns_with_its_reason(monkeypatch):
    assert doctor.plugins().status == "ok"
    monkeypatch.setattr(doctor.plugin_kinds, "unusable", lambda kind: {"toy": f"{kind} 'toy' cannot be loaded"})
    check = doctor.plugins()
    assert check.status == "warn" and "policy 'toy' cannot be loaded" in check.remedy
