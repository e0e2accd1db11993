"""Feedback providers: what they say, what it was made from, when they say nothing; and a user's own function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from distil_envs import Attempt, Diagnosis, Episode, Outcome, Status, Task, Trace
from distil_envs.errors import ConfigError
from distil_envs.registry import names, resolve, unregister_object
from feedback import Feedback, provider
from feedback.provider import FunctionProvider, as_provider

BUILT_IN = ["answer", "binary", "diagnosis", "peer", "solution"]


def make(
    status: Status = Status.WRONG,
    *,
    answer: str | None = "5",
    reference: dict[str, Any] | None = None,
    events: tuple[Diagnosis, ...] = (),
    name: str = "r0",
    text: str = "It is 5.",
) -> Episode:
    reference = {"answer": "4", "solution": "2 + 2 = 4"} if reference is None else reference
    task = Task("t", "math", "What is 2 + 2?", reference)
    outcome = Outcome(float(status is Status.CORRECT), status, answer, Trace(events))
    return Episode(task, [Attempt((1,), (2,), text, outcome)], rollout_id=name)


RIGHT = make(Status.CORRECT, answer="4")
WRONG = make()
MALFORMED = make(Status.MALFORMED, answer=None)
TIMEOUT = make(Status.TIMEOUT, answer="9^9^9^9")


def say(name: str, *episodes: Episode) -> list[Feedback | None]:
    found = resolve("feedback", name)
    assert found.name == name
    made: list[Feedback | None] = found(list(episodes))
    return made


def texts(name: str) -> list[str]:
    made = say(name, RIGHT, WRONG, MALFORMED, TIMEOUT)
    assert all(each is not None and each.source == name for each in made)
    return [each.text for each in made if each is not None]


def test_the_built_in_ones_are_found_by_name() -> None:
    assert set(BUILT_IN) <= set(names("feedback"))


def test_binary() -> None:
    assert texts("binary") == ["4 is right.", "5 is wrong.", "No answer could be read.", "9^9^9^9 is wrong."]
    (made,) = say("binary", WRONG)
    assert made is not None
    assert made.depends_on == {"r0"} and not made.reveals_reference and made.correction is None


def test_answer_is_made_from_the_task_alone() -> None:
    assert set(texts("answer")) == {"The correct answer is 4."}
    (made,) = say("answer", WRONG)
    assert made is not None
    assert made.depends_on == frozenset() and made.reveals_reference and made.correction == "4"
    assert say("answer", make(reference={})) == [None]


def test_solution() -> None:
    assert texts("solution")[:3] == [
        "4 is right. A worked solution:\n2 + 2 = 4",
        "5 is wrong. A worked solution:\n2 + 2 = 4",
        "No answer could be read. A worked solution:\n2 + 2 = 4",
    ]
    (made,) = say("solution", WRONG)
    assert made is not None
    assert made.depends_on == {"r0"} and made.reveals_reference and made.correction == "4"
    assert say("solution", make(reference={"answer": "4"})) == [None]
    (made,) = say("solution", make(reference={"solution": "So."}))
    assert made is not None and made.correction is None


def test_diagnosis() -> None:
    events = (
        Diagnosis("off-by-one", "It is off by one.", span=(6, 7)),
        Diagnosis("too-large", "It is too large.", reveals_reference=True),
    )
    (made,) = say("diagnosis", make(events=events))
    assert made is not None
    assert made.text == "5 is wrong. It is off by one. It is too large."
    assert made.spans == ((6, 7),)
    assert made.reveals_reference and made.depends_on == {"r0"}
    assert texts("diagnosis") == texts("binary")
    (plain,) = say("diagnosis", WRONG)
    assert plain is not None and not plain.reveals_reference and plain.spans == ()


@pytest.mark.parametrize("name", ["binary", "diagnosis", "solution"])
def test_feedback_on_an_attempt_that_was_not_graded_is_refused(name: str) -> None:
    ungraded = make()
    ungraded.attempt.outcome = None
    for episode in (ungraded, make(Status.INFRA_ERROR)):
        with pytest.raises(ValueError, match="before the attempt was graded"):
            say(name, episode)


def group(*statuses: Status) -> list[Episode]:
    members = [make(status, name=f"r{number}", text=f"text {number}") for number, status in enumerate(statuses)]
    for member in members:
        member.siblings = tuple(other for other in members if other is not member)
    return members


def test_peer_shows_another_success_and_never_the_rollout_itself() -> None:
    members = group(Status.WRONG, Status.CORRECT, Status.INFRA_ERROR, Status.CORRECT)
    made = say("peer", *(members[number] for number in (0, 1, 3)))
    assert [each and each.text.rpartition("\n")[2] for each in made] == ["text 1", "text 3", "text 1"]
    assert [each and each.correction for each in made] == ["text 1", "text 3", "text 1"]
    # Whoever was looked at before the choice was made counts: it might have been chosen.
    assert [each and sorted(each.depends_on) for each in made] == [
        ["r0", "r1"],
        ["r0", "r1", "r2", "r3"],
        ["r0", "r1", "r3"],
    ]
    assert all(each is not None and each.reveals_reference and each.source == "peer" for each in made)


def test_peer_says_nothing_without_another_success() -> None:
    assert say("peer", *group(Status.CORRECT, Status.WRONG, Status.WRONG))[0] is None
    assert say("peer", *group(Status.WRONG, Status.MALFORMED)) == [None, None]
    assert say("peer", WRONG) == [None]


@pytest.fixture
def registered() -> Iterator[str]:
    """A name to register under, forgotten afterwards."""
    yield "test-lint"
    if "test-lint" in names("feedback"):
        unregister_object("feedback", "test-lint")


def test_a_function_of_one_episode_is_enough(registered: str) -> None:
    @provider(registered)
    def lint(episode: Episode) -> Feedback | str | None:
        """Says what kind of episode it is."""
        match episode.outcome and episode.outcome.status:
            case Status.CORRECT:
                return None
            case Status.WRONG:
                return "Look again."
            case Status.TIMEOUT:
                return Feedback(text="Too slow.", source="elsewhere", spans=((0, 1),))
        return Feedback(text="Say it.", correction="4", depends_on=frozenset({episode.rollout_id}))

    assert isinstance(lint, FunctionProvider)
    assert resolve("feedback", registered) is lint and lint.name == registered
    assert lint.__doc__ == "Says what kind of episode it is."
    assert lint([RIGHT, WRONG, MALFORMED, TIMEOUT]) == [
        None,
        Feedback(text="Look again.", source=registered),
        Feedback(text="Say it.", correction="4", source=registered, depends_on=frozenset({"r0"})),
        Feedback(text="Too slow.", source="elsewhere", spans=((0, 1),)),
    ]


@pytest.mark.parametrize("returned", [3, ["Look again."], b"bytes", True])
def test_what_is_no_feedback_is_refused(registered: str, returned: Any) -> None:
    lint = provider(registered)(lambda episode: returned)
    match = f"{registered}' returned {type(returned).__name__}; expected Feedback, a string, or None"
    with pytest.raises(ConfigError, match=match):
        lint([WRONG])


def test_a_bare_function_serves_as_a_provider() -> None:
    def shout(episode: Episode) -> str:
        return episode.attempt.text.upper()

    lifted = as_provider(shout)
    assert lifted.name == "shout"
    assert lifted([WRONG]) == [Feedback(text="IT IS 5.", source="shout")]
    assert as_provider(lifted) is lifted


def test_feedback_is_text_and_its_dependencies_a_set() -> None:
    with pytest.raises(TypeError, match="feedback text must be a string, got int"):
        Feedback(text=3)  # type: ignore[arg-type]
    made = Feedback(text="a", depends_on=["y", "x", "y"], spans=((1, 2),))  # type: ignore[arg-type]
    assert made.depends_on == frozenset({"x", "y"})
    assert made.to_dict() == {
        "text": "a",
        "spans": [[1, 2]],
        "correction": None,
        "source": "",
        "reveals_reference": False,
        "depends_on": ["x", "y"],
    }
