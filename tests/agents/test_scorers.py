"""Teachers have the weights that they say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from agents.learners import (
    DistIL,
)  # fmt: skip
from agents.scorers import Scorers
from feedback.experts.expert import Source
from feedback.experts.self_teacher import SelfTeacher
from tests.agents.updates import Load, lessons_of, make_rollouts, make_updater, stir

ROWS = ([[5, 6, 7], [8, 9]], [[10, 11], [12, 13, 14]])


def logits(model: Any) -> Tensor:
    states: Tensor = model.hidden(*ROWS)
    weight: Tensor = model.head_weight
    return (states.float() @ weight.float().T).detach()


@pytest.mark.parametrize("rank", [0, 4])
def test_a_frozen_teacher_stays_and_a_live_one_follows(load: Load, rank: int) -> None:
    """With adapters the frozen teacher is the base without them, and costs no memory."""
    policy = load(lora_rank=rank)
    initial = logits(policy)
    frozen, live = (Scorers(policy, SelfTeacher(weights=weights), 1) for weights in ("frozen", "live"))
    assert bool(frozen.state_dict()["frozen"]) == (rank == 0)
    assert live.state_dict() == {"live": {}}
    stir(policy)
    for models in (frozen, live):
        models.update()
    scorers = [models.scorer(Source(kind)) for models, kind in ((frozen, "frozen"), (live, "live"))]
    for scorer in scorers:
        assert not scorer.hidden(*ROWS).requires_grad and not scorer.head_weight.requires_grad
    assert torch.equal(logits(scorers[0]), initial)
    assert torch.equal(logits(scorers[1]), logits(policy))
    assert not torch.allclose(logits(policy), initial, atol=1e-3)


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_moving_average_is_of_dense_float32_weights(load: Load, rank: int, dtype: str) -> None:
    """Of the dense weights under adapters too: the average of products is not the product of averages."""
    policy = load(lora_rank=rank, dtype=dtype)
    models = Scorers(policy, SelfTeacher(weights="ema", ema_rate=0.25), 1)
    expected = {name: p.detach().clone() for name, p in policy.merged_model().named_parameters()}
    for step in range(3):
        stir(policy, 1e-3, seed=step)
        models.update()
        for name, p in policy.merged_model().named_parameters():
            expected[name] = 0.75 * expected[name] + 0.25 * p.detach()
    state = models.state_dict()["ema 0.25"]
    assert state.keys() == expected.keys()
    for name, value in state.items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, expected[name], atol=1e-7), name
    other = Scorers(load(lora_rank=rank, dtype=dtype), SelfTeacher(weights="ema", ema_rate=0.25), 1)
    other.load_state_dict(models.state_dict())
    average = Source("ema", 0.25)
    assert torch.equal(logits(other.scorer(average)), logits(models.scorer(average)))


def test_the_average_moves_once_for_each_optimiser_step(load: Load) -> None:
    policy = load()
    updater = make_updater(policy, DistIL(), weights="ema", passes=2, lr=0.05, tokens=1)
    models = updater.models
    assert models is not None
    before = {name: p.detach().clone() for name, p in policy.model.named_parameters()}
    path: list[dict[str, Tensor]] = []
    updater.optimizer.register_step_post_hook(
        lambda *_: path.append({name: p.detach().clone() for name, p in policy.model.named_parameters()})
    )
    updater.step(0, lessons_of(updater, make_rollouts(policy)))
    assert len(path) == 2
    for name, average in models.state_dict()["ema 0.05"].items():
        expected = before[name]
        for weights in path:
            expected = 0.95 * expected + 0.05 * weights[name]
        assert torch.allclose(average, expected, atol=1e-7), name
