# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Results of jobs: of this machine's folder, or as they were published."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

PICTURED = ("paths", "away_m", "demonstrated")
"""What only the pictures need; it is too much to be published."""


class AnyJob(Protocol):
    """A job of a study; a data class."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def key(self) -> str:
        """Return a key that is equal for equal work."""


Job = TypeVar("Job", bound=AnyJob)


@dataclass(frozen=True)
class JobResults:
    """Where the results of jobs are found: here in ``folder``, or ``known`` since the page was last published."""

    folder: Path
    known: Mapping[str, Mapping[str, Any]]

    def missing(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that must be run."""
        absent = [job for job in jobs if not self._file(job).exists()]
        return [job for job in absent if job.key() not in self.known or getattr(job, "is_pictured", False)]

    def gave(self, job: AnyJob) -> dict[str, Any]:
        """Return the result of a job."""
        file = self._file(job)
        return json.loads(file.read_text()) if file.exists() else dict(self.known[job.key()])

    def told(self, jobs: Sequence[AnyJob]) -> dict[str, dict[str, Any]]:
        """Return what is published of these jobs, by key."""
        return {job.key(): {**dataclasses.asdict(job), **self._published(job)} for job in jobs}

    def to_publish(self, jobs: Sequence[AnyJob]) -> dict[str, dict[str, Any]]:
        """Return what is published once these jobs are through, by key: theirs, and what was known of other jobs.

        What was known of the same job under another key, before a configuration changed, is left out.
        """
        told = self.told(jobs)
        same = [dataclasses.asdict(job) for job in jobs]
        kept = {
            key: dict(one)
            for key, one in self.known.items()
            if not any(all(one.get(name) == value for name, value in job.items()) for job in same)
        }
        return {**kept, **told}

    def _published(self, job: AnyJob) -> dict[str, Any]:
        return {name: value for name, value in self.gave(job).items() if name not in PICTURED}

    def _file(self, job: AnyJob) -> Path:
        return self.folder / f"{job.key()}.json"
