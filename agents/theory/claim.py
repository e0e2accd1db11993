"""`Claim`: one number, what it must be, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One row of the table. A NaN agrees with nothing."""

    what: str
    """What was computed, in words or as a formula."""
    stated: str
    """What must come out."""
    computed: float
    """What comes out."""
    agrees: bool
    """Whether the one is the other."""


def near(what: str, computed: float, stated: float, within: float) -> Claim:
    """`computed` must equal `stated`, give or take `within`."""
    return Claim(what, f"{stated:g} ± {within:g}", computed, abs(computed - stated) <= within)


def above(what: str, computed: float, bound: float) -> Claim:
    """`computed` must be more than `bound`."""
    return Claim(what, f"> {bound:.3g}", computed, computed > bound)


def at_most(what: str, computed: float, bound: float) -> Claim:
    """`computed` must not be more than `bound`."""
    return Claim(what, f"≤ {bound:.3g}", computed, computed <= bound)
