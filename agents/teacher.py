"""Weights for the self-teacher: the initial policy's, the current one's, or a moving average."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from agents.policy import Policy
from feedback.experts.self_teacher import SelfTeacher


class TeacherModel:
    """Scores completions with the weights that a `SelfTeacher` asks for, without gradient.

    With adapters the frozen policy is the base without them, at no memory. Otherwise ``frozen`` and ``ema`` hold one
    more copy of the weights; averages are in float32 and of the dense weights, not of the adapters' factors.
    """

    def __init__(self, policy: Policy, teacher: SelfTeacher) -> None:
        self._policy = policy
        self._mode = teacher.weights
        self._rate = teacher.ema_rate
        self.tokenizer = policy.tokenizer
        self._own: Policy | None = None
        if self._mode == "ema" or (self._mode == "frozen" and not policy.has_adapter):
            dense = policy.merged_model() if self._mode == "ema" else copy.deepcopy(policy.base)
            self._own = Policy(dense.requires_grad_(False).eval(), policy.tokenizer, dtype=policy.dtype)

    @property
    def head_weight(self) -> Tensor:
        return (self._own or self._policy).head_weight.detach()

    @torch.no_grad()
    def hidden(self, contexts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> Tensor:
        """See `Policy.hidden`; without gradient."""
        with self._weights():
            return (self._own or self._policy).hidden(contexts, completions)

    @torch.no_grad()
    def update(self) -> None:
        """Call once after every optimiser step: moves the average."""
        if self._mode != "ema" or self._own is None:
            return
        model = self._policy.merged_model() if self._policy.has_adapter else self._policy.model
        current = dict(model.named_parameters())
        for name, average in self._own.model.named_parameters():
            average.lerp_(current[name].float(), self._rate)

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint needs beyond the policy: the average, or the frozen initial weights."""
        return {} if self._own is None else dict(self._own.model.named_parameters())

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Inverse of `state_dict`."""
        if self._own is not None:
            with torch.no_grad():
                for name, parameter in self._own.model.named_parameters():
                    parameter.copy_(state[name])

    @contextlib.contextmanager
    def _weights(self) -> Iterator[None]:
        if self._mode == "frozen" and self._own is None:
            with self._policy.without_adapter():
                yield
        else:
            yield
