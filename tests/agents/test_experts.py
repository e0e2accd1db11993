"""Experts in a run: found by name, saved with their options, given the models that they ask for."""

from __future__ import annotations

import json
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from accelerate import Accelerator

from agents import CE, EnvConfig, PolicyConfig, Trainer, TrainerConfig
from agents.config import make_expert
from agents.environments import make_envs, take_provider
from agents.learners import SDPO, SFT, DAgger, DistIL, Learner
from agents.policy import Policy
from agents.scorers import Scorers
from agents.student import Student
from distil_envs import Attempt, Episode, Task, encode_chat
from distil_envs.errors import ConfigError, DistilError
from feedback import Feedback
from feedback.context import ContextTemplate, Demonstration
from feedback.distribution import Hidden, TopK
from feedback.experts.correction import CorrectionExpert
from feedback.experts.expert import Expert, Source
from feedback.experts.mixture import Mixture
from feedback.experts.model import ModelExpert
from feedback.experts.self_teacher import SelfTeacher
from feedback.mixed import Mixed
from feedback.schedule import Schedule

MIXTURE: dict[str, Any] = {
    "name": "mixture",
    "first": {"name": "correction", "temperature": 0.5},
    "second": {"name": "self-teacher", "weights": "ema", "context": {"show_attempt": False}},
    "share": {"start": 1.0, "end": 0.0, "steps": 4},
}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.load("tiny", PolicyConfig(dtype="float32", device="cpu"))


def episode_of(policy: Policy) -> Episode:
    task = Task("t", "toy", "147!", reference={"answer": "741"})
    prompt = tuple(encode_chat(policy.tokenizer, task.messages))
    ids = (*policy.tokenizer.encode("147", add_special_tokens=False), policy.eos_ids[0])
    said = Feedback(text="The correct answer is 741.", correction="741")
    return Episode(task, [Attempt(prompt, ids, "147", feedback=said)], "0/0/0", messages=tuple(task.messages))


def ask(expert: Expert, policy: Policy, episode: Episode, step: int = 0) -> Any:
    expert.validate()
    ids = [episode.attempt.completion_ids]
    return expert.distribution(Scorers(policy, expert, policy.eos_ids[0]), [episode], ids, seed=0, step=step)


@pytest.mark.parametrize(
    ("learner", "expert", "fits"),
    [
        ({"name": "CE"}, {"name": "black-box"}, True),
        ({"name": "DistIL"}, {"name": "black-box"}, True),
        ({"name": "DistIL", "cost": "kl"}, {"name": "black-box"}, False),
        ({"name": "DistIL", "divergence_weight": "raw"}, {"name": "black-box"}, False),
        ({"name": "OPD"}, {"name": "black-box"}, False),
        ({"name": "OPD"}, {"name": "black-box", "mode": "top-logprobs"}, True),
        ({"name": "OPD"}, {"top_k": 5, "top_k_mode": "renormalise"}, False),
        ({"name": "GKD", "beta": 1.0}, {"top_k": 5, "top_k_mode": "truncate"}, False),
        ({"name": "GKD", "beta": 0.5}, {"top_k": 5, "top_k_mode": "truncate"}, True),
        ({"name": "SDPO"}, {"top_k": 5}, False),
        ({"name": "SDPO"}, {"name": "correction"}, True),
        ({"name": "SDPO"}, {"name": "mixture"}, False),
        ({"name": "SDPO", "top_k": None}, {"name": "mixture"}, True),
        ({"name": "GRPO"}, {"name": "black-box"}, True),
    ],
)
def test_what_a_learner_needs_to_know_is_asked_before_anything_is_loaded(
    learner: dict[str, Any], expert: dict[str, Any], fits: bool
) -> None:
    if expert.get("name") == "black-box":
        expert = expert | {"endpoint": {"url": "http://localhost:1/v1", "model": "any"}}
    config = TrainerConfig.from_dict({"learner": learner, "expert": expert})
    with nullcontext() if fits else pytest.raises(ConfigError, match="needs an expert that gives"):
        config.validate()


