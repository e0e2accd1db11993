"""Whole numbers: remainders, divisors, greatest common divisors, powers and inverses modulo a number, congruences."""

from __future__ import annotations

from math import gcd, lcm, prod

from distil_envs.family import Family, Question, Worked
from distil_envs.spaces import Distinct, Filtered, Product


def _integer(value: int, steps: list[str], key: tuple[int, ...] | None = None, **slots: int) -> Worked:
    return Worked(slots, str(value), "integer", steps, key)


def _factorise(n: int) -> dict[int, int]:
    """Prime factors with their exponents, by trial division."""
    factors: dict[int, int] = {}
    divisor = 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors[divisor] = factors.get(divisor, 0) + 1
            n //= divisor
        divisor += 1
    if n > 1:
        factors[n] = factors.get(n, 0) + 1
    return factors


def _show(factors: dict[int, int]) -> str:
    return " * ".join(f"{p}^{e}" if e > 1 else str(p) for p, e in factors.items())


def _euclid(a: int, b: int) -> list[str]:
    steps = []
    a, b = max(a, b), min(a, b)
    while b:
        steps.append(f"{a} = {a // b} * {b} + {a % b}")
        a, b = b, a % b
    return [*steps, f"The greatest common divisor is {a}"]


def _remainder(a: int, b: int) -> Worked:
    return _integer(a % b, [f"{a} = {a // b} * {b} + {a % b}"], a=a, b=b)


def _gcd(a: int, b: int) -> Worked:
    return _integer(gcd(a, b), _euclid(a, b), a=a, b=b)


def _common_multiple(g: int, pair: tuple[int, int]) -> Worked:
    """The greatest common divisor of g*u and g*v with u and v coprime."""
    a, b = g * pair[0], g * pair[1]
    return _integer(g, _euclid(a, b), (a, b), a=a, b=b)


def _lcm(a: int, b: int) -> Worked:
    common = gcd(a, b)
    steps = [*_euclid(a, b), f"The least common multiple is {a} * {b} / {common} = {lcm(a, b)}"]
    return _integer(lcm(a, b), steps, a=a, b=b)


def _divisor_count(n: int) -> Worked:
    factors = _factorise(n)
    shown = " * ".join(f"({e} + 1)" for e in factors.values())
    count = prod(e + 1 for e in factors.values())
    return _integer(count, [f"{n} = {_show(factors)}", f"{shown} = {count} divisors"], n=n)


def _divisor_sum(n: int) -> Worked:
    factors = _factorise(n)
    sums = [sum(p**k for k in range(e + 1)) for p, e in factors.items()]
    shown = " * ".join("(" + " + ".join(str(p**k) for k in range(e + 1)) + ")" for p, e in factors.items())
    return _integer(prod(sums), [f"{n} = {_show(factors)}", f"The sum is {shown} = {prod(sums)}"], n=n)


def _largest_prime(n: int) -> Worked:
    factors = _factorise(n)
    return _integer(max(factors), [f"{n} = {_show(factors)}", f"The largest prime is {max(factors)}"], n=n)


def _totient(n: int) -> Worked:
    factors = _factorise(n)
    value = prod(p ** (e - 1) * (p - 1) for p, e in factors.items())
    shown = " * ".join(f"(1 - 1/{p})" for p in factors)
    return _integer(value, [f"{n} = {_show(factors)}", f"{n} * {shown} = {value}"], n=n)


def _power(a: int, n: int, m: int) -> Worked:
    """Square and multiply, from the binary digits of the exponent."""
    steps, square, exponent, parts = [], a % m, 1, []
    while exponent <= n:
        steps.append(f"{a}^{exponent} = {square} mod {m}")
        if n & exponent:
            parts.append(square)
        square, exponent = square * square % m, exponent * 2
    value = pow(a, n, m)
    steps.append(f"{a}^{n} = {' * '.join(map(str, parts))} = {value} mod {m}")
    return _integer(value, steps, a=a, n=n, m=m)


def _inverse(a: int, m: int) -> Worked:
    value = pow(a, -1, m)
    return _integer(value, [*_euclid(a, m), f"{a} * {value} = {a * value} = {a * value // m} * {m} + 1"], a=a, m=m)


