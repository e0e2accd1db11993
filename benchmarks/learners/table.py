"""Makes docs/learners.md of the results: python benchmarks/learners/table.py"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from run import Cell, Plan, share

from agents.statistics import Interval, crossed_interval, mean_interval

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "learners.md"
COMPARISONS = {
    "tiny": {
        "matched": [
            ("DistIL", "CE"), ("DistIL, KL cost", "CE"), ("DistIL", "reverse KL"), ("CE", "reverse KL"), ("CE", "JSD"),
            ("DistIL", "GRPO"), ("DistIL", "DAgger"), ("DistIL", "SFT"), ("CE", "SFT"),
        ],
        "published": [("DistIL", "SDPO"), ("DistIL", "SDFT"), ("DistIL", "matched: GRPO"), ("DistIL", "matched: SFT")],
    },
    "maths": {"matched": [("DistIL", "CE"), ("DistIL", "SDPO"), ("DistIL", "GRPO"), ("DistIL", "SFT")]},
    "science": {
        "feedback": [
            ("answer", "diagnosis"), ("diagnosis", "binary"), ("answer", "binary"), ("answer alone", "answer"),
        ]
    },
}  # fmt: skip
"""As comparisons.md states them."""
TITLES = {
    ("tiny", "matched"): "The toy model, one teacher for all",
    ("tiny", "published"): "The toy model, each as it was published",
    ("tiny", "choices"): "The toy model, DistIL's choices",
    ("maths", "matched"): "SmolLM2-135M on derivatives",
    ("science", "feedback"): "SmolLM2-135M on formulas of ionic compounds: DistIL with three kinds of feedback",
}
HEAD = """# How the learners compare

Made by `python benchmarks/learners/table.py` from [the results](../benchmarks/results/learners) of
`benchmarks/learners/run.py`. What was to be compared, and how, was [written down before the
runs](../benchmarks/learners/comparisons.md). Figures are shares of tasks answered exactly (formulas: correctly),
greedily, after the last update: mean over seeds with a 95 % t interval over them, and the learning rate. Differences
are paired by seed and task, with 95 % intervals that take both as random.
"""


class Results:
    """Marks of the finished cells of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._found = plan.found()

    def any(self, table: str) -> bool:
        """Whether there is a reported cell."""
        methods, tasks = self.plan.options["tables"][table], self.plan.options["tasks"]
        return any(self.marks(table, task, method) for task in tasks for method in methods)

    def marks(self, table: str, task: str, method: str, *, when: str = "") -> dict[int, tuple[float, str]]:
        """By seed, the rate and the marks of a method; ``matched: NAME`` is a method of that table."""
        if method.startswith("matched: "):
            table, method = "matched", method.removeprefix("matched: ")
        try:
            rate = self.plan.rate(table, task, method)
        except KeyError:
            return {}
        keys = {seed: Cell(table, task, method, rate, seed).key() for seed in self.plan.seeds(table)}
        name = self.plan.options["tasks"][task]["set"] + when
        return {seed: (rate, self._found[key][name]) for seed, key in keys.items() if key in self._found}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for (name, table), title in TITLES.items():
        results = Results(Plan(HERE / f"{name}.yaml"))
        if not results.any(table):
            parts.append(f"## {title}\n\nNot run yet.\n")
            continue
        parts += [f"## {title}\n", "\n".join(absolute(results, table)) + "\n"]
        pairs = COMPARISONS[name].get(table) or [
            (method, "matched: DistIL") for method in results.plan.options["tables"][table]
        ]
        parts.append("\n".join(differences(results, table, pairs)) + "\n")
    return "\n".join(parts)


def absolute(results: Results, table: str) -> Iterator[str]:
    """A row for each method: share exact in each task, and the rate that was chosen."""
    tasks = list(results.plan.options["tasks"])
    yield "| | " + " | ".join(f"{task} ({results.plan.options['tasks'][task]['set']})" for task in tasks) + " | seeds |"
    yield "|---" * (len(tasks) + 2) + "|"
    if table != "choices":
        own = "matched" if "matched" in results.plan.options["tables"] else table
        first = next(iter(results.plan.options["tables"][own]))
        before = [results.marks(own, task, first, when=" before") for task in tasks]
        yield (
            "| before | "
            + " | ".join(f"{share(next(iter(of.values()))[1]):.3f}" if of else "" for of in before)
            + " | |"
        )
    others = [other for _, other in COMPARISONS[results.plan.name].get(table, []) if other.startswith("matched: ")]
    for method in (*results.plan.options["tables"][table], *others):
        by_task = [results.marks(table, task, method) for task in tasks]
        if not any(by_task):
            continue
        cells = [_absolute(list(of.values())) for of in by_task]
        name = method.replace("matched: ", "as above: ")
        yield f"| {name} | " + " | ".join(cells) + f" | {', '.join(sorted({str(len(of)) for of in by_task}))} |"


def _absolute(marks: Sequence[tuple[float, str]]) -> str:
    if not marks:
        return "not run"
    interval = mean_interval([share(each) for _, each in marks])
    spread = f" ± {interval.high - interval.mean:.3f}" if len(marks) > 1 else ""
    return f"{interval.mean:.3f}{spread} ({marks[0][0]:g})"


def differences(results: Results, table: str, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A row for each comparison."""
    tasks = list(results.plan.options["tasks"])
    yield "| difference | " + " | ".join(tasks) + " |"
    yield "|---" * (len(tasks) + 1) + "|"
    for one, other in pairs:
        cells = [_difference(results.marks(table, task, one), results.marks(table, task, other)) for task in tasks]
        if any(cells):
            shown = [f"{each.mean:+.3f} [{each.low:+.3f}, {each.high:+.3f}]" if each else "" for each in cells]
            yield f"| {one} − {other.removeprefix('matched: ')} | " + " | ".join(shown) + " |"


def _difference(one: dict[int, tuple[float, str]], other: dict[int, tuple[float, str]]) -> Interval | None:
    seeds = sorted(one.keys() & other.keys())
    if len(seeds) < 2:
        return None
    return crossed_interval([
        [int(a) - int(b) for a, b in zip(one[seed][1], other[seed][1], strict=True)] for seed in seeds
    ])  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(page())
