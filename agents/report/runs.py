"""Runs as they lie on the disk, whole or broken: what can be read is read, and what is missing is told.

Nothing here imports torch: a report is made where runs are looked at, not where they were trained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from agents.limits import Limits, Spent
from agents.run_folders import run_folders
from agents.yaml_options import read_options

Row = dict[str, Any]


@dataclass
class Run:
    """One run directory, without its episodes, which `rows` streams."""

    path: Path
    name: str
    """How it is called in the report: the folder's name, or the path where two have the same."""
    config: dict[str, Any]
    metrics: list[Row] = field(default_factory=list)
    evaluations: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What is missing or broken, a sentence each."""
    called: str | None = None
    """The learner's name in a bench."""
    place: int | None = None
    """Its place there."""

    @property
    def setting(self) -> str:
        """Environment and task set: what may stand in one picture."""
        tasks = (self.config.get("environment") or {}).get("tasks")
        return " · ".join(str(part) for part in (self.config.get("env", "unknown environment"), tasks) if part)

    @property
    def learner(self) -> str:
        if self.called is not None:
            return self.called
        learner = self.config.get("learner")
        return str(learner.get("name", "unknown learner") if isinstance(learner, dict) else learner)

    @property
    def seed(self) -> Any:
        return self.config.get("seed", 0)

    def rows(self, log: str) -> Iterator[Row]:
        """The rows of a log, one at a time; what cannot be read is left out and becomes a problem at the end."""
        file = self.path / log
        if not file.is_file():
            self.problems.append(f"no {log}")
            return
        broken: list[int] = []
        number = 0
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                row = _row(line)
                if row is not None:
                    yield row
                elif line.endswith(b"\n"):
                    broken.append(number)
                else:
                    self.problems.append(f"{log}: the last line is torn and left out")
        if number == 0:
            self.problems.append(f"{log} is empty")
        if broken:
            self.problems.append(
                f"{log}: {len(broken)} lines hold no row with a step and are left out, the first is line {broken[0]}"
            )

    def load(self) -> None:
        """Read everything but the episodes."""
        self.metrics = list(self.rows("metrics.jsonl"))
        rows = list(self.rows("evaluations.jsonl"))
        self.evaluations = [row for row in rows if _is_evaluation(row)]
        if len(rows) > len(self.evaluations):
            self.problems.append(f"evaluations.jsonl: {len(rows) - len(self.evaluations)} rows are no evaluations")
        unfinished = self._unfinished()
        if unfinished is not None:
            self.problems.append(unfinished)
        if rows and not any(row["step"] for row in self.evaluations):
            self.problems.append("no evaluation after training began")

    def _unfinished(self) -> str | None:
        """How far learning came, where it is not over; None where it is, or nobody knows how far it was to go."""
        done, planned = max((row["step"] for row in self.metrics), default=0), self.config.get("steps")
        if not isinstance(planned, int) or planned <= 0:
            return None
        spent = Spent()
        for row in self.metrics:
            with suppress(KeyError, TypeError, ValueError, OverflowError):  # a row that lacks what a limit counts
                spent.add(row)
        spent.steps = done
        limits = _limits(self.config.get("limits"))
        share = spent.share(planned, limits)
        if share >= 1:
            return None
        if limits == Limits():
            return f"unfinished: {done} of {planned} steps"
        return f"unfinished: {share:.1%} of the limit that is nearest, after {done} steps"


def find_runs(paths: Sequence[Path]) -> list[Run]:
    """The runs in these folders: run directories, and benchmark directories, whose cells are runs.

    Raises ConfigError for a folder that is neither, and for a config.yaml that cannot be read.
    """
    folders = run_folders(paths)
    names = [folder.name for folder in folders]
    runs = []
    for folder in folders:
        name = folder.name if names.count(folder.name) == 1 else str(folder)
        run = Run(folder, name, read_options(folder / "config.yaml", "the options of a run,"))
        run.load()
        runs.append(run)
    return runs


def _limits(values: Any) -> Limits:
    """Those of a configuration that are limits."""
    given = values if isinstance(values, dict) else {}
    found = {item.name: given.get(item.name) for item in fields(Limits)}
    kept: dict[str, Any] = {
        name: value for name, value in found.items() if isinstance(value, (int, float)) and value > 0
    }
    return Limits(**kept)


def _row(line: bytes) -> Row | None:
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _is_evaluation(row: Row) -> bool:
    accuracy = row.get("accuracy")
    return (
        isinstance(row.get("set"), str)
        and isinstance(accuracy, dict)
        and isinstance(accuracy.get("mean"), (int, float))
        and isinstance(row.get("per_task"), list)
    )
