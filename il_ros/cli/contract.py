# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Does a graph that runs, or a bag, satisfy a contract? And what is the contract of a gymnasium environment?

Examples:
  il-ros contract check my_arm.yaml                          what is published now in your ROS_DOMAIN_ID
  il-ros contract check my_arm.yaml --bag recordings/day_1   what recordings hold, as train reads them
  il-ros contract check panda_plane --namespace left         the one of two arms
  il-ros contract from-gym panda_gym:PandaReach-v3 > reach.yaml

The exit code of ``check`` is 1 if it does not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from il_ros.core import topics
from il_ros.core.contract import Contract
from il_ros.core.errors import ConfigError
from il_ros.core.schema import json_object
from il_ros.recording.check import bag_check, contract_check
from il_ros.recording.check.command_limits import Share
from il_ros.recording.check.contract_check import ERROR, Finding
from il_ros.robot.description import Robot

HELP = "compare a contract with a live graph or a bag, or write one for a gymnasium environment"
COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
DISCOVERY_S = 7.0
"""How long a topic may take to be found: who has missed an announcement waits 3 s for the next."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``il-ros contract``."""
    parser.add_argument(
        "what", choices=["check", "from-gym"], metavar="WHAT", help="check: compare; from-gym: write one to the output"
    )
    parser.add_argument(
        "contract", metavar="CONTRACT", help="contract, by name or path; the environment's name for from-gym"
    )
    parser.add_argument(
        "--bag",
        type=Path,
        help="a recording or a folder of recordings, read as train reads it, instead of the live graph",
    )
    parser.add_argument("--namespace", default="", help="where the live graph's topics are (default: /)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to listen (default: 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--options", default="{}", help="what gymnasium.make is given for from-gym, a JSON object")
    parser.add_argument("--rate", type=float, help="steps a second for from-gym (default: its render_fps)")
    parser.add_argument(
        "--velocities", action="store_true", help="keep the velocities that from-gym leaves out where there are points"
    )


def run(args: argparse.Namespace) -> int:
    """Run ``il-ros contract``.

    Raises:
        ConfigError: if the contract or the environment cannot be had, or ``--seconds`` is no length of time.
        DataError: if the bag cannot be read.
    """
    if args.what == "from-gym":
        print(of_environment(args.contract, json_object("--options", args.options), args.rate, args.velocities), end="")
        return 0
    contract = Contract.load(args.contract)
    if not 0 < args.seconds <= 3600:
        raise ConfigError(f"--seconds is {args.seconds:g}; it must be a number from 0 to 3600")
    if contract.robot:
        Robot.load(contract.robot)  # which the commands that simulate would miss later
    report = bag_check.check(contract, args.bag) if args.bag else None
    findings = report.findings if report else of_graph(contract, args.namespace, args.seconds)
    satisfied = all(finding.level != ERROR for finding in findings)
    if args.json:
        result = {"contract": contract.name, "satisfied": satisfied, **(dataclasses.asdict(report) if report else {})}
        print(json.dumps({**result, "findings": [dataclasses.asdict(finding) for finding in findings]}))
    else:
        _print(contract, findings, satisfied)
        _print_limits(contract, report.limits if report else [])
    return 0 if satisfied else 1


def of_environment(
    environment: str, options: Mapping[str, Any], rate_hz: float | None = None, velocities: bool = False
) -> str:
    """Return the contract for an environment, in YAML."""
    from il_ros.sim.gym_adapter import described

    contract, points = described(environment, options, rate_hz, velocities)
    plain = contract.to_dict()
    for part in (*plain["observation"].values(), *plain["action"].values()):
        for key in [key for key, value in part.items() if value == ""]:
            del part[key]
    header = f"# What {environment} sees and takes; written by il-ros contract from-gym.\n"
    if points:
        header += (
            "# With relations: true a policy sees how points, in m, and angles lie to each other. Velocities are left\n"
            "# out (--velocities keeps them): who sees them goes on as it went, and stands still once it has stood.\n"
        )
        header += "".join(f"#   {point}: {why}\n" for point, why in points.items()) + "# Correct what is wrong.\n"
    return header + yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=120)


def of_graph(contract: Contract, namespace: str, seconds: float) -> list[Finding]:
    """Listen to the graph for some seconds; return the messages by topic."""
    from il_ros.ros.client.topic_sampler import TopicSampler

    prefix = f"/{namespace.strip('/')}/".replace("//", "/")
    commands = [topic.name for topic in topics.commands(contract)]
    full = {topic if topic.startswith("/") else prefix + topic: topic for topic in (*contract.topics, *commands)}
    with TopicSampler() as listener:
        listener.wait(lambda: full.keys() <= listener.types().keys(), DISCOVERY_S)
        types = listener.types()
        named = {name: topic for name, topic in full.items() if name in types}
        received = listener.listen({name: types[name] for name in _right(contract, types, named)}, seconds)
    return contract_check.check(contract, types, received, named)


def _right(contract: Contract, types: Mapping[str, str], named: Mapping[str, str]) -> list[str]:
    """Return the topics whose type is the contract's, so that their messages mean something."""
    kinds = {**contract.topics, **{topic.name: topic.type_name for topic in topics.commands(contract)}}
    return [name for name, topic in named.items() if types[name] == kinds[topic]]


def _print(contract: Contract, findings: list[Finding], satisfied: bool) -> None:
    table = Table(
        "",
        "",
        "",
        title=f"contract {contract.name}: {'satisfied' if satisfied else 'not satisfied'}",
        show_header=False,
    )
    for finding in findings:
        table.add_row(finding.about, f"[{COLOURS[finding.level]}]{finding.level}[/]", finding.told.replace("[", r"\["))
    Console().print(table)


def _print_limits(contract: Contract, shares: Sequence[Share]) -> None:
    """Return how much of the actions lies outside the limits."""
    if not shares:
        return
    table = Table(title="the actions beside the contract's limits")
    for heading in ("action", "from", "to", "limits", "outside", "a step", "limit", "faster"):
        table.add_column(heading, justify="left" if heading == "action" else "right")
    for part, share, limit in zip(contract.action, shares, contract.max_step.tolist()):
        table.add_row(
            *(part.name, f"{share.low:.4g}", f"{share.high:.4g}", f"{part.low:g} to {part.high:g}"),
            *(f"{share.outside:.2%}", f"{share.step:.3g}", f"{limit:.3g}", f"{share.too_fast:.2%}"),
        )
    Console().print(table)
