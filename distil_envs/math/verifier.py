"""`MathVerifier`: grades a completion of a maths task and says how a wrong answer is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from distil_envs.answers import READ_CHARS, Answer
from distil_envs.errors import ConfigError
from distil_envs.grading import guarded
from distil_envs.hedging import offered
from distil_envs.math.answers import pieces, read_answer
from distil_envs.math.diagnosis import diagnose, hedge, unparsable
from distil_envs.math.forms import form_fault
from distil_envs.math.match import Match, matches, offers_several
from distil_envs.math.question import Question, question, read_for
from distil_envs.math.reading import Reading, known_phrase, phrase
from distil_envs.math.tokens import Unreadable
from distil_envs.math.tree import Node
from distil_envs.math.values import exact
from distil_envs.misconceptions import named
from distil_envs.outcome import Check, Event, Outcome, Span, Status, Trace
from distil_envs.task import Task

_PLAIN_CHARS = 200
_CANDIDATES = 40
_NUMBER = re.compile(r"(?:\d+(?:,\d{3})+(?![\d,]*\d)|\d+)(?:\.\d+)?(?:\s?/\s?\d+)?|\.\d+")
_SIGN = re.compile(r"(\S?)(\s*)[-−](\s*)$")
_OPENERS = ("", *"=([{,;:+*/<>|$")


@dataclass(frozen=True)
class MathVerifier:
    """Verifier for tasks whose reference has ``answer`` and, optionally, ``kind``, ``form``, ``variables``,
    ``modulo_constant`` and ``misconceptions`` (`distil_envs.misconceptions`).

    Reading: `distil_envs.answers`, then `distil_envs.math.answers`. Equality: `distil_envs.math.compare`. Plain
    numbers are decided in this process, by the same functions that otherwise run in a worker of
    `distil_envs.grading.shared_pool`.
    """

    timeout_s: float = 5.0
    """Seconds of wall time for one completion; one that takes longer has the status ``timeout``."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s < math.inf:
            raise ConfigError(f"timeout_s must be a positive number of seconds, got {self.timeout_s}")

    def __call__(self, task: Task, completion: str) -> Outcome:
        plain = guarded("math", self.timeout_s, _is_plain, task, completion, here=True)
        if isinstance(plain, Outcome):
            return plain
        outcome = guarded("math", self.timeout_s, grade_math, task, completion, here=plain)
        return _late(task, completion, outcome) if outcome.status is Status.TIMEOUT else outcome


def grade_math(task: Task, completion: str) -> Outcome:
    """Grade in this process: a pure function without a time limit, see `MathVerifier` for one with it.

    Raises TaskError for a reference whose kind is none of maths.
    """
    asked = _asked(task.reference)
    answer, reading, fault, found = _compared(asked, completion)
    readable = answer is not None and (reading is not None or found.equal or asked.shape in ("words", "text"))

    def place(node: Node) -> Span:
        assert answer is not None
        if answer.joined:
            return answer.span  # several boxes
        return (answer.span[0] + node.span[0], answer.span[0] + min(node.span[1], len(answer.text)))

    text = _written(answer, completion)
    if answer and text and found.node is not None and asked.shape == "scalar":
        text = text[slice(*found.node.span)] or text
    events: list[Event] = []
    status = Status.WRONG
    if not readable:
        status = Status.MALFORMED
        reason, span = fault or ("there is no answer", (0, len(completion)))
        several = answer is not None and sum(any(map(str.isalnum, each)) for each in offered(answer.text)) > 1
        events.append(hedge(span) if several else unparsable(reason, span))
    elif found.equal:
        misformed = form_fault(asked, found.node, place(found.node)) if found.node else None
        status = Status.WRONG if misformed else Status.CORRECT
        events += [misformed] if misformed else []
    elif reading is not None and offers_several(asked, found, reading.node):
        status, readable = Status.MALFORMED, False
        events.append(hedge(place(reading.node)))
    elif reading is not None:
        events += diagnose(asked, found, reading.node, place)
    else:
        events.append(diagnose(asked, found, Node("words", (text,), (0, len(text or ""))), place)[0])
    if status is Status.WRONG and answer is not None and not found.equal:

        def equals(reference: Mapping[str, Any]) -> bool:
            return _compared(_asked(reference), completion)[3].equal

        events = [*named(task.reference, answer.span, equals), *events]
    anywhere = found.equal or _anywhere(asked, completion)
    checks = _checks(asked, completion, readable=readable, anywhere=anywhere, span=answer.span if answer else None)
    return Outcome(float(status is Status.CORRECT), status, text, Trace((*checks, *events)))


def _written(answer: Answer | None, completion: str) -> str | None:
    """The answer as the completion has it, in its own characters."""
    if answer is None:
        return None
    return answer.text if answer.joined else completion[slice(*answer.span)]


def _checks(
    asked: Question, completion: str, *, readable: bool, anywhere: bool, span: Span | None
) -> tuple[Check, Check, Check]:
    same = "".join(completion.split()) == "".join(asked.text.split())
    return (
        Check("exact", same, "the whole completion is the reference answer"),
        Check("value-anywhere", anywhere, "the right value stands somewhere in the completion"),
        Check("format", readable, "an answer could be read", span),
    )


@lru_cache(maxsize=4096)
def _question(answer: str, kind: Any, variables: tuple[str, ...], constant: bool, form: Any) -> Question:
    return question({"answer": answer, "kind": kind, "variables": variables, "modulo_constant": constant, "form": form})


