"""Plain math-verify as a verifier, for comparison: no reading rule, no diagnosis, no guard but a time limit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from distil_envs.grading import isolated
from distil_envs.task import Task


def math_verify(task: Task, completion: str) -> bool:
    """``verify(parse(reference), parse(completion))``, as its README has it; the reference between dollars."""
    from math_verify import parse, verify

    # Its own time-outs use signals; the pool that this runs in has a limit already.
    gold = _gold(str(task.reference.get("answer", "")))
    found: list[Any] = parse(completion, parsing_timeout=None)
    return bool(verify(gold, found, timeout_seconds=None))


@lru_cache(maxsize=4096)
def _gold(answer: str) -> list[Any]:
    from math_verify import parse

    latex = answer if "\\" in answer else answer.replace("{", "\\{").replace("}", "\\}").replace("*", " ")
    found: list[Any] = parse(f"${latex}$", parsing_timeout=None) or parse(answer, parsing_timeout=None)
    return found


VERIFIER = isolated(math_verify, timeout_s=5.0)
"""The same in a worker that is killed on time-out."""
