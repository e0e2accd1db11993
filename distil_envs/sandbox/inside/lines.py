"""Executed lines with the variables that each changed, written as they happen: a crash or a time-out loses none.

Two kinds of JSON lines: ``[index, line, function]`` when a line begins, and ``[index, {name: representation}]`` when
it is known what the line of that index has changed. The runner keeps head and tail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from types import FrameType
from typing import Any

from distil_envs.sandbox.bounded import bounded_repr, cut
from distil_envs.sandbox.inside.describe import FILENAME, variables

LOCAL_REPR = 80


def line_tracer(fd: int) -> Callable[[FrameType, str, Any], Any]:
    """A function for `sys.settrace` that writes the lines of the program to ``fd``."""
    count = 0

    def write(record: list[Any]) -> None:
        os.write(fd, json.dumps(record).encode("ascii") + b"\n")

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        if event != "call" or frame.f_code.co_filename != FILENAME:
            return None
        function = cut(frame.f_code.co_name, 100)
        before = variables(frame, LOCAL_REPR)
        last: int | None = None

        def follow(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before, last, count
            if event in ("line", "return"):
                after = variables(frame, LOCAL_REPR)
                changed = {name: text for name, text in after.items() if before.get(name) != text}
                before = after
                if event == "return" and argument is not None:
                    changed["return"] = bounded_repr(argument, LOCAL_REPR)
                if last is not None and changed:
                    write([last, changed])
            if event == "line":
                last, count = count, count + 1
                write([last, frame.f_lineno, function])
            return follow

        return follow

    return enter
