"""Each question belongs to one family, so that contents of one split are not asked under another name in the other.

DISTIL_FULL=1 draws 500 contents of every question in place of 12.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

from distil_envs.counted import generator
from distil_envs.family import Question, Worked
from distil_envs.science.families import FAMILIES
from distil_envs.science.quantity_reading import read
from distil_envs.science.units import is_unit
from distil_envs.spaces import Product

DRAWS = 500 if os.environ.get("DISTIL_FULL") == "1" else 12
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
IDLE = frozenset((
    "a", "an", "and", "are", "at", "by", "figures", "find", "for", "from", "give", "how", "in", "is", "it", "its",
    "many", "much", "of", "significant", "the", "then", "to", "use", "what", "with",
))  # fmt: skip
QUESTIONS = [
    (name, question)
    for name, family in FAMILIES.items()
    for level in family.levels
    for question in family.questions(level)
]


def normal(text: str) -> str:
    """In lower case, with single blanks."""
    return " ".join(text.lower().split())


def masked(template: str) -> str:
    """With ``#`` for every slot and number."""
    return re.sub(rf"\{{\w+\}}|{NUMBER}", "#", normal(template))


def dimension(text: str) -> str:
    """Of the quantity that a text starts with; empty for a bare number."""
    found = read(text).quantities[:1]
    return str(found[0].units[0].dimension) if found and found[0].first == 0 and found[0].units else ""


@dataclass(frozen=True)
class Asked:
    """What a question asks for, whatever its names and numbers are."""

    answer: str
    """The dimension of the answer, or the kind of one that is no quantity."""
    given: tuple[str, ...]
    """The dimensions of the numbers that are given, sorted; constants are not among them."""
    words: frozenset[str]

    def alike(self, other: Asked) -> bool:
        """Whether the same is given and asked for, with three tenths of the words shared."""
        if (self.answer, self.given) != (other.answer, other.given):
            return False
        return 10 * len(self.words & other.words) >= 3 * len(self.words | other.words)


def asked(question: Question, phrasing: str) -> Asked:
    worked = question.work(*question.space[0])
    given = []
    for slot in re.finditer(r"\{(\w+)\}", phrasing):
        value = str(worked.slots[slot[1]])
        if re.fullmatch(NUMBER, value):
            behind = phrasing[slot.end() :].format_map(worked.slots)[:40]
            given.append(dimension(value + behind))
    said = re.findall("[A-Za-z]+", re.sub(r"\{\w+\}", "", phrasing))
    words = frozenset(word.lower() for word in said if not is_unit(word)) - IDLE
    answer = dimension(worked.answer) if worked.kind == "quantity" else worked.kind
    return Asked(answer, tuple(sorted(given)), words)


def test_no_prompt_stands_in_two_families() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for name, question in QUESTIONS:
        for index in generator(0, "subjects", name, question.name).integers(len(question.space), size=DRAWS).tolist():
            for phrasing in range(len(question.phrasings)):
                where[normal(FAMILIES[name]._item(question, index, phrasing).prompt)].add(name)
    assert len(where) > DRAWS * len(FAMILIES)
    assert not {prompt: names for prompt, names in where.items() if len(names) > 1}


def test_no_template_stands_in_two_families() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for name, question in QUESTIONS:
        for phrasing in question.phrasings:
            where[masked(phrasing)].add(name)
    assert not {template: names for template, names in where.items() if len(names) > 1}


def test_no_question_is_asked_by_two_families_in_other_words() -> None:
    found = [
        (name, question.name, asked(question, phrasing))
        for name, question in QUESTIONS
        for phrasing in question.phrasings
    ]
    pairs = combinations(found, 2)
    doubles = {(one[:2], other[:2]) for one, other in pairs if one[0] != other[0] and one[2].alike(other[2])}
    assert not doubles


def test_the_same_question_is_known_in_other_words() -> None:
    def left(phrasing: str, unit: str = "mg") -> Asked:
        def work(mass: int, half: int, time: int) -> Worked:
            return Worked({"m": mass, "h": half, "t": time}, f"{mass} {unit}", "quantity", ())

        return asked(Question("left", Product((8,), (2,), (4,)), work, ()), phrasing)

    first = left("An isotope has a half-life of {h} h. How much of {m} mg is left after {t} h, in mg?")
    assert first.alike(left("A nuclide has a half-life of {h} days. How many mg of {m} mg are left after {t} days?"))
    assert not first.alike(left("An isotope has a half-life of {h} h. Of {m} mg, how much is left after {t} h?", "mol"))
    assert not first.alike(left("How much dearer are {m} mg at {h} h a day for {t} h?"))
    assert masked("Of {m} g at  2.5 K") == "of # g at # k"
