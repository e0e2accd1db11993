"""Several attempts at sums, over seeds: does training help, and do later attempts gain? (configs/maths-turns.yaml)

    python benchmarks/turns_seeds.py --seeds 0 1 2

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
from maths_seeds import ROOT, difference, load
from rich.console import Console
from rich.table import Table

from agents import Trainer, TrainerConfig
from agents.config import make_learner

ARMS = {
    "GRPO, diagnosis": ("GRPO", "diagnosis"),
    "DistIL, diagnosis": ("DistIL", "diagnosis"),
    "DistIL, answer": ("DistIL", "answer"),
}
"""Learner, and who speaks between the attempts (and to the teacher)."""


@dataclass
class Options:
    """What to run."""

    config: Path = ROOT / "configs" / "maths-turns.yaml"
    """Everything but learner, feedback and seed."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the runs; tasks and evaluation are the same for all."""
    arms: tuple[str, ...] = tuple(ARMS)
    """Which of them."""
    results: Path = ROOT / "benchmarks" / "results" / "turns_seeds.json"
    """Where results are kept."""
    part: tuple[int, int] = (0, 1)
    """(i, n): run only every n-th cell, beginning with the i-th, for several processes at a time."""
    table_only: bool = False
    """Run nothing; print the table of what there is."""


def main(options: Options) -> None:
    """Run the missing cells, then print the table."""
    cells = [(arm, seed) for seed in options.seeds for arm in options.arms]
    for index, (arm, seed) in enumerate(cells):
        if options.table_only or index % options.part[1] != options.part[0]:
            continue
        if f"{arm}, seed {seed}" not in load(options.results):
            found = run(options.config, *ARMS[arm], seed)
            # Read again: another process may have added its own in the meantime.
            whole = load(options.results) | {f"{arm}, seed {seed}": found}
            options.results.write_text(json.dumps(whole, indent=1) + "\n")
    console = Console()
    console.width = max(console.width, 160)  # also where there is no terminal
    console.print(table(load(options.results), options))


def run(config: Path, learner: str, feedback: str, seed: int) -> dict[str, Any]:
    """One cell: correct or not, per task and attempt, before and after training."""
    base = TrainerConfig.load(config)
    chosen = base.learner if learner == type(base.learner).__name__ else make_learner(learner, {})
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        changes = {"learner": chosen, "feedback": feedback, "seed": seed, "base_shots": 0, "run_dir": f"{folder}/run"}
        rows = Trainer(dataclasses.replace(base, **changes)).train()["evaluations"]
    result: dict[str, Any] = {"seconds": round(time.perf_counter() - began), "steps": rows[-1]["step"]}
    for row in rows:
        when = "before" if row["step"] == 0 else "after"
        for attempt in range(len(row["by_attempt"])):
            # An episode that ended earlier counts as it ended.
            found = [task["attempts"][: attempt + 1][-1] == "correct" for task in row["per_task"]]
            result[f"{row['set']} | {when} | attempt {attempt + 1}"] = "".join("01"[right] for right in found)
    return result


def table(results: dict[str, Any], options: Options) -> Table:
    """Accuracy after each attempt, the change of the first by training, and the gain of the last over the first."""
    shown = Table(title="means over seeds, with 95 % intervals over seeds and tasks")
    for column in ("", "seeds", "set", "before: 1, 2, 3", "after: 1, 2, 3", "change of the 1st", "gain of later ones"):
        shown.add_column(column)
    for arm in options.arms:
        cells = [results[name] for seed in options.seeds if (name := f"{arm}, seed {seed}") in results]
        for place in ("pool", "held-out") if cells else ():
            marks = {
                (when, attempt): [
                    [int(mark) for mark in cell[f"{place} | {when} | attempt {attempt}"]] for cell in cells
                ]
                for when in ("before", "after")
                for attempt in (1, 2, 3)
            }
            means = {at: sum(map(sum, rows)) / sum(map(len, rows)) for at, rows in marks.items()}
            accuracy = (", ".join(f"{means[when, k]:.3f}" for k in (1, 2, 3)) for when in ("before", "after"))
            changes = (
                difference(marks["after", 1], marks["before", 1]),
                difference(marks["after", 3], marks["after", 1]),
            )
            told = (str(change or "needs two seeds") for change in changes)
            shown.add_row(arm, str(len(cells)), place, *accuracy, *told)
    return shown


if __name__ == "__main__":
    main(tyro.cli(Options, args=sys.argv[1:]))
