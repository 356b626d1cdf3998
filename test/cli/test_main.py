# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line answers in one line, and with an exit code that a script can use."""

import errno
import subprocess
import sys
from types import SimpleNamespace

import pytest

from il_ros import __version__, cli
from il_ros.core.errors import DataError


def command(run):
    """A module of one command that does nothing but ``run``."""
    return SimpleNamespace(__doc__="Doc.\n\nMore.", HELP="help", add_arguments=lambda parser: None, run=run)


def throw(error):
    def run(args):
        raise error

    return run


@pytest.fixture
def only(monkeypatch):
    """Replaces every command by one that does ``run``."""
    return lambda run: monkeypatch.setattr(cli, "_load", lambda name: command(run))


def test_the_exit_code_is_that_of_the_command(only):
    only(lambda args: 5)
    assert cli.main(["info"]) == 5


def test_our_errors_take_one_line_and_their_own_exit_code(only, capsys):
    only(throw(DataError("bag 'x' is\ncut short; run il-ros recover")))
    assert cli.main(["info"]) == DataError.exit_code
    assert capsys.readouterr().err == "il-ros: error: bag 'x' is cut short; run il-ros recover\n"


def test_a_full_disk_is_told_in_one_line(only, capsys):
    only(throw(OSError(errno.ENOSPC, "No space left on device", "/data/x")))
    assert cli.main(["info"]) == 6
    assert capsys.readouterr().err.startswith("il-ros: error: /data/x cannot be written: No space left on device;")


def test_ctrl_c_gives_130(only):
    only(throw(KeyboardInterrupt()))
    assert cli.main(["info"]) == 130


def test_other_errors_are_ours_to_mend_and_show_where(only):
    only(throw(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["info"])


def test_without_a_command_the_help_is_shown(only, capsys):
    only(lambda args: 0)
    assert cli.main([]) == 2
    assert "il-ros doctor" in capsys.readouterr().out


def test_an_unknown_command_is_refused_with_the_known_ones(only, capsys):
    only(lambda args: 0)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["danse"])
    assert "invalid choice: 'danse'" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"il-ros {__version__}\n"


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if cli._exists(name)])
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([name, "--help"])
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_a_closed_pipe_is_no_error():
    code = "import sys; from il_ros.cli import main; sys.exit(main(['launch', 'dagger', '--dry-run']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode in (0, cli.BROKEN_PIPE)


def test_only_the_command_that_is_asked_for_is_imported():
    code = "import sys; from il_ros.cli import main; main(['launch', 'bringup', '--dry-run']); print(set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'il_ros.cli.launch'" in shown
    for heavy in ("torch", "rclpy", "pybullet", "matplotlib", "il_ros.cli.demo"):
        assert f"'{heavy}'" not in shown


def test_help_comes_at_once_without_the_libraries_that_learn_and_simulate():
    heavy = ("torch", "pybullet", "scipy", "matplotlib", "gymnasium", "rclpy")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({heavy}))\n"
    asked = "from il_ros.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run([sys.executable, "-c", blocked + asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in cli.COMMANDS)