def _congruences(moduli: tuple[int, int], a: int, b: int) -> Worked:
    m, n = moduli
    k = (b - a) * pow(m, -1, n) % n
    x = a + m * k
    steps = [
        f"x = {a} + {m}k for some k",
        f"{m}k = {b - a} mod {n}, so k = {pow(m, -1, n)} * ({b - a}) = {k} mod {n}",
        f"x = {a} + {m} * {k} = {x}",
    ]
    return _integer(x, steps, (a, m, b, n), a=a, m=m, b=b, n=n)


_REMAINDER = ("What is the remainder when {a} is divided by {b}?", "What is {a} mod {b}?", "Compute {a} modulo {b}.")
_GCD = ("What is the greatest common divisor of {a} and {b}?", "Find gcd({b}, {a}).")
_LCM = ("What is the least common multiple of {a} and {b}?", "Find lcm({b}, {a}).")
_DIVISOR_COUNT = ("How many positive divisors does {n} have?", "Find the number of positive divisors of {n}.")
_DIVISOR_SUM = (
    "What is the sum of all positive divisors of {n}?",
    "Add up all positive divisors of {n}, {n} included.",
)
_LARGEST_PRIME = ("What is the largest prime factor of {n}?", "Find the greatest prime that divides {n}.")
_TOTIENT = (
    "How many integers from 1 to {n} are coprime to {n}?",
    "What is Euler's totient of {n}?",
)
_POWER = ("What is {a}^{n} mod {m}?", "Find the remainder when {a}^{n} is divided by {m}.")
_INVERSE = (
    "What is the inverse of {a} modulo {m}, as a number from 1 to {m}?",
    "Find the number x between 0 and {m} with {a}x = 1 mod {m}.",
)
_CONGRUENCES = (
    "What is the least non-negative x with x = {a} mod {m} and x = {b} mod {n}?",
    "Find the smallest integer x >= 0 that leaves the remainder {a} divided by {m} and {b} divided by {n}.",
)


def _composite(n: int) -> bool:
    return sum(_factorise(n).values()) > 1


def _coprime(a: int, b: int) -> bool:
    return gcd(a, b) == 1


_moduli = Filtered(Distinct(range(5, 24)), _coprime)


_residues = Filtered(Product(_moduli, range(23), range(23)), lambda mn, a, b: a < mn[0] and b < mn[1])

FAMILY = Family(
    "number-theory",
    "number-theory",
    [
        [
            Question("remainder", Product(range(10, 60), range(2, 10)), _remainder, _REMAINDER),
            Question("gcd", Distinct(range(2, 25)), _gcd, _GCD),
            Question("lcm", Distinct(range(2, 13)), _lcm, _LCM),
        ],
        [
            Question("remainder", Product(range(100, 1000), range(3, 20)), _remainder, _REMAINDER),
            Question("gcd", Filtered(Distinct(range(25, 121)), lambda a, b: gcd(a, b) > 1), _gcd, _GCD),
            Question("lcm", Distinct(range(13, 41)), _lcm, _LCM),
            Question("divisor-count", Product(range(10, 201)), _divisor_count, _DIVISOR_COUNT),
        ],
        [
            Question("gcd", Product(range(7, 31), Filtered(Distinct(range(18, 34)), _coprime)), _common_multiple, _GCD),
            Question("divisor-sum", Product(range(20, 1001)), _divisor_sum, _DIVISOR_SUM),
            Question("largest-prime", Filtered(Product(range(100, 2001)), _composite), _largest_prime, _LARGEST_PRIME),
            Question("power", Product(range(2, 20), range(5, 61), range(3, 31)), _power, _POWER),
        ],
        [
            Question("inverse", Filtered(Product(range(3, 60), range(61, 201)), _coprime), _inverse, _INVERSE),
            Question("congruences", _residues, _congruences, _CONGRUENCES),
            Question("totient", Product(range(100, 3001)), _totient, _TOTIENT),
            Question("power", Product(range(2, 100), range(61, 1000), (97, 100, 101, 125, 1000)), _power, _POWER),
        ],
    ],
)
