"""MBPP, in both forms: full (``text``, ``test_setup_code``, ``challenge_test_list``) and sanitized (``prompt``,
``test_imports``); both with ``task_id``, ``code`` and ``test_list``.

The prompt shows the tests of ``test_list``, as is usual with this set, so these are public; ``challenge_test_list`` is
private.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distil_envs.code.asserts import called_function, read_asserts
from distil_envs.errors import TaskError
from distil_envs.loaders.rows import field, optional_text, text
from distil_envs.task import Task

INSTRUCTION = "Reply with the code in one fenced Python block. It should pass these tests:"


def mbpp_task(row: Mapping[str, Any]) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    question, number = text(row, "text", "prompt"), text(row, "task_id")
    solution = text(row, "code").replace("\r\n", "\n")
    public, private = _texts(row, "test_list"), _texts(row, "challenge_test_list")
    if not public:
        raise TaskError("test_list has no tests")
    setup = "\n".join([*_texts(row, "test_imports"), optional_text(row, "test_setup_code") or ""]).strip()
    name = called_function(solution, [*public, *private])
    return Task(
        id=f"mbpp/{number}",
        domain="code",
        prompt="\n".join([question, INSTRUCTION, "", *public]),
        reference={
            "solution": solution + "\n",
            "entry_point": name,
            "public": read_asserts(public, name, setup),
            "private": read_asserts(private, name, setup),
        },
        metadata={"family": "mbpp", "topic": "functions"},
    )


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    found = field(row, name)
    if found is None:
        return []
    if isinstance(found, str) or not isinstance(found, Sequence) or not all(isinstance(each, str) for each in found):
        raise TaskError(f"{name} should be a list of texts, got {found!r:.80}")
    return [each.strip() for each in found if each.strip()]
