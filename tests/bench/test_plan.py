"""A plan says what runs: every cell's options, in the order of its axes, and nothing that cannot work."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agents.bench import Cell, Plan
from agents.bench.layers import merged
from agents.cli.bench import BenchOptions, kept, narrowed, part
from distil_envs.errors import ConfigError

VALUES: Mapping[str, Any] = {
    "base": {"model": "tiny", "env": "distil/Toy-v0", "feedback": "answer", "group_size": 4, "tasks_per_step": 4},
    "environments": {
        "rule": {"environment": {"tasks": "toy/rule"}, "learning_rate": 1e-3},
        "fact": {"environment": {"tasks": "toy/fact"}},
    },
    "learners": {"DistIL": {"learner": {"name": "DistIL", "gamma": 0.9}, "learning_rate": 2e-3}, "GRPO": None},
    "seeds": [3, 5],
    "budget": {"samples": 100},
    "evaluate_at": [0.5],
}


def test_the_grid_has_every_combination_once_and_seed_by_seed() -> None:
    cells = list(Plan.from_dict(VALUES).cells())
    assert len(cells) == len(set(cells)) == 2 * 2 * 2
    assert [cell.seed for cell in cells] == [3] * 4 + [5] * 4
    assert cells[0] == Cell("rule", "answer", "tiny", "DistIL", 3)


def test_later_axes_go_before_earlier_ones() -> None:
    plan = Plan.from_dict(VALUES)
    configs = {(cell.environment, cell.learner): plan.config(cell) for cell in plan.cells()}
    assert configs["rule", "DistIL"].learning_rate == 2e-3
    assert configs["rule", "GRPO"].learning_rate == 1e-3
    assert configs["fact", "GRPO"].environment.tasks == "toy/fact"
    assert type(configs["rule", "GRPO"].learner).__name__ == "GRPO"
    assert configs["rule", "DistIL"].learner.gamma == 0.9  # type: ignore[attr-defined]


def test_one_budget_for_all_whatever_their_batches() -> None:
    learners = {"GRPO": {"learner": "GRPO", "group_size": 8, "tasks_per_step": 3}, "CE": None}
    plan = Plan.from_dict({**VALUES, "learners": learners})
    for cell in plan.cells():
        config = plan.config(cell)
        rollouts = config.tasks_per_step * config.group_size
        assert config.steps == math.ceil(100 / rollouts)
        assert config.limits.samples == 100
        assert config.eval_at == (0.5,)
        assert config.eval_every == 0
        assert config.seed == cell.seed


def test_an_environment_may_have_its_own_budget() -> None:
    environments = {**VALUES["environments"], "fact": {"limits": {"samples": 33}}}
    plan = Plan.from_dict({**VALUES, "environments": environments})
    found = {(c.environment, plan.config(c).limits.samples, plan.config(c).steps) for c in plan.cells()}
    assert found == {("rule", 100, 7), ("fact", 33, 3)}


def test_a_budget_in_tokens_knows_no_number_of_steps() -> None:
    plan = Plan.from_dict({**VALUES, "budget": {"tokens": 10**6}})
    assert plan.config(next(plan.cells())).steps == 10**6
    plan = Plan.from_dict({**VALUES, "budget": {}, "base": {**VALUES["base"], "steps": 7}})
    assert plan.config(next(plan.cells())).steps == 7
    by_tokens = narrowed(plan, BenchOptions(tokens=50))
    assert by_tokens.config(next(by_tokens.cells())).steps == 10**6
    assert kept(plan, by_tokens).config(next(by_tokens.cells())) == by_tokens.config(next(by_tokens.cells()))


def test_a_shard_holds_whole_comparisons() -> None:
    cells = list(Plan.from_dict(VALUES).cells())
    shards = [part(cells, f"{index}/3") for index in (1, 2, 3)]
    assert sorted(map(str, (cell for shard in shards for cell in shard))) == sorted(map(str, cells))
    for shard in shards:
        for cell in shard:
            assert sum((c.environment, c.seed) == (cell.environment, cell.seed) for c in shard) == 2


def test_parts_are_left_out() -> None:
    skip = [{"environment": "fact", "learner": ["GRPO"]}, {"seed": 5, "environment": "rule"}]
    cells = list(Plan.from_dict({**VALUES, "skip": skip}).cells())
    assert {(c.environment, c.learner, c.seed) for c in cells} == {
        ("rule", "DistIL", 3), ("rule", "GRPO", 3), ("fact", "DistIL", 3), ("fact", "DistIL", 5)
    }  # fmt: skip


def test_the_plan_of_the_documentation_is_one() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    assert len(list(Plan.from_dict(yaml.safe_load(example)).cells())) == 9


@pytest.mark.parametrize("name", ["smoke", "small", "paper"])
def test_presets_are_whole_and_survive_yaml(name: str) -> None:
    plan = Plan.load(name)
    again = Plan.from_dict(yaml.safe_load(yaml.safe_dump(plan.to_dict(), sort_keys=False)))
    assert list(again.cells()) == list(plan.cells())
    assert all(again.config(cell) == plan.config(cell) for cell in plan.cells())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"learners": {}}, "no cells"),
        ({"seeds": []}, "no cells"),
        ({"learners": {"CE": {"learner": "CE", "limits": {"samples": 9}}}}, "learner CE: limits is the same for all"),
        ({"learners": {"CE": {"learner": "CE", "eval_tasks": 9}}}, "learner CE: eval_tasks is the same for all"),
        ({"environments": {"rule": {"seed": 9}}}, "environment rule: seed is the same for all"),
        ({"base": {**VALUES["base"], "eval_every": 9}}, "base: eval_every is the same for all"),
        ({"base": {**VALUES["base"], "tasks_per_step": 0}}, "tasks_per_step must be at least 1"),
        ({"base": {**VALUES["base"], "tasks_per_step": "4"}}, "tasks_per_step must be a whole number"),
        ({"seeds": [1, 1]}, "seeds must differ"),
        ({"learners": {"CE": {"learner": "CE", "model": "smollm2"}}}, "learner CE: model is the same for all"),
        ({"learners": {"CE": {"learner": "CE", "steps": 3}}}, "learner CE: steps is the same for all"),
        ({"learners": {"CE": {"learner": "CE", "policy": {"chat_template": "x"}}}}, "policy.chat_template is the same"),
        (
            {
                "base": {**VALUES["base"], "environment": {"max_attempts": 2}},
                "learners": {"CE": {"learner": "CE", "feedback": "binary"}},
            },
            "what feedback says is the next turn",
        ),
        ({"base": {**VALUES["base"], "steps": 3}}, "both steps and a budget for rule"),
        ({"budget": {}}, "no budget for rule"),
        ({"measure": "pass@4"}, "will not have 'pass@4': with eval_samples 0 there are no measures of samples"),
        (
            {"measure": "pass@16", "base": {**VALUES["base"], "eval_samples": 4}},
            "with eval_samples 4 there are avg@4, pass@1, pass@2, pass@4, maj@1",
        ),
        ({"learners": {"A\x1bB": {"learner": "CE"}}}, "characters that can be seen"),
        ({"learners": {" ": {"learner": "CE"}}}, "characters that can be seen"),
        ({"learners": {"A" * 300: {"learner": "CE"}}}, "more than 200"),
        ({"skip": [{"learner": "GRP0"}]}, "skip names the learner 'GRP0', which the plan has not"),
        ({"environments": {"rule": {"limits": {"sample": 9}}}}, "did you mean environments.rule.limits.samples"),
        ({"learners": ["Nobody"]}, "Nobody"),
        ({"learners": {"CE": 3}}, "learners.CE must hold options"),
        ({"learners": {"A": {"learner": "CE", "gamma": 1}}}, "gamma"),
        ({"skip": [{"colour": "red"}]}, "skip must hold parts of the grid"),
        ({"budget": {"samples": 0}}, "samples must be positive"),
        ({"budget": {"days": 1}}, "unknown option budget.days"),
        ({"compare_on": {"nowhere": "pool"}}, "compare_on names environments"),
        ({"compare_on": {"fact": "train"}}, "compare_on holds `pool` or `held-out`"),
        ({"measures": {"fact": 3}}, "measures names environments"),
        ({"learners": {"A/B": {"learner": "CE"}, "A:B": {"learner": "CE"}}}, "one folder"),
        ({"lerners": ["CE"]}, "did you mean learners"),
        ({"learners": {"GRPO": {"learner": "GRPO", "group_size": 1}}}, "GRPO.*group_size is 1"),
    ],
)
def test_what_cannot_work_is_told_before_anything_runs(more: Mapping[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Plan.from_dict({**VALUES, **more})


@pytest.mark.parametrize(
    ("axis", "name", "told"),
    [
        ("environments", "rull", "no 'rull'; the plan has rule, fact"),
        ("models", "tinny", "no 'tinny'; the plan has none"),
    ],
)
def test_a_likely_typo_names_what_there_is(axis: str, name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"--{axis}: {told}"):
        narrowed(Plan.from_dict(VALUES), BenchOptions(**{axis: (name,)}))


def test_a_file_of_other_bytes_is_told(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        Plan.load(str(tmp_path / "plan.yaml"))


@pytest.mark.parametrize("name", ["smok", "nowhere.yaml"])
def test_an_unknown_plan_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match=r"presets are paper, small, smoke|cannot read the plan"):
        Plan.load(name)


def test_what_is_kept_of_a_plan_is_what_was_asked_for_beyond_it() -> None:
    """Another budget and another learner belong to the folder's results; parts that were not asked for stay."""
    plan = Plan.from_dict({**VALUES, "compare_on": {"fact": "pool"}})
    asked = narrowed(plan, BenchOptions(learners=("CE", "RLOO"), environments=("rule",), seeds=(7,), samples=32))
    whole = kept(plan, asked)
    assert list(whole.learners) == [*plan.learners, "CE", "RLOO"]
    assert set(asked.cells()) <= set(whole.cells()) and 7 in whole.seeds
    assert list(whole.environments) == list(plan.environments)
    assert all(whole.config(cell) == asked.config(cell) for cell in asked.cells())


