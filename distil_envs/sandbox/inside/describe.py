"""Exceptions of a program as bounded data: only frames of its own source, with the locals of those that are kept."""

from __future__ import annotations

import sys
import traceback
import types
from typing import Any

from distil_envs.sandbox.bounded import bounded_repr, cut

FILENAME = "program.py"
"""What the source is called in tracebacks."""
MESSAGE = 2000
FRAMES = 8
"""Frames kept from the head, and as many from the tail."""
BASES = 16
"""Base classes named, nearest first."""
LOCALS = 12
"""Variables kept of a frame."""
LOCAL_REPR = 160
BRIEF_MESSAGE = 200

_HIDDEN = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)


def describe(error: BaseException, brief: bool = False) -> dict[str, Any]:
    """Fields of `distil_envs.sandbox.Raised`. ``brief``: no frames, a short message."""
    frames = _frames(error)
    found: dict[str, Any] = {
        "type": cut(type(error).__name__, 100),
        "bases": [cut(base.__name__, 100) for base in type(error).__mro__[1:-1][:BASES]],
        "message": cut(_message(error), BRIEF_MESSAGE if brief else MESSAGE),
        "line": frames[-1][1] if frames else None,
    }
    if isinstance(error, SyntaxError) and error.filename == FILENAME:
        found["message"] = cut(str(error.msg), MESSAGE)  # without file and line
        found["line"] = _position(error.lineno)
        found["column"] = _position(error.offset)
        found["end_line"] = _position(getattr(error, "end_lineno", None))
        found["end_column"] = _position(getattr(error, "end_offset", None))
    if not brief:
        kept = frames if len(frames) <= 2 * FRAMES else frames[:FRAMES] + frames[-FRAMES:]
        found["frames"] = [
            {"function": cut(frame.f_code.co_name, 100), "line": line, "locals": variables(frame)}
            for frame, line in kept
        ]
        found["frames_cut"] = len(frames) - len(kept)
    return found


def variables(frame: types.FrameType, limit: int = LOCAL_REPR) -> dict[str, str]:
    """Bounded representations of a frame's variables; of a module's without functions, classes and modules."""
    found: dict[str, str] = {}
    is_module = frame.f_code.co_name == "<module>"
    for name, value in list(frame.f_locals.items()):
        if is_module and (name.startswith("__") or isinstance(value, _HIDDEN)):
            continue
        found[cut(str(name), 60)] = bounded_repr(value, limit)
        if len(found) == LOCALS:
            break
    return found


def print_traceback(error: BaseException) -> None:
    """On stderr, as the interpreter would print it: without our own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != FILENAME:
        trace = trace.tb_next
    try:
        sys.stderr.write("".join(traceback.format_exception(type(error), error, trace)))
    except Exception as failure:  # of the program's own __str__, or its replaced stderr
        print(f"{type(error).__name__} whose traceback raised {type(failure).__name__}", file=sys.__stderr__)


def _position(number: object) -> int | None:
    """Of a syntax error, counted from 1. CPython gives 0 or -1 where it knows none, and a program what it likes."""
    return number if type(number) is int and number > 0 else None


def _frames(error: BaseException) -> list[tuple[types.FrameType, int]]:
    found = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILENAME:
            found.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return found


def _message(error: BaseException) -> str:
    try:
        return str.__str__(str(error))
    except Exception as failure:
        return f"<its text raised {type(failure).__name__}>"
