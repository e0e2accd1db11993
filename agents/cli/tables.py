"""What a run achieved, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from agents.evaluate import FIRST, shares
from agents.statistics import Interval, paired_difference
from distil_envs import Status

Row = Mapping[str, Any]
"""One line of a run's ``evaluations.jsonl``."""

METRICS = {"accuracy": "verifier accuracy", "exact": "exact match", "value-anywhere": "value anywhere"}
"""What the metrics are called. Others go by the name that their verifier gave."""
CONTENTS = {
    "config.yaml": "every option, as it was used",
    "metrics.jsonl": "one row a step",
    "evaluations.jsonl": "one row an evaluation, with the result of every task",
    "episodes.jsonl": "what was sampled, with outcomes and feedback",
    "resources.jsonl": "what grading ran on",
    "checkpoints": "to resume from",
    "trackers.json": "which trackers were told how far",
    "tensorboard": "the same numbers: tensorboard --logdir",
    "wandb": "the same numbers, for Weights & Biases",
    "learning-curve.png": "the same numbers as a picture",
    "curriculum.png": "what was sampled, and how it went",
    "rescored.jsonl": "outcomes by the verifiers of another day (distil rescore)",
    "report.html": "curves, and every episode to look into (distil report)",
    "model": "the result, a plain Hugging Face folder",
}


def comparison(evaluations: Sequence[Row]) -> Table:
    """Before and after training, per set of tasks and metric.

    The change is against the better of the zero-shot and few-shot base, paired over the tasks that both attempts could
    be graded on, with its 95 % t interval. The other intervals are 95 % Wilson intervals.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))  # fits 80 columns
    few = any(row["step"] == 0 and _prompt(row) == "few-shot" for row in evaluations)
    if few:
        table.caption, table.caption_justify = "*: the better base, which the change is against", "left"
    table.add_column("95 % intervals", min_width=14)
    for name in ["base zero-shot", *(["base few-shot"] if few else []), "after"]:
        table.add_column(name, min_width=13, justify="right")
    table.add_column("change", min_width=15, justify="right")
    for name in dict.fromkeys(row["set"] for row in evaluations):
        rows = [row for row in evaluations if row["set"] == name]
        bases = {_prompt(row): row for row in rows if row["step"] == 0}
        after = max((row for row in rows if row["step"] > 0), key=lambda row: row["step"], default=None)
        shown: list[Row] = [row for row in (*bases.values(), after) if row is not None]
        table.add_row(Text(f"{name} ({max(row['tasks'] for row in shown)})", style="bold"))
        for metric in dict.fromkeys(key for row in shown for key in shares(row)):
            table.add_row(f" {METRICS.get(metric, metric)}", *_cells(bases, after, metric, few))
    return table


def _cells(bases: Mapping[str, Row], after: Row | None, metric: str, few: bool) -> list[Text]:
    having = {prompt: row for prompt, row in bases.items() if _mean(row, metric) is not None}
    better = max(having, key=lambda prompt: _mean(having[prompt], metric) or 0.0, default=None)
    cells = []
    for prompt in ("zero-shot", "few-shot") if few else ("zero-shot",):
        mark = "*" if prompt == better and len(having) > 1 else ""
        cells.append(Text(mark + _estimate(bases.get(prompt), metric)))
    cells.append(Text(_estimate(after, metric)))
    change = paired_change(having[better], after, metric) if better and after is not None else None
    style = "" if change is None or change.low <= 0 <= change.high else "green" if change.mean > 0 else "red"
    cells.append(Text("" if change is None else _interval(vars(change), "+"), style=style))
    return cells


def paired_change(before: Row, after: Row, metric: str) -> Interval | None:
    """Mean of after minus before over the tasks that were graded both times; None if there are none."""
    return paired_difference(_by_task(before, metric), _by_task(after, metric))


def _by_task(row: Row, metric: str) -> dict[tuple[int, str], float]:
    """1 or 0 for each graded task. The index keeps apart tasks that an environment of its own calls alike."""
    return {(task["index"], task["task"]): float(_passed(task, metric)) for task in row["per_task"] if task["usable"]}


def _passed(task: Mapping[str, Any], metric: str) -> bool:
    own = {"accuracy": task["correct"], FIRST: task["attempts"][:1] == [Status.CORRECT]}
    return bool(own[metric] if metric in own else task["checks"].get(metric, False))


def contents(folder: Path) -> Text:
    """The run's folder and what lies in it, one file a line."""
    lines = [f"run directory: {folder}"]
    lines += [f"  {name:18s}  {what}" for name, what in CONTENTS.items() if (folder / name).exists()]
    return Text("\n".join(lines))


def figures(row: Row) -> Iterable[tuple[str, str]]:
    """Name and value with interval of everything that one evaluation measured."""
    for metric in ("accuracy", *row["checks"]):
        yield METRICS.get(metric, metric), _estimate(row, metric)
    for number, value in enumerate(row["by_attempt"], 1):
        yield f"after attempt {number}", _interval(value)
    if row["gain"] is not None:
        yield "gain of later ones", _interval(row["gain"], "+")
    for name in ("avg", "pass", "maj", "best"):
        for k, value in row[f"{name}_at"].items():
            shown = _interval(value)
            if name != "best" or shown != _interval(row["pass_at"][k]):  # they are one where rewards are 0 or 1
                yield f"{name}@{k}", shown
    for name, part in row["by"].items():
        yield f"accuracy, {name} ({part['tasks']})", _interval(part["accuracy"])
        for k, value in part["avg_at"].items():
            yield f"avg@{k}, {name}", _interval(value)


def _prompt(row: Row) -> str:
    return str(row.get("prompt", "zero-shot"))


def _value(row: Row, metric: str) -> Mapping[str, float | None] | None:
    return shares(row).get(metric)


def _mean(row: Row, metric: str) -> float | None:
    value = _value(row, metric)
    return None if value is None else value["mean"]


def _estimate(row: Row | None, metric: str) -> str:
    value = None if row is None else _value(row, metric)
    return "" if value is None else _interval(value)


def _interval(value: Mapping[str, float | None], sign: str = "") -> str:
    """One break only, before the bracket: narrow columns stay readable. An end that is not finite is None or ∞."""
    low, high = (
        "∞" if end is None or abs(end) == float("inf") else f"{end:{sign}.3f}" for end in (value["low"], value["high"])
    )
    return f"{value['mean']:{sign}.3f} [{'-' if low == '∞' else ''}{low},{high}]"
