"""The labelled audit sets under tasks/audit: well formed, and every oracle agrees with its label.

An oracle is data written by hand beside a label. What is here recomputes the label from it with sympy, rdkit and plain
Python, and with nothing of what the audit measures. Where order matters the reference comes first.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy

Row = Mapping[str, Any]

FILES = sorted((Path(__file__).resolve().parents[2] / "tasks" / "audit").glob("*.jsonl"))
DIGITS = 200
LETTERS = {letter: sympy.Symbol(letter) for letter in "abcdfghijklmnopqrstuvwxyzABCDFGHJKLMNOPQRSTUVWXYZ"}


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---------------------------------------------------------------------------------------------- one function a form


def values(row: Row) -> bool:
    """Two sympy expressions are equal (with ``modulo_constant``: but for a constant)."""
    a, b = row["oracle"]["values"]
    return same_expression(a, b, modulo_constant=bool(row["reference"].get("modulo_constant")))


def sets(row: Row) -> bool:
    """Each element of one stands in the other."""
    a, b = row["oracle"]["sets"]
    return all(any(same(x, y) for y in b) for x in a) and all(any(same(x, y) for x in a) for y in b)


def tuples(row: Row) -> bool:
    return same(*row["oracle"]["tuples"])


def matrices(row: Row) -> bool:
    return same(*row["oracle"]["matrices"])


def si(row: Row) -> bool:
    """Within the reference's figures or tolerance, in SI base units; never where ``dimension`` names two."""
    reference, given = row["oracle"]["si"]
    dimensions = row["oracle"].get("dimension", ["1", "1"])
    quotient = sympy.sympify(dimensions[0], LETTERS) / sympy.sympify(dimensions[1], LETTERS)
    return not quotient.free_symbols and abs(given - reference) <= allowed(row["reference"], reference) * (1 + 1e-9)


def counts(row: Row) -> bool:
    """The same number of every element, and the same charge."""
    a, b = row["oracle"]["counts"]
    charges = row["oracle"].get("charge", [0, 0])
    return Counter(a) == Counter(b) and charges[0] == charges[1]


def balance(row: Row) -> bool:
    """Positive whole coefficients, and equal sums on both sides of every element (``charge`` counts as one)."""
    sides = [row["oracle"]["balance"][side] for side in ("left", "right")]
    sums: list[Counter[str]] = [Counter(), Counter()]
    for total, side in zip(sums, sides, strict=True):
        for coefficient, species in side:
            for element, count in species.items():
                total[element] += Fraction(coefficient) * count
    whole = all(isinstance(coefficient, int) and coefficient > 0 for side in sides for coefficient, _ in side)
    return whole and sums[0] == sums[1] and bool(row["oracle"]["same_species"])


def inchi(row: Row) -> bool:
    """The same InChI with fixed hydrogens; without stereo where the reference has none."""
    chem = pytest.importorskip("rdkit.Chem", reason="rdkit is not installed: pip install 'distil-envs[chemistry]'")
    smiles = row["oracle"]["inchi"]
    stereo = any(mark in smiles[0] for mark in "@/\\")
    options = "/FixedH" if stereo else "/FixedH /SNon"
    first, second = (chem.MolToInchi(chem.MolFromSmiles(text), options=options) for text in smiles)
    assert first and second, f"no InChI for one of {smiles}"
    return bool(first == second)


def letters(row: Row) -> bool:
    a, b = row["oracle"]["letters"]
    return bool(a == b)


FORMS: dict[str, Callable[[Row], bool]] = {
    form.__name__: form for form in (values, sets, tuples, matrices, si, counts, balance, inchi, letters)
}

# --------------------------------------------------------------------------------------------------- what they need


