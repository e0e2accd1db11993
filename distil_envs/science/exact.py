"""Questions with an exact number or a letter as the answer, and numbers as the steps of solutions show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from distil_envs.family import Worked
from distil_envs.science.family import worked
from distil_envs.science.misconceptions import Misconception

_ROUNDING = 1e-6


def shown(value: float | Fraction, figures: int = 5) -> str:
    """A number without idle zeros: ``2``, ``0.0125``, ``6.022e23``; integers in full up to 10^7."""
    number = float(value)
    if number == 0:
        return "0"
    if number == int(number) and abs(number) < 1e7:
        return str(int(number))
    mantissa, exponent = f"{number:.{figures - 1}e}".split("e")
    if -5 < int(exponent) < 7:
        text = f"{float(f'{mantissa}e{exponent}'):.{max(figures - 1 - int(exponent), 0)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def written(value: float | Fraction, unit: str = "") -> str:
    """``12``, ``0.25 mol``: an exact value, to at most 10 significant figures, and its unit."""
    return f"{shown(value, 10)} {unit}".strip()


def exact(
    value: float | Fraction,
    unit: str,
    slots: Mapping[str, Any],
    steps: Sequence[str],
    misconceptions: Iterable[Misconception],
    key: Sequence[Any] | None = None,
) -> Worked:
    """A question that asks for a number, a count for instance, which nothing rounds. ``unit`` is empty for a count."""
    return worked(
        "quantity", written(value, unit), slots, steps, misconceptions, key, tolerance=_ROUNDING, unit="optional"
    )


def choice(
    right: str,
    others: Mapping[str, Misconception],
    slots: Mapping[str, Any],
    steps: Sequence[str],
    turn: int,
    key: Sequence[Any] | None = None,
) -> Worked:
    """A question that asks for one of some texts; the slot ``options`` holds them, a line each.

    ``others``: what leads to each wrong text; the letter of its ``answer`` is filled in here. ``turn``: by how many
    places the options are turned, so that the parameters decide which letter is right.
    """
    texts = [right, *others]
    turn %= len(texts)
    options = {chr(ord("A") + index): text for index, text in enumerate(texts[turn:] + texts[:turn])}
    letters = {text: letter for letter, text in options.items()}
    found = [Misconception(each.name, letters[text], each.message, each.step) for text, each in others.items()]
    listed = "\n".join(f"{letter}) {text}" for letter, text in options.items())
    return worked("choice", letters[right], {**slots, "options": listed}, steps, found, key, options=options)
