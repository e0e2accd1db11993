"""Representations are those of Python where they are short, and bounded in length and work where not."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.sandbox.bounded import ELLIPSIS, bounded_repr, cut

quick = settings(max_examples=150, deadline=None, derandomize=True)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60) | st.binary(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(inner, max_size=6).map(tuple)
        | st.dictionaries(st.integers() | st.text(max_size=5), inner, max_size=4)
        | st.sets(st.integers(), max_size=4)
        | st.frozensets(st.text(max_size=4), max_size=4)
    ),
    max_leaves=12,
)


@quick
@given(VALUES)
def test_what_is_short_is_shown_as_python_shows_it(value: Any) -> None:
    assert bounded_repr(value, 100_000) == repr(value)


@quick
@given(VALUES, st.integers(min_value=4, max_value=80))
def test_nothing_is_longer_than_asked_for(value: Any, limit: int) -> None:
    found = bounded_repr(value, limit)
    assert len(found) <= limit
    assert found == repr(value) or ELLIPSIS in found or "<" in found


def test_the_work_is_bounded_too() -> None:
    """Each of these would take minutes, gigabytes or an exception by `repr`."""
    laughs: Any = "laugh"
    for _ in range(60):
        laughs = [laughs, laughs]
    deep: Any = ()
    for _ in range(100_000):
        deep = (deep,)
    assert bounded_repr(laughs).startswith("[[[[")
    assert bounded_repr(deep).startswith("((((")
    assert bounded_repr(list(range(10**7)), 24).startswith("[0, 1, 2")
    assert bounded_repr(10**100_000) == f"<int of {(10**100_000).bit_length()} bits>"
    text = bounded_repr("a" * 10**7 + "z", 30)
    assert text.startswith("'aaa")
    assert text.endswith("z'")


def test_a_repr_that_fails_or_is_endless_is_told() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no")

    class Long:
        def __repr__(self) -> str:
            return "x" * 10**6

    assert bounded_repr([Broken(), 1]) == "[<Broken whose repr raised ValueError>, 1]"
    assert len(bounded_repr(Long(), 50)) == 50


@quick
@given(st.text(), st.integers(min_value=0, max_value=50))
def test_cut_keeps_head_and_tail(text: str, limit: int) -> None:
    found = cut(text, limit)
    assert len(found) <= limit
    assert (found == text) == (len(text) <= limit)
    if found != text and limit > 6:
        head, _, tail = found.partition(ELLIPSIS)
        assert text.startswith(head)
        assert text.endswith(tail)
