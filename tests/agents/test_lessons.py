"""What an update learns from: rollouts, corrections in their place, successes, contrasts, or all that was gathered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from agents.learners import CE, DAPO, GKD, GRPO, RFT, SFT, DAgger, Learner
from agents.lessons import Lesson, Lessons
from agents.rollout import Rollouts
from distil_envs import Attempt, ByteTokenizer, Episode, Outcome, Status, Task
from distil_envs.tokenization import ChatFormat
from feedback import Feedback
from feedback.experts.correction import CorrectionExpert
from feedback.experts.model import ModelExpert
from feedback.experts.self_teacher import SelfTeacher
from feedback.schedule import Schedule

END = 9
TOKENIZER = ByteTokenizer()


def episode(name: str, *attempts: tuple[float, Feedback | None], status: Status | None = None) -> Episode:
    task = Task("t", "math", "What?", reference={"answer": "42"})
    made, ids = [], (50, 51)
    for number, (reward, words) in enumerate(attempts):
        outcome = Outcome(reward, status or (Status.CORRECT if reward else Status.WRONG))
        made.append(Attempt(ids, (60 + number, 61, END), "x", outcome, words, reply="Again."))
        ids = (*ids, 60 + number, 61, END, 52)
    return Episode(task, made, rollout_id=name, messages=tuple(task.messages))


SAID = Feedback(text="No.")
RIGHT = Feedback(text="No, 42.", correction="42<|im_end|>")


def rollouts(*episodes: Episode, size: int = 2) -> Rollouts:
    return Rollouts(list(episodes), [[0.0]] * len(episodes), [row // size for row in range(len(episodes))])


def lessons(learner: Learner, expert: object = None, train: tuple[int, ...] = ()) -> Lessons:
    return Lessons(learner, expert, TOKENIZER, END, 0, train)  # type: ignore[arg-type]


def learned(made: list[Lesson]) -> list[tuple[int, ...]]:
    return [lesson.learned for lesson in made]


def test_what_an_expert_can_teach_about() -> None:
    given = rollouts(
        episode("a", (0.0, None), (0.0, SAID)),
        episode("b", (0.0, RIGHT), (1.0, None)),
        episode("c", (0.0, SAID), status=Status.INFRA_ERROR),
        episode("d", (0.0, SAID), (0.0, RIGHT), (0.0, SAID)),
    )
    taught = learned(lessons(CE(), SelfTeacher()).take(0, given))
    assert taught == [(1,), (0,), (), (0, 1, 2)]
    assert learned(lessons(CE(), CorrectionExpert()).take(0, given)) == [(), (0,), (), (1,)]
    assert learned(lessons(CE(), ModelExpert(model="tiny")).take(0, given)) == [(0, 1), (0, 1), (), (0, 1, 2)]
    assert learned(lessons(GRPO(), None, (-1,)).take(0, given)) == [(1,), (1,), (), (2,)]
    assert learned(lessons(RFT()).take(0, given)) == [(), (1,), (), ()]
    assert all(lesson.judged is lesson.episode for lesson in lessons(CE(), SelfTeacher()).take(0, given))


def test_groups_without_contrast_are_left_out() -> None:
    given = rollouts(
        *(episode("a", (1.0, None)), episode("b", (1.0, None))),
        *(episode("c", (1.0, None)), episode("d", (0.0, None))),
        *(episode("e", (1.0, None)), episode("f", (0.0, None), status=Status.INFRA_ERROR)),
    )
    assert learned(lessons(DAPO()).take(0, given)) == [(), (), (0,), (0,), (), ()]


def test_a_correction_takes_the_place_of_the_first_attempt_that_has_one() -> None:
    given = rollouts(episode("a", (0.0, SAID), (0.0, RIGHT), (1.0, None)), episode("b", (0.0, SAID)))
    first, second = lessons(SFT()).take(0, given)
    assert first.learned == (1,) and second.learned == ()
    original = given.episodes[0]
    assert first.judged is original and len(original.attempts) == 3
    before, corrected = first.episode.attempts
    assert before is original.attempts[0]
    assert corrected.prompt_ids == original.attempts[1].prompt_ids
    assert corrected.completion_ids == (*b"42<|im_end|>", END)  # text, not a control token
    assert all(corrected.sampled) and corrected.feedback is RIGHT
    # Only attempts that are trained on are corrected.
    assert learned(lessons(SFT(), None, (0,)).take(0, given)) == [(), ()]


def test_a_share_of_corrections_is_drawn_for_each_rollout_alone() -> None:
    many = [episode(str(number), (0.0, RIGHT)) for number in range(400)]
    made = lessons(GKD(student_share=0.7), SelfTeacher()).take(3, rollouts(*many))
    swapped = {lesson.judged.rollout_id for lesson in made if lesson.episode is not lesson.judged}
    assert 90 < len(swapped) < 150  # .3 of 400, within three standard deviations
    again = lessons(GKD(student_share=0.7), SelfTeacher()).take(3, rollouts(*many[200:]))
    assert {each.judged.rollout_id for each in again if each.episode is not each.judged} == {
        name for name in swapped if int(name) >= 200
    }
    assert not any(each.episode is not each.judged for each in lessons(GKD(), SelfTeacher()).take(3, rollouts(*many)))


def test_corrections_are_counted_and_not_too_long() -> None:
    given = rollouts(*(episode(str(row), (0.0, RIGHT if row % 2 else SAID)) for row in range(4)))
    source = lessons(SFT())
    assert learned(source.take(0, given)) == [(), (0,), (), (0,)] and source.corrected == (2.0, 4.0)
    source.max_new_tokens = len(b"42<|im_end|>") + 1
    assert learned(source.take(1, given)) == [(), (0,), (), (0,)]
    source.max_new_tokens -= 1
    assert learned(source.take(2, given)) == [()] * 4 and source.corrected == (0.0, 4.0)


def test_aggregation_draws_from_all_steps_and_keeps_the_newest() -> None:
    source = lessons(DAgger(keep=6), SelfTeacher())
    steps = [[episode(f"{step}/{row}", (0.0, SAID if row else None)) for row in range(4)] for step in range(30)]
    for step, episodes in enumerate(steps):
        made = source.take(step, rollouts(*episodes))
        assert len(made) == 4 and [lesson.group for lesson in made] == [0, 1, 2, 3]
        kept = [f"{at}/{row}" for at in range(step + 1) for row in range(1, 4)][-6:]
        assert {lesson.episode.rollout_id for lesson in made} <= set(kept)
        assert not any(lesson.episode.siblings for lesson in made)  # they would stay in memory
    assert lessons(DAgger(), SelfTeacher()).take(0, rollouts(episode("a", (0.0, None)))) == []


def test_what_was_gathered_survives_a_checkpoint() -> None:
    learner = DAgger(beta=Schedule(1.0, 0.0, 2))
    source = lessons(learner, SelfTeacher())
    for step in range(3):
        source.take(step, rollouts(episode(f"{step}/a", (0.0, SAID), (0.0, RIGHT)), episode(f"{step}/b", (1.0, SAID))))
    other = lessons(learner, SelfTeacher())
    other.restore(source.state(), ChatFormat())
    assert other.state() == source.state() != []
    more = rollouts(episode("3/a", (0.0, RIGHT)), episode("3/b", (0.0, SAID)))
    first, second = source.take(3, more), other.take(3, more)
    assert [lesson.episode.to_dict() for lesson in first] == [lesson.episode.to_dict() for lesson in second]
    assert [lesson.judged.to_dict() for lesson in first] == [lesson.judged.to_dict() for lesson in second]
    assert learned(first) == learned(second)


@dataclass
class Whole(Learner):
    """Says nothing about what it learns from."""

    needs_expert: ClassVar[bool] = False


@pytest.mark.parametrize("learner", [Whole(), GRPO(), CE()], ids=repr)
def test_by_default_every_graded_rollout_is_learned_from(learner: Learner) -> None:
    given = rollouts(episode("a", (0.0, SAID)), episode("b", (1.0, SAID)))
    assert learned(lessons(learner).take(0, given)) == [(0,), (0,)]
