"""Laws of generated families: exact sizes, splits by content, reproducible draws, solutions that end in the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil_envs.counted import generator
from distil_envs.errors import ConfigError
from distil_envs.family import Family, Item, make_task
from distil_envs.math.families import FAMILIES as MATH
from distil_envs.spaces import Distinct, Filtered, Product, Space, Unordered, between, nonzero
from distil_envs.task import Task
from distil_envs.toy import FAMILIES as TOY

FAMILIES: dict[str, Family] = {f"{family.domain}/{family.name}": family for family in (*MATH.values(), *TOY.values())}
LEVELS = [(name, level) for name, family in FAMILIES.items() for level in family.levels]
IDS = [f"{name}@{level}" for name, level in LEVELS]
ENUMERABLE = 20_000
"""Questions with at most so many contents are walked through; from larger ones so many positions are sampled."""
SAMPLE = 2000

every_level = pytest.mark.parametrize(("name", "level"), LEVELS, ids=IDS)


def contents(family: Family, level: int) -> list[tuple[str, str]]:
    """Content and prompt (first phrasing) of all items of a level, or of a sample of each large question."""
    if family.size(level) <= ENUMERABLE:
        return [(item.content, item.prompt) for item in family.items(level)]
    rng = np.random.default_rng(level)
    found = []
    for question in family.questions(level):
        size = len(question.space)
        indices = range(size) if size <= SAMPLE else np.unique(rng.integers(size, size=SAMPLE)).tolist()
        items = [family._item(question, index, 0) for index in indices]
        found += [(item.content, item.prompt) for item in items]
    return found


def test_there_are_twelve_families_over_all_topics() -> None:
    assert len(MATH) >= 12
    topics = {"numbers", "algebra", "number-theory", "combinatorics", "calculus", "linear-algebra"}
    assert {family.topic for family in MATH.values()} == topics
    for name, family in MATH.items():
        assert family.name == name
        assert list(family.levels) == list(range(1, len(family.levels) + 1))
        assert len(family.levels) >= 3


@every_level
def test_the_size_is_the_number_of_distinct_contents(name: str, level: int) -> None:
    family = FAMILIES[name]
    found = contents(family, level)
    assert len({content for content, _ in found}) == len(found)
    assert len({prompt for _, prompt in found}) == len(found)
    if family.size(level) <= ENUMERABLE:
        assert len(found) == family.size(level)


def test_one_prompt_is_one_content_over_all_families_and_levels() -> None:
    """Otherwise the same question could stand in both splits."""
    known: dict[str, str] = {}
    for name, level in LEVELS:
        family = FAMILIES[name]
        for counter in range(150):
            item = family.draw(generator(1, "leak", name, level, counter), level)
            assert known.setdefault(item.prompt, item.content) == item.content
    for name, level in LEVELS:
        for content, prompt in contents(FAMILIES[name], level)[:1000]:
            assert known.setdefault(prompt, content) == content


@every_level
def test_both_splits_have_contents_and_draws_are_reproducible(name: str, level: int) -> None:
    family = FAMILIES[name]
    splits: Counter[str] = Counter()
    for counter in range(120):
        item = family.draw(generator(3, "draw", name, level, counter), level)
        assert item == family.draw(generator(3, "draw", name, level, counter), level)
        task = make_task(family, level, item)
        splits[task.split] += 1
        assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    assert splits["train"] > splits["test"] > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_a_content_never_crosses_splits_whatever_its_phrasing_or_level(name: str) -> None:
    family = FAMILIES[name]
    split: dict[str, str] = {}
    for level in family.levels:
        for phrasing in range(4):
            for _, item in zip(range(150), family.items(level, phrasing), strict=False):
                task = make_task(family, level, item)
                assert split.setdefault(task.content, task.split) == task.split
    assert set(split.values()) == {"train", "test"}


@every_level
def test_solutions_end_in_the_answer_and_prompts_do_not_leak_it(name: str, level: int) -> None:
    family = FAMILIES[name]
    rng = generator(4, "shape", name, level)
    for _ in range(120):
        item = family.draw(rng, level)
        *steps, last = item.solution.split("\n")
        assert last == (f"Answer: {item.answer}" if family.domain == "math" else item.answer)
        assert steps or family.domain == "toy"
        assert all(step and step == step.strip() for step in steps)
        assert "nswer" not in item.prompt
        assert "{" not in item.prompt
        assert (item.prompt + item.answer + item.solution).isascii()
        assert len(item.prompt) < 200
        if item.kind in ("set", "tuple", "expression", "function"):  # a matrix may be its own inverse
            assert item.answer not in item.prompt or len(item.answer) < 3, item


def test_phrasings_share_the_content() -> None:
    family = MATH["arithmetic"]
    by_content: dict[str, set[str]] = {}
    for phrasing in range(4):
        for item in family.items(1, phrasing):
            by_content.setdefault(item.content, set()).add(item.prompt)
    assert len(by_content) == family.size(1)
    assert by_content['["arithmetic","sum",[3,5]]'] >= {"What is 3 + 5?", "Compute 5 + 3."}
    for name, level in LEVELS:
        if name.startswith("math/"):
            assert all(2 <= len(question.phrasings) <= 4 for question in FAMILIES[name].questions(level))


@pytest.mark.parametrize(
    ("name", "level", "pairs"),
    [("arithmetic", 1, 2), ("arithmetic", 2, 2), ("fractions", 2, 2), ("polynomials", 3, 1), ("matrices", 1, 1)],
)
def test_swapping_the_operands_of_a_commutative_question_is_no_new_content(name: str, level: int, pairs: int) -> None:
    commutative = {"sum", "product", "expand"} if name != "matrices" else {"sum"}
    family = MATH[name]
    seen = 0
    for question in family.questions(level):
        if question.name not in commutative:
            continue
        seen += 1
        keys = {family._item(question, k, 0).content for k in range(0, len(question.space), len(question.space) // 40)}
        for content in keys:
            _, _, operands = json.loads(content)
            assert sorted(operands) == operands
    assert seen == pairs


def test_a_draw_is_uniform_over_questions_then_contents() -> None:
    family, rng = MATH["arithmetic"], generator(5, "uniform")
    draws = 20_000
    found = Counter(family.draw(rng, 1).content for _ in range(draws))
    assert len(found) == family.size(1) == 165
    expected = draws / 165  # three questions of 55 contents
    statistic = sum((count - expected) ** 2 / expected for count in found.values())
    assert statistic < 164 + 5 * (2 * 164) ** 0.5  # chi-square: five standard deviations


def test_the_task_of_an_item() -> None:
    family = MATH["linear-equations"]
    item = next(item for item in family.items(1) if item.prompt == "Solve x + 3 = 8 for x.")
    task = make_task(family, 1, item)
    assert task.to_dict() == {
        "id": "math/linear-equations/1/" + task.id.rpartition("/")[2],
        "domain": "math",
        "prompt": "Solve x + 3 = 8 for x.",
        "reference": {
            "answer": "5",
            "kind": "integer",
            "solution": "Subtract 3 from both sides: x = 8 - 3\nx = 5\nAnswer: 5",
            "variables": ["x"],
        },
        "metadata": {
            "family": "linear-equations",
            "level": 1,
            "topic": "algebra",
            "content": '["linear-equations","one-step",[3,8]]',
        },
    }
    assert len(task.id.rpartition("/")[2]) == 12


def test_ids_are_unique_within_a_level() -> None:
    for name in ("math/fractions", "toy/rule"):
        family = FAMILIES[name]
        assert len({make_task(family, 1, item).id for item in family.items(1)}) == family.size(1)


@pytest.mark.parametrize("level", [0, 6, "1", None])
def test_a_level_that_is_not_there(level: object) -> None:
    with pytest.raises(ConfigError, match="levels 1 to 5"):
        MATH["arithmetic"].draw(np.random.default_rng(0), level)  # type: ignore[arg-type]


def test_importing_the_families_is_light() -> None:
    code = (
        "import sys, distil_envs.family, distil_envs.math.families, distil_envs.toy; "
        "print([name for name in ('sympy', 'torch', 'transformers', 'math_verify') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_items_are_values() -> None:
    first, second = (MATH["matrices"].draw(generator(6, "value"), 3) for _ in range(2))
    assert isinstance(first, Item)
    assert first == second


small = st.integers(1, 7)


@given(small, st.integers(1, 4))
def test_spaces_are_bijections(length: int, count: int) -> None:
    values = tuple(range(10, 10 + length))
    spaces: list[Space] = [
        Product(values, range(count)),
        Distinct(values, count),
        Unordered(values, count),
        Unordered(Product(values, (1, 2)), 2),
        Filtered(Product(values, values), lambda a, b: a < b),
    ]
    for space in spaces:
        elements = [space[index] for index in range(len(space))]
        assert len(set(elements)) == len(elements)
        assert list(space) == elements  # type: ignore[call-overload]
        with pytest.raises(IndexError):
            space[len(space)]
    assert all(sorted(set(element)) == list(element) for element in Distinct(values, count))
    assert len(Unordered(values, count)) == len({tuple(sorted(e)) for e in Product(*[values] * count)})


@given(st.integers(2, 10**6), st.integers(0, 2**60))
def test_pairs_of_a_large_range_are_indexed_without_listing_them(length: int, index: int) -> None:
    space = Unordered(range(length))
    index %= len(space)
    low, high = space[index]
    assert 0 <= low <= high < length
    assert high * (high + 1) // 2 + low == index


def test_ranges() -> None:
    assert list(nonzero(2)) == [-2, -1, 1, 2]
    assert list(between(2)) == [-2, -1, 0, 1, 2]
