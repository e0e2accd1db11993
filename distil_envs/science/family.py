"""`ScienceFamily` and what its questions' functions return."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from distil_envs.family import Family, Item, Worked
from distil_envs.science.kinds import kind_of
from distil_envs.science.misconceptions import Misconception, listed


class ScienceFamily(Family):
    """A family of science tasks; its topic is ``physics``, ``chemistry``, ``biology`` or ``materials``."""

    domain: ClassVar[str] = "science"

    def reference(self, item: Item) -> dict[str, Any]:
        """As of any family. A misconception that leads to the right answer, or to another's, is left out."""
        found = super().reference(item)
        misconceptions = found.pop("misconceptions")
        return found | {"misconceptions": listed(kind_of(found), found, misconceptions)}


def worked(
    kind: str,
    answer: str,
    slots: Mapping[str, Any],
    steps: Sequence[str],
    misconceptions: Iterable[Misconception],
    key: Sequence[Any] | None = None,
    **extra: Any,
) -> Worked:
    """A question's result of any kind.

    ``extra``: further fields of the reference that the kind reads.
    """
    return Worked(slots, answer, kind, steps, key, {**extra, "misconceptions": tuple(misconceptions)})


def quantity(
    value: float,
    unit: str,
    slots: Mapping[str, Any],
    steps: Sequence[str],
    misconceptions: Iterable[Misconception],
    key: Sequence[Any] | None = None,
    figures: int = 3,
) -> Worked:
    """A question that asks for a number in ``unit`` (which its prompt names) to ``figures`` significant figures."""
    return worked(
        "quantity", amount(value, unit, figures), slots, steps, misconceptions, key, figures=figures, unit="optional"
    )


def amount(value: float, unit: str, figures: int = 3) -> str:
    """``12.5 m/s``: a value to so many significant figures, and its unit (empty for none)."""
    return f"{rounded(value, figures)} {unit}".strip()


def rounded(value: float, figures: int = 3) -> str:
    """A number to so many significant figures: ``0.0125``, ``12.5``, ``1250``; ``1.25e-07`` beyond that.

    One halfway between two of them keeps one figure more (``12.45``), so that both roundings of it are right.
    """
    if not math.isfinite(value):
        raise ValueError(f"a quantity must be finite, got {value!r}")
    digits = f"{abs(value):.{figures + 8}e}".partition("e")[0].replace(".", "")
    figures += digits[figures:] == "5" + "0" * 8
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{figures - 1}e}"
    places = figures - 1 - (math.floor(math.log10(abs(float(f"{value:.{figures - 1}e}")))) if value else 0)
    return f"{round(value, places):.{max(places, 0)}f}"
