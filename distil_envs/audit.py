"""How often a verifier is wrong: its false positives and negatives on completions that people have labelled.

The labelled sets are ``tasks/audit/<kind>.jsonl``, one JSON object a line: ``id``, ``reference``, ``completion``,
``right`` (whether a fair examiner would accept it), ``about`` (what the row tries), and sometimes ``oracle`` (data from
which `tests/audit/test_labels.py` recomputes the label without any verifier).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distil_envs.errors import ConfigError, TaskError
from distil_envs.grading import Verifier, grade
from distil_envs.jsonl import read_rows
from distil_envs.loaders.shipped import shipped_path
from distil_envs.outcome import Status
from distil_envs.resources import resolve_verifier
from distil_envs.science.kinds import KINDS
from distil_envs.task import Task

SCIENCE = frozenset(KINDS) - {"expression"}
"""Kinds that the verifier ``science`` grades; the others are of ``math``."""
MOST_MISSED = 2
"""Right answers of one kind that may be rejected, before the audit fails."""
MISSED_SHARE = 0.02
"""Share of all right answers that may be rejected, before the audit fails."""


@dataclass
class Tally:
    """What a verifier did with the rows of one kind."""

    kind: str
    right: int = 0
    """Rows whose answer is right."""
    wrong: int = 0
    """Rows whose answer is wrong, malformed or a hedge."""
    accepted_wrongly: list[Task] = field(default_factory=list)
    """False positives."""
    rejected_wrongly: list[Task] = field(default_factory=list)
    """False negatives."""
    not_graded: list[Task] = field(default_factory=list)
    """Rows that ended in ``infra_error``, e.g. since a package is missing: counted as neither."""

    def false_positive_rate(self) -> tuple[float, float, float]:
        """Share of wrong answers accepted, with the ends of its exact 95 % binomial interval (Clopper and Pearson)."""
        return exact_interval(len(self.accepted_wrongly), self.wrong)

    def false_negative_rate(self) -> tuple[float, float, float]:
        """Share of right answers rejected, with its interval."""
        return exact_interval(len(self.rejected_wrongly), self.right)


def kinds() -> list[str]:
    """The kinds that have a shipped set, sorted."""
    with shipped_path("audit") as folder:
        return sorted(path.stem for path in folder.glob("*.jsonl"))


def labelled(names: Iterable[str] = ()) -> list[Task]:
    """Rows as tasks: of shipped kinds (all, without names), or of files of one's own.

    The task's metadata has ``kind``, ``completion`` and ``right``; its prompt is what the row is about.

    Raises ConfigError for a name that is neither, TaskError for bad rows.
    """
    found: list[Task] = []
    with shipped_path("audit") as folder:
        for name in list(names) or kinds():
            own = Path(name)
            path = own if own.suffix == ".jsonl" else folder / f"{name}.jsonl"
            if path.parent == folder and not path.exists():
                raise ConfigError(f"no labelled set {name!r}; expected a .jsonl file, or one of {', '.join(kinds())}")
            found += read_rows(path, lambda row, _, kind=path.stem: _row(row, kind), "raise")  # type: ignore[misc]
    return found


def _row(row: Mapping[str, Any], kind: str) -> Task:
    for name, form in {"id": str, "reference": dict, "completion": str, "right": bool}.items():
        if not isinstance(row.get(name), form):
            raise TaskError(f"{name} must be there and {form.__name__}, got {row.get(name)!r:.60}")
    metadata = {"kind": kind, "completion": row["completion"], "right": row["right"]}
    domain = "science" if row["reference"].get("kind") in SCIENCE else "math"
    return Task(row["id"], domain, str(row.get("about") or row["id"]), row["reference"], metadata)


def audit(rows: Sequence[Task], verifier: str | None = None, progress: Callable[[Any], Any] = iter) -> list[Tally]:
    """Grade every row; ``verifier`` names one to use in place of ``math`` and ``science``.

    ``progress`` wraps the iteration. Raises NotFoundError for an unknown verifier.
    """
    made: dict[str, Verifier] = {}
    for row in rows:
        name = verifier or row.domain
        made[name] = made.get(name) or resolve_verifier(name, timeout_s=10.0)

    def judge(row: Task) -> Status:
        return grade(made[verifier or row.domain], row, row.metadata["completion"]).status

    tallies: dict[str, Tally] = {}
    with ThreadPoolExecutor(4) as pool:
        for row, status in progress(zip(rows, pool.map(judge, rows), strict=True)):
            count(tallies.setdefault(row.metadata["kind"], Tally(row.metadata["kind"])), row, status)
    return list(tallies.values())


def count(tally: Tally, row: Task, status: Status) -> None:
    """Add one row."""
    if status is Status.INFRA_ERROR:
        tally.not_graded.append(row)
    elif row.metadata["right"]:
        tally.right += 1
        tally.rejected_wrongly += [row] if status is not Status.CORRECT else []
    else:
        tally.wrong += 1
        tally.accepted_wrongly += [row] if status is Status.CORRECT else []


def failures(tallies: Sequence[Tally]) -> list[str]:
    """Why the audit fails: a false positive, more than `MOST_MISSED` of a kind or `MISSED_SHARE` of all rejected."""
    found = []
    for tally in tallies:
        if tally.accepted_wrongly:
            found.append(f"{tally.kind}: {len(tally.accepted_wrongly)} wrong accepted")
        if len(tally.rejected_wrongly) > MOST_MISSED:
            found.append(f"{tally.kind}: {len(tally.rejected_wrongly)} right rejected, at most {MOST_MISSED} may be")
        if tally.not_graded:
            found.append(f"{tally.kind}: {len(tally.not_graded)} could not be graded")
    missed, right = sum(len(tally.rejected_wrongly) for tally in tallies), sum(tally.right for tally in tallies)
    if missed > MISSED_SHARE * right:
        found.append(f"{missed} of {right} right rejected, at most {MISSED_SHARE:.0%} may be")
    return found


def exact_interval(count: int, total: int) -> tuple[float, float, float]:
    """A share with the ends of its exact 95 % binomial interval (Clopper and Pearson 1934); (0, 0, 1) of nothing."""
    from scipy.stats import binomtest

    if total == 0:
        return (0.0, 0.0, 1.0)
    ends = binomtest(count, total).proportion_ci(0.95, method="exact")
    return (count / total, float(ends.low), float(ends.high))
