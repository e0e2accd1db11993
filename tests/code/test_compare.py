"""Equality of values and of output, and texts that are bounded."""

from __future__ import annotations

import ast
import math
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.code.compare import Rule, difference, equal, equal_output, output_difference, shown
from distil_envs.errors import TaskError

DEEP = 200  # the codec lets no more travel
quick = settings(max_examples=200, deadline=None, derandomize=True)
NAN = float("nan")


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Fails when more functions than that are called, in Python or in C, however long it would take to the end."""
    seen = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        seen += event in ("call", "c_call")
        if seen > calls:
            raise AssertionError(f"more than {calls} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4), st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.one_of(st.integers(), st.text(max_size=3)), inner, max_size=3),
        st.sets(st.integers(), max_size=4),
        st.frozensets(st.text(max_size=2), max_size=3),
    ),
    max_leaves=12,
)


@quick
@given(VALUES, VALUES)
def test_without_options_it_is_the_equality_of_python(one: Any, other: Any) -> None:
    assert equal(one, one, Rule())
    assert equal(one, other, Rule()) == (one == other)


@pytest.mark.parametrize(
    ("expected", "actual", "right"),
    [
        (1, True, True),
        (1, 1.0, True),
        ([1], (1,), False),
        ("1", 1, False),
        ("a", b"a", False),
        (None, 0, False),
        (NAN, NAN, True),
        ([NAN, {"x": NAN}], [NAN, {"x": NAN}], True),
        (NAN, 0.0, False),
        (0.3, 0.1 + 0.2, False),
        (-0.0, 0.0, True),
        ({1: "a"}, {1: "a", 2: "b"}, False),
        ({1, 2}, {2, 1}, True),
        ({1, 2}, frozenset({1, 2}), True),
        ([], None, False),
    ],
)
def test_equality(expected: Any, actual: Any, right: bool) -> None:
    assert equal(expected, actual, Rule()) is right


@pytest.mark.parametrize(
    ("expected", "actual", "right"),
    [
        (0.3, 0.1 + 0.2, True),
        (1e20, 1e20 * (1 + 1e-10), True),
        (0.0, 1e-10, True),
        (1.0, 1.001, False),
        (1, 2, False),
        (10**18, 10**18 + 1, False),  # integers are exact
        (10**18 + 1, 1e18, False),
        (2, 2.0000000001, False),
        ([1, {"x": 3}], [1, {"x": 3 + 1e-12}], False),
        (2, 2.0, True),
        (2.0, 2, True),
        (1e18, 10**18 + 1, True),
        (1.0, 10**400, False),
        (math.inf, math.inf, True),
        (math.inf, 1.0, False),
        ([0.3, ("a", 0.3)], [0.1 + 0.2, ("a", 0.1 + 0.2)], True),
        ({"x": 0.3}, {"x": 0.1 + 0.2}, True),
        ("0.3", 0.3, False),
        (1j, 1j + 1e-12, True),
    ],
)
def test_tolerance(expected: Any, actual: Any, right: bool) -> None:
    assert equal(expected, actual, Rule(tolerance=1e-9)) is right


@quick
@given(st.lists(st.integers(0, 3), max_size=6), st.lists(st.integers(0, 3), max_size=6))
def test_without_an_order_lists_are_multisets(one: list[int], other: list[int]) -> None:
    assert equal(one, other, Rule(unordered=True)) == (sorted(one) == sorted(other))
    assert not equal(one, tuple(one), Rule(unordered=True))


def test_only_the_outer_order_is_free() -> None:
    assert equal([[1, 2], [3]], [[3], [1, 2]], Rule(unordered=True))
    assert not equal([[1, 2], [3]], [[3], [2, 1]], Rule(unordered=True))
    assert equal([0.3, 1.0], [1.0, 0.1 + 0.2], Rule(tolerance=1e-9, unordered=True))


@pytest.mark.parametrize("mixed", [False, True])
def test_with_a_tolerance_there_may_be_several_ways_to_pair_items(mixed: bool) -> None:
    rule = Rule(tolerance=0.1, unordered=True)

    def wrapped(*items: float) -> list[Any]:
        return [[item, "x"] for item in items] if mixed else list(items)

    assert equal(wrapped(1.0, 1.15), wrapped(1.05, 0.95), rule)
    assert equal(wrapped(1.0, 1.08), wrapped(1.0, 0.92), rule)
    assert not equal(wrapped(1.0, 1.5), wrapped(1.05, 0.95), rule)
    assert equal([1, 1.0, 2], [2, 1.05, 1], rule)
    assert not equal([1, 1.0, 2], [2, 1.05, 0.95], rule)  # an integer is exact
    # In order of size the pairs are wrong: only the second numbers tell which belong together.
    assert equal([[0.5, 1], [0.52, 2]], [[0.51, 2], [0.53, 1]], rule)
    assert not equal([[0.5, 1], [0.52, 2]], [[0.51, 2], [0.53, 2]], rule)


@quick
@given(st.lists(VALUES, max_size=5), st.randoms(use_true_random=False), st.booleans())
def test_every_other_order_is_right_and_one_item_more_is_not(
    items: list[Any], random: random.Random, tolerant: bool
) -> None:
    rule = Rule(unordered=True, tolerance=1e-9 if tolerant else 0.0)
    other = random.sample(items, len(items))
    assert equal(items, other, rule)
    assert not equal([*items, 0], [*other, "0"], rule)


def test_matching_without_an_order_is_little_work() -> None:
    many = list(range(5_000))
    with at_most(1_000_000):
        assert equal(many, many[::-1], Rule(unordered=True))
        assert not equal(many, [*many[1:], -1], Rule(unordered=True, tolerance=0.5))
        pairs = [[float(number), number] for number in range(2_000)]
        assert equal(pairs, pairs[::-1], Rule(unordered=True, tolerance=1e-9))
        assert not equal(pairs, [[0.0, 0], *pairs[2:], [0.0, 0]], Rule(unordered=True, tolerance=1e-9))


def test_tuples_may_stand_for_lists() -> None:
    rule = Rule(tuples_as_lists=True)
    assert equal([[1], [2]], ([1], (2,)), rule)
    assert not equal([1], {1}, rule)
    assert not equal([1], "1", rule)


@pytest.mark.parametrize("tolerance", [-1, 1, math.nan, "small", True])
def test_a_tolerance_that_makes_no_sense_is_refused(tolerance: Any) -> None:
    with pytest.raises(TaskError, match="tolerance must be"):
        Rule(tolerance=tolerance)


@pytest.mark.parametrize(
    ("expected", "actual", "right"),
    [
        ("a\nb\n", "a\nb", True),
        ("a\nb", "a  \nb\t\n\n", True),
        ("a\nb", "a\r\nb\r\n", True),
        ("a\n\nb", "a\nb", False),
        ("a b", "a  b", False),
        (" a", "a", False),
        ("", "\n", True),
        ("a", "", False),
        ("1.0", "1", False),
    ],
)
def test_output(expected: str, actual: str, right: bool) -> None:
    assert equal_output(expected, actual, Rule()) is right


def test_output_with_numbers() -> None:
    rule = Rule(tolerance=1e-6)
    assert equal_output("x 0.333333333\n2", "x 0.3333333334\n2.0", rule)
    assert not equal_output("x 0.3333", "y 0.3333", rule)
    assert not equal_output("1000000000000000001", "1e18", rule)
    assert not equal_output("1000000000000000001", "1000000000000000000", rule)
    assert not equal_output("3", "3.0000001", rule)
    assert equal_output("1e18", "1000000000000000001", rule)
    assert not equal_output("1" * 5000, "2" * 5000, rule)  # more digits than Python reads
    assert not equal_output("1 2", "1", rule)
    assert not equal_output("1\n2", "1 2", rule)


@quick
@given(VALUES)
def test_what_is_shown_is_the_value(value: Any) -> None:
    text = shown(value, 1 << 20)
    if "inf" not in text and "frozenset" not in text and "set()" not in text:
        assert ast.literal_eval(text) == value
    assert len(shown(value, 20)) <= 20


def chain(depth: int, last: object = ()) -> Any:
    value: Any = frozenset({last})
    for _ in range(depth):
        value = frozenset({value})
    return value


def ladder(depth: int) -> Any:
    value: Any = frozenset()
    for level in range(depth):
        value = frozenset({value, (level,)})
    return value


def bush_of_sets(depth: int) -> Any:
    value: Any = frozenset()
    for _ in range(depth):
        value = frozenset({(value, 1), (value, 2)})
    return value


@pytest.mark.parametrize("make", [chain, ladder, bush_of_sets])
def test_sets_in_sets_are_little_work(make: Callable[[int], Any]) -> None:
    value, other = make(DEEP), make(DEEP // 2)
    with at_most(50_000):
        assert len(shown(value)) <= 300
        assert len(shown([value, {1: value}], 1000)) <= 1000
        assert difference({other, 1}, {value, 1})
        assert difference({other: 1}, {value: 1})
        assert difference([1, other], [1, value])


def test_as_deep_as_may_travel_is_matched() -> None:
    rule = Rule(unordered=True)
    for make in (chain, ladder):
        assert equal([make(DEEP - 2), 1], [1, make(DEEP - 2)], rule)
    assert not equal([chain(DEEP - 2, 1), 1], [1, chain(DEEP - 2, 2)], rule)


def test_sets_are_shown_in_one_order_however_alike_their_items() -> None:
    items = [frozenset({"x" * 100 + str(number), number}) for number in range(20)]
    assert len({shown(set(order), 5000) for order in (items, items[::-1], items[7:] + items[:7])}) == 1
    assert shown({(2,), (1, 5), (1,), NAN, 2j, None, "b", 3, 2.5}) == (
        "{2.5, 3, None, 2j, nan, 'b', (1,), (1, 5), (2,)}"
    )


def test_what_is_shown_is_bounded_and_always_the_same() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert len(shown(endless)) <= 300
    bush: list[Any] = []
    for _ in range(200):
        bush = [bush, bush]  # 2**200 leaves
    assert len(shown(bush)) <= 300
    assert shown(1 << 100_000) == "<int of 100001 bits>"
    assert shown("x" * 10**6, 50).startswith("'xxx")
    assert shown({"b", "a", 3, None}) == shown({None, 3, "a", "b"})
    assert shown({2, 10, 1}) == "{1, 2, 10}"
    assert shown((1,)) == "(1,)"
    assert shown([set(), frozenset(), frozenset({1}), {}]) == "[set(), frozenset(), frozenset({1}), {}]"


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        (3, 4, ""),
        (3, "3", "the type is str, not int"),
        ([1, 2], [1, 3], "at index 1: 3, not 2"),
        ([1, 2], [1, 2, 3], "the length is 3, not 2"),
        ("abcdefghij", "abcdefghiX", "at index 9: 'X', not 'j'"),
        ("abc", "abd", ""),
        ("a\nb", "a\nc", "line 2 is 'c', not 'b'"),
        ({1, 2}, {2, 3}, "missing: 1; too many: 3"),
        ({"a": 1}, {"a": 2}, "at key 'a': 2, not 1"),
        ({"a": 1}, {"b": 1}, "missing: 'a'; too many: 'b'"),
    ],
)
def test_the_first_difference(expected: Any, actual: Any, told: str) -> None:
    assert difference(expected, actual) == told


def test_the_first_line_that_differs() -> None:
    assert output_difference("a\nb\n", "a\nx") == "line 2 is 'x', not 'b'"
    assert output_difference("a\nb", "a") == "the number of lines is 1, not 2"
    assert output_difference("a", "a ") == ""
