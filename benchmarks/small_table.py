"""Writes the table of `distil bench small` into the README: python benchmarks/small_table.py

The results are in benchmarks/results/small: those of `distil bench small --out benchmarks/results/small`, of which the
runs themselves are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agents.bench import Plan, Results
from agents.bench.summary import Score, compare, overall
from agents.statistics import Interval

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks" / "results" / "small"
BEGIN, END = "<!-- made by benchmarks/small_table.py -->", "<!-- end -->"


def table() -> Iterator[str]:
    """A row for each learner: every environment's share after training, and the first learner's lead over it."""
    plan = Plan.load(str(FOLDER / "plan.yaml"))
    found = compare(plan, Results(FOLDER / "results.jsonl").finished(plan)[0])
    middles = overall(plan, Results(FOLDER / "results.jsonl").finished(plan)[0])
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
            lead = next((lead.value for lead in each.differences if lead.other == learner), None)
            cells.append(f"{_score(score)} | {_interval(lead, '+') if lead else ''}")
        yield f"| {learner} | " + " | ".join(cells) + " |"
    for each in middles:
        beaten = f"; {first} beats it with a chance of {_interval(each.beaten)}" if each.beaten else ""
        yield f"\n{each.learner}: interquartile mean {_interval(each.middle)}{beaten}."


def _score(score: Score | None) -> str:
    return (
        ""
        if score is None
        else f"{_interval(score.value)}, {len(score.seeds)} of {len(score.seeds) + score.missing} seeds"
    )


def _interval(value: Interval, sign: str = "") -> str:
    return f"{_number(value.mean, sign)} [{_number(value.low, sign)}, {_number(value.high, sign)}]"


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:{sign}.3f}"


def page(text: str) -> str:
    """The README with the table of today between its marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n" + "\n".join(table()) + f"\n{END}{tail}"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(page(readme.read_text(encoding="utf-8")), encoding="utf-8")
    print("\n".join(table()))
