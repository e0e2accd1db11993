"""What a tree is worth: exactly as a `Fraction` where it is rational, numerically at any precision, or in sympy.

Every evaluation is bounded: a power or factorial that would not fit raises `Undefined` instead of running on.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from distil_envs.math.tree import Node, symbols

MAX_BITS = 20_000
_MAX_FACTORIAL = 2_050
_MAX_CHOSEN = 60


class Undefined(ArithmeticError):  # noqa: N818 (a finding, not a fault)
    """No value: division by zero, a pole, a number too large to hold, or something that is not a number."""


def exact(node: Node) -> Fraction | None:
    """The value of a rational number written in any way, or None for everything else. Needs neither sympy nor time."""
    try:
        return _exact(node)
    except (ZeroDivisionError, Undefined):
        return None


def _exact(node: Node) -> Fraction | None:
    op, args = node.op, node.args
    if op == "num":
        value: Fraction = args[0]
        return value
    if op not in ("neg", "inv", "add", "mul", "pow", "fact", "root", "call"):
        return None
    parts = [_exact(arg) for arg in args if isinstance(arg, Node)]
    values = [part for part in parts if part is not None]
    if len(values) != len(parts):
        return None
    match op:
        case "neg":
            return -values[0]
        case "inv":
            return 1 / values[0]
        case "add":
            total = Fraction(0)
            for value in values:
                total += value
                _fits(_bits(total))
            return total
        case "mul":
            product = Fraction(1)
            for value in values:
                product *= value
                _fits(_bits(product))
            return product
        case "pow":
            return _power(values[0], values[1])
        case "fact":
            return _factorial(values[0])
        case "root":
            return _root(values[0], values[1])
    return _integer_function(args[0], values)


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _fits(bits: int | Fraction) -> None:
    if bits > MAX_BITS:
        raise Undefined("the number is too large")


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        return None
    if base in (0, 1, -1):
        return base ** int(exponent) if base or exponent > 0 else _indeterminate(exponent)
    _fits(abs(exponent) * _bits(base))
    return Fraction(base ** int(exponent))


def _indeterminate(exponent: Fraction) -> Fraction:
    if exponent == 0:
        return Fraction(1)
    raise Undefined("a power of zero")


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or not 0 <= value <= _MAX_FACTORIAL:
        raise Undefined("a factorial out of range")
    return Fraction(math.factorial(int(value)))


def _root(degree: Fraction, value: Fraction) -> Fraction | None:
    if degree != 2 or value < 0:
        return None
    above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
    return Fraction(above, below) if above**2 == value.numerator and below**2 == value.denominator else None


def _integer_function(name: str, values: list[Fraction]) -> Fraction | None:
    if name == "abs":
        return abs(values[0])
    if name in ("floor", "ceil"):
        return Fraction(math.floor(values[0]) if name == "floor" else math.ceil(values[0]))
    if name in ("gcd", "lcm", "binom") and all(value.denominator == 1 and value >= 0 for value in values):
        if name == "binom":
            if values[0] > _MAX_FACTORIAL:
                raise Undefined("a binomial out of range")
            return Fraction(math.comb(int(values[0]), int(values[1])))
        return Fraction((math.gcd if name == "gcd" else math.lcm)(int(values[0]), int(values[1])))
    return None


_contexts = threading.local()


def context() -> Any:
    """This thread's mpmath context: the common one would share its precision between threads."""
    if not hasattr(_contexts, "mp"):
        import mpmath

        _contexts.mp = mpmath.MPContext()
    return _contexts.mp


def numeric(node: Node, point: Mapping[str, Fraction], digits: int, *, real: bool = False) -> Any:
    """The value at ``point`` as an mpmath number with ``digits`` working digits. Raises Undefined.

    ``real``: roots, fractional powers and logarithms of a negative number that depends on the point are undefined too.
    """
    mp = context()
    with mp.workdps(digits):
        try:
            value = +mp.convert(_Numeric(point, digits, real).value(node))
        except (ZeroDivisionError, ValueError, OverflowError, ArithmeticError) as error:
            raise Undefined(str(error)) from None
        if not mp.isfinite(value):
            raise Undefined("not finite")
        return value


