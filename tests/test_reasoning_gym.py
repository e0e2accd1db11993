"""reasoning-gym: seeds of our own, its scorers guarded. With DISTIL_FULL=1 every usable set, slow ones too."""

from __future__ import annotations

import os
import re
import sys
from functools import cache

import pytest

from distil_envs import Diagnosis, Raised, Status, Task, load_tasks
from distil_envs.errors import ConfigError
from distil_envs.task_set import FixedTaskSet

items = pytest.importorskip("distil_envs.reasoning_gym.items", reason="distil-envs[reasoning-gym] is not installed")

from distil_envs.answers import find_answer  # noqa: E402
from distil_envs.loaders.reasoning_gym import item_seed  # noqa: E402
from distil_envs.reasoning_gym.faults import BUILT_ANEW, READABLE, REFUSED  # noqa: E402
from distil_envs.reasoning_gym.verifier import ReasoningGymVerifier, readings  # noqa: E402

SLOW = {
    *("arc_agi", "figlet_font", "futoshiki", "group_anagrams", "quantum_lock"),
    *("simple_integration", "sokoban", "zebra_puzzles"),
}
"""Sets that take a second and more for three items."""
USABLE = [name for name in items.names() if name not in REFUSED]
SAMPLED = USABLE if os.environ.get("DISTIL_FULL") else [name for name in USABLE if name not in SLOW]


@cache
def tasks(name: str, query: str = "size=3") -> tuple[Task, ...]:
    found = load_tasks(f"reasoning-gym:{name}?{query}", "all")
    assert isinstance(found, FixedTaskSet)
    return tuple(found)


def score(task: Task, completion: str) -> float | None:
    """What the verifier makes of it, but in this process."""
    answer = find_answer(completion)
    texts = readings(task, completion, answer) if answer else []
    reference = task.reference
    return items.score(reference["dataset"], "{}", reference["seed"], reference["question"], texts) if texts else None


def own_answer(task: Task) -> str:
    reference = task.reference
    return str(items.item(reference["dataset"], "{}", reference["seed"])["answer"])


def test_enough_sets_can_be_used() -> None:
    assert len(USABLE) >= 80
    assert len(SAMPLED) >= 60
    assert set(REFUSED) | set(READABLE) | BUILT_ANEW | SLOW <= set(items.names())
    assert not (set(READABLE) | BUILT_ANEW | SLOW) & set(REFUSED)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # arc_agi's library leaves a file open
@pytest.mark.parametrize("name", SAMPLED)
def test_its_own_answers_are_right_and_those_of_other_items_are_not(name: str) -> None:
    found = tasks(name)
    for task, other in zip(found, (*found[1:], found[0]), strict=True):
        own, theirs = own_answer(task), own_answer(other)
        for completion in (str(task.answer), f"I think so.\n<answer>\n{own}\n</answer>", f"So \\boxed{{{own}}}."):
            assert score(task, completion) == 1.0, completion
        if theirs != own:
            for wrong in (theirs, f"{own} or {theirs}", "banana", "nan", "[]"):
                assert wrong == own or score(task, f"<answer>{wrong}</answer>") != 1.0, wrong


@pytest.mark.parametrize("name", ["chain_sum", "leg_counting", "maze", *sorted(BUILT_ANEW)])
def test_neighbouring_seeds_share_no_item(name: str) -> None:
    first, second = ({task.content for task in tasks(name, f"size=100&seed={seed}")} for seed in (42, 43))
    assert len(first & second) <= 5  # some sets are small, so that two seeds ask the same by chance
    theirs = [{str(items.item(name, "{}", seed + index)["question"]) for index in range(100)} for seed in (42, 43)]
    if name not in BUILT_ANEW:
        assert len(theirs[0] & theirs[1]) >= 99  # as the library counts


def test_items_depend_on_seed_options_and_index_alone() -> None:
    few, many = tasks("chain_sum", "size=5"), tasks("chain_sum", "size=50")
    assert [task.to_dict() for task in many[:5]] == [task.to_dict() for task in few]
    other = tasks("chain_sum", "size=5&max_terms=3")
    assert not {task.content for task in other} & {task.content for task in few}
    assert all(task.reference["config"] == {"max_terms": 3} for task in other)
    keys = {item_seed(*key) for key in ((0, "a", "{}", 1), (1, "a", "{}", 0), (0, "b", "{}", 1), (0, "a", "{ }", 1))}
    assert len(keys) == 4


@pytest.mark.parametrize("name", ["ab", "acre", "caesar_cipher", "gsm_symbolic", "pool_matrix"])
def test_a_set_that_is_used_again_makes_the_same_items_as_a_new_one(name: str) -> None:
    for seed in (7, 2**32 - 1):
        new = items.dataset(name, "{}", seed)[0]
        assert items.item(name, "{}", seed) == new
        assert items.item(name, "{}", seed + 1 if seed == 7 else 0) != new


def test_contents_are_told_once_and_split_by_their_hash() -> None:
    found = tasks("calendar_arithmetic", "size=300")
    assert len({task.content for task in found}) == len(found)
    small = tasks("tower_of_hanoi", "size=60&min_disks=3&max_disks=3")
    assert len({task.content for task in small}) == len(small) < 60
    spec = "reasoning-gym:chain_sum?size=100"
    train, test = ({task.content for task in load_tasks(spec, split)} for split in ("train", "test"))
    assert not train & test and len(train) + len(test) == 100


