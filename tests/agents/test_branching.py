"""The true value of prefixes: one saved beginning continued in many ways, against sums over all right completions.

Where a test compares frequencies with chances, it does so by exact binomial tests at `CHANCE`: with other seeds it
would fail about that often for each comparison, of which there are some twenty.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from agents.policy import Policy
from agents.rollout import Sampling, rollout
from distil_envs import Episode, Grader, Task, TokenVectorEnv
from distil_envs.counted import generator
from distil_envs.tokenization import decode
from distil_envs.toy import exact_match

BUDGET = 6
BRANCHES = 510
"""Five for each token of `tiny`."""
CHANCE = 1e-5

pytestmark = pytest.mark.usefixtures("one_thread")

Ids = Sequence[int]
State = dict[str, Any]


def make(policy: Policy, rows: int = BRANCHES, **options: Any) -> TokenVectorEnv:
    defaults = {"tasks": "toy/rule@1", "num_tasks": 16, "max_new_tokens": BUDGET, "max_prompt_tokens": 16}
    return TokenVectorEnv.of(
        "distil/Toy-v0", rows, autoreset_mode="Disabled", tokenizer=policy.tokenizer, eos_token_ids=policy.eos_ids,
        **{**defaults, **options},
    )  # fmt: skip


@pytest.fixture(scope="module")
def once(tiny: Policy) -> Iterator[TokenVectorEnv]:
    """Rows of one attempt."""
    with Grader(4) as grader, closing(make(tiny, grader=grader)) as envs:
        yield envs


@pytest.fixture(scope="module")
def twice(tiny: Policy) -> Iterator[TokenVectorEnv]:
    """Rows of two attempts; between them the answer is told."""
    with Grader(4) as grader, closing(make(tiny, 306, grader=grader, max_attempts=2, feedback="answer")) as envs:
        yield envs


def saved(envs: TokenVectorEnv, *turns: Ids, waits: bool = True, **options: Any) -> State:
    """The state after these ids, a list for each turn, after a way through JSON.

    Without ``waits``, what has ended last is saved while it is graded.
    """
    env = envs.rows[0]
    env.reset(options=options)
    for number, ids in enumerate(turns, 1):
        (env.submit if waits or number < len(turns) else env.advance)(ids)
    state: State = json.loads(json.dumps(env.state()))
    return state


def continued(
    policy: Policy,
    envs: TokenVectorEnv,
    states: Sequence[State],
    keys: Sequence[tuple[int, int]],
    *,
    step: int = 0,
    max_rows: int = BRANCHES,
) -> list[Episode]:
    resets = [(0, {"state": state}) for state in states]
    return rollout(policy, envs, resets, keys, Sampling(0, "branch", step, max_rows=max_rows)).episodes


def branches(policy: Policy, envs: TokenVectorEnv, state: State, group: int = 0, step: int = 0) -> list[Episode]:
    """One state, continued as often as there are rows."""
    keys = [(group, sample) for sample in range(envs.num_envs)]
    return continued(policy, envs, [state] * len(keys), keys, step=step)


def wins(episodes: Sequence[Episode]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array([episode.outcome is not None and episode.outcome.success for episode in episodes])


def likely(episodes: Sequence[Episode], chance: float) -> bool:
    """Whether so many wins are nothing strange; with a chance of 0 or 1 there must be none, or all."""
    return bool(binomtest(int(wins(episodes).sum()), len(episodes), min(chance, 1.0)).pvalue > CHANCE)


def seen(envs: TokenVectorEnv) -> list[int]:
    """The ids of the first row."""
    observation = envs.rows[0].observation()
    ids: list[int] = observation["input_ids"][observation["attention_mask"].astype(bool)].tolist()
    return ids


# The exact values.


def right_completions(policy: Policy, answer: str, budget: int = BUDGET) -> list[tuple[int, ...]]:
    """All completions that `exact_match` calls right: the answer, with white space around it as far as there is room.

    They end with an EOS, or at the budget.
    """
    tokenizer = policy.tokenizer
    blanks = [token for token in range(len(tokenizer)) if not decode(tokenizer, [token]).strip()]
    core = tuple(tokenizer.encode(answer, add_special_tokens=False))
    found = []
    for length in range(len(core), budget + 1):
        end = policy.eos_ids if length < budget else ()
        for around in itertools.product(blanks, repeat=length - len(core)):
            found += [(*around[:at], *core, *around[at:], *end) for at in range(len(around) + 1)]
    return found


@torch.inference_mode()
def log_probabilities(policy: Policy, contexts: Sequence[Ids]) -> torch.Tensor:
    """float64 [N, T, V], of the token after each of a context's, by the transformers model alone."""
    rows = [torch.tensor(context) for context in contexts]
    logits = policy.model(input_ids=torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)).logits
    return torch.log_softmax(logits.double(), -1)