class _Numeric:
    def __init__(self, point: Mapping[str, Fraction], digits: int, real: bool) -> None:
        self.real = real
        self.mp = context()
        self.point = point
        self.digits = digits

    def rational(self, value: Fraction) -> Any:
        return self.mp.mpf(value.numerator) / value.denominator

    def value(self, node: Node) -> Any:
        mp, args = self.mp, node.args
        match node.op:
            case "num":
                return self.rational(args[0])
            case "sym":
                if args[0] not in self.point:
                    raise Undefined(f"{args[0]} has no value")
                return self.rational(self.point[args[0]])
            case "const":
                if args[0] == "oo":
                    raise Undefined("infinity")
                return {"pi": mp.pi, "e": mp.e, "i": mp.mpc(0, 1)}[args[0]] * 1
            case "neg":
                return -self.value(args[0])
            case "inv":
                return 1 / self.value(args[0])
            case "add":
                return mp.fsum([self.value(arg) for arg in args])
            case "mul":
                return mp.fprod([self.value(arg) for arg in args])
            case "pow":
                exponent = self.value(args[1])
                base = self.value(args[0])
                if exponent != self.mp.floor(self.mp.re(exponent)):
                    self.branch(args[0], base)
                return self.power(base, exponent)
            case "root":
                return self.root(self.value(args[0]), self.branch(args[1], self.value(args[1])))
            case "fact":
                return self.bounded(mp.factorial, self.value(args[0]))
            case "call":
                values = [self.value(arg) for arg in args[1:]]
                if args[0] == "ln":
                    self.branch(args[1], values[0])
                return self.call(args[0], values)
            case "sympy":
                return self.sympy(args[0])
        raise Undefined(f"{node.op} is not a number")

    def branch(self, inside: Node, value: Any) -> Any:
        """The value, unless a branch would have to be chosen for it and only real ones are wanted."""
        if self.real and symbols(inside) and (self.mp.im(value) != 0 or self.mp.re(value) < 0):
            raise Undefined("not real here")
        return value

    def power(self, base: Any, exponent: Any) -> Any:
        if base and abs(exponent) * (abs(self.mp.log(abs(base), 2)) + 1) > 1e7:
            raise Undefined("the number is too large")
        return base**exponent

    def root(self, degree: Any, inside: Any) -> Any:
        mp = self.mp
        if mp.im(degree) != 0 or degree != int(degree) or not 2 <= degree <= 1000:
            return self.power(inside, 1 / degree)
        if mp.im(inside) == 0 and mp.re(inside) < 0 and int(degree) % 2:
            return -mp.root(-mp.re(inside), int(degree))  # the real root
        return mp.root(inside, int(degree))

    def bounded(self, function: Callable[[Any], Any], argument: Any) -> Any:
        if abs(argument) > 10_000:
            raise Undefined("the number is too large")
        return function(argument)

    def call(self, name: str, arguments: list[Any]) -> Any:
        mp = self.mp
        names = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "abs": "fabs", "binom": "binomial"}
        if name == "ln":
            return mp.log(arguments[0])
        if name in ("exp", "sinh", "cosh", "tanh", "binom"):
            for argument in arguments:
                self.bounded(abs, argument)
            if name == "binom" and arguments[1] == int(mp.re(arguments[1])) and 0 <= arguments[1] <= _MAX_CHOSEN:
                return self.chosen(arguments[0], int(arguments[1]))
        elif name in ("gcd", "lcm"):
            raise Undefined(f"{name} of what is not an integer")
        return getattr(mp, names.get(name, name))(*arguments)

    def chosen(self, top: Any, count: int) -> Any:
        """``n (n - 1) … / k!``: far cheaper than three gamma functions."""
        return self.mp.fprod([top - place for place in range(count)]) / math.factorial(count)

    def sympy(self, expression: Any) -> Any:
        import sympy

        where = {symbol: sympy.Rational(str(self.point[symbol.name])) for symbol in expression.free_symbols}
        value = expression.subs(where).evalf(self.digits)
        if not value.is_number or value.has(sympy.nan, sympy.zoo, sympy.oo):
            raise Undefined("no number")
        real, imaginary = value.as_real_imag()
        return self.mp.mpc(str(real), str(imaginary)) if imaginary != 0 else self.mp.mpf(str(real))


def to_sympy(node: Node, *, positive: bool = False) -> Any:
    """The tree as a sympy expression with the same bounds. Raises Undefined."""
    import sympy

    def value(part: Node) -> Any:
        args = part.args
        match part.op:
            case "num":
                return sympy.Rational(args[0].numerator, args[0].denominator)
            case "sym":
                return sympy.Symbol(args[0], positive=True) if positive else sympy.Symbol(args[0])
            case "const":
                return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}[args[0]]
            case "neg":
                return -value(args[0])
            case "inv":
                return 1 / value(args[0])
            case "add":
                return sympy.Add(*(value(arg) for arg in args))
            case "mul":
                return sympy.Mul(*(value(arg) for arg in args))
            case "pow":
                known = exact(part)  # as large as exact values may be
                if known is not None:
                    return sympy.Rational(known.numerator, known.denominator)
                return power(value(args[0]), value(args[1]))
            case "root":
                return power(value(args[1]), 1 / value(args[0]))
            case "sympy":
                return args[0]
            case "call":
                return call(args[0], [value(arg) for arg in args[1:]])
        raise Undefined(f"{part.op} is not taken to sympy")

    def power(base: Any, exponent: Any) -> Any:
        if exponent.is_number:
            size = abs(exponent.evalf(5))
            digits = len(str(base)) if base.is_number else 0
            if (not size.is_Float and not size.is_Integer) or size > 1_000 or size * digits * 4 > MAX_BITS:
                raise Undefined("the power is too large")
        return base**exponent

    def call(name: str, arguments: list[Any]) -> Any:
        if name == "binom" and arguments[1].is_Integer and 0 <= arguments[1] <= _MAX_CHOSEN:
            return sympy.ff(arguments[0], arguments[1]) / sympy.factorial(arguments[1])
        names = {"ln": "log", "abs": "Abs", "binom": "binomial", "ceil": "ceiling"}
        known = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", **names}
        return getattr(sympy, known.get(name, name))(*arguments)

    return value(node)
