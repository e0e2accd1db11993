"""`Scorers`: the models that an expert asks for, with the initial policy's weights, the current ones, or others."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from agents.models import load_model, load_tokenizer
from agents.policy import Policy
from distil_envs.errors import ConfigError
from feedback.experts.expert import Expert, Ids, Source


class Scorers:
    """What an expert has at hand (`feedback.experts.expert.Models`), made when the run begins.

    With adapters the frozen policy is the base without them, at no memory. Otherwise ``frozen`` and ``ema`` hold one
    more copy of the weights; averages are in float32 and of the dense weights, not of the adapters' factors.
    """

    def __init__(self, policy: Policy, expert: Expert, end_id: int) -> None:
        """`end_id` ends a response.

        Raises ConfigError for a model that cannot be loaded, or whose tokenizer is another.
        """
        self._policy = policy
        self.end_id = end_id
        self._models = {source: _Weights(policy, source) for source in expert.sources()}

    @property
    def tokenizer(self) -> Any:
        return self._policy.tokenizer

    @property
    def vocabulary(self) -> int:
        return len(self._policy.head_weight)

    @property
    def device(self) -> torch.device:
        return self._policy.device

    def scorer(self, source: Source) -> _Weights:
        """See `Models.scorer`."""
        return self._models[source]

    def update(self) -> None:
        """Call once after every optimiser step: moves the averages."""
        for model in self._models.values():
            model.update()

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """What a checkpoint needs beyond the policy: averages, and frozen initial weights."""
        return {str(source): model.state_dict() for source, model in self._models.items()}

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Inverse of `state_dict`."""
        for source, model in self._models.items():
            model.load_state_dict(state[str(source)])


class _Weights:
    """Scores completions with the weights of one `Source`, without gradient."""

    def __init__(self, policy: Policy, source: Source) -> None:
        self._policy = policy
        self._source = source
        self._own: Policy | None = None
        if source.kind == "model":
            self._own = _load(source.name, policy)
        elif source.kind == "ema" or (source.kind == "frozen" and not policy.has_adapter):
            dense = policy.merged_model() if source.kind == "ema" else copy.deepcopy(policy.base)
            self._own = Policy(dense.requires_grad_(False).eval(), policy.tokenizer, dtype=policy.dtype)

    @property
    def head_weight(self) -> Tensor:
        head = (self._own or self._policy).head_weight.detach()
        return head[: len(self._policy.head_weight)]  # what is beyond pads the head, and is never a token

    @torch.no_grad()
    def hidden(self, contexts: Sequence[Ids], completions: Sequence[Ids]) -> Tensor:
        """See `Policy.hidden`; without gradient."""
        with self._weights():
            return (self._own or self._policy).hidden(contexts, completions)

    @torch.no_grad()
    def update(self) -> None:
        if self._source.kind != "ema" or self._own is None:
            return
        model = self._policy.merged_model() if self._policy.has_adapter else self._policy.model
        current = dict(model.named_parameters())
        for name, average in self._own.model.named_parameters():
            average.lerp_(current[name].float(), self._source.rate)

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing for what is loaded anew."""
        return {} if self._own is None or self._source.kind == "model" else dict(self._own.model.named_parameters())

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        if self._own is not None:
            for name, parameter in self._own.model.named_parameters():
                if name in state:
                    parameter.copy_(state[name])

    def _weights(self) -> AbstractContextManager[None]:
        if self._source.kind == "frozen" and self._own is None:
            return self._policy.without_adapter()
        return nullcontext()


def _load(name: str, student: Policy) -> Policy:
    """The model `name` as the student's teacher. Raises ConfigError when they do not speak the same tokens."""
    tokenizer = load_tokenizer(name)
    if tokenizer.get_vocab() != student.tokenizer.get_vocab():
        raise ConfigError(
            f"the expert {name!r} has another tokenizer than the student ({len(tokenizer)} entries, the student "
            f"{len(student.tokenizer)}): token by token they cannot be compared; choose a model of the same family"
        )
    network = load_model(name, dtype=student.dtype).requires_grad_(False)
    teacher = Policy(network.to(student.device), tokenizer, dtype=student.dtype)
    if len(teacher.head_weight) < len(student.head_weight):
        raise ConfigError(
            f"the expert {name!r} has {len(teacher.head_weight)} rows in its output layer, the student "
            f"{len(student.head_weight)}: give both the same size (resize_token_embeddings)"
        )
    return teacher
