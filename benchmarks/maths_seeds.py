"""The shipped defaults over several seeds and weights of the future term: what `make quickstart` does, repeated.

    python benchmarks/maths_seeds.py --seeds 0 1 2 3 4 --future-weights 0 0.1 1

Cells that are in the results file are not run again. Prints a table, and writes the file that it is made from.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

from agents import Trainer, TrainerConfig
from agents.statistics import Interval, crossed_interval

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Options:
    """What to run."""

    config: Path = ROOT / "configs" / "quickstart.yaml"
    """The defaults."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Seeds of the runs; tasks and evaluation are the same for all."""
    future_weights: tuple[float, ...] = (0.0, 0.1, 0.3, 1.0)
    """DistIL's `future_weight`."""
    results: Path = ROOT / "benchmarks" / "results" / "maths_seeds.json"
    """Where results are kept."""
    part: tuple[int, int] = (0, 1)
    """(i, n): run only every n-th cell, beginning with the i-th, for several processes at a time."""
    table_only: bool = False
    """Run nothing; print the table of what there is."""


def main(options: Options) -> None:
    """Run the missing cells, then print the table."""
    cells = [(weight, seed) for seed in options.seeds for weight in options.future_weights]
    for index, (weight, seed) in enumerate(cells):
        if options.table_only or index % options.part[1] != options.part[0]:
            continue
        if key(weight, seed) not in load(options.results):
            found = run(options.config, weight, seed)
            # Read again: another process may have added its own in the meantime.
            options.results.write_text(json.dumps(load(options.results) | {key(weight, seed): found}, indent=1) + "\n")
    console = Console()
    console.width = max(console.width, 140)  # also where there is no terminal
    console.print(table(load(options.results), options))


def key(weight: float, seed: int) -> str:
    """Name of a cell in the results file."""
    return f"future_weight={weight:g} seed={seed}"


def load(path: Path) -> dict[str, Any]:
    """All finished cells."""
    return json.loads(path.read_text()) if path.exists() else {}


def run(config: Path, weight: float, seed: int) -> dict[str, Any]:
    """One cell: correct or not, per task and metric, for both bases and after training."""
    base = TrainerConfig.load(config)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        learner = dataclasses.replace(base.learner, future_weight=weight)
        outcome = Trainer(dataclasses.replace(base, learner=learner, seed=seed, run_dir=f"{folder}/run")).train()
        metrics = [json.loads(line) for line in Path(folder, "run", "metrics.jsonl").read_text().splitlines()]
    rows = outcome["evaluations"]
    first, last = min(row["step"] for row in rows), max(row["step"] for row in rows)
    result: dict[str, Any] = {
        "seconds": round(time.perf_counter() - began),
        "steps": last,
        "mean_ce_last_10": sum(row["ce"] for row in metrics[-10:]) / len(metrics[-10:]),
    }
    for row in rows:
        if row["step"] in (first, last):
            when = "after" if row["step"] == last else f"base {row['prompt']}"
            for name in ("exact", "value-anywhere"):
                marks = "".join("01"[task["checks"].get(name, False)] for task in row["per_task"])
                result[f"{row['set']} | {name} | {when}"] = marks
    return result


def table(results: dict[str, Any], options: Options) -> Table:
    """Base, result and paired change, over seeds and tasks."""
    shown = Table(title="means over seeds; change against the better base, with its 95 % interval over seeds and tasks")
    for column in ("future_weight", "seeds", "set", "metric", "zero-shot", "few-shot", "after", "change", "s a run"):
        shown.add_column(column)
    for weight in options.future_weights:
        cells = [results[key(weight, seed)] for seed in options.seeds if key(weight, seed) in results]
        if not cells:
            continue
        seconds = sum(cell["seconds"] for cell in cells) / len(cells)
        for place in ("pool", "held-out"):
            for metric in ("exact", "value-anywhere"):
                marks = {
                    when: [[int(mark) for mark in cell[f"{place} | {metric} | {when}"]] for cell in cells]
                    for when in ("base zero-shot", "base few-shot", "after")
                }
                means = {when: sum(map(sum, rows)) / sum(map(len, rows)) for when, rows in marks.items()}
                better = max("base zero-shot", "base few-shot", key=lambda when: means[when])
                change = difference(marks["after"], marks[better])
                figures = [f"{means[when]:.3f}" for when in ("base zero-shot", "base few-shot", "after")]
                shown.add_row(
                    *(f"{weight:g}", str(len(cells)), place, metric, *figures),
                    *(str(change or "needs two seeds"), f"{seconds:.0f}"),
                )
    return shown


def difference(after: list[list[int]], before: list[list[int]]) -> Interval | None:
    """Paired change per seed and task."""
    paired = [[x - y for x, y in zip(a, b, strict=True)] for a, b in zip(after, before, strict=True)]
    return crossed_interval(paired) if len(paired) > 1 else None


if __name__ == "__main__":
    main(tyro.cli(Options, args=sys.argv[1:]))