def test_a_section_with_a_name_takes_the_place_of_the_whole() -> None:
    base = {"expert": {"name": "self-teacher", "weights": "ema"}}
    assert merged(base, {"expert": {"weights": "live"}}) == {"expert": {"name": "self-teacher", "weights": "live"}}
    assert merged(base, {"expert": {"name": "self-teacher"}}) == {"expert": {"name": "self-teacher"}}


def test_options_take_the_place_of_axes() -> None:
    plan = Plan.from_dict({**VALUES, "compare_on": {"fact": "pool"}})
    narrow = narrowed(plan, BenchOptions(learners=("DistIL", "CE"), environments=("rule",), seeds=(7,), tokens=50))
    assert [str(cell) for cell in narrow.cells()] == [
        "rule · DistIL · answer · tiny · seed 7", "rule · CE · answer · tiny · seed 7"
    ]  # fmt: skip
    own = Plan.from_dict(
        {**VALUES, "environments": {"rule": {"limits": {"samples": 9}}}, "skip": [{"learner": "GRPO"}]}
    )
    cut = narrowed(own, BenchOptions(learners=("DistIL",), samples=32))
    assert cut.config(next(cut.cells())).limits.samples == 32
    config = narrow.config(next(narrow.cells()))
    assert config.learner.gamma == 0.9  # type: ignore[attr-defined]  # the plan's own options of it
    assert config.limits.tokens == 50
    assert config.limits.samples is None


TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
SECTIONS = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(SECTIONS, SECTIONS)
def test_merging_keeps_what_is_not_overridden(one: dict[str, Any], other: dict[str, Any]) -> None:
    made = merged(one, other)
    assert made.keys() == one.keys() | other.keys()
    assert merged(made, other) == made
    assert merged(one, {}) == one
    assert merged({}, other) == other
    for name in made:
        if name not in other:
            assert made[name] == one[name]
        elif not isinstance(other[name], dict):
            assert made[name] == other[name]
