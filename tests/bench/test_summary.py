"""Figures of a bench equal those worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.bench import Cell, Plan, Results
from agents.bench.measured import Measured
from agents.bench.results import difference, row_of
from agents.bench.summary import compare, overall
from agents.statistics import (
    Interval,
    difference_interval,
    mean_interval,
    nested_interval,
    proportion_interval,
    share_interval,
)
from agents.statistics.interval import Z
from distil_envs.errors import ConfigError

PLAN = Plan.from_dict({
    "base": {"model": "tiny", "env": "distil/Toy-v0", "feedback": "answer"},
    "environments": {"rule": {"environment": {"tasks": "toy/rule"}}},
    "learners": ["DistIL", "GRPO"],
    "seeds": [0, 1, 2],
    "evaluate_at": [0.5],
    "budget": {"samples": 1280},
})  # fmt: skip


SAMPLED = PLAN.to_dict() | {"measure": "avg@4", "base": {**PLAN.base, "eval_samples": 4}}


def row(learner: str, seed: int, half: str, last: str) -> tuple[Cell, dict[str, Any]]:
    cell = Cell("rule", "answer", "tiny", learner, seed)
    evaluations = [
        {
            "share": at,
            "step": int(40 * at),
            "set": name,
            "prompt": "zero-shot",
            "marks": {"accuracy": text},
            "buckets": [["toy/rule@1", 2], ["toy/rule@2", 2]],
            "samples": {"avg@4": text.count("1") / 8},
            "tasks": "same",
        }
        for at, text in ((0.0, "0000"), (0.5, half), (1.0, last))
        for name in ("pool", "held-out")
    ]
    spent = {"steps": 40, "samples": 1280, "tokens": 100 + seed, "seconds": 2.0}
    curve = [{"share": at / 40, "success": (at + seed) / 100} for at in range(1, 41)]
    config = PLAN.config(cell).to_dict()
    return cell, {"cell": vars(cell), "config": config, "spent": spent, "evaluations": evaluations, "curve": curve}


ROWS = dict([
    row("DistIL", 0, "1111", "1110"), row("DistIL", 1, "0000", "1100"), row("DistIL", 2, "1100", "1-11"),
    row("GRPO", 0, "1000", "0010"), row("GRPO", 1, "0000", "1000"), row("GRPO", 2, "1111", "0111"),
])  # fmt: skip


def test_shares_and_differences() -> None:
    (found,) = compare(PLAN, ROWS)
    first, second = found.scores
    assert first.learner == "DistIL"
    # The second task was not graded once: it is left out where tasks are compared.
    assert first.value.mean == pytest.approx((2 / 3 + 1 / 3 + 1) / 3)
    assert second.value.mean == pytest.approx((1 / 4 + 1 / 4 + 3 / 4) / 3)
    assert first.area == pytest.approx(((0.5 + 0.875) / 2 + 0.25 / 2 + (0.25 + 0.75) / 2) / 3)
    assert first.before == 0
    assert first.spent == {"samples": 1280, "tokens": 101, "seconds": 2}
    (lead,) = found.differences
    assert lead.value == difference_interval([[1, 1, 0], [1, 0, 0], [1, 1, 1]], [[0, 1, 0], [1, 0, 0], [0, 1, 1]])
    assert lead.seeds == 3


def test_curves_over_the_budget() -> None:
    (found,) = compare(PLAN, ROWS)
    score = found.scores[0]
    assert [(at.share, at.value.mean) for at in score.curve] == [
        (0, 0), (0.5, pytest.approx(1 / 2)), (1, pytest.approx(score.value.mean))
    ]  # fmt: skip
    assert score.curve[-1].value == score.value
    # Forty steps in twenty parts: the two steps of a part are averaged, then the seeds.
    assert [at.share for at in score.success] == pytest.approx([part / 20 for part in range(1, 21)])
    by_hand = share_interval([(7.5 + seed) / 100 for seed in range(3)])
    assert vars(score.success[3].value) == pytest.approx(vars(by_hand))


def test_a_run_of_which_nothing_could_be_graded_is_missing() -> None:
    rows = dict(ROWS)
    cell = next(iter(rows))
    rows[cell] = row("DistIL", 0, "1111", "----")[1]
    (found,) = compare(PLAN, rows)
    assert (found.scores[0].seeds, found.scores[0].missing) == ((1, 2), 1)
    assert found.differences[0].seeds == 2


def test_seeds_evaluated_far_apart_have_no_common_curve() -> None:
    rows = json.loads(json.dumps([[vars(cell), each] for cell, each in ROWS.items()]))
    for at, known in ((0.55, 3), (0.65, 0)):
        rows[0][1]["evaluations"][3]["share"] = at
        assert len(compare(PLAN, {Cell(**cell): each for cell, each in rows})[0].scores[0].curve) == known


def test_the_last_evaluation_counts_even_where_the_budget_was_all_but_spent_before() -> None:
    rows = json.loads(json.dumps([[vars(cell), each] for cell, each in ROWS.items()]))
    for evaluation in rows[0][1]["evaluations"]:
        if evaluation["share"] == 0.5:
            evaluation["share"] = 1.0
    _, one = rows[0]
    assert Measured(PLAN).value(one) == 3 / 4
    assert Measured(PLAN).curve(one) == [(0, 0), (1, 3 / 4)]


def test_seeds_evaluated_at_other_points_have_no_common_curve() -> None:
    rows = dict(ROWS)
    cell = next(iter(rows))
    rows[cell] = rows[cell] | {"evaluations": [each for each in rows[cell]["evaluations"] if each["share"] != 0.5]}
    assert compare(PLAN, rows)[0].scores[0].curve == ()


def test_over_environments() -> None:
    """Two environments of the same results: interquartile means and pairwise wins by hand."""
    plan = Plan.from_dict(PLAN.to_dict() | {"environments": {"rule": {}, "other": {"learning_rate": 0.1}}})
    rows = dict(ROWS)
    for cell, each in ROWS.items():
        other = replace(cell, environment="other")
        rows[other] = each | {"cell": vars(other)}
    one, two = overall(plan, rows)
    assert (one.learner, one.beaten, one.environments, one.seeds) == ("DistIL", None, 2, 3)
    assert one.middle.mean == pytest.approx((1 / 2 + 3 / 4 + 3 / 4 + 1) / 4)  # of six, one is cut at either end
    assert two.beaten is not None
    wins = [(a > b) + (a == b) / 2 for a in (3 / 4, 2 / 4, 1) for b in (1 / 4, 1 / 4, 3 / 4)]
    assert two.beaten.mean == pytest.approx(sum(wins) / 9)
    assert overall(PLAN, ROWS) == []  # there is one environment


def test_the_best_checkpoint_only_on_request() -> None:
    (_, one) = row("DistIL", 0, "1111", "1110")
    assert Measured(PLAN).marks(one) == [1, 1, 1, 0]
    assert Measured(PLAN, "best").marks(one) == [1, 1, 1, 1]
    (_, other) = row("DistIL", 0, "0000", "1-10")
    assert Measured(PLAN).value(other) == pytest.approx(2 / 3)
    assert Measured(PLAN).curve(other) == [(0, 0), (0.5, 0), (1, pytest.approx(2 / 3))]


def test_buckets_and_missing_seeds() -> None:
    rows = {cell: each for cell, each in ROWS.items() if (cell.learner, cell.seed) != ("GRPO", 2)}
    (found,) = compare(PLAN, rows)
    first, second = found.scores
    assert (first.missing, second.missing) == (0, 1)
    assert second.buckets == {"toy/rule@1": 0.25, "toy/rule@2": 0.25}
    assert found.differences[0].seeds == 2


def test_one_seed_is_paired_over_tasks() -> None:
    (found,) = compare(PLAN, {cell: each for cell, each in ROWS.items() if cell.seed == 0})
    assert found.scores[0].value == proportion_interval(3, 4)
    plain = mean_interval([1, 1, 0, 0])
    assert found.differences[0].value == replace(plain, high=1.0)


def test_one_seed_whose_learners_agree_on_every_task_is_not_certain() -> None:
    rows = dict([row("DistIL", 0, "0000", "0000"), row("GRPO", 0, "0000", "0000")])
    (found,) = compare(PLAN, rows)
    far = Z * Z / (4 + Z * Z)
    assert found.differences[0].value == Interval(0, -far, far)


def test_one_seed_without_a_common_graded_task() -> None:
    """What is left is the difference of the two shares, and nothing is known of how far it is off."""
    rows = dict([row("DistIL", 0, "0000", "1---"), row("GRPO", 0, "0000", "-1--")])
    (found,) = compare(PLAN, rows)
    assert found.differences[0].value == Interval(0, -1, 1)


def test_measures_of_samples_are_means_by_seed() -> None:
    plan = Plan.from_dict(SAMPLED)
    (found,) = compare(plan, ROWS)
    assert found.scores[0].value == share_interval([3 / 8, 2 / 8, 3 / 8])
    assert found.differences[0].value == mean_interval([2 / 8, 1 / 8, 0])
    never = dict(row(name, seed, "0000", "0000") for name in ("DistIL", "GRPO") for seed in range(3))
    (found,) = compare(plan, never)
    assert found.scores[0].value.high > 0.5
    assert found.differences[0].value.low < -0.5 and found.differences[0].value.high > 0.5


def test_a_run_that_lacks_the_measure_counts_as_missing() -> None:
    """As maj@k is absent where a right sample has no answer to vote with."""
    plan = Plan.from_dict(SAMPLED)
    rows = json.loads(json.dumps([[vars(cell), each] for cell, each in ROWS.items()]))
    rows[0][1]["evaluations"][-1]["samples"] = {}
    (found,) = compare(plan, {Cell(**cell): each for cell, each in rows})
    assert (found.scores[0].seeds, found.scores[0].missing) == ((1, 2), 1)


def test_tasks_that_differ_by_seed_are_nested() -> None:
    rows = json.loads(json.dumps([[vars(cell), each] for cell, each in ROWS.items()]))
    for cell, each in rows:
        for evaluation in each["evaluations"]:
            evaluation["tasks"] = f"tasks of seed {cell['seed']}"
    (found,) = compare(PLAN, {Cell(**cell): each for cell, each in rows})
    assert found.scores[1].value == nested_interval([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 1, 1]], shares=True)
    mine, theirs = [[1, 1, 1, 0], [1, 1, 0, 0], [1, math.nan, 1, 1]], [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 1, 1]]
    assert found.differences[0].value == difference_interval(mine, theirs, same_tasks=False)
    assert found.differences[0].value.mean == pytest.approx((2 / 4 + 1 / 4 + 1 / 3) / 3)


@pytest.mark.parametrize("change", [{"measure": "exakt"}, {"measures": {"rule": "format"}}])
def test_a_measure_that_is_not_there_is_told(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"rule has no measure.*it has accuracy, avg@4"):
        compare(Plan.from_dict(PLAN.to_dict() | change), ROWS)


def test_a_set_that_was_not_evaluated_is_told() -> None:
    (cell, one) = row("DistIL", 0, "1111", "1110")
    one["evaluations"] = [each for each in one["evaluations"] if each["set"] == "pool"]
    with pytest.raises(ConfigError, match="rule was not evaluated on held-out tasks"):
        compare(PLAN, {cell: one})
    pool = Plan.from_dict(PLAN.to_dict() | {"compare_on": {"rule": "pool"}})
    assert compare(pool, {cell: one})[0].on == "pool"


def test_only_the_first_prompt_of_the_base_counts() -> None:
    (_, one) = row("DistIL", 0, "1111", "1110")
    one["evaluations"].insert(2, {**one["evaluations"][1], "prompt": "few-shot", "marks": {"accuracy": "1111"}})
    assert Measured(PLAN).before(one) == 0
    assert len(Measured(PLAN).curve(one)) == 3


def test_results_are_found_by_their_options(tmp_path: Path) -> None:
    results = Results(tmp_path / "out" / "results.jsonl")
    assert results.finished(PLAN) == ({}, {})
    for each in ROWS.values():
        results.add(each)
    done, stale = results.finished(PLAN)
    assert done == ROWS
    assert not stale
    changed = Plan.from_dict(PLAN.to_dict() | {"base": PLAN.base | {"learning_rate": 0.25}})
    done, stale = results.finished(changed)
    assert not done
    assert set(stale) == set(ROWS)
    assert next(iter(stale.values())) == "learning_rate (now 0.25, then 0.0005)"
    cell = next(iter(ROWS))
    results.add(ROWS[cell] | {"config": changed.config(cell).to_dict()})
    assert list(results.finished(changed)[0]) == [cell]
    assert results.finished(PLAN) == (ROWS, {})  # those from before are still there
    results.add(ROWS[cell] | {"config": {"no_such_option": 1}})  # of another version
    assert results.finished(PLAN)[0] == ROWS


def test_a_torn_line_is_left_out_and_a_broken_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    results = Results(file)
    for each in ROWS.values():
        results.add(each)
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert len(results.rows()) == len(ROWS) - 1
    results.add(list(ROWS.values())[-1])
    assert dict(results.rows()) == ROWS
    assert file.read_bytes() == whole
    file.write_bytes(whole.replace(b'{"cell"', b'{"sell"', 1))
    with pytest.raises(ConfigError, match="line 1 is no result"):
        results.rows()


def test_results_put_together_by_hand_lose_nothing(tmp_path: Path) -> None:
    """A last line may lack its end."""
    results = Results(tmp_path / "results.jsonl")
    (cell, one), (other_cell, other) = list(ROWS.items())[:2]
    results.file.write_text(json.dumps(one))
    assert [found for found, _ in results.rows()] == [cell]
    results.add(other)
    assert [found for found, _ in results.rows()] == [cell, other_cell]


def test_a_row_holds_every_mark_and_the_curve() -> None:
    cell = Cell("rule", "answer", "tiny", "DistIL", 0)
    config = PLAN.config(cell)
    metrics = [
        {"step": i, "samples": 32, "tokens": 10, "seconds_rollout": 1.0, "seconds_update": 0.5, "success": i / 40}
        for i in range(1, 41)
    ]
    tasks = [
        {
            "usable": i != 1,
            "correct": i == 0,
            "checks": {"exact": i == 2},
            "task": str(i),
            "bucket": "toy/rule@1" if i < 2 else "b",
        }
        for i in range(4)
    ]
    means = {"avg_at": {"4": {"mean": 0.5}}, "pass_at": {"1": {"mean": 0.5}, "4": {"mean": 0.75}}}
    known = {
        "set": "held-out",
        "prompt": "zero-shot",
        "checks": {"exact": {}},
        "length": 3,
        "maj_at": {},
        "best_at": {},
    }
    evaluations = [{"step": at, "per_task": tasks, **known, **means} for at in (0, 20, 40)]
    made = row_of(cell, config, metrics, evaluations)
    assert made["spent"] == {"steps": 40, "samples": 1280, "tokens": 400, "seconds": 60.0}
    assert [each["share"] for each in made["evaluations"]] == [0, 0.5, 1]
    assert made["evaluations"][0]["marks"] == {"accuracy": "1-00", "exact": "0-10"}
    assert made["evaluations"][0]["buckets"] == [["toy/rule@1", 2], ["b", 2]]
    assert made["evaluations"][0]["samples"] == {"avg@4": 0.5, "pass@1": 0.5, "pass@4": 0.75}
    assert len(made["curve"]) == 20
    assert made["curve"][0] == {"share": 0.05, "success": pytest.approx(1.5 / 40, abs=1e-4)}
    assert json.loads(json.dumps(made)) == made


def test_a_check_that_first_appears_later_counts_as_failed_before() -> None:
    cell = Cell("rule", "answer", "tiny", "DistIL", 0)
    task = {"usable": True, "correct": True, "bucket": "b", "task": "t"}
    known = {
        "set": "held-out",
        "prompt": "zero-shot",
        "length": 3,
        "avg_at": {},
        "pass_at": {},
        "maj_at": {},
        "best_at": {},
    }
    evaluations = [
        {"step": 0, "checks": {}, "per_task": [{**task, "checks": {}}], **known},
        {"step": 0, "checks": {"tests": {}}, "per_task": [{**task, "checks": {"tests": True}}], **known},
    ]
    made = row_of(cell, PLAN.config(cell), [], evaluations)
    assert [each["marks"]["tests"] for each in made["evaluations"]] == ["0", "1"]


def test_options_that_change_no_figure_do_not_matter() -> None:
    config = PLAN.config(next(PLAN.cells()))
    other = PLAN.config(next(PLAN.cells()))
    other.run_dir, other.save_model, other.record_groups, other.tracker_project = "elsewhere", False, 0, "p"
    assert difference(config, other.to_dict()) is None
    other.steps = 41
    assert difference(config, other.to_dict()) == f"steps (now {config.steps}, then 41)"