@pytest.fixture(scope="module")
def verifier() -> ReasoningGymVerifier:
    return ReasoningGymVerifier()


def test_the_verifier_says_right_wrong_and_malformed(verifier: ReasoningGymVerifier) -> None:
    task = tasks("chain_sum")[0]
    right = task.reference["answer"]
    outcome = verifier(task, f"Adding up.\n<answer>{right}</answer>")
    assert (outcome.status, outcome.reward, outcome.answer) == (Status.CORRECT, 1.0, right)
    for completion, status, code in (
        ("", Status.MALFORMED, "unparsable"),
        ("<answer> </answer>", Status.MALFORMED, "unparsable"),
        (f"<answer>{int(right) + 1}</answer>", Status.WRONG, "wrong-value"),
        (f"<answer>{task.reference['question']}</answer>", Status.WRONG, "echo"),
        (right + " " * 30_000 + "banana", Status.WRONG, "wrong-value"),
    ):
        outcome = verifier(task, completion)
        [fault] = outcome.trace.of(Diagnosis)
        assert (outcome.status, outcome.reward, fault.code) == (status, 0.0, code), completion[:40]


def test_partial_credit_is_a_reward_only_when_asked_for_and_never_a_success(verifier: ReasoningGymVerifier) -> None:
    task = tasks("chain_sum")[0]
    near = f"<answer>{task.reference['answer']}7</answer>"
    plain, partial = verifier(task, near), ReasoningGymVerifier(partial_credit=True)(task, near)
    assert (plain.reward, plain.status) == (0.0, Status.WRONG)
    assert 0 < partial.reward < 1
    assert partial.status is Status.WRONG
    assert partial.trace.of(Diagnosis)[0].evidence == {"score": partial.reward}


def test_an_answer_that_the_scorer_cannot_read_is_malformed(verifier: ReasoningGymVerifier) -> None:
    """prime_factorization's scorer raises for words, but not for its own answer."""
    task = tasks("prime_factorization")[0]
    assert verifier(task, f"<answer>{task.reference['answer']}</answer>").success
    outcome = verifier(task, "<answer>banana</answer>")
    assert (outcome.status, outcome.reward) == (Status.MALFORMED, 0.0)


def test_programs_are_never_shown_to_scorers_that_would_run_them(verifier: ReasoningGymVerifier) -> None:
    program = "__import__('os').system('touch ran')"
    for name in ("binary_matrix", "countdown", "n_queens", "simple_integration", "spiral_matrix", "string_insertion"):
        task = tasks(name)[0]
        for answer in (program, "open('ran', 'w')", "(lambda: 0)()", "exit()", "().__class__", "𝐨pen(1)"):
            assert verifier(task, f"<answer>{answer}</answer>").status is Status.MALFORMED, (name, answer)


def test_signs_around_a_sentence_belong_to_it() -> None:
    for task in tasks("sentence_reordering", "size=20"):
        assert score(task, f"<answer>{own_answer(task)}</answer>") == 1.0


def test_a_scorer_that_breaks_its_word_is_a_failure_on_our_side(monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks("chain_sum")[0]
    scorer = type(items.dataset("chain_sum", "{}", 0))
    for value in (float("nan"), 1.5, -0.1, None, "1"):
        monkeypatch.setattr(scorer, "score_answer", lambda *_, value=value: value)
        with pytest.raises(ValueError, match="expected a number from 0 to 1"):
            score(task, "<answer>1</answer>")
    monkeypatch.setattr(scorer, "score_answer", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # for the right answer too, so it is not the answer's fault
        score(task, "<answer>1</answer>")


def test_what_is_not_the_item_any_more_and_what_hangs(verifier: ReasoningGymVerifier) -> None:
    task = tasks("chain_sum")[0]
    row = task.to_dict()
    row["reference"]["question"] = "Another?"
    outcome = verifier(Task.from_dict(row), "<answer>1</answer>")
    assert outcome.status is Status.INFRA_ERROR
    assert "makes another question" in outcome.trace.of(Raised)[0].message
    hanging = tasks("countdown")[0]
    late = ReasoningGymVerifier(timeout_s=1.0)(hanging, "<answer>9**9**9**9</answer>")
    assert late.status is Status.TIMEOUT
    with pytest.raises(ConfigError, match="timeout_s must be a positive number"):
        ReasoningGymVerifier(timeout_s=0.0)


def test_specs_that_cannot_be_used_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(spec: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load_tasks(f"reasoning-gym:{spec}")
        return str(caught.value)

    for name, why in REFUSED.items():
        assert said(name) == f"reasoning-gym:{name} cannot be used: {why}. Take another set"
    assert "there is no such set; expected one of ab, acre" in said("chain_sums")
    assert "has no option 'terms'; expected any of" in said("chain_sum?terms=3")
    assert "does not take" in said("chain_sum?min_terms=9&max_terms=2")
    assert "expected whole numbers, size from 1; got 0" in said("chain_sum?size=0")
    assert "got 5 and seed 'x'" in said("chain_sum?size=5&seed=x")
    monkeypatch.setitem(sys.modules, "distil_envs.reasoning_gym.items", None)
    monkeypatch.delattr("distil_envs.reasoning_gym.items")
    assert re.search(r"pip install 'distil-envs\[reasoning-gym\]'", said("chain_sum"))
