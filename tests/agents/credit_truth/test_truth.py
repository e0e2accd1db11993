"""True values of prefixes, against sums over all completions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.credit_truth import Branched
from agents.policy import Policy
from distil_envs import Task
from distil_envs.errors import ConfigError
from distil_envs.tokenization import decode
from distil_envs.toy import exact_match
from feedback import Feedback
from feedback.context import ContextTemplate

Measured = Callable[..., Branched]

pytestmark = pytest.mark.usefixtures("one_thread")


@torch.inference_mode()
def log_probabilities(policy: Policy, ids: Sequence[int]) -> Tensor:
    """float64 [T, V], of the token after each, by the transformers model alone."""
    logits = policy.model(input_ids=torch.tensor([list(ids)])).logits[0]
    return torch.log_softmax(logits.double(), -1)


@dataclass
class Enumerated:
    """Every completion of at most two tokens of one task, with its chance and its value."""

    policy: Policy
    task: Task
    prompt: Sequence[int]
    teacher: Sequence[int]

    def __post_init__(self) -> None:
        size = len(self.policy.tokenizer)
        ends = self.policy.eos_ids
        self.first = log_probabilities(self.policy, self.prompt)[-1].exp()
        self.cost_first = self._cost(())
        self.reward: dict[tuple[int, ...], float] = {}
        self.cost: dict[tuple[int, ...], float] = {}
        self.second: dict[int, Tensor] = {}
        for a in range(size):
            if a in ends:
                self.reward[(a,)], self.cost[(a,)] = self._right((a,)), -self.cost_first
                continue
            self.second[a] = log_probabilities(self.policy, [*self.prompt, a])[-1].exp()
            cost = -self.cost_first - self._cost((a,))
            for b in range(size):
                self.reward[(a, b)], self.cost[(a, b)] = self._right((a, b)), cost

    def _right(self, ids: tuple[int, ...]) -> float:
        return exact_match(
            self.task, decode(self.policy.tokenizer, [i for i in ids if i not in self.policy.eos_ids])
        ).reward

    def _cost(self, ids: tuple[int, ...]) -> float:
        p = log_probabilities(self.policy, [*self.teacher, *ids])[-1].exp()
        return -float(p @ log_probabilities(self.policy, [*self.prompt, *ids])[-1])

    def value(self, of: Mapping[tuple[int, ...], float], prefix: tuple[int, ...]) -> float:
        """Expected value behind a prefix of 0, 1 or 2 tokens."""
        if prefix in of:
            return of[prefix]
        if prefix:
            return sum(float(p) * of[(*prefix, b)] for b, p in enumerate(self.second[prefix[0]]))
        return sum(float(p) * self.value(of, (a,)) for a, p in enumerate(self.first))


def test_branches_give_the_true_advantages(tiny: Policy, branched: Measured) -> None:
    """Of reward and of cost, against the sum over all completions; within five standard errors everywhere."""
    task = Task("one", "toy", "147!", {"answer": "74"})
    environment = {"tasks": [task], "split": "all", "num_tasks": None, "max_new_tokens": 2}
    of = branched(
        env=environment, candidates=1, lowest=0.0, highest=1.0, branches=512, group_size=24, seeds=(0,), rows=256
    )
    episode = of.rollouts[0].episodes[0]
    episode.attempt.feedback = Feedback(text="The correct answer is 74.")
    teacher = ContextTemplate(show_attempt=False).ids(tiny.tokenizer, episode, episode.attempt.feedback)
    exact = Enumerated(tiny, task, episode.attempt.prompt_ids, teacher)
    assert 0.15 < exact.value(exact.reward, ()) < 0.85
    costs = of.costs(of.config)
    assert costs is not None
    for values, table in ((of.rewards(), exact.reward), (costs, exact.cost)):
        found, seen = of.advantages(values), set()
        for at, (_, row, place, _) in enumerate(of.tokens.tolist()):
            ids = of.rollouts[0].episodes[row].continuation_ids
            true = exact.value(table, ids[: place + 1]) - exact.value(table, ids[:place])
            assert abs(found.mean[at] - true) < 5 * found.error[at] + 1e-4
            assert np.mean([half[at] for half in found.halves]) == pytest.approx(found.mean[at], abs=1e-9)
            seen.add(round(true, 6))
        assert len(seen) > 2
        assert found.error.max() > 0


def test_the_last_token_at_the_budget_changes_no_cost(branched: Measured) -> None:
    """The feedback hangs on the task alone, and nothing follows: what it costs to stand there is the same for all."""
    of = branched(env={"max_new_tokens": 3})
    costs = of.costs(of.config)
    assert costs is not None
    found, last = np.abs(of.advantages(costs).mean), of.tokens[:, 3] == 2
    assert last.sum() > 20
    assert found[last].max() < 1e-4
    assert np.median(found[~last]) > 1e-2


def test_prefixes_of_several_attempts_are_branched(branched: Measured) -> None:
    of = branched(env={"max_attempts": 2}, lowest=0.0, highest=1.0, group_size=6, seeds=(0,))
    episodes = of.rollouts[0].episodes
    assert {len(episode.attempts) for episode in episodes} == {1, 2}
    made = [(row, at) for row, e in enumerate(episodes) for at in range(sum(sum(a.sampled) for a in e.attempts))]
    assert [(row, place) for _, row, _, place in of.tokens.tolist()] == made
    later = [s for s in of.states if isinstance(s, dict) and s["attempts"]]
    assert later
    found = of.advantages(of.rewards())
    for row, episode in enumerate(episodes):  # they add up to what came of it, from the value of the task
        own = of.tokens[:, 1] == row
        start = of.rewards()[of.drawn[of.ends[own][0, 0]]].mean()
        assert episode.outcome is not None
        assert found.mean[own].sum() == pytest.approx(episode.outcome.reward - start)


def test_fewer_positions_and_rows_change_no_other(branched: Measured) -> None:
    whole, few = branched(), branched(positions=2, run=False)
    assert [each.episodes for each in few.rollouts] == [each.episodes for each in whole.rollouts]
    assert set(map(tuple, few.tokens.tolist())) < set(map(tuple, whole.tokens.tolist()))
    counts = np.unique(few.tokens[:, :2], axis=0, return_counts=True)[1]
    assert set(counts.tolist()) == {2}
    again = branched(rows=40)
    assert (again.tokens == whole.tokens).all()
    assert (again.rewards()[again.drawn] == whole.rewards()[whole.drawn]).all()


def test_tasks_that_are_always_or_never_right_teach_nothing(branched: Measured) -> None:
    of = branched(run=False)
    assert all(0.1 <= share <= 0.9 for share in of.success)
    with pytest.raises(ConfigError, match=r"none of \d+ tasks is solved in 0\.99 to 1"):
        branched(lowest=0.99, highest=1.0, run=False)
