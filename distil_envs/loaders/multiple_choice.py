"""Multiple choice in the forms of SciKnowEval, MMLU and GPQA. Chance is the floor of all of them: see
`distil_envs.science.chance`.

Options are letters from A on. Rows that list the right answer apart from the wrong ones (GPQA) get an order drawn from
their own content, so that it is the same in every run and on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from distil_envs.counted import generator
from distil_envs.errors import TaskError
from distil_envs.loaders.rows import field, optional_text, text
from distil_envs.task import Task

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
REQUEST = "Reply with the letter of the right option."
_OPTION = re.compile(r"^([A-Z])(?::|\)|\.) ?(.*(?:\n(?![A-Z](?::|\)|\.) ).*)*)", re.M)
_REQUESTS = re.compile(r"\n\s*Please reason step by step\.\s*$")


def sciknoweval_task(row: Mapping[str, Any], task_id: str, source: str) -> Task:
    """The task of one row: ``question`` with ``choices`` and ``answerKey``, or a ``prompt`` that spells the options out
    with the instructions in ``system`` (the form of the SDPO project). Raises TaskError for one that cannot be used.
    """
    if field(row, "choices", "options") is not None:
        return mmlu_task(row, task_id, source)
    prompt = text(row, "prompt")
    start = prompt.find("\nA: ")
    options = {match[1]: match[2].strip() for match in _OPTION.finditer(_REQUESTS.sub("", prompt), max(start, 0))}
    system = optional_text(row, "system")
    messages = [{"role": "system", "content": system}] if system else []
    return _task(
        task_id, [*messages, {"role": "user", "content": prompt}], options, text(row, "answer"), _topic(source)
    )


def mmlu_task(row: Mapping[str, Any], task_id: str, source: str) -> Task:
    """The task of one row of a set like MMLU, MMLU-Pro or ARC: ``question``; ``choices`` or ``options`` or a column for
    each letter; ``answer`` or ``answerKey``: a letter, a number from 0, or the text of one option.

    Raises TaskError for one that cannot be used.
    """
    question = text(row, "question", "prompt")
    options = _options(row)
    subject = optional_text(row, "subject", "category", "domain") or _topic(source)
    answer = _letter(row, options)
    explanation = optional_text(row, "explanation", "cot_content", "rationale", "solution")
    return _task(task_id, _prompt(question, options), options, answer, subject, explanation)


def gpqa_task(row: Mapping[str, Any], task_id: str) -> Task:
    """The task of one row: ``Question``, ``Correct Answer``, ``Incorrect Answer 1`` and so on.

    Raises TaskError for one that cannot be used.
    """
    question, right = text(row, "Question"), text(row, "Correct Answer")
    wrong = [found for n in range(1, 10) if (found := optional_text(row, f"Incorrect Answer {n}")) is not None]
    texts = [right, *wrong]
    order = generator(0, "gpqa-options", question).permutation(len(texts))
    options = {LETTERS[place]: texts[index] for place, index in enumerate(order)}
    answer = LETTERS[list(order).index(0)]
    topic = optional_text(row, "High-level domain", "Subdomain") or "gpqa"
    return _task(task_id, _prompt(question, options), options, answer, topic, optional_text(row, "Explanation"))


def _options(row: Mapping[str, Any]) -> dict[str, str]:
    found = field(row, "choices", "options")
    if isinstance(found, Mapping) and isinstance(found.get("text"), Sequence):
        found = found["text"]
    elif isinstance(found, Mapping):
        found = [found[name] for name in sorted(found)]
    elif found is None:
        found = [row[letter] for letter in LETTERS if letter in row]
    if isinstance(found, str) or not isinstance(found, Sequence) or len(found) < 2:
        raise TaskError(f"no options: expected choices, options or columns A, B, ...; the row has {', '.join(row)}")
    return {letter: str(option).strip() for letter, option in zip(LETTERS, found, strict=False)}


def _topic(source: str) -> str:
    """``physics`` of a file ``physics.train``."""
    return source.partition(".")[0]


def _letter(row: Mapping[str, Any], options: Mapping[str, str]) -> str:
    """A letter, from a letter, a number from 0, a label of the row's own, or the text of one option."""
    letters = list(options)
    written = (field(row, name) for name in ("answer", "answerKey", "answer_index", "target"))
    answer = next((each for each in written if each is not None and str(each).strip()), None)
    if isinstance(answer, (int, float)) and not isinstance(answer, bool) and answer in range(len(letters)):
        return letters[int(answer)]
    told = str(answer).strip()
    choices = field(row, "choices", "options")
    labels = [str(label) for label in choices.get("label", ())] if isinstance(choices, Mapping) else []
    if told in labels:
        return letters[labels.index(told)]
    if told in options:
        return told
    matching = [letter for letter, option in options.items() if option == told]
    if len(matching) == 1:
        return matching[0]
    if told.isdigit() and int(told) < len(letters):
        return letters[int(told)]
    raise TaskError(f"the answer {answer!r:.60} is none of the options {', '.join(letters)}, nor the text of one")


def _prompt(question: str, options: Mapping[str, str]) -> list[dict[str, str]]:
    listed = "\n".join(f"{letter}: {option}" for letter, option in options.items())
    return [{"role": "user", "content": f"{question}\n\n{listed}\n\n{REQUEST}"}]


def _task(
    task_id: str,
    messages: list[dict[str, str]],
    options: Mapping[str, str],
    answer: str,
    topic: str,
    solution: str | None = None,
) -> Task:
    if len(options) < 2:
        raise TaskError("no options: expected lines such as 'A: text' in the prompt")
    if answer not in options:
        raise TaskError(f"the answer {answer!r:.60} is none of the options {', '.join(options)}")
    reference = {"kind": "choice", "answer": answer, "options": dict(options)}
    return Task(
        id=task_id,
        domain="science",
        prompt=tuple(messages),
        reference=reference | ({"solution": solution} if solution else {}),
        metadata={"family": "multiple choice", "topic": topic},
    )
