r"""Left sides that only name what is given: ``f(2) =``, ``\angle ABC =``, ``|A \cup B| =``, ``P(X = 3) =``, ``x \in``.

A left side with the unknown in it (``2x = 10``) is no name: it makes an equation, and so it must hold.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_SPACING = re.compile(r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|[,;:! ])(?![A-Za-z])|[\s~$]")
_POINTS = r"(?:[A-Z](?:_\{?\w\}?|'+)?)"
_GREEK = r"(?:\\(?:theta|alpha|beta|gamma|phi|varphi|psi|omega)(?![A-Za-z])|[θαβγφψω])"
_ANGLE = rf"(?:m?(?:\\(?:measured)?angle|∠)(?:\{{?{_POINTS}{{1,3}}\}}?|{_GREEK}))"
_MARKED = (
    r"\\(?:overline|widehat|overrightarrow|vec|hat|bar|mathbf|boldsymbol)(?:\{[A-Za-z](?:[A-Z]|_\{?\w+\}?)?\}|[A-Za-z])"
)
_CHANCE = r"(?:P|Pr|E|Var|Cov|SD|\\Pr|\\(?:mathbb|mathrm|operatorname|text)\{(?:P|Pr|E|Var|Cov)\})"
_BIG = r"\\(?:lim|sum|int|iint|oint|prod|det|dim|deg|max|min|sup|inf|ker|begin\{vmatrix\})|\\operatorname\{[A-Za-z]+\}"
_NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_ANGLE}|(?:\\triangle|△)?{_POINTS}{{2,4}}|[\[(]{_POINTS}{{3,4}}[\])]",
        rf"(?:\||\\[lr]?vert|\\\|)(?:{_POINTS}|{_MARKED}|[uvwz]|\\cup|\\cap|\\setminus|\\times|∪|∩)+(?:\||\\[lr]?vert|\\\|)",
        rf"(?:\\?#|n\()(?:{_POINTS}|\\cup|\\cap|∪|∩)+\)?",
        rf"\\?(?:sin|cos|tan|cot|sec|csc)(?:\^\{{?2\}}?|²)?\(?(?:{_ANGLE}|{_POINTS}|{_GREEK})\)?",
        rf"{_MARKED}(?:\([a-z]\))?",
    )
)
_WITH_BOUND_LETTERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_CHANCE}(?:_\{{?\w+\}}?)?[\[(].*[\])]",
        rf"(?:{_BIG}|(?:det|dim|deg|rank|tr|max|min|lim)(?![a-z])).*",
        r".*(?:\\[lc]?dots|…|\.\.\.).*",
    )
)
_FUNCTION = re.compile(r"([A-Zfghpqrsuv])(?:'+|\^\{?\\prime\}?|\^\{?-1\}?|_\{?\w+\}?)?\((.*)\)")
_MATRIX = re.compile(r"[A-Z](?:[A-Z]|\d|\^|[{}()+\-*']|\\cdot|\\top|_\{?\w\}?)*")
_MEMBER = re.compile(r"[\s$]*([A-Za-z]|\\[a-z]+)(?:_\{?\w\}?)?[\s$]*(?:\\in(?![A-Za-z])|∈)\s*")
_BUILDER = re.compile(
    r"([\s$]*(?:\\left\s*)?\\?\{\s*([A-Za-z])\s*(?:(?:\\in(?![A-Za-z])|∈)\s*(?:\\mathbb\s*\{?R\}?|\\R(?![A-Za-z])|ℝ|R)\s*)?"
    r"(?:\\;\s*)?(?:\\middle\s*\||\\(?:mid|vert|colon)(?![A-Za-z])|\\[:|]|\||:)(?:\\;)?)(.*?)(?:\\right\s*)?\\?\}[\s$]*",
    re.S,
)
_POINT = re.compile(r"[\s$]*[A-Z](?:_\{?\w\}?|')?\s*:?\s*(?=(?:\\left\s*)?\([^()]*,)")


def after_label(text: str, variables: Collection[str], *, matrix: bool = False, point: bool = False) -> int:
    """Where the value starts behind a name and its equals sign; 0 where there is none.

    ``variables``: what is solved for, which never is a name. ``matrix``: also names of matrices (``A^{-1}``, ``AB``).
    ``point``: also a capital letter in front of coordinates (``P(2, 3)``).
    """
    place = _equals(text)
    if place is not None and _is_name(_SPACING.sub("", text[:place]), variables, matrix):
        return place + 1
    match = _POINT.match(text) if point else None
    return match.end() if match else 0


def members(text: str) -> tuple[str, str]:
    r"""``x \in S`` and ``\{x \mid …\}`` as the name and what is said of it, at the same place; ("", text) else."""
    match = _BUILDER.fullmatch(text)
    if match:
        return match[2], " " * match.end(1) + match[3]
    match = _MEMBER.match(text)
    if match and match[1] not in ("\\mathbb", "\\left"):
        return match[1].lstrip("\\"), " " * match.end() + text[match.end() :]
    return "", text


def _equals(text: str) -> int | None:
    depth = 0
    for place, char in enumerate(text[:400]):
        depth += (char in "([{") - (char in ")]}")
        if char == "=" and depth == 0:
            return (
                place if text[place + 1 : place + 2] != "=" and text[place - 1 : place] not in ("<", ">", "!") else None
            )
    return None


def _is_name(side: str, variables: Collection[str], matrix: bool) -> bool:
    letters = set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", side)))
    if any(pattern.fullmatch(side) for pattern in _WITH_BOUND_LETTERS):
        return True
    if letters & set(variables):
        return False
    call = _FUNCTION.fullmatch(side)
    if call and call[1] not in call[2]:
        return True
    return any(pattern.fullmatch(side) for pattern in _NAMES) or bool(matrix and _MATRIX.fullmatch(side))