def value(policy: Policy, prompt: Ids, prefix: Ids, right: Sequence[tuple[int, ...]]) -> float:
    """P(right | prompt, prefix): the sum over all right completions that begin with the prefix."""
    whole = [ids for ids in right if ids[: len(prefix)] == tuple(prefix)]
    if not whole:
        return 0.0
    logp = log_probabilities(policy, [[*prompt, *ids] for ids in whole])
    chances = []
    for row, ids in zip(logp, whole, strict=True):
        places = range(len(prefix), len(ids))
        chances.append(math.exp(sum(float(row[len(prompt) + at - 1, ids[at]]) for at in places)))
    return sum(chances)


def test_the_right_completions_are_all_that_is_accepted(tiny: Policy) -> None:
    """Every token writes its own characters, only two of them blanks; and, tried out, nothing else is right."""
    tokenizer, task = tiny.tokenizer, Task("t", "toy", "147!", {"answer": "741"})
    texts = [decode(tokenizer, [token]) for token in range(len(tokenizer))]
    drawn = generator(0, "texts").integers(len(tokenizer), size=(200, BUDGET))
    assert all(decode(tokenizer, row.tolist()) == "".join(texts[token] for token in row) for row in drawn)
    assert [text for text in texts if not text.strip()] == ["\n", " "]
    assert all(text == text.strip() for text in texts if text.strip())

    (end,) = tiny.eos_ids
    right = right_completions(tiny, "741", 5)
    assert len(set(right)) == len(right) == 1 + 4 + 12
    letters = tokenizer.encode("7418 \n", add_special_tokens=False)
    accepted = {
        ids if length == 5 else (*ids, end)
        for length in range(6)
        for ids in itertools.product([*letters, tokenizer.pad_token_id], repeat=length)
        if exact_match(task, decode(tokenizer, ids)).success
    }
    assert accepted == set(right)


def test_exact_values_are_the_mean_of_what_follows(tiny: Policy) -> None:
    prompt, right = prompt_of(tiny, "147!"), right_completions(tiny, "741")
    for prefix in ((), right[0][:1], right[0][:3], right[-1][:2]):
        next_p = log_probabilities(tiny, [[*prompt, *prefix]])[0, -1].exp()
        after = [value(tiny, prompt, (*prefix, token), right) for token in range(len(next_p))]
        assert value(tiny, prompt, prefix, right) == pytest.approx(
            float(next_p @ torch.tensor(after).double()), abs=1e-6
        )


def prompt_of(policy: Policy, question: str) -> list[int]:
    ids: list[int] = policy.tokenizer.encode(f"<|user|>{question}<|assistant|>", add_special_tokens=False)
    return ids


# Branches against them.


