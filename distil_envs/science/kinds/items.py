"""A list: ``carbon, nitrogen, oxygen``.

Reference: ``answer``, items with commas between them; ``ordered`` (default false); ``item``, the kind of every item
(default ``word``), whose further fields the reference holds too; an ``error`` may be a list of one for each item.
Repeated items count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.hedging import offers, without_denial, without_reason
from distil_envs.outcome import Diagnosis, Span, Status
from distil_envs.science.judgement import Judgement, Kind, correct, malformed, wrong
from distil_envs.science.wording import NOTHING, split_items, unwrapped

_MOST = 100
_BOTH = re.compile(r"(?:[A-Za-z]\s*=\s*)?(±|\\pm(?![A-Za-z])|\+/?-)")
_LEAD = re.compile(r".*(?:\b(?:is|are|was|were|namely)\b|[:=])(?=[^:=]*$)\s*", re.I | re.S)


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`."""
    kind, wanted = _item_kind(reference), _items(str(reference.get("answer", "")))
    if not wanted:
        raise TaskError(f"answer {reference.get('answer')!r} has no items; expected some with commas between them")
    for each in _references(reference, wanted):
        kind.check(each)


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`."""
    whole = (0, len(text))
    kind = _item_kind(reference)
    answer = str(reference.get("answer", ""))
    wanted = _items(answer)
    if text.strip() in NOTHING:
        return wrong(whole, _missing(len(wanted), len(wanted), whole))
    if offers(text) and not offers(answer):
        return malformed("hedge", "Several answers are offered; one list is asked for.", whole)
    text = without_denial(without_reason(text))
    spans = _spans(text)
    if len(spans) != len(wanted) and (lead := _LEAD.match(text)):
        spans = [(a + lead.end(), b + lead.end()) for a, b in _spans(text[lead.end() :])]
    if not spans or len(spans) > _MOST:
        return malformed("unparsable", "No list of items can be read.", whole)
    given, spans = _signs_written([text[start:end] for start, end in spans], spans)

    references = _references(reference, wanted)

    def same(item: Mapping[str, Any], other: str) -> bool:
        return kind.judge(item, other).status is Status.CORRECT

    if reference.get("ordered") and len(given) == len(wanted) and all(map(same, references, given)):
        return correct(whole)
    missing, extra = _unmatched(references, given, same)
    if not missing and not extra:
        if not reference.get("ordered"):
            return correct(whole)
        settled = len(wanted) == 2
        return wrong(whole, Diagnosis("order", "The items are right but in the wrong order.", {}, settled, whole))
    events = [
        Diagnosis("extra-item", "This one does not belong to the list.", {"item": given[index]}, span=spans[index])
        for index in extra
    ]
    if missing:
        events.append(_missing(missing, len(wanted), whole))
    return wrong(whole, *events)


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    return [text] if "," in text or ";" in text else []


def _item_kind(reference: Mapping[str, Any]) -> Kind:
    from distil_envs.science.kinds import kind_of

    if reference.get("item") == "list":
        raise TaskError("a list of lists cannot be asked for; item must be another kind")
    return kind_of({"kind": reference.get("item", "word")})


def _spans(text: str) -> list[Span]:
    start, end = unwrapped(text)
    return [(start + a, start + b) for a, b in split_items(text[start:end])]


def _items(text: str) -> list[str]:
    return [text[start:end] for start, end in _spans(text)]


def _signs_written(items: Sequence[str], spans: Sequence[Span]) -> tuple[list[str], list[Span]]:
    """With ``±2`` as the two items that it is."""
    given, places = [], []
    for item, span in zip(items, spans, strict=True):
        sign = _BOTH.match(item)
        given += [item[: sign.start(1)] + each + item[sign.end(1) :] for each in "+-"] if sign else [item]
        places += [span] * (2 if sign else 1)
    return given, places


def _references(reference: Mapping[str, Any], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """One for each item. Raises TaskError for a list of errors that does not fit."""
    error = reference.get("error")
    errors = list(error) if isinstance(error, Sequence) and not isinstance(error, str) else [error] * len(wanted)
    if len(errors) != len(wanted):
        raise TaskError(f"error must be one number, or {len(wanted)} as there are items, got {len(errors)}")
    return [{**reference, "answer": item, "error": one} for item, one in zip(wanted, errors, strict=True)]


def _unmatched(
    wanted: Sequence[Mapping[str, Any]], given: Sequence[str], same: Callable[[Mapping[str, Any], str], bool]
) -> tuple[int, list[int]]:
    """How many are wanted and not given, and the places of what is given and not wanted."""
    left, missing = list(range(len(given))), 0
    for item in wanted:
        index = next((index for index in left if same(item, given[index])), None)
        if index is None:
            missing += 1
        else:
            left.remove(index)
    return missing, left


def _missing(count: int, of: int, span: Span) -> Diagnosis:
    message = f"{count} of the {of} items {'is' if count == 1 else 'are'} missing."
    return Diagnosis("missing-item", message, {"missing": count}, span=span)