def same(a: Any, b: Any) -> bool:
    """Equal expressions, or lists of them of one shape with equal entries."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return isinstance(a, str) and isinstance(b, str) and same_expression(a, b)


def same_expression(a: str, b: str, modulo_constant: bool = False) -> bool:
    """Equal exactly or to 150 digits at a dozen points: those where both are real, all where there are none."""
    first, second = (sympy.sympify(text, LETTERS, rational=True) for text in (a, b))
    if first == second:
        return True
    symbols = sorted(first.free_symbols | second.free_symbols, key=str)
    rng = random.Random(0)
    pairs = []
    for _ in range(12 if symbols else 1):
        point = {symbol: sympy.Rational(rng.randint(-400, 400), 131) for symbol in symbols}
        pairs.append([number(each.subs(point)) for each in (first, second)])
    pairs = [[x, y] for x, y in pairs if x.is_real and y.is_real] or pairs
    offset = pairs[0][0] - pairs[0][1] if modulo_constant else sympy.Integer(0)
    return all(close(x, y + offset) for x, y in pairs)


def number(x: sympy.Expr) -> sympy.Expr:
    """Exact where it is a fraction, else to 200 digits."""
    return x if x.is_Rational else x.evalf(DIGITS)


def close(x: sympy.Expr, y: sympy.Expr) -> bool:
    if (x.is_Rational and y.is_Rational) or not (x.is_finite and y.is_finite):
        return bool(x == y)
    return bool(abs(x - y) <= (abs(x) + abs(y)) * sympy.Float("1e-150", DIGITS) + sympy.Float("1e-190", DIGITS))


def allowed(reference: Row, value: float) -> float:
    """How far from ``value``, the reference in SI base units, is right: the wider of figures and tolerance."""
    number = float(reference["answer"].split()[0])
    tolerance = reference.get("tolerance", 0.0 if "figures" in reference else 0.01)
    if "figures" not in reference:
        return float(tolerance * abs(value))
    half = 0.5 * 10.0 ** (math.floor(math.log10(abs(number))) - reference["figures"] + 1)
    degrees = {"degC": 1.0, "degF": 5 / 9}  # their zero is elsewhere, so that value / number is not the unit
    unit = next((size for name, size in degrees.items() if name in reference["answer"]), abs(value / number))
    return float(max(tolerance * abs(value), 1.001 * half * unit))


# ------------------------------------------------------------------------------------------------------------ tests


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_set_is_well_formed(path: Path) -> None:
    rows = rows_of(path)
    assert [row["id"] for row in rows] == [f"{path.stem}/{index:03d}" for index in range(1, len(rows) + 1)]
    assert all(set(row) - {"oracle"} == {"id", "reference", "completion", "right", "about"} for row in rows)
    assert all(isinstance(row["right"], bool) and isinstance(row["completion"], str) for row in rows)
    assert all(row["reference"].get("kind", path.stem) == path.stem for row in rows)
    labels = Counter(row["right"] for row in rows)
    assert labels[True] >= 60 and labels[False] >= 60
    contents = Counter(json.dumps([row["reference"], row["completion"]], sort_keys=True) for row in rows)
    assert not [content for content, times in contents.items() if times > 1]
    ideas = Counter(row["about"] for row in rows)
    assert not [idea for idea, times in ideas.items() if times > 3]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_oracles_agree_with_labels(path: Path) -> None:
    contradicted = []
    for row in rows_of(path):
        for name in set(row.get("oracle", ())) & set(FORMS):
            if FORMS[name](row) != row["right"]:
                contradicted.append(row["id"])
        unknown = set(row.get("oracle", ())) - set(FORMS) - {"dimension", "charge", "same_species"}
        assert not unknown, f"{row['id']}: no such form of oracle: {unknown}"
    assert not contradicted


REACTION = {"left": [[2, {"H": 2}], [1, {"O": 2}]], "right": [[2, {"H": 2, "O": 1}]]}
HALVED = {"left": [[1, {"H": 2}], ["1/2", {"O": 2}]], "right": [[1, {"H": 2, "O": 1}]]}
SPEED = {"answer": "45.0 km/h", "figures": 3}


@pytest.mark.parametrize(
    ("oracle", "reference", "right"),
    [
        ({"values": ["sqrt(8)", "2*sqrt(2)"]}, {}, True),
        ({"values": ["sqrt(x**2)", "x"]}, {}, False),
        ({"values": ["1/2**99", "1/2**98"]}, {}, False),
        ({"values": ["2**1000 - 1", "(2**500 - 1)**2"]}, {}, False),
        ({"values": ["1/3", "0.33333333333333333333"]}, {}, False),
        ({"values": ["log(x**2)", "2*log(x)"]}, {}, True),
        ({"values": ["(x+1)**2/2", "x**2/2 + x + C"]}, {"modulo_constant": True}, False),
        ({"values": ["(x+1)**2/2", "x**2/2 + x"]}, {"modulo_constant": True}, True),
        ({"sets": [["1", "2"], ["2", "1", "4/2"]]}, {}, True),
        ({"sets": [["1", "2"], ["2"]]}, {}, False),
        ({"tuples": [["1", "2"], ["2", "1"]]}, {}, False),
        ({"matrices": [[["1", "0"], ["0", "1"]], [["2/2", "0"], ["0", "1"]]]}, {}, True),
        ({"matrices": [[["1"], ["0"]], [["1", "0"]]]}, {}, False),
        ({"si": [12.5, 12.513]}, SPEED, True),
        ({"si": [12.5, 12.516]}, SPEED, False),
        ({"si": [12.5, 12.5], "dimension": ["m/s", "m"]}, SPEED, False),
        ({"si": [298.15, 298.19]}, {"answer": "25.0 degC", "figures": 3}, True),
        ({"si": [298.15, 298.25]}, {"answer": "25.0 degC", "figures": 3}, False),
        ({"si": [100.0, 100.9]}, {"answer": "100 m"}, True),
        ({"counts": [{"H": 2, "O": 1}, {"O": 1, "H": 2}], "charge": [0, 0]}, {}, True),
        ({"counts": [{"Fe": 1}, {"Fe": 1}], "charge": [2, 3]}, {}, False),
        ({"balance": REACTION, "same_species": True}, {}, True),
        ({"balance": REACTION, "same_species": False}, {}, False),
        ({"balance": HALVED, "same_species": True}, {}, False),
        ({"inchi": ["OCC", "CCO"]}, {}, True),
        ({"inchi": ["N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O"]}, {}, False),
        ({"inchi": ["NC(C)C(=O)O", "N[C@H](C)C(=O)O"]}, {}, True),
        ({"letters": ["B", "C"]}, {}, False),
    ],
)
def test_each_form_tells_right_from_wrong(oracle: Row, reference: Row, right: bool) -> None:
    form = next(name for name in oracle if name in FORMS)
    assert FORMS[form]({"oracle": oracle, "reference": reference}) is right
