"""Words as answers: in one spelling, out of a sentence, and as items of a list."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from distil_envs.hedging import denies, offered, offers, without_denial, without_reason
from distil_envs.math.vocabulary import GREEK_LETTERS
from distil_envs.outcome import Span

_COMMANDS = re.compile(r"\\(?:text|math|emph|mbox|operatorname)[a-z]*(?![A-Za-z])|</?[a-z]{1,6}>")
_SPACES = re.compile(r"\\(?:left|right|quad|qquad|displaystyle)(?![A-Za-z])|\\[,;:! ()\[\]]|~")
_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
_MARKUP = str.maketrans(dict.fromkeys('*$`{}"“”„«»\\') | {"’": "'", "‘": "'"} | GREEK_LETTERS)
_MINUS = re.compile(r"(?<![^\W\d_])[-−]\s{0,9}(?=[\d.\\π√])|(?:^|(?<=[=(,${]))[-−](?=\S)")
_KEPT = "\ue000"  # stands for a minus sign while hyphens go
_HYPHENS = re.compile(r"[-‐‑‒–—−_\s]+")
_ARTICLES = re.compile(r"^an?\s+|\bthe\s+", re.I)
_EDGES = " \t\n.,;:!?'\"()[]"
_VERB = re.compile(r"(?:\b(?:is|are|was|were|be|called|named|namely|means|equals)\b|[=:→])\s*", re.I)
_EXPLAINED = re.compile(r",\s{0,9}(?:which|the|an?|where|so|i\.e\.|that)\b.*", re.I | re.S)
_ASIDE = re.compile(r"\([^()]*\)\s{0,9}[.!]?$")
NOTHING = frozenset({"∅", "{}", r"\emptyset", r"\varnothing", "{ }", r"\{\}"})
"""How the empty set is written."""


def folded(text: str) -> str:
    """In one spelling: no mark-up, case, article, hyphen or white space, so that what is left can be compared.

    A minus sign before a number or at the beginning is no hyphen.
    """
    plain = _COMMANDS.sub(" ", _SPACES.sub(" ", text))
    plain = _MINUS.sub(_KEPT, plain)
    plain = _SUPERSCRIPT.sub(lambda match: "^" + unicodedata.normalize("NFKC", match.group()), plain)
    plain = unicodedata.normalize("NFKC", plain.translate(_MARKUP)).casefold().strip(_EDGES)
    return _HYPHENS.sub("", _ARTICLES.sub("", plain))


def told(text: str) -> str:
    """What a sentence says in the end: ``mitochondria`` of ``It is the mitochondria, which ...``."""
    text = without_denial(without_reason(_unaside(text)))
    *_, last = [0, *(match.end() for match in _VERB.finditer(text))]
    tail = _EXPLAINED.sub("", text[last:])
    return tail if folded(tail) else text


def told_each(text: str) -> list[str]:
    """The answers between the hedging words of a text."""
    return [part for part in map(told, offered(text)) if folded(part)]


def _unaside(text: str) -> str:
    """Without a last remark in parentheses that only explains."""
    match = _ASIDE.search(text)
    if match and folded(text[: match.start()]) and not offers(match.group()) and not denies(match.group()):
        return text[: match.start()]
    return text


def split_items(text: str) -> list[Span]:
    """The items of a list: between commas, line breaks, arrows and ``and``, outside of brackets; trimmed.

    Where there are semicolons, commas are parts of items (``1,200 m; 3,400 m``).
    """
    found: list[Span] = []
    joints = _JOINT if ";" not in text else _SEMICOLON
    depth, start, at = 0, 0, 0
    while at < len(text):
        sign = text[at]
        depth = max(0, depth + (sign in "([{") - (sign in ")]}"))
        joint = joints.match(text, at) if depth == 0 else None
        if joint:
            found.append((start, at))
            start = at = joint.end()
        else:
            at += 1
    found.append((start, len(text)))
    return [trimmed for span in found if (trimmed := _trimmed(text, span))[0] < trimmed[1]]


_TEXTS = [(rf"\{name}{{", "}") for name in ("text", "mathrm", "textbf", "mathbf", "textit")]
_ELSE = (
    r"(?:and\s+|&\s*)?|(?<=\s)and\s+|(?<=\s)&\s|\n\s*(?:[-*•]\s+|\d{1,2}[.)]\s+)?|→|⟶|->|\\(?:long)?(?:rightarrow|to)\b"
)
_JOINT = re.compile(rf"(?<!\\),\s*{_ELSE}", re.I)
_SEMICOLON = re.compile(rf"(?<!\\);\s*{_ELSE}", re.I)
_BULLET = re.compile(r"^(?:[-*•]\s+|\d{1,2}[.)]\s+)")


def _trimmed(text: str, span: Span) -> Span:
    start, end = span
    while start < end and (text[start].isspace() or text[start] in "$*"):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in "$*."):
        end -= 1
    bullet = _BULLET.match(text[start:end])
    return (start + (bullet.end() if bullet else 0), end)


def unwrapped(text: str, pairs: Sequence[tuple[str, str]] = (("[", "]"), ("(", ")"), ("{", "}"))) -> Span:
    r"""Without brackets around the whole: ``[a, b]``, ``\{a, b\}``."""
    start, end = 0, len(text)
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    for opening, closing in (*pairs, *_TEXTS, (r"\{", r"\}"), (r"\left\{", r"\right\}"), (r"\left(", r"\right)")):
        inside = text[start + len(opening) : end - len(closing)]
        if text[start:end].startswith(opening) and text[start:end].endswith(closing) and _balanced(inside):
            return (start + len(opening), end - len(closing))
    return (start, end)


def _balanced(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return False
    return depth == 0
