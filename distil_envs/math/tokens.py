"""Tokens of written mathematics: plain ASCII, Unicode and LaTeX alike, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from distil_envs.math.digits import number_at
from distil_envs.math.vocabulary import (
    CHARACTERS,
    COMMANDS,
    CONSTANTS,
    FRACTIONS,
    FUNCTIONS,
    GREEK,
    GREEK_LETTERS,
    INNER,
    ROOTS,
    SILENT,
    STOP_WORDS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    TEXT,
    UNITS,
    VULGAR,
    WORDS,
)

_LETTERS = re.compile(r"[A-Za-z]+")
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)", re.S)
_TEXT_ARGUMENT = re.compile(r"\s*\{([^{}]*)\}")
_SMALL = re.compile("[⁰¹²³⁴-⁹]+[⁄∕/][₀-₉]+")
_LEVEL = str.maketrans({"⁄": "/", "∕": "/", **SUPERSCRIPTS, **SUBSCRIPTS})
_DOTS = re.compile(r"\.\.\.|…|⋯|\\[lc]?dots(?![A-Za-z])")
_SYSTEM = re.compile(r"\\left\s*\\(?:\{|lbrace)\s*\\begin\{(?:array|aligned|matrix)\}(?:\{[^{}]*\})?")
_ENVIRONMENT = re.compile(r"\s*\{([a-z]*matrix\*?|array|cases|aligned|gathered)\}(?:\s*\{[^{}]*\})?")

MAX_TOKENS = 3_000
MAX_DIGITS = 1_000


class Unreadable(ValueError):  # noqa: N818 (a finding about the text, not a fault)
    """The text is not mathematics that this package reads. ``span`` is the offending part."""

    def __init__(self, message: str, span: tuple[int, int]) -> None:
        super().__init__(message)
        self.span = span


@dataclass(frozen=True)
class Token:
    """``kind``: number, symbol, function, constant, word, command, op, open, close, begin, end, rowsep, colsep, stop.

    ``{`` and ``}`` of LaTeX groups are the ops ``{`` and ``}``; set braces are open and close.
    """

    kind: str
    text: str
    start: int
    end: int
    spaced: bool = False
    """Whether white space stands before it."""


def tokenize(text: str, *, grouping: bool = True, known: Collection[str] = ()) -> list[Token]:
    """The tokens of ``text``, ended by one of kind ``stop``.

    ``grouping``: whether ``1,234`` outside of brackets is one number; ``1{,}234`` always is. ``known``: letters that
    are variables, so that ``at`` may be their product. Raises Unreadable.
    """
    return _Scanner(text, grouping, known).scan()


class _Scanner:
    def __init__(self, text: str, grouping: bool, known: Collection[str]) -> None:
        self.known = known
        self.text = text
        self.grouping = grouping
        self.at = 0
        self.spaced = False
        self.tokens: list[Token] = []
        self.braces: list[str] = []  # "group" or "set", for each open brace
        self.depth = 0  # open brackets that may hold a list

    def scan(self) -> list[Token]:
        while self.at < len(self.text):
            if len(self.tokens) > MAX_TOKENS:
                raise Unreadable("it is too long", (self.at, len(self.text)))
            self._one()
        self._put("stop", "", self.at)
        return self.tokens

    def _put(self, kind: str, text: str, end: int) -> None:
        self.tokens.append(Token(kind, text, self.at, end, self.spaced))
        self.at, self.spaced = end, False

    def _skip(self, end: int) -> None:
        self.at, self.spaced = end, True

    def _one(self) -> None:
        text, at = self.text, self.at
        char = text[at]
        if self.tokens and self.tokens[-1].text == "," and (dots := _DOTS.match(text, at)):
            self._put("dots", dots.group(), dots.end())
        elif char.isspace() or char in "~$":
            self._skip(at + 1)
        elif re.match(r"\.?[0-9]", text[at : at + 2]):
            self._number()
        elif char == "\\":
            self._command()
        elif char.isascii() and char.isalpha():
            self._letters()
        elif char in SUPERSCRIPTS and (small := _SMALL.match(text, at)):
            self._put("vulgar", small.group().translate(_LEVEL), small.end())
        elif char in SUPERSCRIPTS:
            self._script("^", SUPERSCRIPTS)
        elif char in SUBSCRIPTS:
            self._script("_", SUBSCRIPTS)
        elif char in VULGAR:
            self._put("vulgar", VULGAR[char], at + 1)
        elif char in "{}":
            self._brace(char, at + 1)
        else:
            self._character(char)

    def _character(self, char: str) -> None:
        text, at = self.text, self.at
        two = text[at : at + 2]
        if two in ("**", "<=", ">=", "!=", "=="):
            self._put("op", {"**": "^", "==": "="}.get(two, two), at + 2)
        elif text[at : at + 3] == "+/-":
            self._put("op", "+-", at + 3)
        elif char in CHARACTERS:
            self._put("op", CHARACTERS[char], at + 1)
        elif char in "([":
            self.depth += 1
            self._put("open", char, at + 1)
        elif char in ")]":
            self.depth -= 1
            self._put("close", char, at + 1)
        elif char in "+-*/^_=<>|!,;:%‰°'":
            self._put("op", char, at + 1)
        elif char == "&" and re.match(r"\s*(?:[=<>]|\\[lg]eq?)", text[at + 1 : at + 12]):
            self._skip(at + 1)  # x &= 2, aligned at its sign
        elif char == "&":
            self._put("colsep", char, at + 1)
        elif char == "π":
            self._put("constant", "pi", at + 1)
        elif char == "∞":
            self._put("constant", "oo", at + 1)
        elif char in "∅ℝ":
            self._put("word", {"∅": "empty", "ℝ": "reals"}[char], at + 1)
        elif char in ROOTS:
            self._put("command", ROOTS[char], at + 1)
        elif char in GREEK_LETTERS:
            self._put("symbol", GREEK_LETTERS[char], at + 1)
        elif char == "." and not text[at + 1 :].strip(" \t\n$.\\])}"):
            self._skip(at + 1)
        else:
            raise Unreadable(f"{char!r} is not mathematics", (at, at + 1))

    def _number(self) -> None:
        commas = self.grouping and self.depth == 0
        number, end = number_at(self.text, self.at, commas=commas, spaces=commas)
        if end - self.at > MAX_DIGITS:
            raise Unreadable("the number has too many digits", (self.at, end))
        self._put("number", number, end)

    def _script(self, sign: str, alphabet: dict[str, str]) -> None:
        """Raised or lowered characters, as the group that they stand for: ``x²`` is ``x^{2}``."""
        end = self.at
        while end < len(self.text) and self.text[end] in alphabet:
            end += 1
        start, self.spaced = self.at, False
        self.tokens.append(Token("op", sign, start, start + 1))
        self.tokens.append(Token("op", "{", start, start + 1))
        for token in tokenize("".join(alphabet[char] for char in self.text[start:end]))[:-1]:
            self.tokens.append(Token(token.kind, token.text, start + token.start, start + token.end))
        self.at = end
        self._put("op", "}", end)

    def _letters(self) -> None:
        match = _LETTERS.match(self.text, self.at)
        assert match is not None
        run = match.group()
        pieces = split_letters(run, self.known)
        if pieces is None:
            self._put("word", run, match.end())
            return
        if pieces[0][0] == "op":
            self._put("op", pieces[0][1], match.end())
            return
        for kind, piece in pieces:
            self._put(kind, CONSTANTS.get(piece, piece), self.at + len(piece))

    def _command(self) -> None:
        match = _COMMAND.match(self.text, self.at)
        name = match.group()[1:] if match else ""
        end = match.end() if match else self.at + 1
        if name in (" ", "{", "[", "(") and self.tokens and self.tokens[-1].text in ("reals", "R"):
            self._put("op", "without", self.at + 1)  # ℝ \ {2} in plain text
        elif name == "left" and (system := _SYSTEM.match(self.text, self.at)):
            self.depth += 1
            self._put("begin", "cases", system.end())
        elif name in SILENT:
            if name in ("left", "right") and self.text[end : end + 1] == ".":
                end += 1
            self._skip(end)
        elif name in COMMANDS:
            self._put("op", COMMANDS[name], end)
        elif name in FRACTIONS or name == "sqrt":
            self._put("command", FRACTIONS.get(name, name), end)
        elif name in FUNCTIONS:
            self._put("function", name, end)
        elif name in ("pi", "infty"):
            self._put("constant", {"pi": "pi", "infty": "oo"}[name], end)
        elif name in GREEK:
            self._put("symbol", name, end)
        elif name in ("lbrace", "{", "rbrace", "}"):
            kind = "open" if name in ("lbrace", "{") else "close"
            self.depth += 1 if kind == "open" else -1
            self._put(kind, "{" if kind == "open" else "}", end)
        elif name in ("langle", "rangle"):
            self._put("open" if name == "langle" else "close", "(" if name == "langle" else ")", end)
        elif name in ("emptyset", "varnothing", "oslash"):
            self._put("word", "empty", end)
        elif name in ("mathbb", "Bbb") and (argument := re.compile(r"\s*\{?R\}?").match(self.text, end)):
            self._put("word", "reals", argument.end())
        elif name in ("R", "reals", "Reals"):
            self._put("word", "reals", end)
        elif name == "\\":
            gap = re.compile(r"\s*\[-?[\d.]+\s*(?:pt|em|ex|mm|cm)\]").match(self.text, end)
            self._put("rowsep", name, gap.end() if gap else end)
        elif name == "%":
            self._put("op", "%", end)
        elif name in ("circ", "degree"):
            self._put("op", "°", end)
        elif name in TEXT and (argument := _TEXT_ARGUMENT.match(self.text, end)):
            self._text(name, argument)
        elif name in ("begin", "end") and (environment := _ENVIRONMENT.match(self.text, end)):
            self.depth += 1 if name == "begin" else -1
            self._put(name, environment.group(1), environment.end())
        else:
            raise Unreadable(f"the command \\{name} is not known here", (self.at, end))

    def _text(self, name: str, argument: re.Match[str]) -> None:
        words = argument.group(1).replace("~", " ").strip()
        if name == "operatorname" and words in FUNCTIONS:
            self._put("function", words, argument.end())
        elif not words:
            self._skip(argument.end())
        elif words in ("and", "or", "union", "e", "i") or re.fullmatch(r"[\d.,]+", words):
            inner = tokenize(words)[:-1]
            for token in inner:
                self._put(token.kind, token.text, argument.end())
        else:
            # One token, so that the parser can decide between a unit and upright letters.
            self._put("word", words, argument.end())

    def _brace(self, char: str, end: int) -> None:
        if char == "}":
            if not self.braces:
                raise Unreadable("a closing brace has no opening one", (self.at, end))
            kind = self.braces.pop()
            if kind == "set":
                self.depth -= 1
            self._put("op" if kind == "group" else "close", "}", end)
            return
        last = self.tokens[-1] if self.tokens else None
        after_command = last is not None and (
            last.kind in ("command", "function")
            or (last.kind == "op" and last.text in ("^", "_", "{", "}", "+", "-", "*", "/", "over"))
            or (last.text == "]" and "\\sqrt" in self.text[: self.at])
        )
        self.braces.append("group" if after_command else "set")
        if not after_command:
            self.depth += 1
        self._put("op" if after_command else "open", "{", end)


def split_letters(run: str, known: Collection[str] = ()) -> list[tuple[str, str]] | None:
    """A run of letters as functions, constants and single letters; None for a word. ``known``: see `tokenize`."""
    if run in WORDS:
        return [("op", WORDS[run])]
    if run == "U":
        return [("op", "U")]
    if run in CONSTANTS:
        return [("constant", run)]
    if run in FUNCTIONS:
        return [("function", run)]
    if run in GREEK:
        return [("symbol", run)]
    if len(run) == 1:
        return [("symbol", run)]
    if known and set(run) <= set(known):
        return [("symbol", letter) for letter in run]
    if run.lower() in UNITS or run.lower() in STOP_WORDS:
        return None
    pieces: list[tuple[str, str]] = []
    letters, at = 0, 0
    while at < len(run):
        found = next((run[at:end] for end in range(len(run), at + 1, -1) if run[at:end] in INNER), None)
        if found:
            pieces.append(("constant" if found == "pi" else "function", found))
            at += len(found)
        else:
            pieces.append(("symbol", run[at]))
            letters += 1
            at += 1
        if letters > 3 or at > 12:
            return None
    named = len(pieces) - letters
    return pieces if named == 0 or (named == 1 and letters <= 2) else None
