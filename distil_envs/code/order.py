"""An order for plain values of all kinds: the same in every process, whatever a program made the values of.

Sorting by it needs no hash, so nothing that a program returns makes it slow: a value is looked at once, and two values
are compared in steps that their sizes and depths bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

from distil_envs.sandbox.codec import MAX_DEPTH

Key = tuple[str, Any]


class Order:
    """Keys to sort values by: numbers by size, the rest by type and content.

    Equal values have equal keys and others do not, where no value is nested deeper than ``levels``: what is deeper
    counts as the same. A set and a frozenset are alike, and with ``tuples_as_lists`` a tuple and a list. Every NaN is
    the same. Keys of containers are kept by identity: an Order is for values that outlive it and do not change.
    """

    def __init__(self, levels: int = MAX_DEPTH, tuples_as_lists: bool = False) -> None:
        self._levels = levels
        self._tuple = "list" if tuples_as_lists else "tuple"
        self._kept: dict[tuple[int, int], Key] = {}

    def key(self, value: Any, level: int = 0) -> Key:
        """The key of a value that is nested in ``level`` others."""
        if not isinstance(value, (list, tuple, set, frozenset, dict)):
            return _scalar(value)
        if level > self._levels:
            return "...", ()
        at = id(value), level
        if at not in self._kept:
            self._kept[at] = self._container(value, level + 1)
        return self._kept[at]

    def sorted(self, values: Iterable[Any], level: int = 0) -> list[Any]:
        """The values in order."""
        return sorted(values, key=lambda value: self.key(value, level))

    def _container(self, value: Any, level: int) -> Key:
        if isinstance(value, dict):
            names, items = map(self.key, value, repeat(level)), map(self.key, value.values(), repeat(level))
            return "dict", tuple(sorted(zip(names, items, strict=True)))
        keys = map(self.key, value, repeat(level))
        if isinstance(value, (set, frozenset)):
            return "set", tuple(sorted(keys))
        return "list" if isinstance(value, list) else self._tuple, tuple(keys)


def _scalar(value: Any) -> Key:
    if isinstance(value, complex) and not value.imag:
        value = value.real
    if isinstance(value, (int, float, complex)):
        if value != value:
            return "nan", ()
        return ("complex", (value.real, value.imag)) if isinstance(value, complex) else ("", value)
    return type(value).__name__, value if isinstance(value, (str, bytes)) else repr(value)
