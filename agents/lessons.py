"""`Lessons`: what one update learns from. The step's own rollouts, corrections in their place, or all gathered so far.

A learner says which (`Learner.corrections`, `only_successes`, `needs_contrast`, `aggregate`); here it is done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agents.learners import Learner
from agents.rollout import Rollouts, usable
from distil_envs import Attempt, Episode
from distil_envs.conversation import Conversation
from distil_envs.counted import generator
from distil_envs.inert import encode_inert
from distil_envs.tokenization import ChatFormat
from feedback.experts.expert import Expert


@dataclass(frozen=True)
class Lesson:
    """An episode, and which of its attempts are learned from."""

    episode: Episode
    group: int
    """Equal for rollouts of one task in one step."""
    learned: tuple[int, ...]
    """Indices of attempts, in order; there may be none."""
    judged: Episode
    """The rollout that the feedback is about: the episode itself, or the one in which a correction took its place."""


@dataclass
class Lessons:
    """Makes the lessons of each step; keeps those of earlier ones where the learner aggregates."""

    learner: Learner
    expert: Expert | None
    """None for learners without one."""
    tokenizer: Any
    end_id: int
    """Ends a correction, as a response ends."""
    seed: int
    """Of the run."""
    train_attempts: tuple[int, ...] = ()
    """Which attempts of an episode to learn from, counted from 0, or from the end with -1; empty for all."""

    max_new_tokens: int | None = None
    """Longer corrections are left out: no response could be as long."""
    corrected: tuple[float, float] = field(default=(0.0, 0.0), init=False)
    """Of the last step: rollouts in whose place a correction came, and all that were drawn for it."""

    def __post_init__(self) -> None:
        self._kept: list[Lesson] = []

    def take(self, step: int, rollouts: Rollouts) -> list[Lesson]:
        """The lessons of update `step`, counted from 0: as many as there are rollouts, groups one after the other."""
        share = self.learner.corrections(step)
        self.corrected = (0.0, 0.0)
        made = [
            self._lesson(episode, group, share)
            for episode, group in zip(rollouts.episodes, rollouts.group, strict=True)
        ]
        if self.learner.needs_contrast:
            made = _with_contrast(made)
        most = self.learner.aggregate()
        if not most:
            return made
        self._kept = [*self._kept, *(_alone(lesson) for lesson in made if lesson.learned)][-most:]
        if not self._kept:
            return []
        drawn = generator(self.seed, "lessons", step).integers(len(self._kept), size=len(made)).tolist()
        return [replace(self._kept[index], group=group) for group, index in enumerate(drawn)]

    def state(self) -> list[str]:
        """What a checkpoint needs: the lessons that were kept, as JSON."""
        return [
            json.dumps(
                {
                    "learned": each.learned,
                    "judged": _saved(each.judged),
                    "episode": None if each.episode is each.judged else _saved(each.episode),
                }
            )
            for each in self._kept
        ]

    def restore(self, state: Sequence[str], chat_format: ChatFormat) -> None:
        """Inverse of `state`."""
        self._kept = []
        for row in map(json.loads, state):
            judged = _restored(row["judged"], chat_format)
            episode = judged if row["episode"] is None else _restored(row["episode"], chat_format)
            self._kept.append(Lesson(episode, 0, tuple(row["learned"]), judged))

    def _lesson(self, episode: Episode, group: int, share: float) -> Lesson:
        if not usable(episode):
            return Lesson(episode, group, (), episode)
        count = len(episode.attempts)
        chosen = {k % count for k in self.train_attempts or range(count) if -count <= k < count}
        learned = [k for k in sorted(chosen) if self._learnable(episode.upto(k))]
        if share and generator(self.seed, "correction", episode.rollout_id).random() < share:
            return self._correction(episode, group, learned)
        return Lesson(episode, group, tuple(learned), episode)

    def _learnable(self, episode: Episode) -> bool:
        """Whether the last attempt enters the loss."""
        if self.expert is not None and not self.expert.teaches(episode):
            return False
        return not self.learner.only_successes or bool(episode.outcome and episode.outcome.success)

    def _correction(self, episode: Episode, group: int, learned: Sequence[int]) -> Lesson:
        """The first attempt that was corrected, as it should have been; what followed it has not happened."""
        for k in learned:
            attempt = episode.attempts[k]
            text = getattr(attempt.feedback, "correction", None)
            ids = () if text is None else (*encode_inert(self.tokenizer, text), self.end_id)
            if text is not None and len(ids) <= (self.max_new_tokens or len(ids)):
                self.corrected = (self.corrected[0] + 1, self.corrected[1] + 1)
                right = Attempt(attempt.prompt_ids, ids, text, attempt.outcome, attempt.feedback)
                corrected = replace(episode, attempts=[*episode.attempts[:k], right])
                return Lesson(corrected, group, (k,), episode)
        self.corrected = (self.corrected[0], self.corrected[1] + 1)
        return Lesson(episode, group, (), episode)


def _alone(lesson: Lesson) -> Lesson:
    """Without its siblings, which would stay in memory."""
    judged = replace(lesson.judged, siblings=())
    own = lesson.episode is lesson.judged
    return replace(lesson, episode=judged if own else replace(lesson.episode, siblings=()), judged=judged)


def _with_contrast(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Nothing is learned from groups in which all rewards are equal."""
    rewards: dict[int, set[float]] = {}
    for lesson in lessons:
        if usable(lesson.episode) and lesson.episode.outcome is not None:
            rewards.setdefault(lesson.group, set()).add(lesson.episode.outcome.reward)
    return [each if len(rewards.get(each.group, ())) > 1 else replace(each, learned=()) for each in lessons]


def _saved(episode: Episode) -> dict[str, Any]:
    kept = Conversation(
        episode.task, (), episode.messages, episode.rollout_id, attempts=list(episode.attempts), over=True
    )
    return kept.to_dict()


def _restored(row: Mapping[str, Any], chat_format: ChatFormat) -> Episode:
    return Conversation.from_dict(row).episode(chat_format)