def test_options_of_experts_survive_a_file(tmp_path: Path) -> None:
    config = TrainerConfig.from_dict({"expert": MIXTURE, "learner": {"name": "DAgger", "beta": {"start": 1, "end": 0}}})
    assert config.expert == Mixture(
        CorrectionExpert(temperature=0.5),
        SelfTeacher(weights="ema", context=replace(SelfTeacher().context, show_attempt=False)),
        Schedule(1.0, 0.0, 4),
    )
    assert config.learner == DAgger(Schedule(1.0, 0.0))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.to_dict()))
    again = TrainerConfig.load(tmp_path / "config.yaml")
    assert again == config and not config.differences(again)
    assert config.differences(replace(config, expert=replace(config.expert, share=Schedule(0.5, 0.5))))
    assert TrainerConfig.from_dict({"expert": "correction"}).expert == CorrectionExpert()


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"name": "corection"}, "no expert is named 'corection'. Did you mean 'correction'"),
        (
            {"name": "agents.learners:CE"},
            "expert 'agents.learners:CE' must be a subclass of feedback.experts",
        ),
        (
            {"name": "correction", "temprature": 1.0},
            "unknown option expert.temprature; did you mean expert.temp",
        ),
        ({"name": "mixture", "first": {"weights": 1}}, "expert.first.weights must be one of frozen, live, ema, got 1"),
        ({"name": "mixture", "share": {"begin": 1}}, "unknown option expert.share.begin"),
        ({"name": "mixture", "share": {"start": 1.0}}, "expert.share.end is missing"),
        ({"name": "mixture", "share": 0.5}, "expert.share must hold `name: value` lines, got 0.5"),
        (
            {"name": "mixture", "share": {"start": 1.0, "end": 0.2}},
            "goes from 1.0 to 0.2 in 0 steps",
        ),
        ({"context": "long"}, "expert.context must hold `name: value` lines, got 'long'"),
        ({"name": "black-box", "endpoint": None}, "expert.endpoint must hold"),
        ({"name": "mixture", "share": {"start": 2.0, "end": 2.0}}, "expert.share is a share, in .0, 1., got 2.0"),
        ({"name": "model"}, "expert.model is empty: name the model"),
        ({"context": {"fnece": ""}}, "unknown option expert.context.fnece; did you mean expert.context.fence"),
    ],
)
def test_options_that_cannot_work(values: dict[str, Any], match: str) -> None:
    with pytest.raises(DistilError, match=match):
        TrainerConfig.from_dict({"expert": values}).validate()


def test_another_model_sees_what_the_student_sees(policy: Policy) -> None:
    episode = episode_of(policy)
    expert = ask(ModelExpert(model="tiny"), policy, episode)
    attempt = episode.attempt
    with torch.no_grad():
        ids = torch.tensor([[*attempt.prompt_ids, *attempt.completion_ids]])
        logits = policy.model(input_ids=ids).logits[0, len(attempt.prompt_ids) - 1 : -1]
    assert isinstance(expert, Hidden) and not expert.states.requires_grad
    assert torch.allclose(expert.log_p()[0], logits.log_softmax(-1), atol=1e-5)
    # Its weights are its own: they stay when the student's move.
    student = Policy.load("tiny", PolicyConfig(dtype="float32", device="cpu"))
    models = Scorers(student, ModelExpert(model="tiny"), 1)
    with torch.no_grad():
        student.head_weight.add_(1.0)
    assert torch.equal(models.scorer(Source("model", name="tiny")).head_weight, policy.head_weight)
    assert models.state_dict() == {"model tiny": {}}
    reads = ask(ModelExpert(model="tiny", reads_feedback=True), policy, episode)
    assert torch.allclose(reads.log_p(), ask(SelfTeacher(), policy, episode).log_p(), atol=1e-5)


def test_a_teacher_of_another_tokenizer_is_refused(policy: Policy) -> None:
    with pytest.raises(ConfigError, match="'smollm2' has another tokenizer than the student"):
        Scorers(policy, ModelExpert(model="smollm2"), 1)


@pytest.mark.parametrize("mode", ["tail", "renormalise", "truncate"])
def test_the_teachers_top_k(policy: Policy, mode: Any) -> None:
    episode = episode_of(policy)
    whole, top = (ask(SelfTeacher(top_k=k, top_k_mode=mode), policy, episode) for k in (None, 3))
    assert isinstance(top, TopK) and top.mode == mode
    assert torch.allclose(top.log_p, whole.log_p().topk(3, dim=-1).values)
    every = ask(SelfTeacher(top_k=10**6, top_k_mode=mode), policy, episode)
    assert torch.allclose(every.kept_mass, torch.ones(1, 4))


def test_a_mixture_moves_by_its_schedule(policy: Policy) -> None:
    episode = episode_of(policy)
    made = make_expert("mixture", {name: value for name, value in MIXTURE.items() if name != "name"})
    for step, share in ((0, 1.0), (1, 0.75), (4, 0.0), (9, 0.0)):
        mixed = ask(made, policy, episode, step)
        assert isinstance(mixed, Mixed) and mixed.weights == (share, 1 - share)
    assert made.sources() == (Source("ema", 0.05),)
    assert made.teaches(episode) and len(made.templates()) == 1
    episode.attempt.feedback = Feedback(text="No.")
    assert not made.teaches(episode)


