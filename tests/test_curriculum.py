"""Which tasks a step draws: counted, in the shares that were asked for, whatever was saved and restored in between."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from distil_envs import Task, TokenEnv, load_tasks
from distil_envs.buckets import PRIOR, Bucket, Running, arms, bucket_of
from distil_envs.counted import generator
from distil_envs.curriculum import (
    BySuccess,
    Curriculum,
    CurriculumConfig,
    Uniform,
    Weighted,
    make_curriculum,
    systematic,
)
from distil_envs.errors import ConfigError
from distil_envs.task_set import FixedTaskSet, TaskSet

CHANCE = 1e-3
"""A chi-square test with a fixed seed that comes out less likely than this is taken for a wrong distribution."""


def task(name: str, family: str | None = None, level: int | None = None) -> Task:
    known = {"family": family, "level": level}
    metadata = {key: value for key, value in known.items() if value is not None}
    return Task(name, "acme", f"What is {name}?", {"answer": name}, metadata)


def pool(counts: Mapping[tuple[str | None, int | None], int]) -> FixedTaskSet:
    """So many tasks of each family and level, both splits."""
    tasks = [
        task(f"{family}-{level}-{number}", family, level)
        for (family, level), count in counts.items()
        for number in range(count)
    ]
    return FixedTaskSet("pool", tasks, "all")


def made(tasks: TaskSet, seed: int = 0, **options: Any) -> Curriculum:
    return make_curriculum(CurriculumConfig(**options), TokenEnv(tasks=tasks, split=tasks.split), seed)


def weighted(tasks: TaskSet, seed: int = 0, **options: Any) -> Weighted:
    curriculum = made(tasks, seed, **options)
    assert isinstance(curriculum, Weighted)
    return curriculum


def shares(curriculum: Weighted, step: int = 0) -> dict[str, float]:
    """Probability of each bucket."""
    found = Counter[str]()
    for arm, share in zip(curriculum.arms, curriculum.shares(step), strict=True):
        found[str(arm.bucket)] += share
    return {name: pytest.approx(share) for name, share in found.items()}


def drawn(curriculum: Curriculum, step: int, count: int) -> list[Task]:
    return [options["task"] for options in curriculum.draw(step, count)]


def fits(observed: Sequence[int], expected: Sequence[float]) -> bool:
    return float(stats.chisquare(observed, np.array(expected) * sum(observed)).pvalue) > CHANCE


# What there is to draw.


def test_a_bucket_is_a_level_of_a_family_and_says_what_it_may_be_called() -> None:
    bucket = bucket_of(task("one", "prices", 2))
    assert bucket == Bucket("acme", "prices", 2)
    assert str(bucket) == "acme/prices@2"
    stems = ["acme", "prices", "acme/prices"]
    assert bucket.names == {*stems, *(f"{stem}@2" for stem in stems), "@2"}
    assert (str(bucket_of(task("one"))), bucket_of(task("one")).names) == ("acme", {"acme"})
    assert str(bucket_of(task("one", level=3))) == "acme@3"


def test_a_family_has_the_buckets_of_its_tasks() -> None:
    tasks = load_tasks("math", "train")
    named = {str(arm.bucket) for arm in arms(tasks)}
    assert {str(bucket_of(tasks.draw(0, counter))) for counter in range(400)} <= named
    assert {source.name for source in tasks.sources} == named


def test_arms_have_the_shares_of_a_uniform_draw() -> None:
    given = FixedTaskSet("given", [task("a", "x", 1), task("b", "x", 2), task("c", "y", 1)], "all")
    tasks = TaskSet("mixed", (given.root, load_tasks("toy/rule,toy/function", "all").root), "all")
    found = arms(tasks)
    by_bucket = Counter[str]()
    for arm in found:
        by_bucket[str(arm.bucket)] += arm.share
    assert math.fsum(arm.share for arm in found) == pytest.approx(1)
    assert by_bucket["acme/x@1"] == pytest.approx(1 / 6)
    counts = Counter(str(bucket_of(tasks.draw(5, counter))) for counter in range(3000))
    assert counts.keys() == by_bucket.keys()
    assert fits([counts[name] for name in by_bucket], list(by_bucket.values()))


# Drawing with given shares.

some_shares = st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any).map(lambda n: np.array(n) / sum(n))


@given(some_shares, st.integers(1, 40), st.integers(0, 2**32))
def test_everything_comes_up_as_often_as_its_share_says_rounded_down_or_up(
    shares: np.ndarray[Any, Any], count: int, seed: int
) -> None:
    counts = np.bincount(systematic(shares, count, np.random.default_rng(seed)), minlength=len(shares))
    assert counts.sum() == count
    assert (np.abs(counts - shares * count) < 1 + 1e-9).all()
    assert (counts[shares == 0] == 0).all()


@pytest.mark.parametrize("place", range(4))
def test_every_place_of_a_draw_has_the_given_shares(place: int) -> None:
    expected = np.array([0.5, 0.05, 0.3, 0.15])
    picked = [systematic(expected, 4, generator(1, "test", number))[place] for number in range(4000)]
    assert fits(np.bincount(picked, minlength=4).tolist(), expected.tolist())


def test_the_mean_over_draws_is_the_share() -> None:
    expected = np.array([0.7, 0.2, 0.1, 0.0])
    counts = sum(np.bincount(systematic(expected, 3, generator(2, "test", n)), minlength=4) for n in range(6000))
    assert fits(counts[:3].tolist(), expected[:3].tolist())  # type: ignore[index]
    assert counts[3] == 0  # type: ignore[index]


# Uniform.


@given(st.integers(1, 9), st.integers(1, 7), st.integers(0, 5), st.integers(0, 99))
def test_uniform_goes_through_a_pool_in_a_new_order_each_time(size: int, count: int, step: int, seed: int) -> None:
    tasks = pool({("x", 1): size})
    curriculum = Uniform(tasks, seed)
    visits = [step * count + group for group in range(count)]
    orders = [generator(seed, "order", visit // size).permutation(size) for visit in visits]
    expected = [{"index": int(order[visit % size])} for visit, order in zip(visits, orders, strict=True)]
    assert curriculum.draw(step, count) == expected
    all_of_them = [options["index"] for at in range(size) for options in curriculum.draw(at, count)]
    assert Counter(all_of_them) == dict.fromkeys(range(size), count)


def test_uniform_leaves_an_endless_set_to_the_environment() -> None:
    assert made(load_tasks("math", "train")).draw(3, 2) == [{}, {}]


def test_an_environment_that_draws_its_tasks_itself_has_no_curriculum_but_uniform() -> None:
    class Own(TokenEnv):
        def draw(self, seed: int, episode: int, options: Mapping[str, Any]) -> Task:
            return task(str(seed))

    config = CurriculumConfig(kind="success")
    with pytest.raises(ConfigError, match=r"'success' picks from a task set, but Own draws its tasks itself"):
        make_curriculum(config, Own(), 0)
    assert make_curriculum(CurriculumConfig(), Own(), 0).draw(0, 1) == [{}]


# By level.


def test_levels_open_up_by_the_schedule() -> None:
    tasks = pool({("x", 1): 3, ("x", 2): 3, ("y", 2): 2, ("x", 3): 4, ("x", None): 9})
    curriculum = weighted(tasks, kind="levels", levels={"0": 1, 20: "1-2", 40: "3"})
    one, two, three = {"acme/x@1": 1.0}, {"acme/x@1": 3 / 8, "acme/x@2": 3 / 8, "acme/y@2": 2 / 8}, {"acme/x@3": 1.0}
    none = dict.fromkeys(("acme/x", "acme/x@1", "acme/x@2", "acme/x@3", "acme/y@2"), 0.0)
    for step, expected in ((0, one), (19, one), (20, two), (39, two), (40, three), (4000, three)):
        assert shares(curriculum, step) == none | expected
    assert {bucket_of(each).level for each in drawn(curriculum, 20, 8)} == {1, 2}
    assert len({each.id for each in drawn(curriculum, 20, 8)}) == 8, "no task twice while there are others"


def test_levels_of_families_are_generated_within_the_split() -> None:
    curriculum = weighted(load_tasks("math", "train"), kind="levels", levels={0: "2-3"})
    tasks = [each for step in range(20) for each in drawn(curriculum, step, 8)]
    assert {bucket_of(each).level for each in tasks} == {2, 3}
    assert {each.split for each in tasks} == {"train"}
    assert len({each.id for each in tasks}) > 100


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"5": "1"}, "begins at step 5; say which levels are open from step 0 on"),
        ({"0": "2-1"}, "as in .*got '0': '2-1'"),
        ({"0": "easy"}, "as in .*got '0': 'easy'"),
        ({"soon": "1"}, "as in .*got 'soon': '1'"),
        ({-1: "1"}, "as in .*got -1: '1'"),
        ({}, "'levels' needs curriculum.levels"),
        ({0: "1", 10: "7-9"}, r"pool has no tasks at level 7-9, open from step 10 on; its levels are 1, 2"),
    ],
)
def test_a_schedule_that_cannot_be(levels: dict[Any, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(pool({("x", 1): 1, ("x", 2): 1}), kind="levels", levels=levels)


# By weight.


def test_weights_multiply_the_uniform_share() -> None:
    tasks = pool({("x", 1): 2, ("x", 2): 2, ("y", 1): 4})
    weights = {"x": 3, "acme/x@2": 0.5, "@1": 2, "y": 0.25}
    curriculum = weighted(tasks, kind="weights", weights=weights)
    parts = {"acme/x@1": 2 * 3 * 2, "acme/x@2": 2 * 3 * 0.5, "acme/y@1": 4 * 2 * 0.25}
    assert shares(curriculum) == {name: part / sum(parts.values()) for name, part in parts.items()}


def test_draws_have_the_weights_asked_for() -> None:
    curriculum = weighted(load_tasks("toy", "train"), kind="weights", weights={"rule": 3, "function@3": 0})
    expected = {arm.bucket: share for arm, share in zip(curriculum.arms, curriculum.shares(0), strict=True)}
    counts = Counter(bucket_of(each) for step in range(500) for each in drawn(curriculum, step, 4))
    assert Bucket("toy", "function", 3) not in counts
    wanted = {bucket: share for bucket, share in expected.items() if share}
    assert fits([counts[bucket] for bucket in wanted], list(wanted.values()))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"x": 1, "z": 2, "@9": 1}, r"nothing called '@9', 'z'; it has acme/x@1, acme/y@2, which are also called"),
        ({"acme": 0}, "every task of pool has weight 0"),
        ({"x": -1}, "'x' must be a number of at least 0, got -1"),
        ({"x": math.nan}, "'x' must be a number of at least 0, got nan"),
        ({"x": "much"}, "'x' must be a number of at least 0, got 'much'"),
        ({"x": True}, "'x' must be a number of at least 0, got True"),
        ({}, "'weights' needs curriculum.weights"),
    ],
)
def test_weights_that_cannot_be(weights: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(pool({("x", 1): 1, ("y", 2): 1}), kind="weights", weights=weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "hard"}, "curriculum.kind must be one of uniform, levels, weights, success, got 'hard'"),
        ({"levels": {"0": "1"}}, "'uniform' takes no curriculum.levels"),
        ({"kind": "success", "weights": {"x": 1}}, "'success' takes no curriculum.weights"),
        ({"kind": "success", "half_life": 0.0}, "half_life must be positive"),
        ({"kind": "success", "floor": 1.5}, "floor is a share in"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CurriculumConfig(**options).validate()


# By running success rate.


def test_counts_fade_by_half_each_half_life() -> None:
    running = Running(half_life=4)
    running.add(10, [("a", 1.0), ("a", 0.0), ("a", 1.0), ("b", 0.5)])
    assert running.at("a", 10) == (2, 3)
    assert running.at("a", 14) == (1, 1.5)
    running.add(14, [("a", 1.0)])
    assert running.at("a", 14) == (2, 2.5)
    assert running.at("b", 18) == (0.125, 0.25)
    assert running.at("never", 18) == (0, 0)
    assert running.rate("a", 14, 0.25) == (2 + PRIOR * 0.25) / (2.5 + PRIOR)


def test_shares_follow_the_formula() -> None:
    tasks = pool({("x", 1): 2, ("y", None): 1})
    curriculum = weighted(tasks, kind="success", half_life=5.0, floor=0.2)
    first, second, other = tasks
    curriculum.update(0, [(first, 1.0), (first, 0.0), (first, 1.0), (first, 1.0), (other, 0.0), (other, 0.0)])
    curriculum.update(5, [(first, 1.0)])
    # At step 5 what was told at step 0 counts half; with prior 1/2 and 2 episodes of it:
    x, y = (1.5 + 1 + 1) / (2 + 1 + 2), (0 + 1) / (1 + 2)
    rates = [(1.5 + 1 + 2 * x) / (2 + 1 + 2), x, (0 + 2 * y) / (1 + 2)]
    assert isinstance(curriculum, BySuccess)
    assert curriculum.rates(5) == pytest.approx(rates)
    worth = [rate * (1 - rate) for rate in rates]
    assert curriculum.shares(5) == pytest.approx([0.2 / 3 + 0.8 * each / sum(worth) for each in worth])
    assert second.id not in curriculum.state()["tasks"]


def test_before_the_first_result_all_are_alike() -> None:
    curriculum = weighted(pool({("x", 1): 2, ("y", 2): 6}), kind="success")
    assert curriculum.shares(0) == pytest.approx(np.full(8, 1 / 8))


def test_levels_of_families_are_counted_as_a_whole() -> None:
    tasks = load_tasks("toy/rule,toy/fact", "train")
    curriculum = weighted(tasks, kind="success", floor=0.0)
    rule = load_tasks("toy/rule@1", "train")
    curriculum.update(0, [(rule.draw(0, number), 1.0) for number in range(8)])
    assert curriculum.state()["tasks"] == {}
    worth = {"toy/rule@1": 0.25 * 0.9 * 0.1, "toy/rule@2": 0.25 * 0.25, "toy/fact@1": 0.5 * 0.25}
    assert shares(curriculum) == {name: each / sum(worth.values()) for name, each in worth.items()}


def test_what_is_neither_mastered_nor_hopeless_is_drawn_most_as_long_as_it_is_neither() -> None:
    ability = {1: 1.0, 2: 0.5, 3: 0.0}
    curriculum = weighted(pool(dict.fromkeys((("x", level) for level in ability), 20)), kind="success")
    counts = Counter[int]()
    for step in range(160):
        if step == 60:
            assert counts[2] > 0.7 * counts.total()
            assert min(counts.values()) > 0.05 * counts.total(), "nothing is forgotten"
            ability[2] = 1.0
        told = []
        for group, each in enumerate(drawn(curriculum, step, 8)):
            level = bucket_of(each).level
            assert level is not None
            counts[level] += 1
            told += [(each, float(draw < ability[level])) for draw in generator(0, "student", step, group).random(4)]
        curriculum.update(step, told)
    assert curriculum.shares(160).reshape(3, 20).sum(1) == pytest.approx(np.full(3, 1 / 3), abs=0.1)


results = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1)), max_size=12),  # steps, of tasks and successes
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(results, st.sets(st.integers(0, 6)), st.randoms(use_true_random=False))
def test_neither_saving_nor_the_order_of_results_changes_a_draw(
    steps: list[list[tuple[int, float]]], saves: set[int], random: Any
) -> None:
    tasks = pool({("x", 1): 4, ("x", 2): 3, ("y", 1): 3})

    def new() -> Weighted:
        return weighted(tasks, 7, kind="success", half_life=2.0)

    straight, other = new(), new()
    for step, told in enumerate(steps):
        assert straight.draw(step, 5) == other.draw(step, 5)
        known = [(tasks[index], success) for index, success in told]
        straight.update(step, known)
        random.shuffle(known)
        other.update(step, known)
        if step in saves:
            saved = json.loads(json.dumps(other.state(), allow_nan=False))
            other = new()
            other.draw(step, 3)  # draws leave no trace
            other.restore(saved)
    assert straight.state() == other.state()
    assert straight.draw(len(steps), 5) == other.draw(len(steps), 5)
    assert straight.shares(len(steps)).sum() == pytest.approx(1)
    assert (straight.shares(len(steps)) > 0).all()


@pytest.mark.parametrize("kind", ["uniform", "success"])
def test_draws_depend_on_seed_and_step(kind: str) -> None:
    tasks = pool({("x", 1): 40})
    one, same, other = (made(tasks, seed, kind=kind) for seed in (0, 0, 1))
    assert one.draw(3, 8) == same.draw(3, 8)
    assert one.draw(3, 8) != other.draw(3, 8)
    assert one.draw(3, 8) != one.draw(4, 8)
