"""Multiple choice: ``B``.

Reference: ``answer``, a letter; ``options``, texts by letter (absent: A to J, without texts); ``why``, for some wrong
letters a sentence that says why that option tempts. Right are the letter in any dress (``(B)``, ``B.``, ``option B``,
``B) its text``) and the text of that option alone. Two letters are a hedge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import normalize

from distil_envs.errors import TaskError
from distil_envs.hedging import bounded, denied, without_reason
from distil_envs.outcome import Diagnosis, Span
from distil_envs.science.judgement import Judgement, correct, malformed, wrong
from distil_envs.science.wording import folded, told

_SHORT = 200
"""Characters that the patterns for short answers look at: their time grows faster than the text."""
_READ = 2000
_LETTERS = "ABCDEFGHIJ"
_LETTER = re.compile(r"[A-Z]")
_DRESS = r"[\s*_$(\[{\"'`]*"
_ALONE = re.compile(
    rf"{_DRESS}(?:\\\(\s*)?(?:(?:the\s+)?(?:correct\s+|right\s+)?(?:option|choice|letter|answer)\b\s*:?\s*(?:is\s+)?)?"
    rf"{_DRESS}(?:\\(?:text|mathrm|mathbf|textbf|textrm)\s*)?{_DRESS}([A-Za-z])[\s*_$)\]}}\"'`.,:;]*(?:\\\))?[.\s]*",
    re.I,
)
_LEADING = re.compile(r"[\s*_$(\[{]*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{)?\(?([A-Z])[)\].:}*_$]*[\s:.)–-]+(?=\S)")
_MARKED = re.compile(
    r"(?:\b(?:option|choice|letter|answer)s?\s*(?:is|:)?\s*|[(\[{]\s*|\*\*\s*|\\text\s*\{\s*)\(?([A-Z])(?![^\W_]|['’])"
    r"|(?<![^\W_])(?<!['’])([A-Z])(?:\)|\.(?=\s|$)|:)"
    r"|(?<![^\W_])(?<!['’])([B-HJ-Z])(?![^\W_]|['’])"
    r"|(?<![^\W_])(?<!['’])([AI])(?=\s*(?:is\b|,|or\b|and\b|$))"
)
_SEVERAL = re.compile(r"[(\[]?[A-Z][)\]]?(?:\s*(?:/|&|\+|,|and|or)\s*[(\[]?[A-Z][)\]]?)+\.?")
_UNIT = re.compile(r"[\d}/^·*](?:\\[,;: ]|\\(?:text|mathrm)\s*\{|[\s{~])*$")
"""What stands before the letter of a unit: ``5 C``, ``\\mathrm{J}/\\mathrm{C}``."""
_DECIMAL = re.compile(r"\d+\.\d+")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`."""
    options = _options(reference)
    if not isinstance(options, Mapping) or len(options) < 2:
        raise TaskError(f"options must be two or more texts by letter, got {options!r:.80}")
    for letter in (*options, *(reference.get("why") or ())):
        if not _LETTER.fullmatch(str(letter)) or letter not in options:
            raise TaskError(f"option {letter!r} is none; expected one capital letter each")
    if reference.get("answer") not in options:
        raise TaskError(f"answer {reference.get('answer')!r} is none of the options {', '.join(options)}")


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`."""
    check(reference)
    skipped = max(0, len(text) - _READ)
    text = _plain(text[skipped:])
    options: Mapping[str, str] = _options(reference)
    whole = (skipped, skipped + len(text))
    if _same(text, options[reference["answer"]]):  # also where several options say the same
        return correct(whole)
    found = dict(_mentions(options, text))
    if len(found) > 1:
        found = dict(_mentions(options, without_reason(text))) or found
    if not found:
        return malformed("unparsable", f"No option can be read; expected one of {', '.join(options)}.", whole)
    if len(found) > 1:
        return malformed("hedge", f"Several options are given ({', '.join(sorted(found))}); one is asked for.", whole)
    [(letter, (start, end))] = found.items()
    span = (start + skipped, end + skipped)
    if letter == reference["answer"]:
        return correct(span)
    events = [Diagnosis("wrong-option", f"Option {letter} is not right.", {"option": letter}, len(options) == 2, span)]
    why = (reference.get("why") or {}).get(letter)
    if why:
        events.insert(0, Diagnosis("tempting-option", str(why), {"option": letter}, span=span))
    return wrong(span, *events)


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    return [text]


def _options(reference: Mapping[str, Any]) -> Any:
    """Where only letters are asked about, as in a list of them, each stands for itself."""
    return reference.get("options", {letter: letter for letter in _LETTERS})


def _mentions(options: Mapping[str, str], text: str) -> Iterator[tuple[str, Span]]:
    """The options that a text names, each once."""
    whole = (0, len(text))
    alone = _ALONE.fullmatch(text) if len(text) <= _SHORT else None
    if alone and alone[1].upper() in options:
        yield alone[1].upper(), alone.span(1)
        return
    if len(letters := [letter for letter, option in options.items() if _same(text, option)]) == 1:
        yield letters[0], whole
        return
    by_text: dict[str, list[str]] = {}
    for letter, option in options.items():
        by_text.setdefault(_folded(option), []).append(letter)
    for said in (text, told(text)):
        if len(letters := by_text.get(_folded(said), [])) == 1:
            yield letters[0], whole
            return
    leading = _LEADING.match(text[:_SHORT])
    if leading and leading[1] in options:
        rest = text[leading.end() :]
        if _folded(rest) == _folded(options[leading[1]]):
            yield leading[1], leading.span(1)
            return
        for letter in by_text.get(_folded(rest), []):  # the letter of one option and the text of another
            yield letter, (leading.end(), len(text))
    if _SEVERAL.fullmatch(text):
        yield from ((found[0], found.span()) for found in _LETTER.finditer(text) if found[0] in options)
        return
    phrases = list(_phrases(options, text))
    rest = text
    for _, (start, end) in phrases:  # letters inside an option's text are no letters of options
        rest = rest[:start] + "." * (end - start) + rest[end:]
    yield from [*phrases, *_letters(options, rest)]


def _letters(options: Mapping[str, str], text: str) -> Iterator[tuple[str, Span]]:
    for match in _MARKED.finditer(text):
        group = next(index for index in range(1, 5) if match[index])
        before = text[: match.start(group)]
        dropped = denied(before, text[match.end(group) :], near=True)
        if match[group] in options and not dropped and not _UNIT.search(before):
            yield match[group], match.span(group)


def _phrases(options: Mapping[str, str], text: str) -> Iterator[tuple[str, Span]]:
    """Options whose text stands in a sentence, unless it is only a part of another's that stands there too."""
    inside: dict[str, Span] = {}
    for letter, option in options.items():
        words = option.strip(" .$").removeprefix("\\(").removesuffix("\\)").split()
        if len("".join(words)) < 2 and not option.strip().isdigit():
            continue
        pattern = r"\s+".join(map(re.escape, words))
        place = re.search(rf"(?<![\w.\\])(?<![-−]){pattern}(?!\w|\.\d)", text, re.I)
        if place is None:
            continue
        before, after = text[: place.start()], text[place.end() :]
        if not bounded(before) and not denied(before, after, near=True):
            inside[letter] = place.span()
    for letter, (start, end) in inside.items():
        if not any(a <= start and end <= b and (a, b) != (start, end) for a, b in inside.values()):
            yield letter, (start, end)


def _plain(text: str) -> str:
    """With letters from other blocks of Unicode (full-width, circled, bold) as plain ones, each in its place."""
    return "".join(
        found if len(found := normalize("NFKC", sign)) == 1 and found.isascii() and found.isalpha() else sign
        for sign in text
    )


def _same(text: str, option: str) -> bool:
    """Whether a text is that of an option, up to white space and punctuation around it."""
    first, second = (
        "".join(each.split()).strip(".$").removeprefix("\\(").removesuffix("\\)") for each in (text, option)
    )
    return first == second


def _folded(text: str) -> str:
    """As `folded`, and with numbers in one form: 1.40 as 1.4."""
    plain = folded(text.translate(_SUBSCRIPTS))
    return _DECIMAL.sub(lambda number: number.group().rstrip("0").rstrip("."), plain)
