"""maj@k and best@k against all subsets, and what must hold of them whatever was sampled."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.statistics import best_at_k, maj_at_k, pass_at_k

Answers = list[tuple[str | None, bool]]
SAMPLES = st.lists(st.tuples(st.sampled_from(["5", "6", "7", "8", None]), st.booleans()), min_size=1, max_size=8)
GRADED = st.lists(st.sampled_from(["5", "6", "7", None]), min_size=1, max_size=12).map(
    lambda answers: [(answer, answer == "5") for answer in answers]
)
"""As verifiers grade: one answer is right, and always."""
REWARDS = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def maj(samples: Answers, k: int) -> float:
    return maj_at_k([answer for answer, _ in samples], [mark for _, mark in samples], k)


def voted(subset: tuple[tuple[str | None, bool], ...]) -> float:
    """Share of right ones among the samples that have a most frequent answer."""
    counts = Counter(answer for answer, _ in subset if answer is not None)
    if not counts:
        return 0.0
    most = max(counts.values())
    marks = [mark for answer, mark in subset if answer is not None and counts[answer] == most]
    return sum(marks) / len(marks)


@given(SAMPLES)
def test_maj_at_k_is_the_mean_over_subsets(samples: Answers) -> None:
    for k in range(1, len(samples) + 1):
        subsets = list(itertools.combinations(samples, k))
        assert maj(samples, k) == pytest.approx(math.fsum(map(voted, subsets)) / len(subsets), abs=1e-12)


@given(REWARDS)
def test_best_at_k_is_the_mean_over_subsets(rewards: list[float]) -> None:
    for k in range(1, len(rewards) + 1):
        subsets = list(itertools.combinations(rewards, k))
        assert best_at_k(rewards, k) == pytest.approx(math.fsum(map(max, subsets)) / len(subsets), abs=1e-12)


@given(REWARDS, st.randoms(use_true_random=False))
def test_best_at_k_grows_with_k_from_mean_to_maximum_in_any_order(rewards: list[float], random: object) -> None:
    found = [best_at_k(rewards, k) for k in range(1, len(rewards) + 1)]
    assert found[0] == pytest.approx(math.fsum(rewards) / len(rewards), abs=1e-12)
    assert found[-1] == max(rewards)
    assert all(more >= less - 1e-12 for less, more in itertools.pairwise(found))
    shuffled = list(rewards)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [best_at_k(shuffled, k) for k in range(1, len(rewards) + 1)] == found


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_best_at_k_of_zeros_and_ones_is_pass_at_k(marks: list[bool]) -> None:
    for k in range(1, len(marks) + 1):
        assert best_at_k([float(mark) for mark in marks], k) == pytest.approx(pass_at_k(len(marks), sum(marks), k))


@given(GRADED, st.randoms(use_true_random=False))
def test_maj_at_k_lies_between_nothing_and_pass_at_k_in_any_order(samples: Answers, random: object) -> None:
    right = sum(mark for _, mark in samples)
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for k in range(1, len(samples) + 1):
        assert 0.0 <= maj(samples, k) <= pass_at_k(len(samples), right, k) + 1e-12
        assert maj(shuffled, k) == pytest.approx(maj(samples, k), abs=1e-12)
    assert maj(samples, 1) == pytest.approx(right / len(samples), abs=1e-12)


@given(GRADED)
def test_a_vote_is_helped_by_what_most_say(samples: Answers) -> None:
    """All samples together decide for the most frequent answer; more of the right one never hurt."""
    n = len(samples)
    more = [*samples, ("5", True)]
    for k in range(1, n + 1):
        assert maj(more, k) >= maj(samples, k) - 1e-12
    counts = Counter(answer for answer, _ in samples if answer is not None)
    tied = [answer for answer, count in counts.items() if count == max(counts.values())]
    assert maj(samples, n) == pytest.approx(("5" in tied) / len(tied) if tied else 0.0)


def test_votes_by_hand() -> None:
    half = [("5", True), ("6", False)]
    assert maj(half, 2) == 0.5  # a tie
    assert maj([("5", True), (None, False), (None, False)], 3) == 1.0  # silence forms no majority
    assert maj([(None, False)] * 3, 2) == 0.0
    assert maj([("5", True), ("6", False), ("6", False)], 3) == 0.0
    assert maj([("5", True), ("5", False)], 2) == 0.5  # one answer, graded both ways


def test_two_answers_of_many_samples_are_the_binomials() -> None:
    """With n far above k, drawing without replacement is nearly drawing with it: the chance to win a vote of 5."""
    n, k, p = 1000, 5, 0.6
    right = [i < p * n for i in range(n)]
    expected = sum(math.comb(k, j) * p**j * (1 - p) ** (k - j) for j in range(3, k + 1))
    assert maj_at_k(["5" if mark else "6" for mark in right], right, k) == pytest.approx(expected, abs=2e-3)


def test_impossible_counts_are_named() -> None:
    for k in (0, 3):
        with pytest.raises(ValueError, match=r"maj@k needs 1 <= k <= n, got n=2"):
            maj_at_k(["5", "6"], [True, False], k)
        with pytest.raises(ValueError, match=r"best@k needs 1 <= k <= n, got n=2"):
            best_at_k([0.0, 1.0], k)
    with pytest.raises(ValueError, match="a mark for each answer, got 2 answers and 1 marks"):
        maj_at_k(["5", "6"], [True], 1)
    with pytest.raises(ValueError, match="at most 1000 samples"):
        maj_at_k(["5"] * 1001, [True] * 1001, 2)
