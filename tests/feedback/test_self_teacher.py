"""The self-teacher: position t is the model's own distribution after context and the student's tokens before t."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from agents.policy import Policy, PolicyConfig
from agents.scorers import Scorers
from distil_envs import Attempt, Episode, Task, encode_chat
from distil_envs.errors import ConfigError
from distil_envs.tokenization import ChatFormat
from feedback import Feedback
from feedback.context import ContextTemplate
from feedback.distribution import Hidden
from feedback.experts.self_teacher import SelfTeacher


@pytest.fixture(scope="module")
def policy(small_model: Path) -> Policy:
    return Policy.load(str(small_model), PolicyConfig(device="cpu", dtype="float32"))


def make_episodes(policy: Policy) -> list[Episode]:
    task = Task("t", "math", "What is 2 + 2?")
    prompt = tuple(encode_chat(policy.tokenizer, task.messages))
    completions = [(20, 30, 40, policy.eos_ids[0]), (50,), (60, 70)]
    feedback = ["Too large.", "No. Look at the second step again.", None]
    return [
        Episode(
            task,
            [Attempt(prompt, ids, "", feedback=None if words is None else Feedback(text=words))],
            messages=tuple(task.messages),
        )
        for ids, words in zip(completions, feedback, strict=True)
    ]


def taught(teacher: SelfTeacher, policy: Policy, episodes: list[Episode]) -> Hidden:
    completions = [episode.attempt.completion_ids for episode in episodes]
    made = teacher.distribution(Scorers(policy, teacher, 1), episodes, completions, seed=0, step=0)
    assert isinstance(made, Hidden)
    return made


@pytest.mark.parametrize("show_attempt", [True, False])
def test_each_position_is_the_models_next_token_distribution(policy: Policy, show_attempt: bool) -> None:
    teacher = SelfTeacher(weights="live", context=ContextTemplate(show_attempt=show_attempt))
    episodes = make_episodes(policy)
    expert = taught(teacher, policy, episodes)
    assert isinstance(expert, Hidden)
    assert expert.states.shape[:2] == (3, 4) and not expert.states.requires_grad
    for row, episode in enumerate(episodes):
        feedback = episode.attempt.feedback or Feedback(text="")
        context = teacher.context.ids(policy.tokenizer, episode, feedback)
        ids = list(episode.attempt.completion_ids)
        with torch.no_grad():
            logits = policy.model(input_ids=torch.tensor([context + ids])).logits[0, len(context) - 1 : -1]
        got = expert.log_p()[row, : len(ids)]
        assert torch.allclose(got, torch.log_softmax(logits, -1), atol=1e-5)


def test_it_reads_the_feedback(policy: Policy) -> None:
    """Other words, another distribution; and not the student's own, whose context has none."""
    teacher = SelfTeacher(weights="live")
    first, second = make_episodes(policy)[:1], make_episodes(policy)[:1]
    second[0].attempt.feedback = Feedback(text="Too small.")
    one, two = (taught(teacher, policy, episodes).log_p()[0, 0] for episodes in (first, second))
    attempt = first[0].attempt
    own = policy.hidden([attempt.prompt_ids], [attempt.completion_ids])[0, 0] @ policy.head_weight.T
    student = torch.log_softmax(own.detach(), -1)
    assert float((one - two).abs().max()) > 1e-4
    assert float((one - student).abs().max()) > 1e-4


def test_the_chat_template_of_the_environment(policy: Policy) -> None:
    teacher = SelfTeacher(weights="live")
    episodes, others = make_episodes(policy)[:1], make_episodes(policy)[:1]
    other = "{% for message in messages %}{{ message['role'] + message['content'] }}{% endfor %}{{ 'assistant' }}"
    others[0].format = ChatFormat(other)
    usual, changed = taught(teacher, policy, episodes), taught(teacher, policy, others)
    assert not torch.allclose(usual.states, changed.states)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"weights": "emma"}, "must be one of frozen, live, ema, got 'emma'"),
        ({"ema_rate": 0.0}, r"in \(0, 1\], got 0.0"),
        ({"ema_rate": 1.5}, r"in \(0, 1\], got 1.5"),
        ({"top_k": 0}, "top_k must be at least 1, or None for all, got 0"),
        ({"top_k_mode": "tale"}, "top_k_mode must be one of tail, renormalise, truncate, got 'tale'"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        SelfTeacher(**options).validate()
