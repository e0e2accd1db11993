"""`ModelExpert`: another model of the same tokenizer, as in plain distillation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distil_envs import Episode
from distil_envs.errors import ConfigError
from feedback.distribution import Hidden, TopK, TopKMode
from feedback.experts.expert import Ids, Knows, Models, Source, known_of
from feedback.experts.other_model import OtherModel
from feedback.experts.self_teacher import require_top_k, scored


@dataclass
class ModelExpert(OtherModel):
    """Scores the student's tokens with weights of its own, after the student's prompt or having read the feedback."""

    model: str = ""
    """An embedded model, a local folder, or a hub name. Its tokenizer must be the student's."""
    top_k: int | None = None
    """Keep its k most likely tokens of each position; None keeps all that it says."""
    top_k_mode: TopKMode = "tail"
    """How the rest is read: as one bucket, not at all (`renormalise`), or as nothing (`truncate`). The last two call
    the other tokens impossible, so they serve no reverse KL, OPD or MiniLLM."""

    def validate(self) -> None:
        if not self.model:
            raise ConfigError("expert.model is empty: name the model that teaches, a folder, a hub name or `smollm2`")
        require_top_k(self.top_k, self.top_k_mode)

    def sources(self) -> tuple[Source, ...]:
        return (Source("model", name=self.model),)

    def knows(self) -> Knows:
        return known_of(self.top_k, self.top_k_mode)

    def distribution(
        self, models: Models, episodes: Sequence[Episode], completions: Sequence[Ids], *, seed: int, step: int
    ) -> Hidden | TopK:
        del seed, step
        contexts = self.contexts(models, episodes)
        return scored(models.scorer(self.sources()[0]), contexts, completions, self.top_k, self.top_k_mode)
