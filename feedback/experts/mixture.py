"""`Mixture`: two experts at once, in shares that may move over the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from distil_envs import Episode
from feedback.context import ContextTemplate
from feedback.experts.correction import CorrectionExpert
from feedback.experts.expert import Expert, Ids, Knows, Models, Source
from feedback.experts.self_teacher import SelfTeacher
from feedback.mixed import Mixed
from feedback.schedule import Schedule


@dataclass
class Mixture(Expert):
    """``p = β p_first + (1 - β) p_second`` at every position, β by the schedule. Either may be a mixture itself.

    With β falling from 1 it begins with one expert and ends with the other. Both must have something to teach about an
    attempt, whatever their shares.
    """

    first: Expert = field(default_factory=CorrectionExpert)
    """The expert with share β."""
    second: Expert = field(default_factory=SelfTeacher)
    """The expert with share 1 - β."""
    share: Schedule = field(default_factory=lambda: Schedule(0.5, 0.5))
    """β, in [0, 1]."""

    def validate(self) -> None:
        self.share.validate_share("expert.share")
        self.first.validate()
        self.second.validate()

    def sources(self) -> tuple[Source, ...]:
        return tuple(dict.fromkeys([*self.first.sources(), *self.second.sources()]))

    def knows(self) -> Knows:
        return min(self.first.knows(), self.second.knows(), Knows.PROBABILITIES)

    def reads_attempt(self) -> bool:
        return self.first.reads_attempt() or self.second.reads_attempt()

    def templates(self) -> tuple[ContextTemplate, ...]:
        return (*self.first.templates(), *self.second.templates())

    def needs_feedback(self) -> bool:
        return self.first.needs_feedback() or self.second.needs_feedback()

    def teaches(self, episode: Episode) -> bool:
        return self.first.teaches(episode) and self.second.teaches(episode)

    def distribution(
        self, models: Models, episodes: Sequence[Episode], completions: Sequence[Ids], *, seed: int, step: int
    ) -> Mixed:
        beta = self.share.at(step)
        parts = [
            expert.distribution(models, episodes, completions, seed=seed, step=step)
            for expert in (self.first, self.second)
        ]
        return Mixed(tuple(parts), (beta, 1 - beta))
