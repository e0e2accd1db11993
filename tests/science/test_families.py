"""Laws of the generated science families: references hold in any dress, misconceptions are named, splits share nothing.

DISTIL_FULL=1 looks at 500 items of every family over all levels, in every dress and with every
misconception, in place of 60 with one of them each.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from distil_envs.counted import generator
from distil_envs.family import Item, make_task
from distil_envs.outcome import Diagnosis, Status
from distil_envs.science.families import FAMILIES
from distil_envs.science.verifier import check_task, grade_science
from distil_envs.task import Task

FULL = os.environ.get("DISTIL_FULL") == "1"
ITEMS = 500 if FULL else 60
DRESSES = (
    "{}",
    "\\boxed{{{}}}",
    "First 3 * 4 = 12.\n<answer>{}</answer>",
    "The data are 7 and 8.\nSo the answer is {}.",
    "Working: 1 + 1 = 2\n\n**Answer: {}**",
    "{solution}",
)
LEVELS = [(name, level) for name, family in FAMILIES.items() for level in family.levels]

every_family = pytest.mark.parametrize("name", FAMILIES)
every_level = pytest.mark.parametrize(("name", "level"), LEVELS, ids=[f"{name}@{level}" for name, level in LEVELS])


@cache
def drawn(name: str) -> tuple[tuple[Item, Task], ...]:
    """A seeded sample over all levels in turn."""
    family = FAMILIES[name]
    found = []
    for counter in range(ITEMS):
        level = family.levels[counter % len(family.levels)]
        item = family.draw(generator(0, "science-families", name, counter), level)
        found.append((item, make_task(family, level, item)))
    return tuple(found)


def turn(counter: int, choices: Sequence[Any]) -> Sequence[Any]:
    """All of the choices when everything is looked at, else one of them by turns."""
    return choices if FULL or not choices else [choices[counter % len(choices)]]


def test_every_topic_has_six_families_with_levels() -> None:
    topics = Counter(family.topic for family in FAMILIES.values())
    assert set(topics) <= {"physics", "chemistry", "biology", "materials"}
    assert topics["physics"] >= 7 and topics["materials"] >= 6
    for name, family in FAMILIES.items():
        assert family.name == name == name.lower()
        assert 3 <= len(family.levels) <= 5


@every_family
def test_references_are_right_in_any_dress(name: str) -> None:
    for counter, (_, task) in enumerate(drawn(name)):
        check_task(task)
        for dress in turn(counter // len(FAMILIES[name].levels), DRESSES):
            text = dress.format(task.answer, solution=task.reference["solution"])
            outcome = grade_science(task, text)
            assert outcome.status is Status.CORRECT, (task.prompt, text, outcome.trace.of(Diagnosis))


@every_family
def test_misconceptions_are_wrong_and_named(name: str) -> None:
    """At least two of them, but for a few items where they lead to the same number."""
    enough = 0
    for counter, (_, task) in enumerate(drawn(name)):
        found = task.reference["misconceptions"]
        enough += len(found) >= 2
        for known in turn(counter // len(FAMILIES[name].levels), found):
            outcome = grade_science(task, known["answer"])
            first = outcome.trace.of(Diagnosis)[0]
            assert outcome.status is Status.WRONG, (task.prompt, known)
            assert (first.code, first.evidence["name"]) == ("misconception", known["name"]), (task.prompt, known, first)
            assert first.message.startswith(known["message"])
    assert enough >= 0.95 * ITEMS


@every_family
def test_solutions_end_in_the_answer_and_misconceptions_point_at_their_steps(name: str) -> None:
    for item, task in drawn(name):
        *steps, last = item.solution.split("\n")
        assert last == f"Answer: {item.answer}"
        assert steps and all(step and step == step.strip() for step in steps)
        for known in task.reference["misconceptions"]:
            assert 1 <= known["step"] <= len(steps), (task.prompt, known)
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", known["name"])
            assert not known["message"][0].islower() and known["message"].endswith("."), known
            assert str(task.answer) not in known["message"] or len(str(task.answer)) < 5, known


@every_family
def test_prompts_are_plain_and_do_not_leak_the_answer(name: str) -> None:
    for item, _ in drawn(name):
        assert (item.prompt + item.solution).isascii()
        assert "{" not in item.prompt and "  " not in item.prompt
        assert len(item.prompt) < 600
        if item.kind == "quantity" and item.answer.split()[1:]:
            assert f" {item.answer} " not in f" {re.sub('[.,?]( |$)', ' ', item.prompt)} ", item
        if options := item.extra.get("options"):
            assert len(set(options.values())) == len(options)
            assert all(text in item.prompt for text in options.values())


@every_family
def test_contents_decide_ids_and_splits(name: str) -> None:
    """What is asked in one wording is one content; a content is one task a level, and lies in one split."""
    ids: dict[str, str] = {}
    splits: dict[str, str] = {}
    contents: dict[str, str] = {}
    for item, task in drawn(name):
        assert contents.setdefault(item.prompt, task.content) == task.content
        assert splits.setdefault(task.content, task.split) == task.split
        assert ids.setdefault(task.id, task.content) == task.content
    assert len(ids) >= len(splits) > len(DRESSES)
    assert set(splits.values()) == {"train", "test"}


@every_level
def test_sizes_are_positive_and_each_question_has_phrasings(name: str, level: int) -> None:
    family = FAMILIES[name]
    assert family.size(level) == sum(len(question.space) for question in family.questions(level)) >= 50
    for question in family.questions(level):
        assert len(question.space) >= 10, question.name
        assert len(question.phrasings) >= 2, question.name
        assert len(set(question.phrasings)) == len(question.phrasings)
