# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Teach an arm by demonstration, let it try, take over when it errs, and teach it again.

Examples:
  il-ros doctor                                    is this machine fit?
  il-ros demo                                      the whole story in a few minutes, with a report at the end
  il-ros teleop                                    drive the arm yourself, from a page in the browser
  il-ros launch collect task:=fork expert:=left    record demonstrations of a scripted expert
  il-ros info runs/episodes                        what was recorded
  il-ros train runs/episodes --policy diffusion    learn from it
  il-ros evaluate CHECKPOINT --task fork           how good is what was learnt?
  il-ros dagger runs/avoid                         rounds of corrections, and what they cost the expert

Exit codes: 0 all is well, 1 something failed, 2 a wrong name or argument, 3 a bad message, 4 bad data,
5 a bad checkpoint, 6 no disk space, 7 a node that died or did not answer, 130 ended by Ctrl-C
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import re
import signal
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from types import ModuleType

from il_ros import __version__
from il_ros.core import aliases
from il_ros.core.errors import ConfigError, IlRosError, StorageError
from il_ros.learning.data import seeds

COMMANDS = (
    *("demo", "teleop", "launch", "keys", "collect", "train", "evaluate", "dagger", "ledger"),
    *("info", "contract", "export", "onnx", "recover", "prune", "doctor"),
)
"""Modules of this package, in the order of the help; each has ``HELP``, ``add_arguments(parser)`` and ``run(args)``.

Earlier names of options are still accepted; see ``il_ros.core.aliases``."""

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR)
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code and never raises for what a user can bring about."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        if argv is None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # this process ends; a second one would only interrupt that
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return BROKEN_PIPE
    except IlRosError as error:
        return report(error)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        where = error.filename or "the output"
        return report(
            StorageError(f"{where} cannot be written: {error.strerror}; free some space or choose another place")
        )


def report(error: IlRosError) -> int:
    """Print what went wrong in one line on stderr; return the exit code that goes with it."""
    print(f"il-ros: error: {' '.join(str(error).split())}", file=sys.stderr)
    return error.exit_code


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that put a gymnasium environment in the place of a task."""
    parser.add_argument(
        "--environment",
        default="",
        metavar="ID",
        help="a gymnasium environment instead of a task; MODULE:ID if a module registers it",
    )
    parser.add_argument(
        "--environment-options", default="{}", metavar="JSON", help="what gymnasium.make is given, a JSON object"
    )


def check_seeds(seed: int, episodes: int, teaching: bool = False) -> None:
    """Make sure that ``--seed`` and ``--episodes`` name episodes, and such as are for ``teaching`` if they shall be.

    Raises:
        ConfigError: if they do not.
    """
    if episodes < 1:
        raise ConfigError(f"--episodes is {episodes}; it must be at least 1")
    if seed < 0:
        raise ConfigError(f"--seed is {seed}; seed is a number from 0 on")
    if teaching and not (seeds.is_for_teaching(seed) and seed % seeds.OF_A_RUN + episodes <= seeds.ALONE):
        raise ConfigError(
            f"--seed is {seed}, with {episodes} episodes; of every {seeds.OF_A_RUN:,} seeds the first {seeds.ALONE:,} "
            f"are for demonstrations, the others for evaluation: choose such as {seed - seed % seeds.OF_A_RUN}"
        )


def run(arguments: list[str]) -> int:
    """Parse the arguments and run their command; only the command that is asked for is imported."""
    commands = [name for name in arguments[:1] if name in COMMANDS]
    all_of_them = [name for name in COMMANDS if _exists(name)]
    parser = make_parser(all_of_them if not commands and arguments != ["--version"] else commands)
    arguments = _with_current_options(commands, arguments)
    options, rest = parser.parse_known_args(arguments)
    if rest and not (hasattr(options, "arguments") and all(":=" in word and word[0] != "-" for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # argparse gives up on name:=value words that stand after an option
        options.arguments += rest
    if options.command is None:
        parser.print_help()
        return ConfigError.exit_code
    return int(options.run(options))


def _with_current_options(commands: Iterable[str], words: Sequence[str]) -> list[str]:
    """Replace options that had another name in an earlier version; warn of each."""
    parser = argparse.ArgumentParser()
    for name in commands:
        _load(name).add_arguments(parser)
    options = {option.replace("-", "_") for option in re.findall(r"--([\w-]+)", parser.format_usage())}

    def current(word: str) -> str:
        old, equals, value = word.partition("=")
        name = aliases.current(old[2:].replace("-", "_"), options)
        new = f"--{name.replace('_', '-')}"
        if not old.startswith("--") or new == old:
            return word
        aliases.warn_once(old, new)
        return f"{new}{equals}{value}"

    return [current(word) for word in words]


def make_parser(commands: Iterable[str]) -> argparse.ArgumentParser:
    """Make the command line with these subcommands.

    Raises:
        ConfigError: if a command cannot be imported, with what it lacks.
    """
    first, _, examples = (__doc__ or "").partition("\n\n")
    parser = _parser(argparse.ArgumentParser, first, examples, prog="il-ros")
    parser.add_argument("--version", action="version", version=f"il-ros {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name in commands:
        module = _load(name)
        description, _, more = (module.__doc__ or module.HELP).partition("\n\n")
        subparser = _parser(subparsers.add_parser, description, more, name=name, help=module.HELP)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def _parser(make: object, description: str, epilog: str, **options: object) -> argparse.ArgumentParser:
    assert callable(make)
    name = options.pop("name", None)
    raw = argparse.RawDescriptionHelpFormatter
    parser = make(*[name] * (name is not None), description=description, epilog=epilog, formatter_class=raw, **options)
    assert isinstance(parser, argparse.ArgumentParser)
    return parser


def _exists(name: str) -> bool:
    return find_spec(f"{__name__}.{name}") is not None


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ImportError as error:
        raise ConfigError(f"command {name!r} cannot be loaded: {error}; reinstall il_ros' dependencies") from error
