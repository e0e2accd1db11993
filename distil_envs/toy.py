"""Toy dialects for the character-level model `tiny`: a digit rule, made-up facts, and functions of one expression.

They are for tests and the smoke benchmark: each can be asked, answered and graded within a dozen characters.

- ``rule``: ``147!`` asks for the digits in reverse, ``741``.
- ``fact``: ``kq?`` asks for three digits that nothing but feedback can tell.
- ``function``: ``f(1)=3 f(2)=5 f(3)=7`` asks for an expression in x such as ``2*x+1``, which is then really evaluated.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from distil_envs.counted import derive
from distil_envs.errors import TaskError
from distil_envs.family import Family, Question, Worked
from distil_envs.math.polynomial import evaluate, multiply
from distil_envs.outcome import Check, Event, Outcome, Raised, Status, TestResult, Trace
from distil_envs.spaces import Product, Unordered, between
from distil_envs.task import Task

LONGEST = 200
"""Characters of an answer that are read."""
DEEPEST = 100
"""Nesting of an expression that is evaluated; a sum of n terms is nested n deep."""
SHOWN = (1, 2, 3)
"""Inputs of a function task's prompt. Three points determine every function asked for here."""
HIDDEN = (0, 5, 10, -4)
"""Further inputs that its answer is tested on."""

_FACT_SEED = 0  # a constant: the facts are the same in every run
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WRITTEN = re.compile(r"[0-9x+\-* ()]+")
_GLUED = re.compile(r"[0-9x] *x|x *[0-9]")  # 2x is not Python, and 0x1 is not arithmetic
_PIECES = 20  # expressions of a completion that are tried when it is searched for a right value


class ToyFamily(Family):
    """A family in a toy dialect: its solutions are bare answers, since the model speaks no words."""

    domain: ClassVar[str] = "toy"

    def solution(self, worked: Worked) -> str:
        return worked.answer


def _rule(digits: int) -> Question:
    def work(number: int) -> Worked:
        text = f"{number:0{digits}d}"
        return Worked({"digits": text}, text[::-1], "text", (), key=text)

    return Question("reverse", Product(range(10**digits)), work, ("{digits}!",))


def _fact(first: str, second: str) -> Worked:
    key = first + second
    return Worked({"key": key}, f"{derive(_FACT_SEED, 'toy-fact', key) % 1000:03d}", "text", (), key=key)


def _function(coefficients: Sequence[int], answer: str) -> Worked:
    tests = [[x, evaluate(coefficients, x)] for x in (*SHOWN, *HIDDEN)]
    slots = {"points": " ".join(f"f({x})={y}" for x, y in tests[: len(SHOWN)])}
    extra = {"tests": tests, "shown": len(SHOWN)}
    return Worked(slots, answer, "function", (), key=coefficients, extra=extra)


def _plus(term: str, constant: int) -> str:
    return f"{term}{constant:+d}" if constant else term


def _linear(a: int, b: int) -> Worked:
    return _function((b, a), _plus("x" if a == 1 else f"{a}*x", b))


def _square(a: int, b: int) -> Worked:
    return _function((b, 0, a), _plus("x*x" if a == 1 else f"{a}*x*x", b))


def _two_factors(a: int, b: int) -> Worked:
    return _function(multiply((a, 1), (b, 1)), f"(x+{a})*(x+{b})")


_POINTS = ("{points}",)

RULE = ToyFamily("rule", "toy", [[_rule(3)], [_rule(4)]])
FACT = ToyFamily("fact", "toy", [[Question("fact", Product(_LETTERS, _LETTERS), _fact, ("{key}?",))]])
FUNCTION = ToyFamily(
    "function",
    "toy",
    [
        [Question("polynomial", Product(range(1, 10), range(10)), _linear, _POINTS)],
        [
            Question("polynomial", Product(range(1, 10), range(-9, 0)), _linear, _POINTS),
            Question("polynomial", Product((1,), between(9)), _square, _POINTS),
        ],
        [
            Question("polynomial", Product(range(2, 7), between(9)), _square, _POINTS),
            Question("polynomial", Unordered(range(1, 10)), _two_factors, _POINTS),
        ],
    ],
)

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in (RULE, FACT, FUNCTION)})
"""Every toy family by name."""


