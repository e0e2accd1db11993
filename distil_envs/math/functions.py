"""The elementary functions of the calculus families: how they are shown, and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Elementary:
    """sin, cos or exp of an inner polynomial."""

    shown: str
    """Format of the prompt, e.g. ``e^({})``."""
    plain: str
    """Format of the answer, e.g. ``exp({})``."""
    sign: int
    """Derivative: this sign times ``successor``; antiderivative: ``back_sign`` times ``predecessor``."""
    successor: str
    back_sign: int
    predecessor: str


ELEMENTARY = {
    "sin": Elementary("sin({})", "sin({})", 1, "cos", -1, "cos"),
    "cos": Elementary("cos({})", "cos({})", -1, "sin", 1, "sin"),
    "exp": Elementary("e^({})", "exp({})", 1, "exp", 1, "exp"),
}
"""By name; a chain of ``successor`` never leaves the table."""

NAMES = tuple(ELEMENTARY)


def shown(name: str, inner: str) -> str:
    """As a prompt writes it; ``inner`` as well."""
    return "e^x" if name == "exp" and inner == "x" else ELEMENTARY[name].shown.format(inner)


def plain(name: str, inner: str) -> str:
    """As an answer writes it."""
    return ELEMENTARY[name].plain.format(inner)
