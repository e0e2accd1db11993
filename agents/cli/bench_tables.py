"""What a bench has found, as tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from agents.bench.measured import Checkpoint
from agents.bench.settle import Settled
from agents.bench.summary import Comparison, Overall, compare, overall
from agents.limits import SPENT


def summary(settled: Settled, checkpoint: Checkpoint) -> Iterator[Table | Text]:
    """A table a setting: each learner's measure, what it spent, and the first learner's lead over it.

    Before them what the learners chose.
    """
    yield from _chosen(settled)
    plan, rows = settled.plan, settled.rows
    best = ", best checkpoint of each run (chosen on these tasks)" if checkpoint == "best" else ""
    for found in compare(plan, rows, checkpoint):
        table = _table(f"{', '.join(found.setting)}: {found.measure} on {found.on} tasks{best}")
        first = found.scores[0].learner
        for name in ("learner", "seeds", "before", "after", f"{first} minus it", "area", *SPENT):
            table.add_column(name, justify="left" if name == "learner" else "right")
        lead = {each.other: each.value for each in found.differences}
        for score in found.scores:
            of = f"{len(score.seeds)} of {len(score.seeds) + score.missing}" if score.missing else str(len(score.seeds))
            table.add_row(
                Text(score.learner), of, f"{score.before:.3f}", _interval(vars(score.value)),
                _interval(vars(lead[score.learner]), "+") if score.learner in lead else "", f"{score.area:.3f}",
                *(f"{score.spent[name]:,.0f}" if name in score.spent else "" for name in SPENT),
            )  # fmt: skip
        yield table
        if any(score.buckets for score in found.scores):
            yield _by_bucket(found)
        if any(score.missing for score in found.scores):
            yield Text("Seeds without a result are left out: where they failed, what is left flatters.")
    yield from _overall(overall(plan, rows, checkpoint), best)


def _chosen(settled: Settled) -> Iterator[Table]:
    tune, choices = settled.plan.tune, settled.choices
    for setting in dict.fromkeys(each.kind.setting for each in choices):
        table = _table(
            f"{', '.join(setting)}: chosen (*, the first of equals) on seeds {', '.join(map(str, tune.seeds))}"
        )
        for name in ("learner", *tune.trials()):
            table.add_column(Text(name), justify="left" if name == "learner" else "right")
        for each in choices:
            if each.kind.setting == setting:
                values = (
                    f"{'–' if math.isnan(value) else f'{value:.3f}'}{'*' if at == each.chosen else ' '}"
                    for at, value in enumerate(each.tried)
                )
                table.add_row(Text(each.kind.learner), *values)
        yield table


def _by_bucket(found: Comparison) -> Table:
    table = _table("  by level")
    names = sorted({name for score in found.scores for name in score.buckets})
    for name in ("learner", *names):
        table.add_column(name, justify="left" if name == "learner" else "right")
    for score in found.scores:
        table.add_row(Text(score.learner), *(f"{score.buckets[n]:.3f}" if n in score.buckets else "" for n in names))
    return table


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=Text(title), title_justify="left", pad_edge=False, show_edge=False)


def _overall(every: Sequence[Overall], best: str) -> Iterator[Table]:
    """Learners over all environments, a table for each feedback and model."""
    for by in dict.fromkeys((each.feedback, each.model) for each in every):
        mine = [each for each in every if (each.feedback, each.model) == by]
        table = _table(f"over {mine[0].environments} environments, {mine[0].seeds} seeds: {', '.join(by)}{best}")
        table.add_column("learner")
        table.add_column("interquartile mean", justify="right")
        table.add_column(f"chance that {mine[0].learner} beats it", justify="right")
        for each in mine:
            beaten = "" if each.beaten is None else _interval(vars(each.beaten))
            table.add_row(Text(each.learner), _interval(vars(each.middle)), beaten)
        yield table


def _interval(value: Mapping[str, float], sign: str = "") -> str:
    low, high = value["low"], value["high"]
    if abs(low) == float("inf"):
        return f"{value['mean']:{sign}.3f}"
    return f"{value['mean']:{sign}.3f} [{low:{sign}.3f},{high:{sign}.3f}]"
