"""`OtherModel`: the base of experts that are another model than the policy, here or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from distil_envs import Episode
from feedback.context import ContextTemplate
from feedback.experts.expert import Expert, Ids, Models
from feedback.experts.self_teacher import read_feedback


@dataclass
class OtherModel(Expert):
    """It stands where the student stands, or has read the feedback as the self-teacher has."""

    reads_feedback: bool = False
    """Whether it reads the feedback. Otherwise it sees what the student sees, needs no feedback, and teaches about
    every attempt (GKD, MiniLLM and on-policy distillation as published)."""
    context: ContextTemplate = field(default_factory=ContextTemplate)
    """How the context is put together where it reads the feedback."""

    def templates(self) -> tuple[ContextTemplate, ...]:
        return (self.context,) if self.reads_feedback else ()

    def needs_feedback(self) -> bool:
        return self.reads_feedback

    def contexts(self, models: Models, episodes: Sequence[Episode]) -> Sequence[Ids]:
        """Ids of what it has read before each episode's last attempt is scored."""
        if self.reads_feedback:
            return read_feedback(models, self.context, episodes)
        return [episode.attempt.prompt_ids for episode in episodes]
