"""What k samples of a task would give, estimated without bias from n ≥ k of them, exactly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

MOST = 1000
"""Samples of which a vote can be worked out: the numbers of subsets fit floats."""


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of the chance that one of k samples is right, from c right ones among n ≥ k.

    ``1 - C(n - c, k) / C(n, k)`` (Chen et al. 2021, arXiv 2107.03374, equation 1). Raises ValueError for impossible
    counts.
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@k needs 0 <= c <= n and 1 <= k <= n, got n={n}, c={c}, k={k}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def best_at_k(rewards: Sequence[float], k: int) -> float:
    """Unbiased estimate of the highest of k rewards, from n ≥ k: the mean over all subsets of k.

    The i-th smallest is the highest of ``C(i - 1, k - 1)`` of the ``C(n, k)`` subsets. For rewards of 0 and 1 this is
    pass@k. Raises ValueError for fewer than k rewards, or k < 1.
    """
    _check("best@k", len(rewards), k)
    subsets = math.comb(len(rewards), k)
    ranked = sorted(rewards)
    mean = math.fsum(ranked[below] * (math.comb(below, k - 1) / subsets) for below in range(k - 1, len(ranked)))
    return min(ranked[-1], mean)  # rounding


def maj_at_k(answers: Sequence[str | None], right: Sequence[bool], k: int) -> float:
    """Unbiased estimate of how often the most frequent answer of k samples is right, from n ≥ k.

    The mean over all subsets of k; among answers that are equally frequent the vote is shared (self-consistency, Wang
    et al. 2023, arXiv 2203.11171). Summed over how often each answer is drawn instead of over subsets.

    Args:
        answers: what each sample answered, compared as text; None for no answer, which has no vote. A subset without
            any answer counts 0.
        right: whether each is right. Where samples of one answer differ in that, a vote for it counts their share.
        k: size of the vote.

    Raises ValueError for fewer than k samples, k < 1, more than `MOST` samples, or lengths that differ.
    """
    if len(answers) != len(right):
        raise ValueError(f"maj@k needs a mark for each answer, got {len(answers)} answers and {len(right)} marks")
    _check("maj@k", len(answers), k)
    if len(answers) > MOST:
        raise ValueError(f"maj@k takes at most {MOST} samples, got {len(answers)}: leave some out")
    counts = Counter(answer for answer in answers if answer is not None)
    marked = Counter(answer for answer, mark in zip(answers, right, strict=True) if mark and answer is not None)
    if not marked:
        return 0.0
    silent = len(answers) - counts.total()
    groups = [(count, marked[answer] / count) for answer, count in counts.items()]
    votes = math.fsum(_won(groups, silent, k, most) for most in range(1, min(k, max(counts.values())) + 1))
    return min(1.0, votes / math.comb(len(answers), k))  # rounding


def _won(groups: Sequence[tuple[int, float]], silent: int, k: int, most: int) -> float:
    """Sum, over the subsets of k whose most frequent answers are drawn `most` times, of the right share of those.

    ``ways[w, s]`` counts the choices of s samples, from the groups so far, in which w answers are drawn `most` times
    and none oftener; ``value[w, s]`` sums over them the right shares of these w.
    """
    ties = k // most
    ways = np.zeros((ties + 1, k + 1))
    ways[0] = [math.comb(silent, drawn) for drawn in range(k + 1)]
    value = np.zeros_like(ways)
    for count, share in groups:
        more, worth = ways.copy(), value.copy()  # none is drawn
        for drawn in range(1, min(count, most - 1) + 1):
            choices = float(math.comb(count, drawn))
            more[:, drawn:] += choices * ways[:, :-drawn]
            worth[:, drawn:] += choices * value[:, :-drawn]
        if count >= most:
            choices = float(math.comb(count, most))
            more[1:, most:] += choices * ways[:-1, :-most]
            worth[1:, most:] += choices * (value[:-1, :-most] + share * ways[:-1, :-most])
        ways, value = more, worth
    return math.fsum(value[tied, k] / tied for tied in range(1, ties + 1))


def _check(name: str, n: int, k: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"{name} needs 1 <= k <= n, got n={n}, k={k}")
