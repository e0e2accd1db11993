"""All oracles, in the order of docs/theory.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.theory import (
    bandit,
    blackbox,
    field,
    length,
    optimum,
    peek,
    posterior,
    regret,
    siblings,
    topk,
    variance,
)
from agents.theory.claim import Claim

ORACLES: Mapping[str, Callable[[], list[Claim]]] = {
    "bandit": bandit.claims,
    "optimum": optimum.claims,
    "length": length.claims,
    "peek": peek.claims,
    "field": field.claims,
    "siblings": siblings.claims,
    "variance": variance.claims,
    "posterior": posterior.claims,
    "blackbox": blackbox.claims,
    "topk": topk.claims,
    "regret": regret.claims,
}
"""Each makes its claims anew. Together they take seconds on one core."""
