"""Plain math-verify as a verifier, for comparison: no reading rule, no diagnosis, no guard but a time limit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from distil_envs.grading import isolated
from distil_envs.task import Task


def math_verify(task: Task, completion: str) -> bool:
    """``verify(parse(reference), parse(completion))``, as its README has it; the reference between dollars."""
    from math_verify import parse, verify

    gold = _gold(str(task.reference.get("answer", "")))
    found: list[Any] = parse(completion)
    return bool(verify(gold, found))


@lru_cache(maxsize=4096)
def _gold(answer: str) -> list[Any]:
    from math_verify import parse

    latex = answer if "\\" in answer else answer.replace("{", "\\{").replace("}", "\\}").replace("*", " ")
    found: list[Any] = parse(f"${latex}$") or parse(answer)
    return found


VERIFIER = isolated(math_verify)
"""The same in a worker that is killed on time-out: its own time-outs need a main thread, which a worker has."""
