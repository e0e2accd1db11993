"""What runs tests that are code inside a sandbox: beside the reference program, never beside the tested one.

The source of this file is put behind the reference program and run there, so it uses the standard library only. Its
names begin with ``_distil``, so that no program has them by accident.
"""

import random as _distil_random
from copy import deepcopy as _distil_copy

TYPE_CHECKING = False  # typing itself is slow to import
if TYPE_CHECKING:
    from typing import Any


class _DistilAsks(BaseException):
    """The tests ask something to which there is no answer yet. No Exception, so that tests do not swallow it."""


def _distil_check(tests: "str") -> "Any":
    """The function ``check`` of the tests, which may use all that the reference program defines."""
    names = {**globals(), "__name__": "tests"}
    exec(compile(tests, "<tests>", "exec"), names)
    return names["check"]


def _distil_run(check: "Any", candidate: "Any") -> "list[Any]":
    """How the tests end: ["passed"], or ["failed", type, message, line]."""
    _distil_random.seed(0)
    try:
        check(candidate)
    except _DistilAsks:
        return ["asks"]
    except Exception as error:
        line, trace = None, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "<tests>":
                line = trace.tb_lineno
            trace = trace.tb_next
        return ["failed", type(error).__name__, str(error)[:500], line]
    return ["passed"]


def _distil_record(tests: "str", name: "str") -> "list[Any]":
    """Run the tests on the reference program: how they ended, and every call as [args, kwargs, answer]."""
    first, _, method = name.partition(".")
    target = globals()[first]
    calls: list[list[Any]] = []

    def candidate(*args: "Any", **kwargs: "Any") -> "Any":
        call: list[Any] = [_distil_copy(args), _distil_copy(kwargs), None]
        calls.append(call)
        try:
            value = (getattr(target(), method) if method else target)(*args, **kwargs)
        except Exception as error:
            call[2] = ["raised", str(error), *(each.__name__ for each in type(error).__mro__)]
            raise
        call[2] = ["value", _distil_copy(value)]
        return value

    return [_distil_run(_distil_check(tests), candidate), calls]


def _distil_replay(tests: "str", calls: "list[Any]") -> "list[Any]":
    """Run the tests on given answers: how they ended, and how many calls they had made by then.

    They may also end with a call that has no answer yet: ["asks", args, kwargs].
    """
    made = 0
    question: list[Any] = []

    def candidate(*args: "Any", **kwargs: "Any") -> "Any":
        nonlocal made
        if not question:
            at, made = made, made + 1
            if at >= len(calls) or not _distil_same([args, kwargs], calls[at][:2]):
                question.extend(["asks", _distil_copy(args), _distil_copy(kwargs)])
        if question:
            raise _DistilAsks
        kind, *answer = calls[at][2]
        if kind == "value":
            return _distil_copy(answer[0])
        raise _distil_exception(*answer)

    ended = _distil_run(_distil_check(tests), candidate)
    return [question or ended, made]  # whatever the tests made of it: there was no answer


def _distil_exception(message: "str", *names: "str") -> "Exception":
    """An exception of the first name, derived from the first built-in one that is named."""
    known = __builtins__ if isinstance(__builtins__, dict) else vars(__builtins__)
    base: Any = next((known[name] for name in names if isinstance(known.get(name), type)), Exception)
    if not issubclass(base, Exception):
        base = Exception
    if issubclass(base, (StopIteration, StopAsyncIteration)):
        base = RuntimeError  # it would end a loop of the tests in silence (as PEP 479 has it for generators)
    error: Exception = base.__new__(base if base.__name__ == names[0] else type(names[0], (base,), {}))
    error.args = (message,)
    return error


def _distil_same(one: "Any", other: "Any") -> "bool":
    """Equality in which 1 is not True, and NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_distil_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_distil_same(one[key], other[key]) for key in one)
    return bool(one == other or (one != one and other != other))
