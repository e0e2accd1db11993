"""Counted randomness: a pure function of the key, of every part of it, the same for ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.counted import Key, derive, generator

parts = st.one_of(
    st.integers(-(2**70), 2**70), st.text(max_size=4), st.sampled_from(["\x1f", "'", "\x1f'", "1", "', '"])
)
keys = st.tuples(st.integers(0, 2**40), st.text(max_size=4), st.lists(parts, max_size=4))
quick = settings(max_examples=200, deadline=None, derandomize=True)


@given(keys, keys)
@quick
def test_different_keys_differ_and_equal_keys_agree(
    first: tuple[int, str, list[Key]], second: tuple[int, str, list[Key]]
) -> None:
    one, two = (derive(seed, purpose, *counters) for seed, purpose, counters in (first, second))
    assert (one == two) == (first == second)
    assert 0 <= one < 2**64


def test_parts_do_not_run_into_one_another() -> None:
    seeds = [
        derive(0, "ab", "c"),
        derive(0, "a", "bc"),
        derive(0, "abc"),
        derive(0, "a", 1),
        derive(0, "a", "1"),
        derive(0, "a", 11),
        derive(0, "a", 1, 1),
        derive(0, "a\x1f1"),
        derive(0, "a'\x1f'b"),
        derive(0, "a", "b"),
    ]
    assert len(set(seeds)) == len(seeds)


def test_the_numbers_are_the_same_for_ever() -> None:
    """Saved runs are replayed from them: a change here changes every result."""
    assert derive(0, "golden", 1, "a") == 255079301183660900
    rng = generator(0, "golden", 1, "a")
    assert rng.integers(0, 2**31, 4).tolist() == [1386334745, 1414953579, 1413894787, 563244783]
    assert rng.random() == 0.35727104631488493


def test_a_draw_depends_on_no_other() -> None:
    used = generator(3, "task", 0)
    used.random(1000)
    assert generator(3, "task", 1).random() == generator(3, "task", 1).random()
    assert generator(3, "task", 0).random(5).tolist() != used.random(5).tolist()


def test_integers_of_numpy_are_integers() -> None:
    assert derive(int(np.int64(5)), "x", np.int32(7)) == derive(5, "x", 7)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", [0.5, None, 1.0])
def test_what_is_no_integer_is_refused(part: object) -> None:
    """int() would cut a fraction off, and 0.25 and 0.75 would be one key."""
    with pytest.raises(TypeError):
        derive(0, "x", part)  # type: ignore[arg-type]


def test_neighbouring_keys_are_independent() -> None:
    """Uniform numbers of 400 neighbouring seeds and counters: flat, and uncorrelated with their neighbours."""
    table = np.array([[generator(seed, "u", counter).random() for counter in range(20)] for seed in range(400)])
    counts, _ = np.histogram(table, bins=10, range=(0, 1))
    assert ((counts - 800) ** 2 / 800).sum() < 27.9  # 99.9 % point of chi-square with 9 degrees of freedom
    for first, second in ((table[1:], table[:-1]), (table[:, 1:], table[:, :-1])):
        correlation = float(np.corrcoef(first.ravel(), second.ravel())[0, 1])
        assert abs(correlation) < 4 / np.sqrt(first.size)
