"""Writes what `distil bench small` found: its table into the README, and its figures: python benchmarks/small_table.py

The results are in benchmarks/results/small: those of `distil bench small --out benchmarks/results/small`, of which the
runs themselves are not kept. `distil report benchmarks/results/small` makes a page of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agents.bench import Cell, Plan, Results
from agents.bench.comparison import write_comparison
from agents.bench.results import Row
from agents.bench.settle import Settled, settle
from agents.bench.summary import Score, compare, overall
from agents.report.comparison import read_comparison
from agents.report.svg import write_files
from agents.statistics import Interval

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks" / "results" / "small"
FIGURES = FOLDER / "figures"
BEGIN, END = "<!-- made by benchmarks/small_table.py -->", "<!-- end -->"


def table(plan: Plan, rows: Mapping[Cell, Row]) -> Iterator[str]:
    """A row for each learner: every environment's share after training, and the first learner's lead over it."""
    found, middles = compare(plan, rows), overall(plan, rows)
    yield f"{len(rows)} of {len(list(plan.cells()))} runs:\n"
    first = found[0].scores[0].learner
    heads = [f"{each.setting[0]} ({each.measure}, {each.on}) | {first} − it" for each in found]
    yield "| | " + " | ".join(heads) + " |"
    yield "|---" * (1 + 2 * len(found)) + "|"
    before = [f"{_number(each.scores[0].before)} | " for each in found]
    yield "| before | " + " | ".join(before) + " |"
    for learner in plan.learners:
        cells = []
        for each in found:
            score = next((score for score in each.scores if score.learner == learner), None)
            leads = (lead.value for lead in each.differences if (lead.learner, lead.other) == (first, learner))
            lead = next(leads, None)
            cells.append(f"{_score(score)} | {_interval(lead, '+') if lead else ''}")
        yield f"| {learner} | " + " | ".join(cells) + " |"
    for each in middles:
        beaten = f"; {first} beats it with a chance of {_interval(each.beaten)}" if each.beaten else ""
        yield f"\n{each.learner}: interquartile mean {_interval(each.middle)}{beaten}."


def _score(score: Score | None) -> str:
    if score is None:
        return ""
    done = str(len(score.seeds)) + (f" of {len(score.seeds) + score.missing}" if score.missing else "")
    return f"{_interval(score.value)}, {done} seeds"


def _interval(value: Interval, sign: str = "") -> str:
    return f"{_number(value.mean, sign)} [{_number(value.low, sign)}, {_number(value.high, sign)}]"


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:{sign}.3f}"


def page(text: str, made: str) -> str:
    """The README with the table of today between its marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{made}\n{END}{tail}"


def draw(settled: Settled) -> None:
    """Every environment's figures, beside the results."""
    write_comparison(FOLDER, settled, "final")
    found = read_comparison(FOLDER, "small")
    assert found is not None
    FIGURES.mkdir(exist_ok=True)
    for figures in found.figures:
        for figure in figures:
            write_files(figure, FIGURES)


if __name__ == "__main__":
    settled = settle(Plan.load(str(FOLDER / "plan.yaml")), Results(FOLDER / "results.jsonl"))
    made = "\n".join(table(settled.plan, settled.rows))
    readme = ROOT / "README.md"
    readme.write_text(page(readme.read_text(encoding="utf-8"), made), encoding="utf-8")
    draw(settled)
    print(made)