@pytest.mark.parametrize("index", [0, 2, 5])
def test_branches_give_the_true_value_of_a_prefix(tiny: Policy, once: TokenVectorEnv, index: int) -> None:
    task = once.rows[0].reset(options={"index": index})[1]["task"]
    prompt, right = seen(once), right_completions(tiny, task.reference["answer"])
    bare, spaced = right[0], next(ids for ids in right if ids[0] not in right[0])
    wrong = (bare[0], *tiny.tokenizer.encode("!", add_special_tokens=False))
    values = []
    for group, prefix in enumerate([(), bare[:1], bare[:2], bare[:3], spaced[:1], wrong]):
        made = branches(tiny, once, saved(once, prefix, index=index), group)
        assert {episode.attempt.completion_ids[: len(prefix)] for episode in made} == {prefix}
        values.append(value(tiny, prompt, prefix, right))
        assert likely(made, values[-1]), (prefix, values[-1], wins(made).mean())
    assert values[0] < values[1] < values[2] < values[3]
    assert values[-1] == 0.0


def test_estimates_are_the_mean_of_what_follows(tiny: Policy, once: TokenVectorEnv) -> None:
    """V(prefix) = Σ_a p(a | prefix) V(prefix + a), both sides by branching."""
    task = once.rows[0].reset(options={"index": 2})[1]["task"]
    prompt, bare = seen(once), right_completions(tiny, task.reference["answer"])[0]
    tokens, steps = range(len(tiny.tokenizer)), range(4)
    for group, prefix in enumerate([(), bare[:1]]):
        direct = wins(branches(tiny, once, saved(once, prefix, index=2), group)).mean()
        states = [saved(once, (*prefix, token), index=2) for token in tokens]
        keys = [(1000 * (group + 1) + token, sample) for token in tokens for sample in range(5)]
        found = [wins(continued(tiny, once, np.repeat(states, 5).tolist(), keys, step=step)) for step in steps]
        children = np.stack(found).reshape(len(steps), len(tokens), 5).sum((0, 2))
        p, n = log_probabilities(tiny, [[*prompt, *prefix]])[0, -1].exp().numpy(), 5 * len(steps)
        spread = (children + 1) / (n + 2)  # never 0: a child that always won may yet lose
        variance = direct * (1 - direct) / BRANCHES + (p**2 * spread * (1 - spread)).sum() / n
        assert abs(direct - p @ children / n) < 4 * variance**0.5


def test_branches_from_a_second_attempt(tiny: Policy, twice: TokenVectorEnv) -> None:
    """Its prompt holds the first attempt, which failed, and the feedback, which `tiny` mostly misreads here."""
    task = twice.rows[0].reset(options={"index": 15})[1]["task"]
    begin, right = seen(twice), right_completions(tiny, task.reference["answer"])
    echo = (*tiny.tokenizer.encode(task.text[:3], add_special_tokens=False), *tiny.eos_ids)
    saved(twice, echo, index=15)
    prompt = seen(twice)
    assert prompt[: len(begin) + 4] == [*begin, *echo]
    assert f"The correct answer is {task.reference['answer']}." in decode(tiny.tokenizer, prompt)
    for group, prefix in enumerate([(), right[0][:1]]):
        made = branches(tiny, twice, saved(twice, echo, prefix, index=15), group)
        assert all(episode.attempts[0].completion_ids == echo for episode in made)
        assert all(episode.attempts[1].completion_ids[: len(prefix)] == prefix for episode in made)
        chance = value(tiny, prompt, prefix, right)
        assert likely(made, chance), (prefix, chance, wins(made).mean())


@pytest.mark.parametrize("attempt_reward", ["first-success", "last"])
def test_the_value_of_a_first_attempt_counts_what_the_second_may_mend(tiny: Policy, attempt_reward: str) -> None:
    """Attempts of one token: the sum over all first ones of what the second is worth after each of them."""
    task = Task("one", "toy", "147!", {"answer": "7"})
    options = {"tasks": [task], "split": "all", "num_tasks": None, "max_new_tokens": 1}
    with closing(make(tiny, max_attempts=2, attempt_reward=attempt_reward, **options)) as envs:
        state, env = saved(envs), envs.rows[0]
        p = log_probabilities(tiny, [seen(envs)])[0, -1].exp()
        (seven,) = tiny.tokenizer.encode("7", add_special_tokens=False)
        worth = torch.zeros_like(p)
        for token in range(len(p)):
            env.from_state(state)
            *_, terminated, truncated, info = env.submit([token])
            assert info["outcome"].success is (token == seven)
            if terminated or truncated:
                worth[token] = float(info["outcome"].success)
            else:
                worth[token] = log_probabilities(tiny, [seen(envs)])[0, -1, seven].exp()
        exact = float(p @ worth)
        assert (exact > float(p[seven]) + 0.02) is (attempt_reward == "first-success")  # "last" forgets the first
        made = [episode for step in range(2) for episode in branches(tiny, envs, state, step=step)]
        assert {len(episode.attempts) for episode in made} == ({1, 2} if attempt_reward == "first-success" else {2})
        assert likely(made, exact), (exact, wins(made).mean())


