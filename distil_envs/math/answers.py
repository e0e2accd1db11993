r"""Which part of the text that holds the answer (`distil_envs.answers`) is mathematics.

Where there are words, the last mathematical expression; two expressions that only hedge between them (``5 or maybe 6``)
are kept together, so that a hedge is never a right answer. Words that compare or deny are read as signs
(`distil_envs.math.worded`), and a remark in brackets is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from distil_envs.answers import Answer, block_before, find_answer, last_line, trim
from distil_envs.hedging import cases, offers
from distil_envs.math.characters import plain
from distil_envs.math.tokens import split_letters
from distil_envs.math.vocabulary import UNITS
from distil_envs.math.worded import DENIES, with_reals, with_signs, without_remarks
from distil_envs.outcome import Span

_MAX_LINE = 4_000
_WORD = re.compile(r"\\[A-Za-z]+(?:\{[A-Za-z~ ]*\})?|[A-Za-z]{2,}")
_TEXT_ARGUMENT = re.compile(r"\\(?:text|mbox|textrm|textbf)\{[~ ]*[A-Za-z]+[~ ]+[A-Za-z]+[A-Za-z~ ]*\}")
_GOES_ON = re.compile(r"[\d\\{}_]|\s*[-+*/^=<>]|\s*\\?(?:sin|cos|tan|ln|log|exp|sqrt)\b")
_STOPS = re.compile(rf"[.?](?=\s)|(?<=\S):(?=\s)|{DENIES}")
_ASIDE = DENIES + "≥≤≠<>"
"""Signs that begin what is said about an answer, besides the answer: ``18, not 17``, ``17, which is more than 10``."""
_FRENCH = re.compile(r"([\[\]])([^\[\]]*[\w)}∞]\s*[,;]\s*[^\[\]\s][^\[\]]*)([\[\]])")
_MEANING = re.compile(r"[0-9A-Za-zπ∞∅ℝ¼-¾⅐-⅞√∛∜]|[¹²³⁰-⁹][⁄∕/]")


def read_answer(completion: str, shape: str = "scalar", known: Collection[str] = ()) -> Answer | None:
    """The answer in plain characters (`distil_envs.math.characters`), or None when there is none.

    ``shape``: what is asked for, see `distil_envs.math.question.Question`; ``words`` and ``text`` are taken as they
    stand, without looking for an expression. ``known``: letters of the question, which are no units (``mg/k``).
    """
    text = plain(completion)
    found = find_answer(text)
    if found is None or found.joined:
        return found
    region = trim(text, *_shortened(text, *found.span))
    if shape not in ("words", "text"):
        if "\n" in text[slice(*region)]:
            last = last_line(text, *region) or region
            region = trim(text, *block_before(text, region[0], last))
        start, end = region
        inside = text[start:end]
        if not inside.isdigit():
            inside = without_remarks(inside)
            inside = with_signs(_round_brackets(with_reals(inside)) if shape == "interval" else inside)
            text = text[:start] + inside + text[end:]
            region = _expression(text, *trim(text, *region), known)
        if text.startswith("...", region[1]) and re.search(r"\d\.\d+$", text[slice(*region)]):
            region = (region[0], region[1] + 3)  # 0.333...
    inside = text[slice(*region)]
    return Answer(inside, region) if inside else None


def _round_brackets(text: str) -> str:
    """``]1, 2]`` as ``(1, 2]``."""

    def turned(match: re.Match[str]) -> str:
        if match[2].count("(") != match[2].count(")"):
            return match[0]
        return match[1].replace("]", "(") + match[2] + match[3].replace("[", ")")

    return _FRENCH.sub(turned, text)


def _shortened(text: str, start: int, end: int) -> Span:
    """The end of a very long text from a word on; all of it when there is none, rather than half an expression."""
    if end - start > _MAX_LINE:
        for word in re.finditer(r"[A-Za-z]{2,}", text[end - _MAX_LINE : end]):
            if split_letters(word.group()) is None:
                return (end - _MAX_LINE + word.start(), end)
    return (start, end)


def _paired(text: str, start: int, end: int) -> Span:
    """Without brackets at the ends whose partner stands beyond a word: ``5)`` of ``(that is 5)``."""
    while True:
        start, end = trim(text, start, end)
        inside = text[start:end]
        surplus = sum(inside.count(char) for char in "([{") - sum(inside.count(char) for char in ")]}")
        if surplus > 0 and inside[0] in "([{":
            start += 1
        elif surplus > 0 and inside[-1] in "([{":
            end -= 1
        elif surplus < 0 and (
            closed := re.match(r"[^()\[\]]*[)\]]\s*(?==)", inside)
        ):  # 8) = 5/36 of P(sum is 8) = 5/36
            start += closed.end()
        elif surplus < 0 and inside[-1] in ")]}":
            end -= 1
        else:
            return (start, end)


def _expression(text: str, start: int, end: int, known: Collection[str]) -> Span:
    """The last expression of a line with words; the line itself when it has no words or no expression."""
    pieces = list(_pieces(text, start, end, known))
    if len(pieces) == 1 and pieces[0] == (start, end) and DENIES not in text[start:end]:
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
    kept = [piece for piece in kept if text[piece[0]] not in _ASIDE] or kept
    last = kept[-1]
    for previous in reversed(kept[:-1]):
        between = text[previous[1] : last[0]]
        if not offers(between) and not cases(between, text[last[1] : end]):
            break
        last = (previous[0], last[1])
    return last


def pieces(text: str, known: Collection[str] = ()) -> list[str]:
    """What lies between the words of one line. ``known``: see `read_answer`."""
    return [text[slice(*trim(text, *piece))] for piece in _pieces(text, 0, len(text), known)]


def _pieces(text: str, start: int, end: int, known: Collection[str]) -> Iterator[Span]:
    """What lies between the words."""
    at = start
    for match in _WORD.finditer(text, start, end):
        word = match.group()
        prose = _TEXT_ARGUMENT.match(word) is not None
        if not prose and (word.startswith("\\") or _is_maths(text, match, known)):
            continue
        behind = text[max(at, match.start() - 8) : match.start()]
        if word.lower() in UNITS and word != "in" and re.search(r"[\dπ)}]\s*$", behind):
            continue
        if match.start() > at:
            yield (at, match.start())
        at = match.end()
    if at < end or at == start:
        yield (at, end)


def _is_maths(text: str, word: re.Match[str], known: Collection[str]) -> bool:
    """Whether letters are mathematics: ``sinx``, ``dx``, ``ab`` in ``2ab`` or ``ab + c``, but not ``lot``."""
    pieces = split_letters(word.group(), known)
    if text[word.end() : word.end() + 1] == "^":
        return True
    if pieces and re.fullmatch("d[a-z]", word.group()):
        return True
    if (
        pieces is None
        and (len(word.group()) == 2 and word.group().lower() not in UNITS)
        and re.search(r"[\d})]$|[+*/]\s*$", text[max(0, word.start() - 3) : word.start()])
    ):
        return True  # ``at`` in ut + at²/2
    if pieces is None or any(kind != "symbol" for kind, _ in pieces):
        return pieces is not None
    before = text[max(0, word.start() - 8) : word.start()]
    after = text[word.end() : word.end() + 8]
    return bool(re.search(r"[\d\\{}^_]$|[-+*/^=<>]\s*$", before) or _GOES_ON.match(after))


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """Parts that a full stop, a colon outside of brackets, or a denial separates."""
    at = start
    for match in _STOPS.finditer(text, start, end):
        place = match.start()
        before = text[at:place]
        if match.group() == ":" and any(before.count(a) != before.count(b) for a, b in ("()", "[]", "{}")):
            continue
        yield (at, place)
        at = place if match.group() == DENIES else place + 1
    yield (at, end)


def _unjoined(text: str, start: int, end: int) -> Span:
    """Without an ``and`` or ``or`` that joins it to words."""
    inside = text[start:end]
    lead = re.match(r"(?:and|or)\b[\s,]*", inside)
    tail = re.search(r"[\s,]*\b(?:and|or)$", inside)
    return _paired(text, start + (lead.end() if lead else 0), end - (len(tail.group()) if tail else 0))
