"""What learners choose for themselves: the best of their trials, on seeds that are not reported, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.bench import Cell, Plan, Results
from agents.bench.layers import merged
from agents.bench.settle import settle
from distil_envs.errors import ConfigError

RATES = [0.1, 0.01, 0.001]
VALUES: Mapping[str, Any] = {
    "base": {"model": "tiny", "env": "distil/Toy-v0", "feedback": "answer", "learning_rate": 0.5},
    "environments": {
        "rule": {"environment": {"tasks": "toy/rule"}},
        "fact": {"environment": {"tasks": "toy/fact"}},
    },
    "learners": ["DistIL", "GRPO"],
    "seeds": [0, 1],
    "budget": {"samples": 100},
    "evaluate_at": [0.5],
    "skip": [{"environment": "fact", "learner": "GRPO"}, {"seed": 1, "learner": "DistIL"}],
    "tune": {"options": {"learning_rate": RATES}, "seeds": [100, 101]},
}
ONE: Mapping[str, Any] = {**VALUES, "learners": ["DistIL"], "seeds": [0], "skip": [{"environment": "fact"}]}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results.jsonl")


def add(results: Results, plan: Plan, cell: Cell, marks: str) -> None:
    """A finished run that ended with these marks; without any, one that diverged."""
    ends = ((0.0, "0000"), (1.0, marks)) if marks else ((0.0, "0000"),)
    evaluations = [
        {"share": at, "step": int(at), "set": "held-out", "marks": {"accuracy": text}, "samples": {}}
        for at, text in ends
    ]
    row = {"cell": vars(cell), "config": plan.config(cell).to_dict(), "evaluations": evaluations}
    results.add(row if marks else row | {"diverged": "training diverged"})


def number(cell: Cell) -> int:
    return [f"learning_rate={rate}" for rate in RATES].index(str(cell.trial))


def finish(results: Results, plan: Plan, marks: Callable[[Cell], str]) -> None:
    """All trials."""
    for cell in plan.trials():
        add(results, plan, cell, marks(cell))


def test_every_learner_tries_everything_on_seeds_of_their_own() -> None:
    plan = Plan.from_dict(VALUES)
    cells = list(plan.trials())
    assert {cell.seed for cell in cells} == {100, 101}
    assert len(cells) == len(set(cells)) == 2 * 3 * 3  # DistIL in both environments, GRPO in one
    assert len({cell.folder for cell in (*cells, *plan.cells())}) == 18 + 4
    for cell in cells:
        config = plan.config(cell)
        assert cell.trial == f"learning_rate={config.learning_rate}"
        assert type(config.learner).__name__ == cell.learner
        assert config.seed == cell.seed and config.limits.samples == 100
    assert {plan.config(cell).learning_rate for cell in plan.cells()} == {0.5}
    assert not list(Plan.from_dict({**VALUES, "tune": {}}).trials())


def test_all_combinations_of_several_options() -> None:
    options = {"learning_rate": [0.1, 0.2], "learner.future_weight": [0.0, 1.0]}
    plan = Plan.from_dict({**ONE, "tune": {"options": options, "seeds": [100]}})
    found = [(plan.config(cell).learning_rate, plan.config(cell).learner.future_weight) for cell in plan.trials()]  # type: ignore[attr-defined]
    assert found == [(0.1, 0.0), (0.1, 1.0), (0.2, 0.0), (0.2, 1.0)]
    assert list(plan.tune.trials())[1] == "learning_rate=0.1, learner.future_weight=1.0"


def test_the_best_mean_is_chosen_and_the_first_of_equals(results: Results) -> None:
    plan = Plan.from_dict(VALUES)
    marks = {"DistIL": ("1000", "1110", "0111"), "GRPO": ("----", "", "1000")}
    finish(results, plan, lambda cell: marks[cell.learner][number(cell)])
    found = settle(plan, results)
    assert {(each.kind.environment, each.kind.learner, each.chosen) for each in found.choices} == {
        ("rule", "DistIL", 1),
        ("fact", "DistIL", 1),
        ("rule", "GRPO", 2),  # what diverged, or could not be graded, is never chosen where another could
    }
    assert next(each for each in found.choices if each.kind.learner == "DistIL").tried == (0.25, 0.75, 0.75)
    assert not found.waiting and not found.rows and len(found.trials) == 18
    rates = {(cell.learner, found.plan.config(cell).learning_rate) for cell in found.plan.cells()}
    assert rates == {("DistIL", 0.01), ("GRPO", 0.001)}
    assert found.plan.to_dict() == plan.to_dict()


def test_seeds_count_equally(results: Results) -> None:
    """Not tasks: in one evaluation fewer could be graded."""
    plan = Plan.from_dict(ONE)
    marks = {(0, 100): "1---", (0, 101): "0000", (1, 100): "0101", (1, 101): "0001"}
    finish(results, plan, lambda cell: marks.get((number(cell), cell.seed), "0000"))
    (choice,) = settle(plan, results).choices
    assert choice.tried == (0.5, 0.375, 0.0)
    assert choice.chosen == 0


def test_runs_wait_for_the_trials_of_their_learner_alone(results: Results) -> None:
    plan = Plan.from_dict(VALUES)
    *most, last = [cell for cell in plan.trials() if cell.learner == "DistIL"]
    for cell in most:
        add(results, plan, cell, "1000")
    early = Cell("fact", "answer", "tiny", "DistIL", 0)
    add(results, plan, early, "1111")  # with what `base` says: nobody chose that
    found = settle(plan, results)
    assert last.environment == "fact"
    assert found.waiting == {cell for cell in plan.cells() if (cell.environment, cell.learner) != ("rule", "DistIL")}
    assert early in found.waiting and early not in found.rows and early not in found.stale
    add(results, plan, last, "0000")
    found = settle(plan, results)
    assert early not in found.waiting
    assert "learning_rate (now 0.1, then 0.5)" in found.stale[early]
    add(results, found.plan, early, "1010")
    assert settle(plan, results).rows.keys() == {early}


def test_trials_under_other_options_are_no_trials(results: Results) -> None:
    plan = Plan.from_dict(ONE)
    finish(results, plan, lambda cell: "1000")
    other = Plan.from_dict({**ONE, "budget": {"samples": 200}})
    found = settle(other, results)
    assert len(found.waiting) == 1 and not found.trials and len(found.stale) == 6


def test_more_values_leave_finished_trials_alone(results: Results) -> None:
    plan = Plan.from_dict(ONE)
    finish(results, plan, lambda cell: "1000" if cell.trial == "learning_rate=0.01" else "0000")
    more = Plan.from_dict({**ONE, "tune": {"options": {"learning_rate": [0.2, *reversed(RATES)]}, "seeds": [100, 101]}})
    found = settle(more, results)
    assert len(found.trials) == 6 and not found.stale and len(list(more.trials())) == 8
    fewer = Plan.from_dict({**ONE, "tune": {"options": {"learning_rate": [0.001, 0.01]}, "seeds": [101]}})
    assert settle(fewer, results).choices[0].chosen == 1


def test_where_all_trials_diverge_nothing_is_chosen_and_nothing_is_run(results: Results) -> None:
    plan = Plan.from_dict(ONE)
    finish(results, plan, lambda cell: "")
    found = settle(plan, results)
    assert [each.chosen for each in found.choices] == [None]
    assert found.waiting == set(plan.cells())


def test_a_setting_without_a_run_has_no_trials() -> None:
    plan = Plan.from_dict({**VALUES, "skip": [{"environment": "fact", "seed": [0, 1]}]})
    assert {cell.environment for cell in plan.trials()} == {"rule"}


@pytest.mark.parametrize(
    ("tune", "told"),
    [
        ({"options": {"learning_rate": 0.1}, "seeds": [9]}, "tune.options.learning_rate must be a list"),
        ({"options": {"learning_rate": []}, "seeds": [9]}, "tune.options.learning_rate must be a list"),
        ({"options": {1: [2]}, "seeds": [9]}, "tune.options.1 must be a list"),
        ({"options": {"learning_rate": [0.1, 0.10]}, "seeds": [9]}, "holds a value twice"),
        ({"options": {"learning_rate": [0.1, "0.1"]}, "seeds": [9]}, "holds a value twice"),
        ({"options": {"learning_rate": ["1e-1", 0.1]}, "seeds": [9]}, "holds a value twice"),
        ({"options": {"learner": ["CE", "SFT"]}, "seeds": [9]}, "tune: learner is the same for all"),
        ({"options": {"learner.name": ["CE"]}, "seeds": [9]}, "tune: learner.name is the same for all"),
        ({"options": {"learning_rate": [0.1]}}, "tune needs options, .*and seeds"),
        ({"seeds": [9]}, "tune needs options"),
        ({"options": {"learning_rate": [0.1]}, "seeds": [1]}, "tune.seeds must differ .* the reported"),
        ({"options": {"learning_rate": [0.1]}, "seeds": [9, 9]}, "tune.seeds must differ"),
        (
            {"options": {"learning_rate": [0.1, "fast"]}, "seeds": [9]},
            "learning_rate=fast: .* must be a number",
        ),
        ({"options": {"steps": [1]}, "seeds": [9]}, "tune: steps is the same for all"),
        ({"options": {"environment.num_tasks": [1]}, "seeds": [9]}, "tune: environment.num_tasks is the same for all"),
        ({"options": {"policy.chat_template": ["x"]}, "seeds": [9]}, "tune: policy.chat_template is the same for all"),
        (
            {"options": {"policy": [{"chat_template": "x"}]}, "seeds": [9]},
            "tune: policy.chat_template is the same for all",
        ),
        ({"options": {"feedback": ["answer", "binary"]}, "seeds": [9]}, "tune: feedback is the same for all"),
        ({"options": {"policy.lora_rank": [1], "policy": [{}]}, "seeds": [9]}, "one is a part of the other"),
        ({"options": {"learner.gama": [0.1]}, "seeds": [9]}, "learner.gama=0.1: unknown option learner.gama"),
        ({"values": {}}, "unknown option tune.values"),
    ],
)
def test_what_cannot_be_chosen_from_is_told(tune: Mapping[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Plan.from_dict({**VALUES, "tune": tune})


def test_options_of_a_learner_that_goes_by_its_name_alone() -> None:
    assert merged({"learner": "GRPO"}, {"learner": {"clip": 0.1}}) == {"learner": {"name": "GRPO", "clip": 0.1}}
