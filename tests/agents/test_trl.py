"""Our losses against TRL's (the extra `trl`): its own trainers, on the embedded network and the same rollouts.

A trainer is given the ids of the completions and the rewards as if it had sampled and scored them, and makes its batch
and its loss as in training. Our learner reads the hidden states of the same network. Compared are the losses and the
gradients of all parameters (for GKD, of the logits). Where the two differ on purpose, the test undoes exactly that
difference; docs/trl.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.batch import Batch
from agents.learners import CE, DAPO, GKD, GRPO, OPD, RLOO, SDPO, DrGRPO, Learner
from agents.models import load_model, load_tokenizer
from feedback.distribution import Hidden

pytest.importorskip("trl", reason="needs TRL: pip install 'distil-envs[trl]'")

PROMPTS, GROUP, LONGEST = ("1+2=", "what is 12+34? "), 4, 9
ROWS = len(PROMPTS) * GROUP
REWARDS = (1.0, 0.0, 0.25, 0.0, 1.0, 1.0, 0.0, 0.5)
UNSCORED = (1.0, None, 0.25, 0.0, 1.0, 1.0, 0.0, 0.5)
FLAT = (1.0, 0.0, 0.25, 0.0, 1.0, 1.0, 1.0, 1.0)
TOLERANCE = 1e-5
COMMON: dict[str, Any] = {
    "report_to": "none", "use_cpu": True, "bf16": False, "activation_checkpointing": False,
    "per_device_train_batch_size": ROWS, "max_completion_length": LONGEST,
}  # fmt: skip

Rewards = Sequence[float | None]
Inputs = dict[str, Tensor]
Make = Callable[..., Any]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a trainer: ``make("GRPO", REWARDS, loss_type="dapo", ...)``, with options of its config."""
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")

    def build(name: str, rewards: Rewards = (), **options: Any) -> Any:
        import trl
        import trl.experimental.sdpo
        from datasets import Dataset

        home: Any = trl.experimental.sdpo if name == "SDPO" else trl
        source: dict[str, Any] = {"reward_funcs": lambda **_: list(rewards)}
        if name == "Distillation":
            source = {"teacher_model": shake(load_model("tiny", dtype=torch.float32), 2)}
        else:
            options["num_generations"] = GROUP
        trainer = getattr(home, f"{name}Trainer")(
            model=load_model("tiny", dtype=torch.float64 if name == "SDPO" else torch.float32),
            args=getattr(home, f"{name}Config")(output_dir=str(tmp_path), **COMMON, **options),
            train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in PROMPTS]),
            processing_class=load_tokenizer("tiny"),
            **source,
        )
        trainer.current_gradient_accumulation_steps = 1  # what its training loop sets
        trainer.model.train()
        return trainer

    return build


@torch.no_grad()
def shake(model: Any, seed: int) -> Any:
    """Move all weights a little, as updates do."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter += 0.01 * torch.randn(parameter.shape, generator=generator)
    return model


def inputs_of(trainer: Any, seed: int = 0, longest: int = LONGEST, *, tools: bool = False) -> Inputs:
    """The batch that the trainer makes of random completions; with tools about 30 % of the ids are theirs."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest + 1, (ROWS,), generator=generator).tolist()
    ids = [torch.randint(5, 100, (length,), generator=generator).tolist() for length in lengths]
    made = [[1, *(torch.rand(length - 1, generator=generator) < 0.7).int().tolist()] for length in lengths]
    texts = [text for text in PROMPTS for _ in range(GROUP)]
    prompt_ids = trainer.processing_class(texts)["input_ids"]
    rollout = {"prompt_ids": prompt_ids, "completion_ids": ids, "logprobs": None}
    trainer.rollout_func = lambda *_: rollout | ({"env_mask": made} if tools else {})  # GRPO
    trainer._generate_single_turn = lambda *_: ids  # RLOO, Distillation
    rows = [{"prompt": text} for text in texts]
    if not hasattr(trainer, "sample_rollouts"):
        return dict(trainer._generate_and_score_completions(rows))
    trainer._generate = lambda *_: (prompt_ids, ids)  # SDPO
    return dict(trainer._prepare_training_batch(rows))


