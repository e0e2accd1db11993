"""The black-box expert: another model behind an OpenAI-compatible endpoint, one question for each position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor

from distil_envs import Episode
from distil_envs.counted import derive, generator
from distil_envs.errors import ConfigError
from feedback.distribution import Samples, TopK
from feedback.experts.completions_api import CompletionsApi, Endpoint, Query, Reply
from feedback.experts.expert import Ids, Knows, Models
from feedback.experts.other_model import OtherModel
from feedback.experts.positions import made_by_policy

Mode = Literal["samples", "top-logprobs"]


@dataclass
class BlackBoxExpert(OtherModel):
    """What a served model says next, given the exact ids before each token of the student.

    Samples a' of it are enough for the cross-entropy: ``E[-log q(a')] = CE(p, q)``, without bias also where it is a
    cost of earlier tokens, and for nothing else. Log-probabilities of its most likely tokens serve every divergence.
    Results of tools within the attempt carry no loss, so nothing is asked there.
    """

    endpoint: Endpoint = field(default_factory=Endpoint)
    """The server. Its model must have the student's tokenizer."""
    mode: Mode = "samples"
    """What to ask for: tokens sampled at temperature 1, or log-probabilities of the most likely ones."""
    samples: int = 1
    """With ``samples``: tokens at each position, each by a request of its own (not every server gives several)."""
    top_k: int = 20
    """With ``top-logprobs``: how many tokens; the others are one bucket."""
    positions: float = 1.0
    """With ``samples``: share of the positions that are asked about, each drawn independently. Those weigh 1/positions,
    so that the cross-entropy stays right on average, and the others nothing."""

    def validate(self) -> None:
        self.endpoint.validate()
        if self.mode not in get_args(Mode):
            raise ConfigError(f"expert.mode must be one of {', '.join(get_args(Mode))}, got {self.mode!r}")
        for name in ("samples", "top_k"):
            if getattr(self, name) < 1:
                raise ConfigError(f"expert.{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.positions <= 1:
            raise ConfigError(f"expert.positions is the share that is asked about, in (0, 1], got {self.positions}")
        if self.positions < 1 and self.mode == "top-logprobs":
            raise ConfigError(
                f"expert.positions={self.positions} needs mode='samples': probabilities carry no weight that would "
                "make up for the positions left out"
            )

    def knows(self) -> Knows:
        return Knows.SAMPLES if self.mode == "samples" else Knows.PROBABILITIES

    def distribution(
        self, models: Models, episodes: Sequence[Episode], completions: Sequence[Ids], *, seed: int, step: int
    ) -> Samples | TopK:
        """See `Expert`. Raises DistilError where the server fails for good, ConfigError where it has other tokens."""
        contexts = self.contexts(models, episodes)
        k = min(self.top_k, models.vocabulary)
        asked: list[tuple[int, int]] = []
        queries: list[Query] = []
        for row, (episode, context, completion) in enumerate(zip(episodes, contexts, completions, strict=True)):
            key = (step, episode.rollout_id, len(episode.attempts))
            drawn = generator(seed, "positions", *key).random(len(completion)) < self.positions
            for t, (chosen, made) in enumerate(zip(drawn, made_by_policy(episode, completion), strict=True)):
                if not (chosen and made):
                    continue
                asked.append((row, t))
                prompt = (*context, *completion[:t])
                if self.mode == "top-logprobs":
                    queries.append(Query(prompt, top=k))  # no seed: rollouts that begin alike ask alike
                else:
                    seeds = (derive(seed, "black-box", *key, t, number) % 2**31 for number in range(self.samples))
                    queries += [Query(prompt, top=1, seed=each) for each in seeds]
        with CompletionsApi(self.endpoint, models.tokenizer, models.vocabulary) as api:
            replies = api.ask(queries)
        shape = (len(episodes), max(map(len, completions), default=0))
        at = torch.tensor(asked, dtype=torch.int64, device=models.device).view(-1, 2).unbind(1)
        if self.mode == "top-logprobs":
            return _top_k(replies, at, shape, k, everything=k == models.vocabulary)
        return _samples(replies, at, shape, self.samples, weight=1 / (self.samples * self.positions))


def _samples(
    replies: Sequence[Reply], at: tuple[Tensor, ...], shape: tuple[int, int], size: int, weight: float
) -> Samples:
    """`size` replies for each of the positions `at` (rows and columns), those of one position together."""
    device = at[0].device
    ids = torch.zeros(*shape, size, dtype=torch.int64, device=device)
    ids[at] = torch.tensor([reply.sampled for reply in replies], dtype=torch.int64, device=device).view(-1, size)
    weights = torch.zeros(*shape, size, device=device)
    weights[at] = weight
    return Samples(ids, weights)


def _top_k(replies: Sequence[Reply], at: tuple[Tensor, ...], shape: tuple[int, int], k: int, everything: bool) -> TopK:
    """One reply for each of the positions `at` (rows and columns). The others are uniform over the first k ids."""
    device = at[0].device
    pairs = torch.tensor([reply.log_p[:k] for reply in replies], dtype=torch.float64, device=device).view(-1, k, 2)
    ids = torch.arange(k, device=device).repeat(*shape, 1)
    ids[at] = pairs[..., 0].long()
    log_p = torch.full((*shape, k), -math.log(k), device=device)
    log_p[at] = pairs[..., 1].float()
    log_tail = torch.full(shape, -torch.inf, device=device)
    if not everything:  # where all are known, what is left to one is an error of rounding
        log_tail[at] = (1 - pairs[..., 1].exp().sum(-1)).clamp(min=0).log().float()
    return TopK(ids, log_p, log_tail)
