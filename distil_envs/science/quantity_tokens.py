"""Tokens of a written quantity: plain ASCII, Unicode and LaTeX alike, each with its place in the text."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ONE_FOR_ONE = str.maketrans(
    {
        **dict.fromkeys("−‒–‐‑﹣－", "-"),
        **dict.fromkeys("×✕✖⨯", "×"),
        **dict.fromkeys("·⋅∙•‧∗", "·"),
        **dict.fromkeys("∕⁄÷／", "/"),
        **dict.fromkeys("\u00a0\u2007\u3000", " "),
        **dict.fromkeys("\u2009\u202f\u2006", "\N{THIN SPACE}"),
        **dict.fromkeys("≈≃≅∼≡≐≒", "="),
        **{full: chr(ord(full) - 0xFEE0) for full in "０１２３４５６７８９．，％（）＋＝"},
        "\N{GREEK SMALL LETTER MU}": "\N{MICRO SIGN}",
        "\N{OHM SIGN}": "\N{GREEK CAPITAL LETTER OMEGA}",
        "\N{ANGSTROM SIGN}": "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}",
        "\N{KELVIN SIGN}": "K",
        "º": "°",
        "˚": "°",
        "ℓ": "l",
    }
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
VULGAR: Final = "½⅓⅔¼¾⅕⅛"
_LETTER = rf"[^\W\d_⁰¹²³⁴⁵⁶⁷⁸⁹{VULGAR}]"
_GROUPS = r"(?:(?P<gap>,|\{,\}|\\,|[ '_\N{THIN SPACE}])[0-9]{3}(?:(?P=gap)[0-9]{3})*)(?![0-9])"
_TOKEN = re.compile(
    rf"""
    (?P<space>(?:[\s~$\N{{THIN SPACE}}\u200b]|\\[,;:!>\ ]|\\q?quad(?![A-Za-z])|\\[()\[\]])+)
  | (?P<number>(?:
        (?P<comma>0,[0-9]+|[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+,[0-9]+|[0-9]+(?:,|\{{,\}})(?:[0-9]{{1,2}}|[0-9]{{4,}})
            (?![0-9.,]))
        | (?:[0-9]{{1,3}}{_GROUPS}|[0-9]+)(?:\.[0-9]+(?:(?:\\,|\N{{THIN SPACE}})[0-9]{{1,3}})*|\.(?![^\W_]|\.))?
        | \.[0-9]+
      )(?:[eE][+-]?[0-9]{{1,6}}(?![0-9]))?)
  | (?P<name>(?:cm_?|in_?|mm_?)H2O|{_LETTER}+(?:_{_LETTER}+)*|[%‰℃℉])
  | (?P<command>\\[A-Za-z]+)
  | (?P<super>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+)
  | (?P<op>(?P<power>(?<=[^\s*])\*\*(?=[0-9({{-])|(?<=\s)\*\*(?=\s[0-9-]))|\*\*+|\+/-|->|<=|>=|!=|==|\\%|\\[{{}}]|.)
    """,
    re.X | re.S,
)
_TIMES = re.compile(r"(?<=[0-9)}])(\s*)[xX](?=\s*[-(0-9])")
_OPS: Final = {
    "×": "*", "·": "*", "\\%": "%", "==": "=", "+/-": "±", "∓": "±", "<=": "<", ">=": "<", ">": "<", "≤": "<",
    "≥": "<", "≠": "<", "!=": "<", "≲": "<", "≳": "<", "≪": "<", "≫": "<", "**": "^", "[": "(", "]": ")", "\\{": "(",
    "\\}": ")",
}  # fmt: skip
_COMMAND_OPS: Final = {
    "times": "*", "cdot": "*", "ast": "*", "div": "/", "per": "/", "pm": "±", "mp": "±", "circ": "°", "degree": "°",
    **dict.fromkeys(("approx", "simeq", "sim", "equiv", "cong", "doteq", "implies", "Rightarrow", "to"), "="),
    **dict.fromkeys(("le", "leq", "ge", "geq", "lt", "gt", "neq", "ne", "ll", "gg", "leqslant", "geqslant"), "<"),
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "sfrac"), "frac"),
    "sqrt": "sqrt", "lbrace": "(", "rbrace": ")",
}  # fmt: skip
_COMMAND_NAMES: Final = {
    "mu": "µ", "upmu": "µ", "micro": "µ", "Omega": "Ω", "ohm": "Ω", "AA": "Å", "celsius": "℃", "percent": "%",
}  # fmt: skip
_SILENT: Final = frozenset((
    "text", "mathrm", "textrm", "textup", "textbf", "textit", "mathbf", "mathit", "mathsf", "mbox", "hbox", "rm",
    "bf", "it", "unit", "si", "SI", "qty", "num", "boldsymbol", "operatorname", "displaystyle", "textstyle",
    "left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "boxed", "fbox", "mathring", "ensuremath",
    "phantom", "hspace", "bm",
))  # fmt: skip


class Token(NamedTuple):
    """``kind``: ``number`` (its text is one for `float`), ``name``, ``super`` (an integer), ``op``, or ``other``."""

    kind: str
    text: str
    start: int
    end: int
    spaced: bool
    """Whether white space (or a brace of LaTeX that only groups) stands before it."""


def translated(text: str) -> str:
    """With one spelling for characters that look alike, each in its place."""
    return _TIMES.sub(r"\1*", text.translate(_ONE_FOR_ONE))


def tokenize(text: str) -> list[Token]:
    """The tokens of a `translated` text. Braces stay only where they bound a power, a root, or a part of a fraction."""
    tokens: list[Token] = []
    braces: list[str] = []  # "op" for braces that are tokens, "first" for a numerator, "" for silent ones
    spaced, numerator_ended = False, False
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup or "", match.group()
        if kind == "space":
            spaced = True
            continue
        start, end = match.span()
        last = tokens[-1].text if tokens else ""
        if kind == "number" or kind == "gap" or kind == "comma":
            kind, found = "number", _plain(found, match.group("comma") is not None)
        elif kind == "command":
            command = found[1:]
            if command in _SILENT:
                spaced = spaced or command not in ("rm",)
                continue
            if command in _COMMAND_OPS:
                kind, found = "op", _COMMAND_OPS[command]
            else:
                kind, found = "name", _COMMAND_NAMES.get(command, command)
        elif kind == "super":
            found = found.translate(_SUPERSCRIPTS)
        elif kind == "op":
            if found.startswith("**") and not match.group("power"):
                spaced = True  # bold type
                continue
            found = _OPS.get(found, found)
            if found == "{":
                real = numerator_ended or last in ("^", "_", "frac", "sqrt")
                braces.append("first" if last == "frac" else "op" if real else "")
                numerator_ended = False
                if not real:
                    spaced = spaced or not (tokens and tokens[-1].kind == "name")
                    continue
            elif found == "}":
                closed = braces.pop() if braces else ""
                numerator_ended = closed == "first"
                if not closed:
                    continue
            elif found == "%":
                kind = "name"
        if found == "°":
            # ^\circ and ^{\circ}: the sign stands high anyway.
            if last == "{" and len(tokens) > 1 and tokens[-2].text == "^":
                del tokens[-2:]
                braces[-1] = ""
            elif last == "^":
                del tokens[-1]
            kind = "name"
        tokens.append(Token(kind, found, start, end, spaced))
        spaced = False
    return tokens


def _plain(number: str, decimal_comma: bool) -> str:
    if decimal_comma:
        number = number.replace(".", "").replace("{,}", ".").replace(",", ".")
    if number.isascii() and "," not in number and "\\" not in number and " " not in number:
        return number.replace("'", "").replace("_", "")
    return re.sub(r"[^0-9.eE+-]", "", number)