def states(model: Any, inputs: Inputs, prompt: str = "prompt") -> Tensor:
    """[B, T, H] that predict the completion, after the prompt that the inputs have under this name."""
    ids = torch.cat([inputs[f"{prompt}_ids"], inputs["completion_ids"]], dim=1)
    attention = torch.cat([inputs[f"{prompt}_mask"], inputs["completion_mask"]], dim=1)
    hidden: Tensor = model.base_model(input_ids=ids, attention_mask=attention).last_hidden_state
    return hidden[:, -inputs["completion_ids"].shape[1] - 1 : -1]


def batch_of(hidden: Tensor, weight: Tensor, ids: Tensor, mask: Tensor, rewards: Rewards, **more: Any) -> Batch:
    """As our learners see it, with the mean over all tokens that the policy made."""
    valid = torch.tensor([reward is not None for reward in rewards])
    return Batch(
        hidden=hidden, head_weight=weight, ids=ids, mask=mask, turn=torch.zeros_like(ids),
        learnable=torch.ones_like(mask), group=torch.arange(len(ids)) // GROUP,
        reward=torch.tensor([reward or 0.0 for reward in rewards]), valid=valid, denominator=float(mask.sum()), **more,
    )  # fmt: skip


def ours_of(trainer: Any, inputs: Inputs, rewards: Rewards = REWARDS) -> Batch:
    """Our batch of the trainer's rollouts. TRL divides the logits by the sampling temperature."""
    hidden = states(trainer.model, inputs) / trainer.temperature
    mask = (inputs["completion_mask"] * inputs.get("tool_mask", 1)).bool()
    return batch_of(hidden, trainer.model.lm_head.weight, inputs["completion_ids"], mask, rewards)


def second_pass(trainer: Any, inputs: Inputs, batch: Batch) -> Batch:
    """The batch once more, after an update."""
    old = batch.scores(inputs["completion_mask"].bool()).logp.detach()
    shake(trainer.model, 1)
    return replace(batch, hidden=states(trainer.model, inputs) / trainer.temperature, old_logp=old)


def taught(trainer: Any, inputs: Inputs) -> Batch:
    """With the expert that TRL's SDPO has: another network, which reads another prompt."""
    batch = ours_of(trainer, inputs)
    batch.learnable = inputs["self_distillation_mask"].bool()[:, None].expand_as(batch.mask)
    size = inputs["teacher_input_ids"].shape[1] - batch.ids.shape[1]
    told = {"told_ids": inputs["teacher_input_ids"][:, :size], "told_mask": inputs["teacher_attention_mask"][:, :size]}
    teacher = shake(trainer.teacher_model, 2)
    batch.expert = Hidden(states(teacher, inputs | told, "told").detach(), teacher.lm_head.weight)
    return batch


def mean_of_means(learner: Learner, batch: Batch) -> Tensor:
    """Over all rows, of the mean over each row's tokens: what TRL takes where we take the mean over all tokens."""
    total = batch.hidden.new_zeros(())
    for row, count in enumerate(batch.counted.sum(1).clamp(min=1).tolist()):
        only = torch.zeros_like(batch.mask)
        only[row] = batch.learnable[row]
        total = total + learner.loss(replace(batch, learnable=only, denominator=count)).value
    return total / len(batch.ids)


def gradients_apart(ours: Tensor, theirs: Tensor, model: Any) -> float:
    """Relative norm of the difference, over all parameters."""
    both = (torch.autograd.grad(loss, list(model.parameters()), retain_graph=True) for loss in (ours, theirs))
    mine, other = (torch.cat([part.flatten() for part in parts]) for parts in both)
    return float((mine - other).norm() / other.norm())


