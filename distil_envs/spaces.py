"""Finite, indexed parameter spaces: the exact contents of a level, without listing them.

A space is a bijection from ``0 … size - 1`` to parameters. Families describe every level with these, so that the number
of distinct contents is exact, a draw is one random index, and a test can walk through all of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from math import comb, isqrt, prod
from typing import Any, Protocol

Params = tuple[Any, ...]


class Space(Protocol):
    """What `range`, tuples and the classes below have in common."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class Product:
    """Every combination of one element of each factor, as a tuple."""

    def __init__(self, *factors: Space) -> None:
        self.factors = factors
        self._size = prod(len(factor) for factor in factors)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Params:
        _check(index, self._size)
        values = []
        for factor in reversed(self.factors):
            index, digit = divmod(index, len(factor))
            values.append(factor[digit])
        return tuple(reversed(values))

    def __iter__(self) -> Iterator[Params]:
        return (self[index] for index in range(self._size))


class Distinct:
    """Every set of ``count`` different elements of ``values``, as a tuple in the order of ``values``."""

    def __init__(self, values: Space, count: int = 2) -> None:
        self.values = values
        self.count = count
        self._size = comb(len(values), count)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Params:
        _check(index, self._size)
        return tuple(self.values[position] for position in _combination(index, self.count, len(self.values)))

    def __iter__(self) -> Iterator[Params]:
        return (self[index] for index in range(self._size))


class Unordered:
    """Every choice of ``count`` elements of ``values`` with repetition, order ignored, in the order of ``values``."""

    def __init__(self, values: Space, count: int = 2) -> None:
        self.values = values
        self.count = count
        self._size = comb(len(values) + count - 1, count)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Params:
        _check(index, self._size)
        positions = _combination(index, self.count, len(self.values) + self.count - 1)
        return tuple(self.values[position - shift] for shift, position in enumerate(positions))

    def __iter__(self) -> Iterator[Params]:
        return (self[index] for index in range(self._size))


class Filtered:
    """The elements of ``base`` (tuples) for which ``keep(*element)`` holds.

    The base is walked through once, on first use, so it must be small (say, under 100,000 elements).
    """

    def __init__(self, base: Space, keep: Callable[..., bool]) -> None:
        self.base = base
        self.keep = keep

    @cached_property
    def _indices(self) -> array[int]:
        return array("l", (index for index in range(len(self.base)) if self.keep(*self.base[index])))

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Params:
        value: Params = self.base[self._indices[index]]
        return value

    def __iter__(self) -> Iterator[Params]:
        return (self[index] for index in range(len(self)))


def nonzero(limit: int) -> Sequence[int]:
    """The integers from ``-limit`` to ``limit`` without 0."""
    return (*range(-limit, 0), *range(1, limit + 1))


def between(limit: int) -> Sequence[int]:
    """The integers from ``-limit`` to ``limit``."""
    return range(-limit, limit + 1)


def _check(index: int, size: int) -> None:
    # IndexError past the end is also what ends a `for` loop over a space.
    if not 0 <= index < size:
        raise IndexError(f"index {index} is outside a space of {size} elements")


def _combination(index: int, count: int, total: int) -> list[int]:
    """The ``index``-th increasing list of ``count`` numbers below ``total`` (combinatorial number system)."""
    positions = []
    for size in range(count, 0, -1):
        if size == 1:
            position = index
        elif size == 2:
            position = (1 + isqrt(1 + 8 * index)) // 2
        else:
            position = _largest(index, size, total)
        index -= comb(position, size)
        total = position
        positions.append(position)
    return positions[::-1]


def _largest(index: int, size: int, total: int) -> int:
    """The largest position below ``total`` with ``comb(position, size) <= index``, by bisection."""
    low, high = size - 1, total
    while high - low > 1:
        middle = (low + high) // 2
        if comb(middle, size) <= index:
            low = middle
        else:
            high = middle
    return low
