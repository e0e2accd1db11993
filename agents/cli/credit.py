"""`distil credit`: what a learner does to each token beside that token's true advantage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from agents.cli.output import console
from agents.cli.run_options import Choice, configure
from agents.credit_truth import Agreement, CreditConfig, Measure, Report
from agents.statistics import Interval

WORDS = {"reward": "true advantage of the reward", "cost": "true advantage of less cross-entropy to the expert"}


@dataclass
class CreditStart(Choice):
    """What is read first, and how the result is told."""

    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print the result as JSON."""


@dataclass
class CreditCommand:
    """Measure how far a learner's credit for single tokens agrees with their true advantages.

    Tasks of middling success are rolled out, every prefix is continued many times, and one real update of the learner
    says what it does to each sampled token. docs/credit.md says what the numbers mean.

    For example:
    $ distil credit --learner GRPO
    $ distil credit --learner DistIL --learner.future-weight 1 --environment.tasks toy/rule@2 --branches 256
    $ distil credit --config configs/tiny-rule.yaml --import my_learner.py --learner my_learner:Mine --json
    $ distil credit --model smollm2 --env distil/Math-v0 --tasks 8 --positions 8 --branches 16 --learner RLOO
    """

    start: Annotated[CreditStart, tyro.conf.arg(name="")] = field(default_factory=CreditStart)
    options: Annotated[CreditConfig, tyro.conf.arg(name="")] = field(default_factory=CreditConfig)


def credit(prog: str, words: Sequence[str]) -> None:
    """Run the command. What it will cost is told, and progress shown, on standard error."""
    command = configure(CreditCommand, prog, words)
    aside = Console(stderr=True, highlight=False, markup=False)
    bar = Progress(
        TextColumn("branching"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=aside, transient=True
    )
    with Measure(command.options) as measure, bar:
        task = bar.add_task("branch", total=None)
        measure.run(
            lambda text: aside.print(text, soft_wrap=True), lambda done, of: bar.update(task, completed=done, total=of)
        )
        report = measure.report(command.options)
    if command.start.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
        return
    out = console()
    out.print(Text(f"{report.learner} on {command.options.env}, feedback {command.options.feedback}", style="bold"))
    out.print(table(report))


def table(report: Report) -> Table:
    """A row for each truth and each kind of credit."""
    made = Table("95 % intervals over tasks", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("Pearson", "Spearman", "at the same place"):
        made.add_column(name, justify="right")
    for truth, by_credit in report.agreement.items():
        made.add_row(Text(WORDS[truth], style="bold"))
        for kind, agreed in by_credit.items():
            made.add_row(f" {kind}", *_cells(agreed))
        limits = report.truths[truth]["ceilings"]
        made.add_row(" most that the noise of the truth allows", *(_share(value) for value in limits.values()))
    return made


def _cells(agreed: Agreement) -> list[str]:
    return [_shown(each) for each in (agreed.pearson, agreed.spearman, agreed.same_place)]


def _shown(interval: Interval) -> str:
    return str(interval) if interval.mean == interval.mean else "none"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
