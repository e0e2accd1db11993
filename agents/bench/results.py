"""What a bench has found: ``results.jsonl``, a line for each finished run, small enough to be kept and shared."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from agents.bench.plan import Cell, Plan
from agents.config import TrainerConfig, flat
from agents.limits import Spent
from distil_envs.errors import ConfigError

Row = dict[str, Any]
ANYWHERE = frozenset({
    "run_dir", "micro_batch_tokens", "checkpoint_every", "keep_checkpoints", "record_groups", "save_model", "trackers",
    "policy.device",
})  # fmt: skip
"""Options that change no figure of a run."""
CURVE = ("success", "reward", "length", "entropy", "grad_norm")
POINTS = 20
"""The learning curve is kept in at most so many points."""


class Results:
    """The finished runs of a bench directory, one for each cell: the newest."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def rows(self) -> dict[Cell, Row]:
        """By cell. A last line torn by a crash is left out. Raises ConfigError for another broken line."""
        if not self.file.exists():
            return {}
        lines = self.file.read_bytes().split(b"\n")[:-1]
        found = {}
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                found[Cell(**row["cell"])] = row
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{self.file}, line {number} is no result of a bench, and no crash leaves such a line: delete it"
                ) from error
        return found

    def finished(self, plan: Plan) -> tuple[dict[Cell, Row], dict[Cell, str]]:
        """Of a plan's cells, those that need not run again; and those with a result under other options, with the first
        of these.
        """
        found, done, stale = self.rows(), {}, {}
        for cell in plan.cells():
            if (row := found.get(cell)) is None:
                continue
            changed = differences(plan.config(cell), TrainerConfig.from_dict(row["config"]))
            if changed:
                stale[cell] = changed[0]
            else:
                done[cell] = row
        return done, stale

    def add(self, row: Row) -> None:
        """Append one. Several processes may."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(self.file.read_bytes().rfind(b"\n") + 1)  # without what a crash left half written
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n")
            file.flush()
            os.fsync(file.fileno())


def differences(one: TrainerConfig, other: TrainerConfig) -> list[str]:
    """Options that make two runs different, as ``name (now, then)``."""
    mine, others = flat(one.to_dict()), flat(other.to_dict())
    names = sorted((mine.keys() | others.keys()) - ANYWHERE)
    return [
        f"{name} (now {mine.get(name)!r}, then {others.get(name)!r})"
        for name in names
        if mine.get(name) != others.get(name)
    ]


def row_of(
    cell: Cell, config: TrainerConfig, metrics: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]]
) -> Row:
    """What is kept of a run, from the rows of its ``metrics.jsonl`` and ``evaluations.jsonl``."""
    spent, shares = Spent(), {0: 0.0}
    for each in metrics:
        spent.add(each)
        shares[spent.steps] = round(min(1.0, spent.share(config.steps, config.limits)), 4)
    return {
        "cell": vars(cell),
        "config": config.to_dict(),
        "spent": {**vars(spent), "seconds": round(spent.seconds, 2)},
        "evaluations": [{"share": shares[each["step"]], **_marks(each)} for each in evaluations],
        "curve": list(_curve(metrics, shares)),
    }


def _marks(evaluation: Mapping[str, Any]) -> Row:
    """Right or not, task by task, as strings of 0 and 1 (- where it could not be graded); means over samples."""
    tasks = evaluation["per_task"]
    marks = {"accuracy": "".join(_mark(task["usable"], task["correct"]) for task in tasks)}
    for check in evaluation["checks"]:
        marks[check] = "".join(_mark(task["usable"], task["checks"].get(check, False)) for task in tasks)
    row = {name: evaluation[name] for name in ("step", "set", "prompt")} | {"marks": marks}
    row["buckets"] = [[name, len(list(run))] for name, run in groupby(task["bucket"] for task in tasks)]
    row["samples"] = {
        f"{name}@{k}": round(value["mean"], 4)
        for name in ("avg", "pass", "maj", "best")
        for k, value in evaluation[f"{name}_at"].items()
    }
    return row | {"length": round(evaluation["length"], 2)}


def _mark(usable: bool, passed: bool) -> str:
    return "01"[passed] if usable else "-"


def _curve(metrics: Sequence[Mapping[str, Any]], shares: Mapping[int, float]) -> Iterator[Row]:
    """Means over equally many steps each."""
    size = -(-len(metrics) // POINTS)
    for start in range(0, len(metrics), size or 1):
        part = metrics[start : start + size]
        means = {
            name: round(sum(values) / len(values), 4)
            for name in CURVE
            if (values := [row[name] for row in part if name in row])
        }
        yield {"share": shares[part[-1]["step"]], **means}
