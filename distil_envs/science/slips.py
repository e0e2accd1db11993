"""Misconceptions that lead to numbers in the unit of the answer."""

from __future__ import annotations

from collections.abc import Iterator

from distil_envs.science.exact import written
from distil_envs.science.misconceptions import Misconception


def slips(unit: str, *rows: tuple[str, float, str, int]) -> Iterator[Misconception]:
    """From rows of name, value, message and step (see `Misconception`)."""
    for name, value, message, step in rows:
        yield Misconception(name, written(value, unit), message, step)
