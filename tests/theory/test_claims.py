"""Every oracle agrees, and a claim can disagree."""

from __future__ import annotations

import math

import pytest

from agents.theory import ORACLES
from agents.theory.claim import above, at_most, near


@pytest.mark.parametrize("name", ORACLES)
def test_every_claim_agrees(name: str) -> None:
    claims = ORACLES[name]()
    assert claims
    assert [claim for claim in claims if not claim.agrees] == []
    assert len({claim.what for claim in claims}) == len(claims)


def test_claims_are_made_anew_and_alike() -> None:
    assert ORACLES["variance"]() == ORACLES["variance"]()


def test_a_claim_disagrees_outside_its_bounds_and_for_nan() -> None:
    assert near("", 0.1004, 0.1, 5e-4).agrees and not near("", 0.1006, 0.1, 5e-4).agrees
    assert above("", 1.1, 1.0).agrees and not above("", 1.0, 1.0).agrees
    assert at_most("", 1.0, 1.0).agrees and not at_most("", 1.1, 1.0).agrees
    assert not any(
        claim.agrees for claim in (near("", math.nan, 0, 1), above("", math.nan, 0), at_most("", math.nan, 0))
    )