def assert_equal(ours: Tensor, theirs: Tensor, model: Any) -> None:
    """Loss and gradient."""
    assert ours.item() == pytest.approx(theirs.item(), abs=TOLERANCE)
    assert gradients_apart(ours, theirs, model) < TOLERANCE


SURROGATES: dict[str, tuple[GRPO | DrGRPO, dict[str, Any]]] = {
    "dapo": (GRPO(), {"loss_type": "dapo"}),
    "bnpo": (GRPO(clip=0.1), {"loss_type": "bnpo", "epsilon": 0.1}),
    "dr_grpo": (DrGRPO(length=LONGEST), {"loss_type": "dr_grpo", "scale_rewards": "none"}),
    "clip higher": (DAPO(), {"loss_type": "dapo", "epsilon_high": 0.28}),
    "warm": (GRPO(), {"temperature": 0.7}),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("name", SURROGATES)
def test_grpo_and_its_kin(make: Make, name: str, passes: int, seed: int) -> None:
    """GRPO as a mean over tokens (TRL's default), DrGRPO and DAPO, with ids that tools have put between."""
    learner, options = SURROGATES[name]
    trainer = make("GRPO", REWARDS, num_iterations=passes, **options)
    inputs = inputs_of(trainer, seed, tools=True)
    batch = ours_of(trainer, inputs)
    if learner.mean_over == "rollouts":
        batch.denominator = float(ROWS)
    if passes == 2:
        batch = second_pass(trainer, inputs, batch)
    loss = learner.loss(batch)
    assert_equal(loss.value, trainer.compute_loss(trainer.model, inputs), trainer.model)
    clipped, count = loss.metrics["clipped"]
    assert (0 < clipped < count) if passes == 2 else not clipped


def test_grpo_as_a_mean_of_means(make: Make) -> None:
    trainer = make("GRPO", REWARDS, loss_type="grpo")
    inputs = inputs_of(trainer)
    batch = ours_of(trainer, inputs)
    theirs = trainer.compute_loss(trainer.model, inputs)
    assert_equal(mean_of_means(GRPO(), batch), theirs, trainer.model)
    assert gradients_apart(GRPO().loss(batch).value, theirs, trainer.model) > 0.01


@pytest.mark.parametrize("rewards", [UNSCORED, FLAT])
def test_what_has_no_advantage_still_counts(make: Make, rewards: Rewards) -> None:
    """A rollout without a reward, a group of equal rewards: out of our denominator (law 4; DAPO), and in TRL's."""
    trainer = make("GRPO", rewards, loss_type="dapo", epsilon_high=0.28)
    inputs = inputs_of(trainer)
    batch = ours_of(trainer, inputs, rewards)
    in_theirs = batch.denominator
    if rewards is FLAT:
        batch.learnable[batch.group == 1] = False
    batch.denominator = float(batch.counted.sum())
    assert batch.denominator < in_theirs
    theirs = trainer.compute_loss(trainer.model, inputs) * in_theirs / batch.denominator
    assert_equal(DAPO().loss(batch).value, theirs, trainer.model)


@pytest.mark.parametrize("rewards", [REWARDS, UNSCORED])
def test_rloo(make: Make, rewards: Rewards) -> None:
    """On fresh rollouts the gradients are equal. The values are not, and mean nothing: Σ_i A_i against Σ_i A_i n_i."""
    trainer = make("RLOO", rewards, beta=0.0)
    inputs = inputs_of(trainer)
    batch = replace(ours_of(trainer, inputs, rewards), denominator=float(ROWS))
    ours, theirs = RLOO().loss(batch).value, trainer.compute_loss(trainer.model, inputs)
    assert gradients_apart(ours, theirs, trainer.model) < TOLERANCE


def test_rloo_again(make: Make) -> None:
    """TRL's ratio is that of the whole response, ours of each token: equal in responses of one token."""
    trainer = make("RLOO", REWARDS, beta=0.0, num_iterations=2, epsilon=0.5)
    inputs = inputs_of(trainer, longest=1)
    batch = replace(ours_of(trainer, inputs), denominator=float(ROWS))
    loss = RLOO(clip=0.5).loss(second_pass(trainer, inputs, batch))
    assert_equal(loss.value, trainer.compute_loss(trainer.model, inputs), trainer.model)
    assert 0 < loss.metrics["clipped"][0] < ROWS


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("beta", [0.0, 0.2, 0.5, 1.0])
def test_distillation(make: Make, beta: float, temperature: float) -> None:
    """Forward KL, Jensen-Shannon, reverse KL to another network, in TRL's chunks and in ours."""
    trainer = make("Distillation", beta=beta, temperature=temperature)
    inputs = inputs_of(trainer)
    batch = ours_of(trainer, inputs)
    teacher = trainer.teacher_model
    batch.expert = Hidden(states(teacher, inputs).detach() / temperature, teacher.lm_head.weight)
    theirs = trainer.compute_loss(trainer.model, inputs)
    assert_equal(GKD(beta=beta).loss(batch).value, theirs, trainer.model)
    if beta == 0.0:  # the cross-entropy is that and the entropy of the expert, which has no gradient
        ce = CE().loss(batch)
        assert_equal(ce.value - ce.metrics["expert_entropy"][0] / batch.denominator, theirs, trainer.model)


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("k", [None, 5])
def test_sdpo(make: Make, k: int | None, alpha: float, passes: int) -> None:
    """Full, and top k with a tail, under TRL's mean of means: rows with nothing to learn from are zeros in it."""
    options = {"distillation_mode": "topk_logits" if k else "full_logits", "distillation_topk": k}
    options |= {"distillation_alpha": alpha, "distillation_add_tail": True}
    trainer = make("SDPO", REWARDS, num_iterations=passes, **options)
    inputs = inputs_of(trainer)
    batch = taught(trainer, inputs)
    assert 0 < batch.learnable[:, 0].sum() < ROWS
    if passes == 2:
        batch = second_pass(trainer, inputs, batch)
    learner = SDPO(alpha=alpha, top_k=k)
    theirs = trainer.compute_loss(trainer.model, inputs)
    assert_equal(mean_of_means(learner, batch), theirs, trainer.model)
    importance, count = learner.loss(batch).metrics["importance"]
    assert (importance == pytest.approx(count)) == (passes == 1)


def test_sdpo_on_sampled_tokens(make: Make) -> None:
    """TRL's default mode, which has the gradient of OPD. The values differ and mean nothing."""
    trainer = make("SDPO", REWARDS)
    inputs = inputs_of(trainer)
    ours, theirs = mean_of_means(OPD(), taught(trainer, inputs)), trainer.compute_loss(trainer.model, inputs)
    assert gradients_apart(ours, theirs, trainer.model) < TOLERANCE


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 1.0])
def test_gkd(monkeypatch: pytest.MonkeyPatch, beta: float, seed: int) -> None:
    """In float64, with the gradient of the logits: the head is the identity."""
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    from trl.experimental import gkd

    B, T, V = 4, 6, 11
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, B, T, V, generator=generator, dtype=torch.float64).mul(2).unbind()
    student.requires_grad_()
    ids = torch.randint(V, (B, T), generator=generator)
    mask, eye = torch.rand(B, T, generator=generator) < 0.6, torch.eye(V, dtype=torch.float64)
    batch = batch_of(student, eye, ids, mask, [0.0] * B, expert=Hidden(teacher, eye))
    ours = GKD(beta=beta).loss(batch).value
    theirs = gkd.GKDTrainer.generalized_jsd_loss(student, teacher, ids.masked_fill(~mask, -100), beta)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-12)
    mine, other = (torch.autograd.grad(loss, student)[0] for loss in (ours, theirs))
    assert torch.allclose(mine, other, atol=1e-12)
