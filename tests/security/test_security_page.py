"""SECURITY.md claims what the self-test shows, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from distil_envs.sandbox.bubblewrap import BubblewrapSandbox
from distil_envs.sandbox.selftest import EFFECTS

NAMES = {effect.name for effect in EFFECTS}


def rows(page: str) -> list[tuple[str, set[str]]]:
    """Claims of the tables with two columns, and the effects that they name."""
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    return [(claim, set(re.findall(r"`([^`]+)`", shown))) for claim, shown in found if claim != "claim"]


def test_every_claim_names_effects_and_every_effect_is_named(repository: Path) -> None:
    found = rows((repository / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(found) > 20
    for claim, effects in found:
        assert effects and effects <= NAMES, (claim, effects - NAMES)
    assert set().union(*(effects for _, effects in found)) == NAMES


def test_the_exceptions_of_bubblewrap_are_told(repository: Path) -> None:
    page = (repository / "SECURITY.md").read_text(encoding="utf-8")
    [told] = re.findall(r"all but (.*?) \|", page)
    assert set(re.findall(r"`([^`]+)`", told)) == set(BubblewrapSandbox.exceptions)