# What a branch depends on.


def test_a_branch_depends_on_its_key_alone(tiny: Policy, twice: TokenVectorEnv) -> None:
    state, rows = saved(twice, index=1), twice.num_envs
    keys = [(number % 3, number // 3) for number in range(rows)]
    made = continued(tiny, twice, [state] * rows, keys)
    order = generator(0, "order").permutation(rows)
    again = continued(tiny, twice, [state] * rows, [keys[at] for at in order], max_rows=101)
    assert [episode.to_dict() for episode in again] == [made[at].to_dict() for at in order]

    others = [branches(tiny, twice, state, group, step) for group, step in ((0, 0), (1, 0), (0, 1))]
    firsts = [[episode.attempts[0].outcome.success for episode in each] for each in others]  # type: ignore[union-attr]
    neighbours = np.reshape(firsts[0], (2, -1), order="F")
    for several in (np.array(firsts, float), neighbours.astype(float)):
        together = np.corrcoef(several)[np.triu_indices(len(several), 1)]
        assert np.abs(together).max() < 4 / several.shape[1] ** 0.5


def test_a_stop_string_may_lie_on_both_sides_of_where_it_was_saved(tiny: Policy) -> None:
    """The answer itself ends the turn, however much of it had been said."""
    with closing(make(tiny, 60, stop=["741"], max_attempts=2)) as envs:
        task = Task("one", "toy", "147!", {"answer": "741"})
        digits = tiny.tokenizer.encode("741", add_special_tokens=False)
        states = [saved(envs, digits[:said], task=task) for said in range(3)] * 20
        made = continued(tiny, envs, states, [(0, sample) for sample in range(60)])
        for said in range(3):
            attempts = [attempt.completion_ids for episode in made[said::3] for attempt in episode.attempts]
            ended = [ids for ids in attempts if ids[:3] == tuple(digits)]
            assert ended
            assert all(len(ids) == 3 for ids in ended)


def test_an_episode_continued_with_its_own_key_ends_as_it_would_have(tiny: Policy, twice: TokenVectorEnv) -> None:
    """From wherever it was saved: before, within and after any attempt, graded or not yet, and when it is over."""
    keys = [(number % 8, number) for number in range(twice.num_envs)]
    begun = [saved(twice, index=group) for group in range(8)]
    whole = continued(tiny, twice, [begun[group] for group, _ in keys], keys)
    assert {len(episode.attempts) for episode in whole} == {1, 2}
    states = []
    for number, episode in enumerate(whole):
        made = [attempt.completion_ids for attempt in episode.attempts]
        cut = int(generator(0, "cut", number).integers(sum(map(len, made)) + 1))
        turns = [made[0][:cut], *([made[1][: cut - len(made[0])]] if cut > len(made[0]) else [])]
        named = {"index": keys[number][0], "rollout_id": episode.rollout_id}
        states.append(saved(twice, *turns, waits=number % 2 == 0, **named))
    assert {(len(state["attempts"]), bool(state["cause"]), state["over"]) for state in states} == {
        (0, False, False), (0, True, False), (1, False, False), (1, True, False), (1, True, True), (2, True, True)
    }  # fmt: skip
    ended = continued(tiny, twice, states, keys)
    assert [episode.to_dict() for episode in ended] == [episode.to_dict() for episode in whole]
