r"""Where the answer stands in a completion: one rule.

1. The last ``\boxed{…}``; boxes that follow each other with nothing but separators between them are one answer.
2. Else the inside of the last ``<answer>…</answer>``.
3. Else what follows the last ``####``, ``answer is`` or ``Answer:``, to the end of the line, or the next with text.
4. Else the last line with text.

Within that text: where there are words, the last mathematical expression; two expressions that only hedge between
them (``5 or maybe 6``) are kept together, so that a hedge is never a right answer. Only the last `READ_CHARS`
characters of a completion are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from distil_envs.math.tokens import split_letters
from distil_envs.math.vocabulary import UNITS
from distil_envs.outcome import Span

READ_CHARS = 20_000
_MAX_LINE = 4_000
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_TAG = re.compile(r"<answer>", re.I)
_END_TAG = re.compile(r"</answer>", re.I)
_MARK = re.compile(r"####|answer\s+is\b\s*:?|answer\s*[:=]", re.I)
_WORD = re.compile(r"\\[A-Za-z]+(?:\{[A-Za-z~ ]*\})?|[A-Za-z]{2,}")
_TEXT_ARGUMENT = re.compile(r"\\(?:text|mbox|textrm|textbf)\{[~ ]*[A-Za-z]+[~ ]+[A-Za-z]+[A-Za-z~ ]*\}")
_HEDGE = re.compile(r"\b(?:or|either|maybe|perhaps|possibly)\b", re.I)
_BETWEEN_BOXES = re.compile(r"[\s,;$.]*(?:and|or)?[\s,;$.]*")
_MEANING = re.compile(r"[0-9A-Za-zπ∞∅ℝ½¼¾⅓⅔√]")


@dataclass(frozen=True)
class Answer:
    """A text as it stands at ``span`` of the completion (several boxes: their contents, joined by commas)."""

    text: str
    span: Span


def read_answer(completion: str, *, prose: bool = False) -> Answer | None:
    """The answer, or None when there is none. ``prose``: the answer is words, so do not look for an expression."""
    start = max(0, len(completion) - READ_CHARS)
    boxes = _boxes(completion, start)
    if len(boxes) > 1:
        text = ", ".join(completion[a:b].strip() for a, b in boxes)
        return Answer(text, (boxes[0][0], boxes[-1][1]))
    region = boxes[0] if boxes else _tagged(completion, start) or _marked(completion, start)
    if region is None:
        region = _last_line(completion, start, len(completion))
    if region is None:
        return None
    region = _trim(completion, *_shortened(completion, *region))
    if not prose:
        if "\n" in completion[slice(*region)]:
            region = _trim(completion, *(_last_line(completion, *region) or region))
        region = _expression(completion, *region)
    text = completion[slice(*region)]
    return Answer(text, region) if text else None


def _boxes(text: str, start: int) -> list[Span]:
    """The last box with a closing brace, preceded by those that it follows directly."""
    found: list[Span] = []
    left = 0
    for match in reversed(list(_BOX.finditer(text, start))[-32:]):
        end = _closing(text, match.end())
        if end is None:
            continue
        if found and (left - end > 40 or not _BETWEEN_BOXES.fullmatch(text, end + 1, left)):
            break
        found.insert(0, (match.end(), end))
        left = match.start()
    return found


def _closing(text: str, at: int) -> int | None:
    depth = 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in "{}":
            depth += 1 if text[at] == "{" else -1
            if depth == 0:
                return at
        at += 1
    return None


def _tagged(text: str, start: int) -> Span | None:
    for match in reversed(list(_TAG.finditer(text, start))[-32:]):
        end = _END_TAG.search(text, match.end())
        if end:
            return (match.end(), end.start())
    return None


def _marked(text: str, start: int) -> Span | None:
    last = None
    for last in _MARK.finditer(text, start):  # noqa: B007 (the last match is what is wanted)
        pass
    if last is None:
        return None
    for line in _lines(text, last.end(), len(text)):
        if _MEANING.search(text, *line):
            return line
    return None


def _last_line(text: str, start: int, end: int) -> Span | None:
    last = None
    for line in _lines(text, start, end):
        if text[slice(*line)].strip():
            last = line
    return last


def _shortened(text: str, start: int, end: int) -> Span:
    """The end of a very long text from a word on; all of it when there is none, rather than half an expression."""
    if end - start > _MAX_LINE:
        for word in re.finditer(r"[A-Za-z]{2,}", text[end - _MAX_LINE : end]):
            if split_letters(word.group()) is None:
                return (end - _MAX_LINE + word.start(), end)
    return (start, end)


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    while start <= end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield (start, stop)
        start = stop + 1


def _trim(text: str, start: int, end: int) -> Span:
    r"""Without white space, emphasis, dollars, closing punctuation and ``\( \)``."""
    while True:
        before = (start, end)
        while start < end and (text[start].isspace() or text[start] in "*`:;,=$"):
            start += 1
        while start < end and (text[end - 1].isspace() or text[end - 1] in "*`:;,=.$"):
            end -= 1
        if text[start:end].startswith(("\\(", "\\[")):
            start += 2
        if text[start:end].endswith(("\\)", "\\]")):
            end -= 2
        if (start, end) == before:
            return before


def _paired(text: str, start: int, end: int) -> Span:
    """Without brackets at the ends whose partner stands beyond a word: ``5)`` of ``(that is 5)``."""
    while True:
        start, end = _trim(text, start, end)
        inside = text[start:end]
        surplus = sum(inside.count(char) for char in "([{") - sum(inside.count(char) for char in ")]}")
        if surplus > 0 and inside[0] in "([{":
            start += 1
        elif surplus < 0 and inside[-1] in ")]}":
            end -= 1
        else:
            return (start, end)


def _expression(text: str, start: int, end: int) -> Span:
    """The last expression of a line with words; the line itself when it has no words or no expression."""
    pieces = list(_pieces(text, start, end))
    if len(pieces) == 1 and pieces[0] == (start, end):
        return (start, end)
    kept: list[Span] = []
    for piece in pieces:
        for part in _sentences(text, *piece):
            trimmed = _unjoined(text, *_paired(text, *part))
            inside = text[slice(*trimmed)]
            if _MEANING.search(inside) and inside not in ("a", "A", "I"):
                kept.append(trimmed)
    if not kept:
        return (start, end)
    last = kept[-1]
    for previous in reversed(kept[:-1]):
        if not _HEDGE.search(text, previous[1], last[0]):
            break
        last = (previous[0], last[1])
    return last


def pieces(text: str) -> list[str]:
    """What lies between the words of one line."""
    return [text[slice(*_trim(text, *piece))] for piece in _pieces(text, 0, len(text))]


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    """What lies between the words."""
    at = start
    for match in _WORD.finditer(text, start, end):
        word = match.group()
        prose = _TEXT_ARGUMENT.match(word) is not None
        if not prose and (word.startswith("\\") or _is_maths(text, match)):
            continue
        behind = text[max(at, match.start() - 8) : match.start()]
        if word.lower() in UNITS and word != "in" and re.search(r"\d\s*$", behind):
            continue
        if match.start() > at:
            yield (at, match.start())
        at = match.end()
    if at < end or at == start:
        yield (at, end)


def _is_maths(text: str, word: re.Match[str]) -> bool:
    """Whether letters are mathematics: ``sinx``, ``dx``, ``ab`` in ``2ab`` or ``ab + c``, but not ``lot``."""
    pieces = split_letters(word.group())
    if pieces and re.fullmatch("d[a-z]", word.group()):
        return True
    if pieces is None or any(kind != "symbol" for kind, _ in pieces):
        return pieces is not None
    before = text[max(0, word.start() - 8) : word.start()]
    after = text[word.end() : word.end() + 8]
    return bool(re.search(r"[\d\\{}^_]$|[-+*/^=<>]\s*$", before) or re.match(r"[\d\\{}_]|\s*[-+*/^=<>]", after))


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    at = start
    for place in [start + match.start() for match in re.finditer(r"[.?](?=\s)", text[start:end])]:
        yield (at, place)
        at = place + 1
    yield (at, end)


def _unjoined(text: str, start: int, end: int) -> Span:
    """Without an ``and`` or ``or`` that joins it to words."""
    inside = text[start:end]
    lead = re.match(r"(?:and|or)\b[\s,]*", inside)
    tail = re.search(r"[\s,]*\b(?:and|or)$", inside)
    return _paired(text, start + (lead.end() if lead else 0), end - (len(tail.group()) if tail else 0))