@pytest.mark.parametrize(
    ("expert", "learner"),
    [
        (CorrectionExpert(), DistIL()),
        (CorrectionExpert(), SDPO(top_k=4)),
        (ModelExpert(model="tiny"), CE()),
        (Mixture(), DistIL(cost="kl", divergence_weight="normalised")),
        (SelfTeacher(top_k=5), DAgger(Schedule(0.5, 0.5))),
        (SelfTeacher(), SFT()),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_training_with_each(expert: Expert, learner: Learner, tmp_path: Path) -> None:
    """Two steps through everything; what is known of the expert is logged."""
    config = TrainerConfig(
        model="tiny",
        env="distil/Toy-v0",
        feedback=None if isinstance(expert, ModelExpert) else "answer",
        learner=learner,
        expert=expert,
        environment=EnvConfig(tasks="toy/rule", num_tasks=8, max_new_tokens=6, max_prompt_tokens=16),
        policy=PolicyConfig(dtype="float32", device="cpu"),
        steps=2,
        tasks_per_step=2,
        group_size=2,
        demonstrations=0,
        eval_every=0,
        eval_tasks=0,
        base_shots=0,
        run_dir=str(tmp_path / "run"),
    )
    Trainer(config).train()
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 2 and all(row["lessons"] == 1.0 for row in rows)
    # The student is already what another model of the same weights teaches.
    assert (max(row["grad_norm"] for row in rows) > 0) == (not isinstance(expert, ModelExpert))
    assert all({"entropy", "length", "success", "format", "with_feedback", "copied"} <= row.keys() for row in rows)
    assert ("kept_mass" in rows[0]) == (isinstance(expert, CorrectionExpert) or getattr(expert, "top_k", None) == 5)
    assert ("future_to_local" in rows[0]) == isinstance(learner, DistIL)


def test_two_averages_of_different_rates_survive_a_checkpoint(policy: Policy) -> None:
    both = Mixture(SelfTeacher(weights="ema", ema_rate=0.1), SelfTeacher(weights="ema", ema_rate=0.7))
    student = Policy.load("tiny", PolicyConfig(dtype="float32", device="cpu"))
    models, other = (Scorers(student, both, 1) for _ in range(2))
    with torch.no_grad():
        student.head_weight.add_(1.0)
    models.update()
    other.load_state_dict(models.state_dict())
    heads = [other.scorer(source).head_weight.detach() for source in both.sources()]
    moved = [float((head - policy.head_weight.detach()).mean()) for head in heads]
    assert moved == pytest.approx([0.1, 0.7], abs=1e-5)


def test_rows_beyond_the_students_head_are_padding(policy: Policy, tmp_path: Path) -> None:
    larger = Policy.load("tiny", PolicyConfig(dtype="float32", device="cpu"))
    larger.model.resize_token_embeddings(len(policy.head_weight) + 8)
    with torch.no_grad():
        larger.head_weight[len(policy.head_weight) :] = 9.0  # likely, if they were looked at
    larger.save(tmp_path / "larger")
    episode = episode_of(policy)
    expected = ask(ModelExpert(model="tiny"), policy, episode).log_p()
    assert torch.allclose(
        ask(ModelExpert(model=str(tmp_path / "larger")), policy, episode).log_p(), expected, atol=1e-5
    )


def test_own_demonstrations_stay_and_the_configuration_is_not_touched(tmp_path: Path) -> None:
    mine = Demonstration("own", ({"role": "user", "content": "1!"},), "2", "No.", "1")
    teacher = SelfTeacher(context=ContextTemplate(demonstrations=(mine,)))
    config = TrainerConfig(
        model="tiny",
        env="distil/Toy-v0",
        feedback="answer",
        expert=teacher,
        environment=EnvConfig(tasks="toy/rule", num_tasks=4, max_new_tokens=4, max_prompt_tokens=16),
        policy=PolicyConfig(dtype="float32", device="cpu"),
    )
    seen = []
    for each in (config, replace(config, expert=SelfTeacher())):
        policy = Policy.load("tiny", each.policy)
        with closing(make_envs(each, policy, "train", 1)) as envs:
            student = Student(each, policy, envs.rows[0], take_provider(envs), Accelerator(cpu=True))
        [template] = student.expert.templates() if student.expert else []
        seen.append(template.demonstrations)
        assert isinstance(each.expert, SelfTeacher)
    assert seen[0] == (mine,) == teacher.context.demonstrations
    assert len(seen[1]) == 3


@pytest.mark.parametrize("learner", [SFT(), CE()], ids=repr)
def test_learners_that_need_feedback_say_so(learner: Learner, tmp_path: Path) -> None:
    options = EnvConfig(tasks="toy/rule", num_tasks=4, max_new_tokens=4, max_prompt_tokens=16)
    config = TrainerConfig(model="tiny", env="distil/Toy-v0", learner=learner, environment=options)
    with pytest.raises(ConfigError, match="learns from feedback, but distil/Toy-v0 gives none"):
        Trainer(replace(config, run_dir=str(tmp_path / "run"))).train()
    assert not (tmp_path / "run").exists()
