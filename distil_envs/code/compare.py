"""When is a returned value, or what a program printed, the expected one? Decided outside of the sandbox, on plain data.

Values are equal as Python's ``==`` has it: ``1 == 1.0 == True``, a list is no tuple, the order of sets and dictionaries
does not matter. On top of that NaN equals NaN, and where a float is expected, a number may be off by the tolerance,
relatively or absolutely (not as the key of a dictionary or in a set). Expected integers are always exact. What arrives
here are exact built-in types made by our own decoder, so there is no ``__eq__`` of the program's.

Printed text is equal when all its lines are, white space at their ends and empty lines at the end left aside; with a
tolerance, words that are numbers are compared as numbers, and again a word that is an integer is matched exactly.
"""

from __future__ import annotations

import cmath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distil_envs.code.order import Order
from distil_envs.errors import TaskError

MATCHED = 200
"""Most items with floats for which every way to pair them is looked at; of more, each with that at its place in order.
"""
_LEVELS = 40
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


@dataclass(frozen=True)
class Rule:
    """How values are compared."""

    tolerance: float = 0.0
    """Allowed difference of floats, relative to the larger one or absolute; at least 0, below 1."""
    unordered: bool = False
    """Whether the order of a returned list or tuple does not matter. Inner ones keep theirs."""
    tuples_as_lists: bool = False
    """Whether a tuple may stand for a list, and a list for a tuple."""

    def __post_init__(self) -> None:
        if isinstance(self.tolerance, bool) or not isinstance(self.tolerance, (int, float)):
            raise TaskError(f"tolerance must be a number, got {self.tolerance!r}")
        if not 0 <= self.tolerance < 1:
            raise TaskError(f"tolerance must be at least 0 and below 1, got {self.tolerance}")


def equal(expected: Any, actual: Any, rule: Rule) -> bool:
    """Whether ``actual`` is right. It walks along ``expected``, so the depth and size of ``actual`` do not matter."""
    if rule.unordered and isinstance(expected, (list, tuple)):
        return _same_kind(expected, actual, rule) and _match(expected, actual, rule)
    return _equal(expected, actual, rule)


def _equal(expected: Any, actual: Any, rule: Rule) -> bool:
    if isinstance(expected, (list, tuple)):
        return _same_kind(expected, actual, rule) and all(
            _equal(left, right, rule) for left, right in zip(expected, actual, strict=True)
        )
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and len(expected) == len(actual)
            and all(key in actual and _equal(value, actual[key], rule) for key, value in expected.items())
        )
    if isinstance(expected, (int, float, complex)) and isinstance(actual, (int, float, complex)):
        return _near(expected, actual, rule.tolerance)
    return bool(expected == actual)


def _same_kind(expected: Sequence[Any], actual: Any, rule: Rule) -> bool:
    kinds = (list, tuple) if rule.tuples_as_lists else type(expected)
    return isinstance(actual, kinds) and len(actual) == len(expected)


def _match(expected: Sequence[Any], actual: Sequence[Any], rule: Rule) -> bool:
    """Whether each expected item has a partner of its own.

    An item without floats has partners that are all equal, so it does not matter which it takes.
    """
    order = Order(tuples_as_lists=rule.tuples_as_lists)
    wanted = order.sorted(expected)
    near = [item for item in wanted if rule.tolerance and _inexact(item)]
    exact = [order.key(item) for item in wanted if not (rule.tolerance and _inexact(item))]
    rest, found = [], 0
    for item in order.sorted(actual):
        if found < len(exact) and order.key(item) == exact[found]:
            found += 1
        else:
            rest.append(item)
    if found < len(exact):
        return False
    # For numbers, pairing them in order is best. For other items it is only likely to be right.
    if all(_equal(item, other, rule) for item, other in zip(near, rest, strict=True)):
        return True
    return len(near) <= MATCHED and _pair(near, rest, rule)


def _inexact(expected: Any) -> bool:
    """Whether the tolerance applies to something in it."""
    if isinstance(expected, (list, tuple)):
        return any(map(_inexact, expected))
    if isinstance(expected, dict):
        return any(map(_inexact, expected.values()))
    return isinstance(expected, (float, complex))


def _pair(expected: Sequence[Any], actual: Sequence[Any], rule: Rule) -> bool:
    """Whether there is a perfect matching, by augmenting paths."""
    near = [[at for at, other in enumerate(actual) if _equal(item, other, rule)] for item in expected]
    partner: dict[int, int] = {}

    def place(item: int, tried: set[int]) -> bool:
        for at in near[item]:
            if at not in tried:
                tried.add(at)
                if at not in partner or place(partner[at], tried):
                    partner[at] = item
                    return True
        return False

    return all(place(item, set()) for item in range(len(near)))


