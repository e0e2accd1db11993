r"""Where the answer stands in a completion: one rule, whatever is asked for.

1. The last ``\boxed{…}``; boxes that follow each other with nothing but separators between them are one answer.
2. Else the inside of the last ``<answer>…</answer>``.
3. Else the value of the last ``"answer"`` of a JSON object, if it is a string or a number.
4. Else what follows the last ``####``, ``answer is`` or ``Answer:``, to the end of the line, or the next with text; a
   list with bullets or numbers that begins there, as its items.
5. Else the last line with text.

A displayed formula or a matrix over several lines is one line. There is no answer in what is said to be false
(``It is false that the answer is 17``).

What is read of that text depends on what is asked for. Only the last `READ_CHARS` characters of a completion are
looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distil_envs.hedging import contradicted
from distil_envs.outcome import Span

READ_CHARS = 20_000
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_TAG = re.compile(r"<answer>", re.I)
_END_TAG = re.compile(r"</answer>", re.I)
_KEY = re.compile(r'"(?:final[_ ])?answer"\s*:\s*(?:"((?:[^"\\\n]|\\.)*)"|([-\d][^\s,}\]]*))', re.I)
_MARK = re.compile(r"####|answer\s+is\b\s*:?|answer\s*[:=]", re.I)
_BULLET = re.compile(r"[\s:*]*(?:[-*•]|\d{1,2}[.)])\s+(?=\S)")
_BLOCKS = (("[", "]"), ("{", "}"), ("\\begin", "\\end"))
_BLOCK_LINES = 40
_BETWEEN_BOXES = re.compile(r"[\s,;$.]*(?:and|or)?[\s,;$.]*")
_MEANING = re.compile(r"[0-9A-Za-zπ∞∅ℝ¼-¾⅐-⅞√∛∜]|[¹²³⁰-⁹][⁄∕/]")


@dataclass(frozen=True)
class Answer:
    """A text as it stands at ``span`` of the completion (several boxes or items: their contents, joined by commas)."""

    text: str
    span: Span

    @property
    def joined(self) -> bool:
        """Whether it comes from several boxes or items, or has escapes of JSON: not as it stands in the completion."""
        return self.span[1] - self.span[0] != len(self.text)


def find_answer(completion: str) -> Answer | None:
    """The text that holds the answer, without white space, emphasis and dollars around it; None for none."""
    start = max(0, len(completion) - READ_CHARS)
    answer = _answer(completion, start)
    if answer is None or not answer.text:
        return None
    line = completion.rfind("\n", start, answer.span[0]) + 1
    return None if contradicted(completion[max(line, start) : answer.span[0]], answer.text) else answer


def _answer(completion: str, start: int) -> Answer | None:
    if boxes := _boxes(completion, start):
        return _at(completion, boxes)
    if tagged := _tagged(completion, start):
        return _at(completion, [tagged])
    if valued := _valued(completion, start):
        return valued
    if marked := _marked(completion, start):
        return _at(completion, _items(completion, marked) or [marked])
    last = last_line(completion, start, len(completion))
    return _at(completion, [block_before(completion, start, last)]) if last else None


def _at(completion: str, places: Sequence[Span]) -> Answer:
    """What stands at one place, or at several."""
    if len(places) == 1:
        span = trim(completion, *places[0])
        return Answer(completion[slice(*span)], span)
    return Answer(", ".join(completion[slice(*place)].strip() for place in places), (places[0][0], places[-1][1]))


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


def _valued(text: str, start: int) -> Answer | None:
    *_, last = [None, *_KEY.finditer(text, start)]
    if last is None:
        return None
    place = 1 if last[1] is not None else 2
    try:
        inside = str(json.loads(f'"{last[place]}"'))
    except ValueError:  # LaTeX that is not escaped
        inside = last[place]
    return Answer(inside, last.span(place))


def _items(text: str, first: Span) -> list[Span]:
    """The items of a list with bullets or numbers of which this is the first line; none where it has no second."""
    found = []
    for start, end in _lines(text, first[0], len(text)):
        if bullet := _BULLET.match(text, start, end):
            found.append((bullet.end(), end))
        elif text[start:end].strip():
            break
    return found if len(found) > 1 else []


def _marked(text: str, start: int) -> Span | None:
    last = None
    for last in _MARK.finditer(text, start):  # noqa: B007 (the last match is what is wanted)
        pass
    if last is None:
        return None
    for line in _lines(text, last.end(), len(text)):
        if _MEANING.search(text, *line):
            return _block_after(text, line)
    return None


def last_line(text: str, start: int, end: int) -> Span | None:
    """The last line with text between two places."""
    last = None
    for line in _lines(text, start, end):
        if text[slice(*line)].strip():
            last = line
    return last


def block_before(text: str, start: int, line: Span) -> Span:
    """The line, with those before it that it closes the brackets, display or environment of."""
    first = line[0]
    for _ in range(_BLOCK_LINES):
        if _open(text[first : line[1]]) >= 0 and text[first : line[1]].count("$$") % 2 == 0:
            return (first, line[1])
        if first <= start:
            break
        first = max(start, text.rfind("\n", start, first - 1) + 1)
    return line


def _block_after(text: str, line: Span) -> Span:
    """The line, with those after it that close what it opens."""
    end = line[1]
    for _ in range(_BLOCK_LINES):
        if _open(text[line[0] : end]) <= 0:
            return (line[0], end)
        if end >= len(text):
            break
        stop = text.find("\n", end + 1)
        end = len(text) if stop < 0 else stop
    return line


def _open(text: str) -> int:
    """Brackets and environments that are opened, less those that are closed."""
    return sum(text.count(first) - text.count(last) for first, last in _BLOCKS)


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    while start <= end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield (start, stop)
        start = stop + 1


def trim(text: str, start: int, end: int) -> Span:
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
