"""Runs the cells of a comparison of learners: table, task, method, learning rate, seed.

    python benchmarks/learners/run.py benchmarks/learners/tiny.yaml --table matched --stage tune
    python benchmarks/learners/run.py benchmarks/learners/tiny.yaml --table matched --stage final --part 0 2
    python benchmarks/learners/table.py benchmarks/learners/tiny.yaml

First `tune`, at all rates on the tuning seeds; then `final`, at the rate that was best there. Cells that the results
hold are not run again, so a run that was stopped goes on. `comparisons.md` says what will be compared.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
import yaml
from rich.console import Console
from rich.progress import track

from agents import Trainer, TrainerConfig
from agents.bench.layers import merged

RESULTS = Path(__file__).resolve().parent.parent / "results" / "learners"
TAUGHT = "TAUGHT"
"""Stands in a method's options for a model that has been taught the task, by SFT from another seed."""
TEACHER_SEED = 999


@dataclass
class Options:
    """What to run."""

    plan: tyro.conf.Positional[Path]
    """What there is to compare (YAML)."""
    table: str = "matched"
    """Which of its tables."""
    stage: Literal["tune", "final"] = "final"
    """All rates on the tuning seeds, or the best one on the others."""
    part: tuple[int, int] = (0, 1)
    """(i, n): run only every n-th cell, beginning with the i-th, for several processes at a time."""


@dataclass(frozen=True)
class Cell:
    """One run."""

    table: str
    task: str
    method: str
    rate: float
    seed: int

    def key(self) -> str:
        return " | ".join([self.table, self.task, self.method, f"{self.rate:g}", str(self.seed)])


class Plan:
    """A comparison, as its YAML file states it, with the results that there are."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.options: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.results = RESULTS / f"{self.name}.jsonl"

    def found(self) -> dict[str, dict[str, Any]]:
        """Finished cells by key."""
        if not self.results.exists():
            return {}
        rows = map(json.loads, self.results.read_text(encoding="utf-8").splitlines())
        return {row["cell"]: row for row in rows}

    def cells(self, table: str, stage: str) -> Iterator[Cell]:
        """Those of one stage, seed by seed, so that all methods grow together."""
        tune = stage == "tune"
        for seed in self.options["tuning_seeds"] if tune else self.seeds(table):
            for task in self.options["tasks"]:
                for method in self.options["tables"][table]:
                    for rate in self.options["rates"] if tune else [self.rate(table, task, method)]:
                        yield Cell(table, task, method, rate, seed)

    def seeds(self, table: str) -> list[int]:
        """Those that are reported."""
        seeds: list[int] = self.options["seeds"]
        return seeds[:5] if table == "choices" else seeds

    def rate(self, table: str, task: str, method: str) -> float:
        """The rate with the best mean on the tuning seeds, the lowest among equals; DistIL's for its own choices."""
        rates: list[float] = self.options["rates"]
        if len(rates) == 1:
            return rates[0]
        source = ("matched", task, "DistIL") if table == "choices" else (table, task, method)
        found = self.found()
        scores = dict.fromkeys(rates, 0.0)
        for rate in rates:
            for seed in self.options["tuning_seeds"]:
                scores[rate] += share(found[Cell(*source, rate, seed).key()][self.options["tasks"][task]["set"]])
        return max(rates, key=lambda rate: scores[rate])

    def config(self, cell: Cell, run_dir: str, taught: str) -> TrainerConfig:
        """The options of one run."""
        values = copy.deepcopy(self.options["base"])
        for more in (self.options["tasks"][cell.task]["options"], self.options["tables"][cell.table][cell.method]):
            values = merged(values, more)
        if values["expert"].get("model") == TAUGHT:
            values["expert"]["model"] = taught
        return TrainerConfig.from_dict(values | {"learning_rate": cell.rate, "seed": cell.seed, "run_dir": run_dir})


def share(marks: str) -> float:
    """Share of ones."""
    return marks.count("1") / len(marks)


def main(options: Options) -> None:
    """Run the missing cells."""
    plan = Plan(options.plan)
    torch.set_num_threads(plan.options["threads"])
    cells = [
        cell
        for i, cell in enumerate(plan.cells(options.table, options.stage))
        if i % options.part[1] == options.part[0]
    ]
    missing = [cell for cell in cells if cell.key() not in plan.found()]
    RESULTS.mkdir(parents=True, exist_ok=True)
    for cell in track(
        missing, description=f"{plan.name} {options.table} {options.stage}", console=Console(stderr=True)
    ):
        row = run(plan, cell)
        with plan.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def run(plan: Plan, cell: Cell) -> dict[str, Any]:
    """One cell: right or not on each task, before and after, and how the run ended."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        taught = f"{folder}/teacher/model"
        if TAUGHT in json.dumps(plan.options["tables"][cell.table][cell.method]):
            teach = Cell("matched", cell.task, "SFT", 1e-3, TEACHER_SEED)
            Trainer(plan.config(teach, f"{folder}/teacher", ""), console=Console(quiet=True)).train()
        config = plan.config(cell, f"{folder}/run", taught)
        evaluations = Trainer(config, console=Console(quiet=True)).train()["evaluations"]
        metrics = [json.loads(line) for line in Path(folder, "run", "metrics.jsonl").read_text().splitlines()]
    row: dict[str, Any] = {"cell": cell.key(), "cpu_seconds": round(time.process_time() - began, 1)}
    for each in evaluations:
        measure = plan.options["measure"]
        right = (task["correct"] if measure == "accuracy" else task["checks"].get(measure) for task in each["per_task"])
        marks = "".join("01"[bool(value)] for value in right)
        row[each["set"] if each["step"] else f"{each['set']} before"] = marks
    for name in ("success", "length", "entropy", "grad_norm"):
        last = [step[name] for step in metrics[-5:] if name in step]  # a step with nothing to learn lacks some
        row[f"last {name}"] = round(sum(last) / len(last), 4) if last else None
    return row


if __name__ == "__main__":
    main(tyro.cli(Options, args=sys.argv[1:]))
