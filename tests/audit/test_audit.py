"""`distil_envs.audit`: what it counts, when it fails, and that our own verifiers pass."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from agents.cli.main import main
from distil_envs import audit, registry
from distil_envs.errors import ConfigError, TaskError
from distil_envs.grading import grade
from distil_envs.math.verifier import grade_math
from distil_envs.science.verifier import grade_science

ROWS = [
    {"id": "mine/1", "reference": {"answer": "5"}, "completion": "5", "right": True},
    {"id": "mine/2", "reference": {"answer": "5"}, "completion": "5.0", "right": True, "about": "a decimal"},
    {"id": "mine/3", "reference": {"answer": "5"}, "completion": "6", "right": False},
    {"id": "mine/4", "reference": {"answer": "5"}, "completion": "5 or 6", "right": False},
]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("kind", audit.kinds())
def test_our_verifiers_pass(kind: str) -> None:
    """In this process, which is quicker; the command grades through the pool."""
    tally = audit.Tally(kind)
    for row in audit.labelled([kind]):
        function = grade_science if row.domain == "science" else grade_math
        audit.count(tally, row, grade(function, row, row.metadata["completion"]).status)
    assert audit.failures([tally]) == []


def test_counts(mine: Path) -> None:
    [tally] = audit.audit(audit.labelled([str(mine)]))
    assert (tally.kind, tally.right, tally.wrong) == ("mine", 2, 2)
    assert tally.accepted_wrongly == tally.rejected_wrongly == tally.not_graded == []
    assert tally.false_positive_rate() == pytest.approx((0.0, 0.0, 1 - 0.025**0.5))


@pytest.mark.parametrize(
    ("verifier", "accepted", "rejected", "not_graded", "told"),
    [
        (lambda task, text: True, 2, 0, 0, "mine: 2 wrong accepted"),
        (lambda task, text: False, 0, 2, 0, "2 of 2 right rejected, at most 2% may be"),
        (lambda task, text: 1 / 0, 0, 0, 4, "mine: 4 could not be graded"),
    ],
)
def test_a_bad_verifier_fails(mine, capsys, verifier, accepted, rejected, not_graded, told) -> None:
    registry.register_object("verifiers", "audited", verifier)
    try:
        [tally] = audit.audit(audit.labelled([str(mine)]), "audited")
        assert main(["tasks", "audit", str(mine), "--verifier", "audited"]) == 1
    finally:
        registry.unregister_object("verifiers", "audited")
    found = [len(each) for each in (tally.accepted_wrongly, tally.rejected_wrongly, tally.not_graded)]
    assert found == [accepted, rejected, not_graded]
    assert told in capsys.readouterr().out


def test_a_few_rejections_pass_and_more_do_not() -> None:
    rows = audit.labelled(["integer"])
    right = [row for row in rows if row.metadata["right"]]
    tally = audit.Tally("integer", right=1000, wrong=1000, rejected_wrongly=right[:2])
    assert audit.failures([tally]) == []
    tally.rejected_wrongly = right[:3]
    assert audit.failures([tally]) == ["integer: 3 right rejected, at most 2 may be"]
    others = [audit.Tally(str(kind), right=50, wrong=50, rejected_wrongly=right[:2]) for kind in range(3)]
    assert audit.failures(others) == ["6 of 150 right rejected, at most 2% may be"]


@pytest.mark.parametrize(("count", "total"), [(0, 60), (1, 60), (30, 60), (60, 60)])
def test_exact_intervals(count: int, total: int) -> None:
    """Clopper and Pearson's ends: with them, what was seen or worse has a chance of 2.5 % each."""

    def at_least(k: int, share: float) -> float:
        return sum(math.comb(total, i) * share**i * (1 - share) ** (total - i) for i in range(k, total + 1))

    share, low, high = audit.exact_interval(count, total)
    assert share == count / total
    if count > 0:
        assert at_least(count, low) == pytest.approx(0.025)
    if count < total:
        assert 1 - at_least(count + 1, high) == pytest.approx(0.025)


def test_names_and_rows_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no labelled set 'colour'; expected a \.jsonl file, or one of choice"):
        audit.labelled(["colour"])
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(ROWS[0] | {"right": "yes"}) + "\n")
    with pytest.raises(TaskError, match="right must be there and bool, got 'yes'"):
        audit.labelled([str(path)])


def test_math_verify_stands_beside(mine: Path, capsys) -> None:
    assert main(["tasks", "audit", str(mine), "--math-verify", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["accepted_wrongly"] == []
    assert row["math_verify"]["right"] == 2
