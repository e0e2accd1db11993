"""GSM8K: ``question``, and an ``answer`` that is a worked solution with the result after ``####``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.loaders.rows import text
from distil_envs.task import Task

_CALCULATOR = re.compile(r"<<[^<>\n]*>{1,2}")  # some rows close a mark with one bracket only
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def gsm8k_task(row: Mapping[str, Any], task_id: str) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    question = text(row, "question", "problem")
    working, mark, result = text(row, "answer").rpartition("####")
    if not mark:
        raise TaskError("the answer has no '####' before its result")
    answer = _THOUSANDS.sub("", result.strip().removesuffix(".").replace("$", "").strip())
    if not answer:
        raise TaskError("nothing stands after '####'")
    steps = _CALCULATOR.sub("", working).strip()
    return Task(
        id=task_id,
        domain="math",
        prompt=question,
        reference={"answer": answer, "solution": f"{steps}\nAnswer: {answer}".lstrip()},
        metadata={"family": "gsm8k", "topic": "word problems"},
    )