def _asked(reference: Mapping[str, Any]) -> Question:
    return _question(
        str(reference.get("answer", "")),
        reference.get("kind"),
        tuple(map(str, reference.get("variables") or ())),
        bool(reference.get("modulo_constant")),
        reference.get("form"),
    )


def _read(asked: Question, completion: str) -> tuple[Answer | None, Reading | None, tuple[str, Span] | None]:
    """The answer, what was read of it, and why nothing was."""
    answer = read_answer(completion, asked.shape, asked.letters)
    if answer is None:
        return None, None, None
    try:
        reading = read_for(asked, answer.text)
        if (
            reading.node.op == "words"
            and asked.shape not in ("words", "text")
            and not known_phrase(reading.node.args[0])
        ):
            raise Unreadable("there are only words", (0, len(answer.text)))
        return answer, reading, None
    except Unreadable as error:
        start, end = (answer.span[0] + min(offset, len(answer.text)) for offset in error.span)
        return answer, None, (str(error), (start, max(end, min(start + 1, answer.span[1]))))


def _compared(asked: Question, completion: str) -> tuple[Answer | None, Reading | None, tuple[str, Span] | None, Match]:
    """As `_read`, with how it compares."""
    answer, reading, fault = _read(asked, completion)
    found = matches(asked, answer.text, reading) if answer is not None else Match(False)
    if answer is not None and not found.equal and asked.shape == "words":
        found = Match(_ends_with_phrase(asked, answer.text))
    return answer, reading, fault, found


def _ends_with_phrase(asked: Question, text: str) -> bool:
    """``The system has no solution`` for ``no solution``."""
    words = text.casefold().rstrip(".! ").split()
    if "not" in words or len(words) > 40 or asked.node is None:
        return False
    return any(phrase(" ".join(words[-count:])) == asked.node.args[0] for count in range(1, 5))


# -- the right value anywhere


def _anywhere(asked: Question, completion: str) -> bool:
    """Whether a number (for plain references) or an expression of the completion has the right value."""
    wanted = _plain_reference(asked)
    if wanted is not None:
        return any(value == wanted for value in _numbers(completion[-READ_CHARS:]))
    for text in _fragments(completion, asked.letters):
        try:
            reading = read_for(asked, text)
        except Unreadable:
            continue
        if matches(asked, text, reading).equal:
            return True
    return False


def _numbers(text: str) -> Iterator[Fraction]:
    for match in _NUMBER.finditer(text):
        sign = _SIGN.search(text, max(0, match.start() - 6), match.start())
        # -7 and = - 7 are negative; 10-7 and 10 - 7 are differences.
        negative = sign is not None and (sign[1] in _OPENERS or bool(sign[2] and not sign[3]))
        parts = match.group().replace(",", "").replace(" ", "").split("/")
        if any(len(part) > 400 for part in parts):
            continue
        values = [Fraction(part) for part in parts]
        if len(values) == 2 and values[1]:
            values.append(values[0] / values[1])
        for index, value in enumerate(values):
            yield -value if negative and index != 1 else value


def _fragments(completion: str, letters: Collection[str]) -> list[str]:
    """Expressions of the completion, the last ones first, each once."""
    text = completion[-READ_CHARS:]
    found: dict[str, None] = {}
    for line in reversed(text.splitlines()[-60:]):
        for piece in reversed(pieces(line[-1000:], letters)):
            for part in (piece, *reversed(piece.split("="))):
                if part.strip(" .,$:;") and len(part) < 400:
                    found[part.strip(" .,$:;")] = None
            if len(found) >= _CANDIDATES:
                return list(found)[:_CANDIDATES]
    return list(found)


# -- what can be decided without a worker


def _plain_reference(asked: Question) -> Fraction | None:
    """The reference as a Fraction when it is one plain number."""
    if asked.shape != "scalar" or asked.node is None or asked.alternatives or asked.modulo_constant:
        return None
    return exact(asked.node.args[0] if asked.node.op == "unit" else asked.node)


def _is_plain(task: Task, completion: str) -> bool:
    """Whether grading needs exact arithmetic on short numbers only."""
    references = (task.reference, *({**task.reference, **each} for each in task.reference.get("misconceptions", ())))
    if any(len(str(each.get("answer", ""))) > _PLAIN_CHARS for each in references):
        return False
    if any(_plain_reference(_asked(each)) is None for each in references):
        return False
    asked = _asked(task.reference)
    answer = read_answer(completion, asked.shape, asked.letters)
    if answer is None:
        return True
    if len(answer.text) > _PLAIN_CHARS or "\\" in answer.text:
        return False
    try:
        return _plain_node(read_for(asked, answer.text).node)
    except Unreadable:
        return True


def _plain_node(node: Node) -> bool:
    if node.op == "rel":
        return all(side.op == "sym" or exact(side) is not None for side in node.args[1:])
    if node.op == "list":
        return all(_plain_node(item) for item in node.items)
    return node.op == "words" or exact(node.args[0] if node.op == "unit" else node) is not None


def _late(task: Task, completion: str, late: Outcome) -> Outcome:
    """A time-out with what can be said without comparing."""
    asked = _asked(task.reference)
    answer = read_answer(completion, asked.shape, asked.letters)
    checks = _checks(asked, completion, readable=False, anywhere=False, span=answer.span if answer else None)
    return Outcome(0.0, Status.TIMEOUT, _written(answer, completion), Trace((*checks, *late.trace.events)))
