"""Rewrites that preserve what an answer of college maths says, by its text alone: no parser that could be at fault."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LABEL = re.compile(
    r"((?:[A-Za-z](?:\^\{-1\})?\s*\([A-Za-z]\)|[A-Za-z](?:_\{?\w+\}?)?|\\mathrm\{[A-Za-z]\})\s*=)(?!=)(.+)", re.S
)
_UNIT = re.compile(r"(.*[\d}])\s*(\\%|%|(?:\\mathrm|\\text)\s*\{.*\}.*|[A-Za-z]{2,}[A-Za-z ./]*)\s*", re.S)
_TWICE = re.compile(r"(.*(?:[<>=]|\\[lg]eq).*?|.*olution.*?):(.+)", re.S)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_GROUP = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")


def rewrites(shape: str, answer: str) -> Iterator[str]:
    """Other texts that say the same. ``shape``: as `distil_envs.math.question.Question.shape`."""
    text = answer if "\\$" in answer else answer.replace("$", " ")
    text = _GROUP.sub(lambda match: match[0].replace(",", ""), text).strip()
    label = _LABEL.fullmatch(text)
    name, value = (label[1], label[2]) if label else ("", text)
    if shape == "relation" and label and label[1].strip(" =") not in _COMMAND.sub("", value):
        shape = "scalar"  # solved for a letter, and 2 x = 6 would not be
    match shape:
        case "words":
            said = text.partition(":")[0].strip()
            yield said.upper()
            yield f"Answer: {said.lower()}."
        case "text":
            yield text.replace(" ", "  ")
        case "interval":
            twice = _TWICE.fullmatch(text)
            yield from map(str.strip, twice.groups() if twice else (f"({text})",))
        case "tuple":
            yield f"({', '.join(map(scaled, pieces(text[1:-1])))})"
        case "list":
            items = pieces(text if "=" in value else value)
            yield ", ".join(items[::-1])
            yield " and ".join(items[::-1])
        case "relation" if "=" in text:
            left, _, right = text.partition("=")
            yield f"2\\left({left}\\right) = 2\\left({right}\\right)"
            yield f"{right} = {left}"
        case "scalar" if value.lstrip().startswith("\\pm"):
            bare = value.lstrip().removeprefix("\\pm")
            yield f"{name} {bare}, -{bare}"
        case "scalar":
            yield f"{name} {scaled(value)}"


def scaled(text: str) -> str:
    """The same value, and the same unit behind it."""
    unit = _UNIT.fullmatch(text)
    body, after = (unit[1], f" {unit[2]}") if unit else (text, "")
    return f"\\frac{{3\\left({body}\\right)}}{{3}}{after}"


def pieces(text: str) -> list[str]:
    """What stands between the commas outside of brackets, and between words that join."""
    found, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign in ",;" and depth == 0:
            found.append(text[start:at])
            start = at + 1
    parts = [part.strip() for piece in (*found, text[start:]) for part in re.split(r"\s(?:and|or)\s", piece)]
    return [part for part in parts if part]
