"""OlympiadBench (He et al. 2024): open-ended problems of mathematics and physics, with a list as the final answer.

A number with a unit or a tolerance becomes a `quantity`, whose unit the prompt names, everything else an `expression`:
`distil_envs.science.ScienceVerifier` grades them all. What cannot be graded is a bad
line that says why: proofs, rows with pictures, answers that a human should judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.loaders.rows import field, optional_text, text
from distil_envs.science.kinds import kind_of
from distil_envs.task import Task

ANSWER_TYPES = ("Numerical", "Expression", "Equation", "Interval", "Tuple")
TOLERANCE = 0.01
"""Relative, of a number with a unit whose row tells no error."""
_LEVELS = {"cee": 1, "competition": 2, "comp": 2}
_COMMA = re.compile(r",(?=\d)")  # 100,200 would be one number
_NAMED = re.compile(r"^[A-Za-z](?:_\{?\w+\}?)?\s*=\s*")


def olympiad_task(row: Mapping[str, Any], task_id: str) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    _gradable(row)
    subject = (optional_text(row, "subject") or "Math").casefold()
    unit = optional_text(row, "unit")
    reference = _reference(row, _answers(row), _plain(unit or ""))
    solutions = "\n\n".join(_texts(row, "solution"))
    parts = [optional_text(row, "context"), text(row, "question"), f"Give the answer in {unit}." if unit else None]
    metadata = {
        "family": "olympiadbench",
        "topic": optional_text(row, "subfield") or subject,
        "level": _LEVELS.get(str(field(row, "difficulty")).casefold()),
    }
    return Task(
        id=task_id,
        domain="math" if reference["kind"] == "expression" and subject != "physics" else "science",
        prompt="\n\n".join(part for part in parts if part),
        reference=reference | ({"solution": solutions} if solutions else {}),
        metadata={name: value for name, value in metadata.items() if value is not None},
    )


def _gradable(row: Mapping[str, Any]) -> None:
    """Raises TaskError for a row that words alone do not ask, or whose answer no program can judge."""
    modality = optional_text(row, "modality")
    shown = [name for name, value in row.items() if name.casefold().startswith("image") and value]
    if shown or (modality and "multimodal" in modality.casefold()):
        raise TaskError(f"the problem needs its picture ({', '.join(shown) or modality}), which a prompt cannot show")
    if "proof" in (optional_text(row, "question_type") or "").casefold():
        raise TaskError("a theorem to prove: there is no final answer to grade")
    kinds = {part.strip() for part in (optional_text(row, "answer_type") or "Expression").split(",")}
    if odd := kinds - set(ANSWER_TYPES):
        raise TaskError(f"an answer of type {', '.join(sorted(odd))} cannot be graded; {', '.join(ANSWER_TYPES)} can")


def _answers(row: Mapping[str, Any]) -> str:
    """The final answer without dollars; several with commas between them."""
    written = _texts(row, "final_answer")
    if not written:
        raise TaskError("no final_answer: a theorem to prove, or a row without its answer")
    if len(written) > 1 and not field(row, "is_multiple_answer"):
        raise TaskError(f"{len(written)} final answers, but is_multiple_answer is not set")
    answer = ", ".join(_plain(each) for each in written)
    return _COMMA.sub(", ", answer) if field(row, "is_multiple_answer") else answer


def _reference(row: Mapping[str, Any], answer: str, unit: str) -> dict[str, Any]:
    numerical = optional_text(row, "answer_type") == "Numerical"
    error = optional_text(row, "error")
    if not numerical or not (unit or error):
        return {"answer": answer, "kind": "expression"}
    numbers = answer.split(",") if field(row, "is_multiple_answer") else [answer]
    items = [f"{_NAMED.sub('', number.strip())} {unit}".strip() for number in numbers]
    reference: dict[str, Any] = {"answer": ", ".join(items), "kind": "quantity", "unit": "optional"}
    if len(items) > 1:
        reference |= {"kind": "list", "item": "quantity"}
    errors = _errors(error, len(items)) if error else []
    reference |= {"error": errors[0] if len(errors) == 1 else errors} if errors else {"tolerance": TOLERANCE}
    kind_of(reference).check(reference)
    return reference


def _errors(error: str, count: int) -> list[float]:
    """The absolute errors of the row: one for each answer, or one for all."""
    try:
        errors = [float(each) for each in error.split(",")]
    except ValueError:
        raise TaskError(f"error should be a number or numbers with commas, got {error!r}") from None
    if len(errors) not in (1, count):
        raise TaskError(f"{len(errors)} errors for {count} answers")
    return errors


def _plain(latex: str) -> str:
    return latex.strip().strip("$").strip()


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    return list(_each(field(row, name), name))


def _each(found: Any, name: str) -> Iterator[str]:
    for each in [found] if isinstance(found, str) else found or ():
        if not isinstance(each, str):
            raise TaskError(f"{name} should be a list of texts, got {found!r:.80}")
        if each.strip():
            yield each.strip()
