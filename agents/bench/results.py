"""What a bench has found: ``results.jsonl``, a line for each finished run, small enough to be kept and shared."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from agents.bench.plan import Cell, Plan
from agents.config import TrainerConfig
from agents.limits import Spent
from agents.options import SURROUNDINGS, flat
from distil_envs.errors import ConfigError, DistilError

Row = dict[str, Any]
CURVE = ("success", "reward", "length", "entropy", "grad_norm")
POINTS = 20
"""The learning curve is kept in at most so many points."""


class Results:
    """The finished runs of a bench directory. A cell may have several, under other options."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def rows(self) -> list[tuple[Cell, Row]]:
        """All, in order. A last line torn by a crash is left out. Raises ConfigError for another broken line."""
        if not self.file.exists():
            return []
        found = []
        *lines, last = self.file.read_bytes().split(b"\n")
        for number, line in enumerate([*lines, last] if _whole(last) else lines, 1):
            try:
                row = json.loads(line)
                found.append((Cell(**row["cell"]), row))
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{self.file}, line {number} is no result of a bench, and no crash leaves such a line: delete it"
                ) from error
        return found

    def finished(self, plan: Plan, cells: Sequence[Cell] | None = None) -> tuple[dict[Cell, Row], dict[Cell, str]]:
        """Of cells, those that need not run again, with the newest row under the plan's options; and of those that have
        rows under others alone, what is other in the newest.

        Args:
            cells: of the plan; None: those that are reported.
        """
        configs = {cell: plan.config(cell) for cell in (plan.cells() if cells is None else cells)}
        done: dict[Cell, Row] = {}
        stale: dict[Cell, str] = {}
        for cell, row in self.rows():
            if cell in configs:
                change = difference(configs[cell], row["config"])
                if change is None:
                    done[cell] = row
                else:
                    stale[cell] = change
        ordered = {cell: done[cell] for cell in configs if cell in done}
        return ordered, {cell: change for cell, change in stale.items() if cell not in done}

    def add(self, row: Row) -> None:
        """Append one. Several processes may."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            *lines, last = self.file.read_bytes().split(b"\n")
            if _whole(last):  # put together by hand
                file.write(b"\n")
            elif last:  # what a crash left half written
                file.truncate(sum(map(len, lines)) + len(lines))
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _whole(line: bytes) -> bool:
    """Whether a line without an end is a row."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def difference(config: TrainerConfig, values: Mapping[str, Any]) -> str | None:
    """The first option that makes a run of `config` another one than one with these options; None if there is none."""
    try:
        then = flat(TrainerConfig.from_dict(dict(values)).to_dict())
    except DistilError as error:  # of another version
        return str(error)
    now = flat(config.to_dict())
    changed = sorted(name for name in (now.keys() | then.keys()) - SURROUNDINGS if now.get(name) != then.get(name))
    return f"{changed[0]} (now {now.get(changed[0])!r}, then {then.get(changed[0])!r})" if changed else None


def row_of(
    cell: Cell, config: TrainerConfig, metrics: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]]
) -> Row:
    """What is kept of a run, from the rows of its ``metrics.jsonl`` and ``evaluations.jsonl``."""
    spent, shares = Spent(), {0: 0.0}
    for each in metrics:
        spent.add(each)
        shares[spent.steps] = round(min(1.0, spent.share(config.steps, config.limits)), 6)
    checks = sorted({name for each in evaluations for name in each["checks"]})
    return {
        "cell": vars(cell),
        "config": config.to_dict(),
        "spent": {**vars(spent), "seconds": round(spent.seconds, 2)},
        "evaluations": [{"share": shares[each["step"]], **_marks(each, checks)} for each in evaluations],
        "curve": list(_curve(metrics, shares)),
    }


def _marks(evaluation: Mapping[str, Any], checks: Sequence[str]) -> Row:
    """Right or not, task by task, as strings of 0 and 1 (- where it could not be graded); means over samples."""
    tasks = evaluation["per_task"]
    marks = {"accuracy": "".join(_mark(task["usable"], task["correct"]) for task in tasks)}
    for check in checks:
        marks[check] = "".join(_mark(task["usable"], task["checks"].get(check, False)) for task in tasks)
    row = {name: evaluation[name] for name in ("step", "set", "prompt")} | {"marks": marks}
    row["buckets"] = [[name, len(list(run))] for name, run in groupby(task["bucket"] for task in tasks)]
    row["tasks"] = hashlib.sha256(json.dumps([task["task"] for task in tasks]).encode()).hexdigest()[:12]
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
