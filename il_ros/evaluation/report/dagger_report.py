# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The report of a run of rounds: its ledger drawn, with who drove where in every round."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from il_ros.core.contract import Contract
from il_ros.core.episode import Episode
from il_ros.evaluation.report import trajectories
from il_ros.evaluation.report.charts import Curve
from il_ros.evaluation.report.page import ReportData, write_report
from il_ros.evaluation.report.svg import ToolPath
from il_ros.learning.dagger import ledger
from il_ros.recording.episodes.reader import read_episode
from il_ros.recording.episodes.store import EpisodeStore
from il_ros.sim import tasks

NAME = "report.html"
FIRST, LAST = "after round 0", "once more"
"""What the policies of the first round and of the end of a run are called."""


def write(folder: Path) -> Path:
    """Draw the run in ``folder``, whose rounds need not all be there; returns the path of the page.

    Raises:
        DataError: if there is no ledger, or an episode cannot be read.
        StorageError: if the page cannot be written.
    """
    return write_report(folder / NAME, read(folder, episodes_by_round(folder)))


def read(folder: Path, by_round: Sequence[Sequence[Episode]]) -> ReportData:
    """Return what the page of the run in ``folder`` is made of; ``by_round`` is what ``episodes_by_round`` returns.

    Raises:
        DataError: if there is no ledger, or an episode cannot be read.
    """
    records = ledger.read(folder)
    plan, rows = records["plan"], records["rounds"]
    contract = contract_of(plan)
    data = ReportData(_results(folder, records), rounds_task=plan["task"])
    data.scenes[plan["task"]] = trajectories.scene(tasks.load(plan["task"]))
    if by_round:
        data.demonstrations[plan["task"]] = _drawn(by_round[0], contract)
        data.rounds.extend([[], *(_drawn(of_round, contract) for of_round in by_round[1:])])
    made = {f"round {row['round']}": Path(row["checkpoint"]["path"]) for row in rows}
    data.curves.extend(Curve.of(name, checkpoint) for name, checkpoint in made.items() if checkpoint.exists())
    return data


def contract_of(plan: Mapping[str, Any]) -> Contract:
    """Return the contract of a run without its cameras, whose images nobody draws here."""
    return dataclasses.replace(Contract.load(plan["contract"]), images=())


def episodes_by_round(folder: Path) -> list[list[Episode]]:
    """Return the episodes of each finished round of the run in ``folder``."""
    records = ledger.read(folder)
    contract = contract_of(records["plan"])
    episodes = [read_episode(path, contract) for path in EpisodeStore(folder / "episodes").closed()]
    return [_of_round(row, episodes) for row in records["rounds"]]


def _of_round(row: Mapping[str, Any], episodes: Sequence[Episode]) -> list[Episode]:
    first, last = row["seeds"]
    return [episode for episode in episodes if first <= int(episode.facts["seed"]) <= last]


def _drawn(episodes: Sequence[Episode], contract: Contract) -> list[ToolPath]:
    return [trajectories.recorded(episode, contract, str(episode.facts.get("expert", ""))) for episode in episodes]


def _results(folder: Path, records: Mapping[str, Any]) -> dict[str, Any]:
    plan, rows = records["plan"], records["rounds"]
    alone = {f"after round {row['round']}": row["alone"] for row in (*rows[:1], *rows[1:][-1:])}
    walls = {name: round(sum(row["wall_s"][name] for row in rows), 1) for name in ("collect", "train", "measure")}
    if records["confirmed"] is not None:
        alone[LAST] = records["confirmed"]
        walls["measure"] = round(walls["measure"] + records["confirmed"]["wall_s"], 1)
    return {
        "policies": {plan["task"]: alone} if alone else {},
        "rounds": [_round(row) for row in rows],
        "confirmed": records["confirmed"],
        "targets": {"rounds": plan["success_threshold"]} if plan["success_threshold"] <= 1 else {},
        "wall_s": walls if rows else {},
        "seeds": {f"round {row['round']}": " to ".join(map(str, row["seeds"])) for row in rows},
        "commands": [f"il-ros ledger {folder.name} --report"],
        "plan": dict(plan),
    }


def _round(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the ledger as the report has it; in round 0 nobody could take over."""
    assisted = row["assisted"] or {}
    counted = {"interventions": row["takeovers"], "expert_s": round(row["expert_s"], 1)} if row["round"] else {}
    return {
        "round": row["round"],
        **row["alone"],
        "labels": row["labels"],
        "assisted": assisted.get("success"),
        **counted,
    }
