"""What runs achieved, in a table: a row for each group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from agents.report.figures import COLORS
from agents.report.groups import Group
from agents.statistics import Interval

SETS = ("held-out", "pool")
"""Which set of tasks the table is about: the first that was evaluated."""


def summarise(group: Group) -> dict[str, Any]:
    """One row of the table, as text."""
    name = _set(group)
    before, after, change = group.before_and_after(name)
    tasks = max((row.get("tasks", 0) for run in group.runs for row in run.evaluations if row["set"] == name), default=0)
    points = group.pass_at(name, last=True)
    first = {point.at: point for point in group.pass_at(name, last=False)}
    best = points[-1] if points else None
    lost = sum(row.get("infra_errors", 0) for run in group.runs for row in run.metrics)
    seconds = sum(group.mean(phase) or 0.0 for phase in group.phases)
    config = group.runs[0].config
    readable, length = group.mean("format"), group.mean("length")
    direction = ""
    if change is not None and not change.low <= 0 <= change.high:
        direction = "better" if change.mean > 0 else "worse"
    return {
        "label": group.label,
        "about": " · ".join(str(config[key]) for key in ("feedback", "model") if config.get(key)),
        "color": group.place % len(COLORS),
        "seeds": len(group.runs),
        "steps": max((row["step"] for run in group.runs for row in run.metrics), default=0),
        "tasks": f"{tasks} {name}" if tasks else "–",
        "before": before and range_of(before.value),
        "after": after and range_of(after.value),
        "change": interval(change, "+") if change else None,
        "direction": direction,
        "pass_at": f"pass@{best.at:.0f} {best.value.mean:.3f}"
        + (f" (before {first[best.at].value.mean:.3f})" if best.at in first else "") if best else None,
        "length": f"{length:.1f}" if length is not None else "–",
        "readable": f"{readable:.1%}" if readable is not None else "–",
        "lost": f"{lost:.0f}",
        "seconds": f"{seconds:.2f}" if seconds else "–",
    }  # fmt: skip


def _set(group: Group) -> str:
    found = {row["set"] for run in group.runs for row in run.evaluations}
    return next((name for name in SETS if name in found), next(iter(sorted(found)), SETS[0]))


def range_of(value: Interval) -> dict[str, str]:
    """A share with its interval, as text and in percent for the small picture."""
    low, mean, high = (100 * min(max(end, 0.0), 1.0) for end in (value.low, value.mean, value.high))
    return {"low": f"{low:.2f}", "mean": f"{mean:.2f}", "high": f"{high:.2f}", "text": interval(value)}


def interval(value: Interval, sign: str = "") -> str:
    """As text; of one seed alone there may be no interval."""
    ends = f" [{value.low:{sign}.3f}, {value.high:{sign}.3f}]" if math.isfinite(value.low + value.high) else ""
    return f"{value.mean:{sign}.3f}{ends}"


def explain(groups: Sequence[Group]) -> str:
    """What the numbers of these rows are."""
    several = max(len(group.runs) for group in groups) > 1
    over = (
        "Of several seeds: 95 % intervals over seeds and tasks, where all did the same tasks, else over seeds; of "
        "pass@k and of what is logged each step over seeds. Of one seed: 95 % Wilson intervals over tasks, and of the "
        "change a paired t interval over tasks."
        if several
        else "One seed: 95 % Wilson intervals over tasks, of the change a paired t interval over tasks. Another seed "
        "may give another result; intervals over seeds need more of them."
    )
    return (
        f"{over} Before is the better of the zero-shot and few-shot base, greedy. Tokens, readable answers and seconds "
        "are means over training; lost are verifications that failed on our side and count nowhere."
    )
