"""Runs that differ in nothing but their seed are one group: its curves have intervals over seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from agents.options import SURROUNDINGS, flat
from agents.report import estimates
from agents.report.runs import Row, Run
from agents.statistics import Interval

T = TypeVar("T")

MACHINERY = SURROUNDINGS | {"seed", "eval_every", "eval_at"}
"""Options that make no other experiment."""
NAMED = 3
"""Differing options that a label names."""


@dataclass(frozen=True)
class Point:
    """A value over the runs of a group, at one step (or at one k)."""

    at: float
    value: Interval


@dataclass
class Group:
    """Runs of one experiment, in the order of their seeds."""

    setting: str
    label: str
    runs: list[Run]
    place: int = 0
    """Among those of its setting; it has the colour of that place."""

    def over_steps(self, key: str, points: int = 60) -> list[Point]:
        """A figure of ``metrics.jsonl``: means over windows of steps, so that there are at most so many points.

        Of several runs each point is the mean of theirs with its t interval. Of one run there is no interval.
        """
        last = max((row["step"] for run in self.runs for row in run.metrics), default=0)
        window = -(-last // points) or 1
        by_run = []
        for run in self.runs:
            found: dict[int, list[float]] = {}
            for row in run.metrics:
                if isinstance(row.get(key), (int, float)):
                    found.setdefault(min(-(-row["step"] // window) * window, last), []).append(row[key])
            by_run.append({step: sum(values) / len(values) for step, values in found.items()})
        return _points(by_run, estimates.logged)

    def accuracy(self, name: str) -> list[Point]:
        """Greedy accuracy on a set of tasks over steps."""
        return _points([{row["step"]: row for row in evaluations(run, name)} for run in self.runs], estimates.accuracy)

    def pass_at(self, name: str, last: bool) -> list[Point]:
        """pass@k over k, before training or at the last evaluation."""
        by_run = []
        for run in self.runs:
            rows = [row for row in evaluations(run, name) if row.get("pass_at") and bool(row["step"]) == last]
            by_run.append({int(k): value for k, value in rows[-1]["pass_at"].items()} if rows else {})
        return _points(by_run, estimates.pass_at)

    @property
    def phases(self) -> list[str]:
        """The figures of ``metrics.jsonl`` that are seconds of a part of a step."""
        rows = (row for run in self.runs for row in run.metrics)
        return list(dict.fromkeys(key for row in rows for key in row if key.startswith("seconds_")))

    def mean(self, key: str) -> float | None:
        """A figure of ``metrics.jsonl``, over all steps of all runs."""
        values = [row[key] for run in self.runs for row in run.metrics if isinstance(row.get(key), (int, float))]
        return sum(values) / len(values) if values else None

    def before_and_after(self, name: str) -> tuple[Point | None, Point | None, Interval | None]:
        """Accuracy of the base and after training on a set, and the change.

        The base is the better of the zero-shot and the few-shot one. Each is None where a part is missing.
        """
        ends = [(base(run, name), after(run, name)) for run in self.runs]
        first, last = (
            _points([{0: row} if row else {} for row in rows], estimates.accuracy) for rows in zip(*ends, strict=True)
        )
        pairs = [(before, later) for before, later in ends if before is not None and later is not None]
        change = estimates.change(pairs) if pairs else None
        return first[0] if first else None, last[0] if last else None, change


def group_runs(runs: Iterable[Run]) -> list[Group]:
    """Groups by settings, and within them in the order of the runs."""
    groups: list[Group] = []
    for run in runs:
        own = _options(run)
        fitting = (
            group
            for group in groups
            if all(_agree(own, _options(other)) and run.seed != other.seed for other in group.runs)
        )
        group = next(fitting, None)
        if group is None:
            group = Group(run.setting, run.learner, [])
            groups.append(group)
        group.runs.append(run)
    for group in groups:
        group.runs.sort(key=lambda run: str(run.seed).zfill(12))
    for setting, learner in {(group.setting, group.label) for group in groups}:
        _label([group for group in groups if (group.setting, group.label) == (setting, learner)])
    groups.sort(key=lambda group: group.setting)
    for _, members in groupby(groups, key=lambda group: group.setting):
        for place, group in enumerate(members):
            known = group.runs[0].place
            group.place = place if known is None else known
    return groups


def evaluations(run: Run, name: str) -> list[Row]:
    """The evaluations of a run on a set, with the prompt that it trained with, in order."""
    prompt = run.evaluations[0].get("prompt") if run.evaluations else None
    by_step: dict[int, Row] = {}
    for row in run.evaluations:
        if row["set"] == name and row.get("prompt") == prompt:
            by_step.setdefault(row["step"], row)  # the other base may have been asked with shots too
    return [by_step[step] for step in sorted(by_step)]


def base(run: Run, name: str) -> Row | None:
    """The better base on a set."""
    rows = [row for row in run.evaluations if row["set"] == name and row["step"] == 0]
    return max(rows, key=lambda row: row["accuracy"]["mean"], default=None)


def after(run: Run, name: str) -> Row | None:
    """The last evaluation on a set, after training began."""
    rows = [row for row in evaluations(run, name) if row["step"] > 0]
    return rows[-1] if rows else None


def _points(by_run: Sequence[Mapping[int, T]], estimate: Callable[[list[T]], Interval]) -> list[Point]:
    """What the runs have, by steps or by k; where several have anything, what one alone has is left out."""
    having = [found for found in by_run if found]
    points = []
    for at in sorted({at for found in having for at in found}):
        here = [found[at] for found in having if at in found]
        if len(here) > 1 or len(having) == 1:
            points.append(Point(at, estimate(here)))
    return points


def _label(groups: Sequence[Group]) -> None:
    """Name what tells groups of one setting and learner apart: what differs, or that it is the same once more."""
    options = [_options(group.runs[0]) for group in groups]
    known = set.intersection(*map(set, options))
    differing = [n for n in sorted(known, key=_order) if len({repr(own[n]) for own in options}) > 1]
    taken: Counter[str] = Counter()
    for group, own in zip(groups, options, strict=True):
        told = [f"{name.rpartition('.')[2]} {own[name]}" for name in differing[:NAMED]]
        label = ", ".join([group.label, *told, *(["…"] if len(differing) > NAMED else [])])
        taken[label] += 1
        group.label = label if taken[label] == 1 else f"{label} ({taken[label]})"


def _options(run: Run) -> dict[str, Any]:
    return {name: value for name, value in flat(run.config).items() if name not in MACHINERY}


def _agree(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether the options that both have are the same: another version may know more of them."""
    return all(first[name] == second[name] for name in first.keys() & second.keys())


def _order(name: str) -> tuple[bool, bool, str]:
    return name != "feedback", name != "model", name