def _near(expected: complex, actual: complex, tolerance: float) -> bool:
    if expected == actual or (expected != expected and actual != actual):
        return True
    if not tolerance or isinstance(expected, int):
        return False
    try:
        return cmath.isclose(expected, actual, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:  # an integer beyond every float
        return False


def equal_output(expected: str, actual: str, rule: Rule) -> bool:
    """Whether a program printed what it should."""
    left, right = output_lines(expected), output_lines(actual)
    if left == right:
        return True
    if not rule.tolerance or len(left) != len(right):
        return False
    return all(_equal_words(one.split(), other.split(), rule) for one, other in zip(left, right, strict=True))


def output_lines(text: str) -> list[str]:
    """The lines that count."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _equal_words(left: Sequence[str], right: Sequence[str], rule: Rule) -> bool:
    return len(left) == len(right) and all(
        one == other or _near_words(one, other, rule.tolerance) for one, other in zip(left, right, strict=True)
    )


def _near_words(left: str, right: str, tolerance: float) -> bool:
    try:
        return _near(_number(left), _number(right), tolerance)
    except ValueError:
        return False


def _number(word: str) -> float:
    """Raises ValueError for what is none."""
    return int(word) if _INTEGER.fullmatch(word) else float(word)


def difference(expected: Any, actual: Any) -> str:
    """Where they differ first, in a few words; empty where nothing can be said that the two do not show."""
    if type(expected) is not type(actual):
        return f"the type is {type(actual).__name__}, not {type(expected).__name__}"
    if isinstance(expected, str):
        return _text_difference(expected, actual)
    if isinstance(expected, (list, tuple)):
        return _sequence_difference(expected, actual)
    if isinstance(expected, (set, frozenset)):
        return _missing(list(expected - actual), list(actual - expected))
    if isinstance(expected, dict):
        wrong = next((key for key in expected if key in actual and expected[key] != actual[key]), _NONE)
        told = _missing([key for key in expected if key not in actual], [key for key in actual if key not in expected])
        if wrong is _NONE or told:
            return told
        return f"at key {shown(wrong, 60)}: {shown(actual[wrong], 60)}, not {shown(expected[wrong], 60)}"
    return ""


def output_difference(expected: str, actual: str) -> str:
    """The first line that differs."""
    left, right = output_lines(expected), output_lines(actual)
    for number, (one, other) in enumerate(zip(left, right, strict=False), start=1):
        if one != other:
            return f"line {number} is {shown(other, 80)}, not {shown(one, 80)}"
    if len(left) != len(right):
        return f"the number of lines is {len(right)}, not {len(left)}"
    return ""


_NONE = object()


def _text_difference(expected: str, actual: str) -> str:
    if "\n" in expected or "\n" in actual:
        return output_difference(expected, actual)
    if len(expected) + len(actual) < 16:
        return ""  # one sees it
    for at, (one, other) in enumerate(zip(expected, actual, strict=False)):
        if one != other:
            return f"at index {at}: {other!r}, not {one!r}"
    return _length(expected, actual)


def _sequence_difference(expected: Sequence[Any], actual: Sequence[Any]) -> str:
    for at, (one, other) in enumerate(zip(expected, actual, strict=False)):
        if not _equal(one, other, Rule()):
            return f"at index {at}: {shown(other, 60)}, not {shown(one, 60)}" if len(expected) > 1 else ""
    return _length(expected, actual)


def _length(expected: Any, actual: Any) -> str:
    return f"the length is {len(actual)}, not {len(expected)}" if len(expected) != len(actual) else ""


def _missing(missing: list[Any], extra: list[Any]) -> str:
    order = Order(_LEVELS)
    parts = [("missing", missing), ("too many", extra)]
    return "; ".join(f"{word}: {shown(min(items, key=order.key), 60)}" for word, items in parts if items)


def shown(value: Any, limit: int = 300) -> str:
    """As ``repr`` has it, in at most ``limit`` characters; the items of a set in order, so that it is always the same.

    No more is looked at than is shown, and every part of a set once: values may be large, deep, cyclic, or share parts
    until they are endless.
    (`distil_envs.sandbox.bounded` keeps the order of sets, which is fixed inside of a sandbox but not out here.)
    """
    parts: list[str] = []
    room = limit
    for part in _pieces(value, 0, Order(_LEVELS)):
        parts.append(part)
        room -= len(part)
        if room < 0:
            return "".join(parts)[: max(limit - 1, 0)] + "…"
    return "".join(parts)


def _pieces(value: Any, depth: int, order: Order) -> Iterator[str]:
    if isinstance(value, (str, bytes)):
        yield repr(value)
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 10_000:
        yield f"<int of {value.bit_length()} bits>"
    elif isinstance(value, (list, tuple, set, frozenset, dict)):
        yield from _container(value, depth, order)
    else:
        yield repr(value)


_BRACKETS: Mapping[type, Sequence[str]] = {
    list: "[]",
    tuple: "()",
    set: "{}",
    dict: "{}",
    frozenset: ("frozenset({", "})"),
}


def _container(value: Any, depth: int, order: Order) -> Iterator[str]:
    if not value and isinstance(value, (set, frozenset)):
        yield f"{type(value).__name__}()"
        return
    opened, closed = _BRACKETS[type(value)]
    yield opened
    if depth > _LEVELS:
        yield "..."
    else:
        items = order.sorted(value, depth + 1) if isinstance(value, (set, frozenset)) else value
        for index, item in enumerate(items):
            yield ", " if index else ""
            yield from _pieces(item, depth + 1, order)
            if isinstance(value, dict):
                yield ": "
                yield from _pieces(value[item], depth + 1, order)
        if isinstance(value, tuple) and len(value) == 1:
            yield ","
    yield closed