def exact_match(task: Task, completion: str) -> Outcome:
    """Grade a toy answer: the very text, or for a function an expression that passes every test.

    The trace holds the checks ``exact`` and ``value-anywhere`` (the right value stands somewhere in the completion) and
    for a function one `TestResult` per input. Raises TaskError for a task without an answer, never for a completion.
    """
    answer = task.reference.get("answer")
    if not isinstance(answer, str):
        raise TaskError(f"task {task.id!r} has no reference answer; exact_match needs reference['answer'] as text")
    text = completion.strip()
    if not text:
        checks = (Check("exact", False, "the completion is empty"), Check("value-anywhere", False))
        return Outcome(0.0, Status.MALFORMED, None, Trace(checks))
    if task.reference.get("kind") == "function":
        return _grade_function(task, completion, text)
    start = completion.index(text)
    exact = text == answer
    found = re.search(rf"(?<![0-9]){re.escape(answer)}(?![0-9])", completion)
    checks = (
        Check("exact", exact, span=(start, start + len(text))),
        Check("value-anywhere", found is not None, span=found.span() if found else None),
    )
    return Outcome(float(exact), Status.CORRECT if exact else Status.WRONG, text[:LONGEST], Trace(checks))


def _grade_function(task: Task, completion: str, text: str) -> Outcome:
    tests = task.reference["tests"]
    start = completion.index(text)
    span = (start, start + len(text))
    anywhere = Check("value-anywhere", any(_passes(piece, tests) for piece in _WRITTEN.findall(text)[:_PIECES]))
    try:
        tree = _parse(text)
        results = _run(tree, tests, task.reference["shown"])
    except _UnreadableError as error:
        events: tuple[Event, ...] = (
            Raised("SyntaxError", str(error), span=span),
            Check("exact", False, "not an expression in x", span),
        )
        return Outcome(0.0, Status.MALFORMED, None, Trace((*events, anywhere)))
    exact = all(result.passed for result in results)
    trace = Trace((*results, Check("exact", exact, span=span), anywhere))
    return Outcome(float(exact), Status.CORRECT if exact else Status.WRONG, text[:LONGEST], trace)


def _run(tree: ast.expr, tests: Sequence[Sequence[int]], shown: int) -> list[TestResult]:
    results = []
    for index, (x, expected) in enumerate(tests):
        actual = _value(tree, x, DEEPEST)
        name = f"{'shown' if index < shown else 'hidden'} f({x})"
        results.append(TestResult(name, actual == expected, str(x), str(expected), str(actual)))
    return results


def _passes(text: str, tests: Sequence[Sequence[int]]) -> bool:
    try:
        tree = _parse(text.strip())
        return all(_value(tree, x, DEEPEST) == expected for x, expected in tests)
    except _UnreadableError:
        return False


class _UnreadableError(Exception):
    """The text is not an expression that we evaluate."""


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise _UnreadableError(f"{len(text)} characters, at most {LONGEST} are read")
    if not _WRITTEN.fullmatch(text) or _GLUED.search(text):
        raise _UnreadableError("only digits, x, +, -, * and parentheses, as in 2*x+1")
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _UnreadableError(f"not Python: {getattr(error, 'msg', type(error).__name__)}") from None


def _value(node: ast.expr, x: int, depth: int) -> int:
    """Evaluate by hand: sums, differences, products and signs of integers and x. Two hundred characters stay small."""
    if depth == 0:
        raise _UnreadableError(f"nested deeper than {DEEPEST}")
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id="x"):
            return x
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _value(operand, x, depth - 1)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as operator, right=right):
            a, b = _value(left, x, depth - 1), _value(right, x, depth - 1)
            if isinstance(operator, ast.Mult):
                return a * b
            return a + b if isinstance(operator, ast.Add) else a - b
        case _:
            raise _UnreadableError(f"{type(node).__name__} is not sums, differences and products of numbers and x")
