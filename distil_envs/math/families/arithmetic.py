"""Whole numbers: sums and differences with carries, products, exact quotients, and expressions of them."""

from __future__ import annotations

from distil_envs.family import Family, Question, Worked
from distil_envs.spaces import Distinct, Product, Unordered

_PLACES = ("ones", "tens", "hundreds", "thousands", "ten thousands", "hundred thousands", "millions")


def _digits(value: int) -> list[int]:
    return [int(digit) for digit in reversed(str(value))]


def _column_sum(a: int, b: int) -> list[str]:
    """Addition by columns, from the ones, with carries."""
    if a < 10 and b < 10:
        return [f"{a} + {b} = {a + b}"]
    left, right = _digits(a), _digits(b)
    steps, carry = [], 0
    for place in range(max(len(left), len(right))):
        parts = [digits[place] for digits in (left, right) if place < len(digits)] + [carry] * (carry > 0)
        total = sum(parts)
        carry = total // 10
        kept = f"write {total % 10}, carry {carry}" if carry else f"write {total}"
        steps.append(f"{_PLACES[place]}: {' + '.join(map(str, parts))} = {total}, {kept}")
    return [*steps, f"{a} + {b} = {a + b}"]


def _column_difference(a: int, b: int) -> list[str]:
    """Subtraction by columns, from the ones, with borrows."""
    if a < b:
        return [f"{a} is less than {b}, so {a} - {b} = -({b} - {a})", *_column_difference(b, a), f"{a} - {b} = {a - b}"]
    if a < 10:
        return [f"{a} - {b} = {a - b}"]
    upper, lower = _digits(a), _digits(b)
    steps, borrow = [], 0
    for place, digit in enumerate(upper):
        below = lower[place] if place < len(lower) else 0
        have = digit - borrow
        note = f"{digit} - {borrow} (borrowed) = {have}; " if borrow else ""
        borrow = int(have < below)
        taken = f"borrow 10: {have + 10} - {below}" if borrow else f"{have} - {below}"
        steps.append(f"{_PLACES[place]}: {note}{taken} = {have + 10 * borrow - below}")
    return [*steps, f"{a} - {b} = {a - b}"]


def _partial_products(a: int, b: int) -> list[str]:
    """Multiplication by the digits of ``b``."""
    if b < 10 and a < 10:
        return [f"{a} * {b} = {a * b}"]
    if b < 10:
        a, b = b, a
    parts = [digit * 10**place for place, digit in enumerate(_digits(b)) if digit]
    steps = [f"{a} * {part} = {a * part}" for part in parts]
    if len(parts) > 1:
        steps.append(f"{' + '.join(str(a * part) for part in parts)} = {a * b}")
    return steps


def _sum(a: int, b: int) -> Worked:
    return Worked({"a": a, "b": b}, str(a + b), "integer", _column_sum(a, b))


def _difference(a: int, b: int) -> Worked:
    return Worked({"a": a, "b": b}, str(a - b), "integer", _column_difference(a, b))


def _falling(b: int, a: int) -> Worked:
    """A difference from an increasing pair: the larger number first."""
    worked = _difference(a, b)
    return Worked(worked.slots, worked.answer, worked.kind, worked.steps, key=(a, b))


def _product(a: int, b: int) -> Worked:
    return Worked({"a": a, "b": b}, str(a * b), "integer", _partial_products(a, b), key=sorted((a, b)))


def _quotient(quotient: int, divisor: int) -> Worked:
    total = quotient * divisor
    steps = []
    rest = total
    for place, digit in reversed(list(enumerate(_digits(quotient)))):
        part = digit * 10**place
        if part:
            left = rest - divisor * part
            steps.append(f"{divisor} goes {part} times into {rest}: {rest} - {divisor * part} = {left}")
            rest = left
    return Worked({"a": total, "b": divisor}, str(quotient), "integer", steps, key=(total, divisor))


def _sum_of_products(first: tuple[int, int], second: tuple[int, int]) -> Worked:
    (a, b), (c, d) = first, second
    steps = [*_partial_products(a, b), *_partial_products(c, d), f"{a * b} + {c * d} = {a * b + c * d}"]
    return Worked({"a": a, "b": b, "c": c, "d": d}, str(a * b + c * d), "integer", steps)


def _bracket(pair: tuple[int, int], c: int, d: int) -> Worked:
    a, b = pair
    steps = [
        f"{a} + {b} = {a + b}",
        *_partial_products(a + b, c),
        *_column_difference((a + b) * c, d),
    ]
    return Worked({"a": a, "b": b, "c": c, "d": d}, str((a + b) * c - d), "integer", steps)


_SUM = ("What is {a} + {b}?", "Compute {b} + {a}.", "Add {a} and {b}.", "Find the sum of {b} and {a}.")
_DIFFERENCE = ("What is {a} - {b}?", "Compute {a} - {b}.", "Subtract {b} from {a}.")
_PRODUCT = ("What is {a} * {b}?", "Compute {b} * {a}.", "Multiply {a} by {b}.", "Find the product of {b} and {a}.")
_QUOTIENT = ("What is {a} / {b}?", "Compute {a} / {b}.", "Divide {a} by {b}.")
_SUM_OF_PRODUCTS = ("What is {a} * {b} + {c} * {d}?", "Compute {c} * {d} + {a} * {b}.")
_BRACKET = ("What is ({a} + {b}) * {c} - {d}?", "Compute {c} * ({b} + {a}) - {d}.")

_digit, _two, _three, _five = range(10), range(10, 100), range(100, 1000), range(10_000, 100_000)

FAMILY = Family(
    "arithmetic",
    "numbers",
    [
        [
            Question("sum", Unordered(_digit), _sum, _SUM),
            Question("difference", Unordered(_digit), _falling, _DIFFERENCE),
            Question("product", Unordered(_digit), _product, _PRODUCT),
        ],
        [
            Question("sum", Unordered(_two), _sum, _SUM),
            Question("difference", Distinct(_two), _falling, _DIFFERENCE),
            Question("product", Product(range(2, 10), _two), _product, _PRODUCT),
            Question("quotient", Product(range(2, 13), range(2, 10)), _quotient, _QUOTIENT),
        ],
        [
            Question("sum", Unordered(_three), _sum, _SUM),
            Question("difference", Product(_three, _three), _difference, _DIFFERENCE),
            Question("product", Unordered(range(11, 100)), _product, _PRODUCT),
            Question("quotient", Product(range(13, 200), range(3, 10)), _quotient, _QUOTIENT),
        ],
        [
            Question("sum", Unordered(_five), _sum, _SUM),
            Question("difference", Product(_five, _five), _difference, _DIFFERENCE),
            Question("product", Unordered(range(101, 1000)), _product, _PRODUCT),
            Question("quotient", Product(range(13, 1000), range(11, 100)), _quotient, _QUOTIENT),
        ],
        [
            Question("sum-of-products", Unordered(Unordered(range(11, 100))), _sum_of_products, _SUM_OF_PRODUCTS),
            Question("bracket", Product(Unordered(range(11, 100)), range(11, 100), _three), _bracket, _BRACKET),
        ],
    ],
)
