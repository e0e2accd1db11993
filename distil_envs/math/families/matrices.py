"""Matrices: sums, products, determinants, inverses, powers, eigenvalues."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from distil_envs.family import Family, Question, Worked
from distil_envs.math.polynomial import combination
from distil_envs.spaces import Filtered, Params, Product, Unordered, between, nonzero

Matrix = Sequence[Sequence[int | Fraction]]
"""Rows."""


def _text(matrix: Matrix) -> str:
    return "[" + ", ".join("[" + ", ".join(map(str, row)) + "]" for row in matrix) + "]"


def _times(left: Matrix, right: Matrix) -> list[list[int | Fraction]]:
    columns = list(zip(*right, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left]


def _matrix(value: Matrix, steps: list[str], **slots: str | int) -> Worked:
    return Worked(slots, _text(value), "matrix", steps)


def _sum(left: Matrix, right: Matrix) -> Worked:
    value = [[a + b for a, b in zip(p, q, strict=True)] for p, q in zip(left, right, strict=True)]
    steps = [
        f"Row {i}: " + ", ".join(f"{a} + ({b}) = {a + b}" for a, b in zip(p, q, strict=True))
        for i, (p, q) in enumerate(zip(left, right, strict=True), 1)
    ]
    worked = _matrix(value, steps, a=_text(left), b=_text(right))
    return Worked(worked.slots, worked.answer, worked.kind, steps, key=sorted((left, right)))


def _trace(matrix: Matrix) -> Worked:
    diagonal = [row[i] for i, row in enumerate(matrix)]
    value = sum(diagonal)
    return Worked({"a": _text(matrix)}, str(value), "integer", [f"{combination((d, '') for d in diagonal)} = {value}"])


def _product_steps(left: Matrix, right: Matrix) -> list[str]:
    columns = list(zip(*right, strict=True))
    return [
        f"Row {i}, column {j}: "
        + " + ".join(f"{a}*({b})" for a, b in zip(row, column, strict=True))
        + f" = {sum(a * b for a, b in zip(row, column, strict=True))}"
        for i, row in enumerate(left, 1)
        for j, column in enumerate(columns, 1)
    ]


def _product(left: Matrix, right: Matrix) -> Worked:
    return _matrix(_times(left, right), _product_steps(left, right), a=_text(left), b=_text(right))


def _on_vector(matrix: Matrix, vector: Sequence[int]) -> Worked:
    column = [[entry] for entry in vector]
    return _matrix(_times(matrix, column), _product_steps(matrix, column), a=_text(matrix), b=_text(column))


def _minor(matrix: Matrix, column: int) -> int | Fraction:
    """The determinant of the lower two rows without a column."""
    (a, b), (c, d) = ([row[j] for j in range(3) if j != column] for row in matrix[1:])
    return a * d - b * c


def _determinant_of(matrix: Matrix) -> int | Fraction:
    if len(matrix) == 2:
        (a, b), (c, d) = matrix
        return a * d - b * c
    a, b, c = matrix[0]
    return a * _minor(matrix, 0) - b * _minor(matrix, 1) + c * _minor(matrix, 2)


def _determinant(matrix: Matrix) -> Worked:
    value = _determinant_of(matrix)
    if len(matrix) == 2:
        (a, b), (c, d) = matrix
        steps = [f"({a})*({d}) - ({b})*({c}) = {a * d} - ({b * c}) = {value}"]
    else:
        steps = [f"The determinant without row 1 and column {j + 1} is {_minor(matrix, j)}" for j in range(3)]
        a, b, c = matrix[0]
        steps.append(
            f"({a})*({_minor(matrix, 0)}) - ({b})*({_minor(matrix, 1)}) + ({c})*({_minor(matrix, 2)}) = {value}"
        )
    return Worked({"a": _text(matrix)}, str(value), "integer", steps)


def _inverse(matrix: Matrix) -> Worked:
    (a, b), (c, d) = matrix
    determinant = a * d - b * c
    value = [[Fraction(entry) / determinant for entry in row] for row in ((d, -b), (-c, a))]
    steps = [
        f"The determinant is ({a})*({d}) - ({b})*({c}) = {determinant}",
        f"Swap the diagonal, negate the rest: {_text(((d, -b), (-c, a)))}",
        f"Divide by {determinant}: {_text(value)}",
    ]
    return _matrix(value, steps, a=_text(matrix))


def _unit_inverse(lower: Params, upper: Params) -> Worked:
    """A product of a lower and an upper triangular matrix with ones: whole entries in the inverse, determinant 1."""
    (p, q, r), (u, v, w) = lower, upper
    matrix = _times(((1, 0, 0), (p, 1, 0), (q, r, 1)), ((1, u, v), (0, 1, w), (0, 0, 1)))
    upper_inverse = ((1, -u, u * w - v), (0, 1, -w), (0, 0, 1))
    lower_inverse = ((1, 0, 0), (-p, 1, 0), (p * r - q, -r, 1))
    value = _times(upper_inverse, lower_inverse)
    steps = [
        f"The matrix is L*U with L = {_text(((1, 0, 0), (p, 1, 0), (q, r, 1)))} "
        f"and U = {_text(((1, u, v), (0, 1, w), (0, 0, 1)))}",
        f"Their inverses are {_text(lower_inverse)} and {_text(upper_inverse)}",
        f"U^(-1)*L^(-1) = {_text(value)}",
    ]
    worked = _matrix(value, steps, a=_text(matrix))
    return Worked(worked.slots, worked.answer, worked.kind, steps, key=[matrix])


def _power(matrix: Matrix, exponent: int) -> Worked:
    value, steps = matrix, []
    for n in range(2, exponent + 1):
        value = _times(value, matrix)
        steps.append(f"A^{n} = {_text(value)}")
    return _matrix(value, steps, a=_text(matrix), n=exponent)


def _eigenvalues(roots: tuple[int, int], a: int, b: int) -> Worked:
    """A 2 x 2 matrix with the given eigenvalues r >= s: trace r + s, determinant r s, and upper right entry b."""
    r, s = roots
    d = r + s - a
    matrix = ((a, b), ((a * d - r * s) // b, d))
    steps = [
        f"The trace is {r + s} and the determinant is {r * s}",
        f"t^2 - ({r + s})*t + ({r * s}) = (t - ({r}))*(t - ({s}))",
    ]
    answer = "{" + ", ".join(map(str, sorted({r, s}))) + "}"
    return Worked({"a": _text(matrix)}, answer, "set", steps, key=[matrix])


_SUM = ("What is {a} + {b}?", "Add the matrices {b} and {a}.")
_TRACE = ("What is the trace of {a}?", "Find the trace of the matrix {a}.")
_PRODUCT = ("What is the matrix product {a} * {b}?", "Multiply the matrix {a} by {b} on its right.")
_DETERMINANT = ("What is the determinant of {a}?", "Find det(A) for A = {a}.")
_INVERSE = ("What is the inverse of the matrix {a}?", "Find A^(-1) for A = {a}.")
_POWER = ("Let A = {a}. What is A^{n}?", "Find the matrix power A^{n} of A = {a}.")
_EIGENVALUES = ("What is the set of eigenvalues of {a}?", "Find all eigenvalues of the matrix {a}.")


def _square(entries: Sequence[int], size: int = 2) -> Product:
    return Product(*(Product(*((entries,) * size)),) * size)


def _regular(matrix: Matrix) -> bool:
    return _determinant_of(matrix) != 0


_small, _digits = _square(range(6)), _square(range(10))
_signed, _wide = _square(between(5)), _square(between(9))
_spectra = Filtered(
    Product(Unordered(between(6)), between(6), nonzero(6)),
    lambda roots, a, b: (a * (sum(roots) - a) - roots[0] * roots[1]) % b == 0,
)
_units = Product(between(2), between(2), between(2))

FAMILY = Family(
    "matrices",
    "linear-algebra",
    [
        [
            Question("sum", Unordered(_digits), _sum, _SUM),
            Question("trace", Product(_digits), _trace, _TRACE),
            Question("determinant", Product(_small), _determinant, _DETERMINANT),
        ],
        [
            Question("product", Product(_signed, _signed), _product, _PRODUCT),
            Question("determinant", Product(_wide), _determinant, _DETERMINANT),
            Question("on-vector", Product(_square(between(5), 3), Product(*(between(5),) * 3)), _on_vector, _PRODUCT),
        ],
        [
            Question("inverse", Filtered(Product(_square(between(6))), _regular), _inverse, _INVERSE),
            Question("determinant", Product(_square(between(5), 3)), _determinant, _DETERMINANT),
            Question("eigenvalues", _spectra, _eigenvalues, _EIGENVALUES),
        ],
        [
            Question("product", Product(_square(between(2), 3), _square(between(2), 3)), _product, _PRODUCT),
            Question("unit-inverse", Product(_units, _units), _unit_inverse, _INVERSE),
            Question("power", Product(_square(nonzero(3)), range(3, 6)), _power, _POWER),
        ],
    ],
)
