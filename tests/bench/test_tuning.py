"""What learners choose for themselves: the best of their trials, on seeds that are not reported, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.bench import Cell, Plan, Results
from agents.bench.layers import merged
from agents.bench.tuning import settle, trials
from distil_envs.errors import ConfigError

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
    "overrides": [{"learner": "GRPO", "options": {"policy": {"lora_rank": 3}}}],
    "tune": {"options": {"learning_rate": [0.1, 0.01, 0.001]}, "seeds": [100, 101]},
}


def add(results: Results, plan: Plan, cell: Cell, marks: str) -> None:
    """A finished run that ended with these marks."""
    evaluations = [
        {"share": at, "step": int(at), "set": "held-out", "marks": {"accuracy": text}, "samples": {}}
        for at, text in ((0.0, "0000"), (1.0, marks))
    ]
    results.add({
        "cell": vars(cell), "config": plan.config(cell).to_dict(), "spent": {}, "evaluations": evaluations, "curve": []
    })  # fmt: skip


def finish(results: Results, plan: Plan, marks: Mapping[str, str]) -> None:
    """All trials, by the beginning of what the learner is called."""
    tried = trials(plan)
    assert tried is not None
    for cell in tried.cells():
        add(results, tried, cell, next(text for name, text in marks.items() if cell.learner.startswith(name)))


def test_every_learner_tries_everything_on_seeds_of_their_own() -> None:
    tried = trials(Plan.from_dict(VALUES))
    assert tried is not None
    cells = list(tried.cells())
    assert {cell.seed for cell in cells} == {100, 101}
    assert len(cells) == len(set(cells)) == 2 * 3 * 3  # DistIL in both environments, GRPO in one
    assert {tried.config(cell).learning_rate for cell in cells} == {0.1, 0.01, 0.001}
    for cell in cells:
        config = tried.config(cell)
        assert f"learning_rate={config.learning_rate}" in cell.learner
        assert type(config.learner).__name__ == cell.learner.split(",")[0]
        assert config.policy.lora_rank == (3 if "GRPO" in cell.learner else type(config.policy)().lora_rank)
        assert config.limits.samples == 100
    assert trials(Plan.from_dict({**VALUES, "tune": {}})) is None


def test_all_combinations_of_several_options() -> None:
    options = {"learning_rate": [0.1, 0.2], "learner.future_weight": [0.0, 1.0]}
    tune = {"options": options, "seeds": [100]}
    tried = trials(Plan.from_dict({**VALUES, "tune": tune, "learners": ["DistIL"], "skip": [], "overrides": []}))
    assert tried is not None
    found = {(tried.config(cell).learning_rate, tried.config(cell).learner.future_weight) for cell in tried.cells()}  # type: ignore[attr-defined]
    assert found == {(0.1, 0.0), (0.1, 1.0), (0.2, 0.0), (0.2, 1.0)}


def test_the_best_mean_is_chosen_and_the_first_of_equals(tmp_path: Path) -> None:
    plan, results = Plan.from_dict(VALUES), Results(tmp_path / "results.jsonl")
    finish(results, plan, {
        "DistIL, learning_rate=0.1": "1000", "DistIL, learning_rate=0.01": "1110", "DistIL": "0111",
        "GRPO, learning_rate=0.1": "----", "GRPO": "1000",
    })  # fmt: skip
    found = settle(plan, results)
    assert {(each.environment, each.learner, each.chosen) for each in found.choices} == {
        ("rule", "DistIL", "learning_rate=0.01"),
        ("fact", "DistIL", "learning_rate=0.01"),
        ("rule", "GRPO", "learning_rate=0.01"),  # what could not be graded is no better than nothing
    }
    assert found.choices[0].tried == {
        "learning_rate=0.1": 0.25,
        "learning_rate=0.01": 0.75,
        "learning_rate=0.001": 0.75,
    }
    assert not found.waiting
    assert {cell.seed for cell in found.plan.cells()} == {0, 1}
    assert {found.plan.config(cell).learning_rate for cell in found.plan.cells()} == {0.01}
    assert not found.rows  # trials are not results


def test_seeds_count_equally(tmp_path: Path) -> None:
    """Not tasks: in one evaluation fewer could be graded."""
    plan = Plan.from_dict({**VALUES, "learners": ["DistIL"], "skip": [], "overrides": [], "seeds": [0]})
    plan = Plan.from_dict(plan.to_dict() | {"environments": {"rule": plan.environments["rule"]}})
    results, tried = Results(tmp_path / "results.jsonl"), trials(plan)
    assert tried is not None
    marks = {(0.1, 100): "1---", (0.1, 101): "0000", (0.01, 100): "0101", (0.01, 101): "0001"}
    for cell in tried.cells():
        add(results, tried, cell, marks.get((tried.config(cell).learning_rate, cell.seed), "0000"))
    (choice,) = settle(plan, results).choices
    assert choice.tried == {"learning_rate=0.1": 0.5, "learning_rate=0.01": 0.375, "learning_rate=0.001": 0.0}
    assert choice.chosen == "learning_rate=0.1"


def test_runs_wait_for_the_trials_of_their_learner_alone(tmp_path: Path) -> None:
    plan, results = Plan.from_dict(VALUES), Results(tmp_path / "results.jsonl")
    tried = trials(plan)
    assert tried is not None
    *most, last = [cell for cell in tried.cells() if cell.learner.startswith("DistIL")]
    for cell in most:
        add(results, tried, cell, "1000")
    early = Cell("fact", "answer", "tiny", "DistIL", 0)
    add(results, plan, early, "1111")  # with what `base` says: nobody chose that
    found = settle(plan, results)
    assert last.environment == "fact"
    assert found.waiting == {cell for cell in plan.cells() if (cell.environment, cell.learner) != ("rule", "DistIL")}
    assert early in found.waiting and early not in found.rows and early not in found.stale
    add(results, tried, last, "0000")
    found = settle(plan, results)
    assert early not in found.waiting
    assert "learning_rate (now 0.1, then 0.5)" in found.stale[early]
    add(results, found.plan, early, "1010")
    assert settle(plan, results).rows.keys() == {early}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"tune": {"options": {"learning_rate": 0.1}, "seeds": [9]}}, "tune.options.learning_rate must be a list"),
        ({"tune": {"options": {"learning_rate": []}, "seeds": [9]}}, "tune.options.learning_rate must be a list"),
        ({"tune": {"options": {"learning_rate": [0.1]}}}, "tune needs options, .*and seeds"),
        ({"tune": {"seeds": [9]}}, "tune needs options"),
        ({"tune": {"options": {"learning_rate": [0.1]}, "seeds": [1]}}, "tune.seeds must differ .* the reported"),
        ({"tune": {"options": {"learning_rate": [0.1]}, "seeds": [9, 9]}}, "tune.seeds must differ"),
        ({"tune": {"options": {"steps": [1]}, "seeds": [9]}}, "tune: steps is the same for all"),
        ({"tune": {"options": {"environment.num_tasks": [1]}, "seeds": [9]}}, "tune: environment is the same for all"),
        ({"tune": {"options": {"policy.lora_rank": [1]}, "seeds": [9]}}, "overrides name policy.lora_rank, which tune"),
        ({"tune": {"values": {}}}, "unknown option tune.values"),
        ({"overrides": [{"learner": "GRPO"}]}, "overrides hold parts of the grid with their options"),
        ({"overrides": [{"options": {"learning_rate": 1.0}}]}, "overrides must hold parts of the grid"),
        ({"overrides": [{"learner": "CE", "options": {}}]}, "overrides names the learner 'CE', which the plan has not"),
        ({"overrides": [{"seed": 1, "options": {"eval_tasks": 3}}]}, "overrides: eval_tasks is the same for all"),
        ({"overrides": [{"seed": 1, "options": {"learner": {"gama": 3}}}]}, "gama"),
    ],
)
def test_what_cannot_be_chosen_from_is_told(more: Mapping[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Plan.from_dict({**VALUES, **more})


def test_values_that_cannot_be_are_told_before_anything_runs() -> None:
    tune = {"options": {"learning_rate": [0.1, "fast"]}, "seeds": [100]}
    with pytest.raises(ConfigError, match=r"learning_rate=fast.*learning_rate must be a number, got 'fast'"):
        trials(Plan.from_dict({**VALUES, "tune": tune}))


def test_options_of_a_learner_that_goes_by_its_name_alone() -> None:
    assert merged({"learner": "GRPO"}, {"learner": {"clip": 0.1}}) == {"learner": {"name": "GRPO", "clip": 0.1}}
