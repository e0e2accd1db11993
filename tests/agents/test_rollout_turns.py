"""Rollouts of several attempts with tools, by a real network: what belongs to what, and what a row depends on.

An untrained network does not write a call by chance. So many tokens of this vocabulary are whole calls, and so many ids
end a turn, that a random network calls a tool every few turns; all else is as always.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from agents.policy import Policy
from agents.rollout import Rollouts, Sampling, rollout
from distil_envs import CallStatus, Episode, Outcome, Status, Task, TokenVectorEnv, ToolCalled
from distil_envs.counted import generator
from distil_envs.tokenization import CHATML, decode
from feedback import Feedback

MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CALLS = [f'<tool_call>{{"name":"add","arguments":{{"of":[{n}]}}}}</tool_call>' for n in range(63)]
CALLS.append('<tool_call>{"name":"sub","arguments":{}}</tool_call>')
GROUPS, SIZE = 4, 6
KEYS = [(group, sample) for group in range(GROUPS) for sample in range(SIZE)]
ATTEMPTS, BUDGET = 3, 24


@pytest.fixture(scope="module")
def policy() -> Iterator[Policy]:
    """A random Llama of two layers of 32, in float32."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    symbols = [*MARKS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *CALLS]
    bytewise = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(symbols)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytewise, eos_token=MARKS[2], pad_token=MARKS[0], additional_special_tokens=[MARKS[1]],
        chat_template=CHATML,
    )  # fmt: skip
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        config = LlamaConfig(
            **shape, vocab_size=len(symbols), max_position_embeddings=4096, initializer_range=0.15,
            bos_token_id=None, eos_token_id=None,
        )  # fmt: skip
        network = LlamaForCausalLM(config).eval()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Policy(network, tokenizer)
    torch.set_num_threads(threads)


@dataclass
class ByLetters:
    """Right in one of five cases; on request slow by an amount that the text decides, or broken."""

    slow: bool = False
    breaks: bool = False

    def __call__(self, task: Task, completion: str) -> Outcome:
        kind = sum(map(ord, completion))
        if self.slow:
            time.sleep(kind % 7 * 0.005)
        if self.breaks and kind % 11 == 1:
            raise RuntimeError("the grader broke")
        right = kind % 5 == 0
        return Outcome(float(right), Status.CORRECT if right else Status.WRONG, completion)


class Told:
    """Feedback that quotes the attempt, whatever is in it."""

    name = "told"

    def __call__(self, episodes: Sequence[Episode]) -> list[Feedback]:
        return [Feedback(text=f"Not {episode.attempt.text}.", source=self.name) for episode in episodes]


class Add:
    name = "add"
    description = "Adds."
    parameters: ClassVar = {"type": "object", "properties": {"of": {"type": "array"}}}

    def __call__(self, arguments: Any) -> str:
        return str(sum(arguments["of"]))


def make(policy: Policy, verifier: ByLetters) -> TokenVectorEnv:
    tokenizer = policy.tokenizer
    ends = [tokenizer.eos_token_id, *range(200, 230)]
    tasks = [Task(f"t{n}", "toy", f"Which of {n}?") for n in range(GROUPS)]
    return TokenVectorEnv(
        len(KEYS), tasks=tasks, split="all", verifier=verifier, feedback=Told(), tools=[Add()], tokenizer=tokenizer,
        eos_token_ids=ends, stop=["X", "Y", "Z", "Q"], max_attempts=ATTEMPTS, max_new_tokens=BUDGET, max_tool_calls=2,
        max_feedback_tokens=120, autoreset_mode="Disabled",
    )  # fmt: skip


def roll(
    policy: Policy,
    verifier: ByLetters | None = None,
    *,
    temperature: float = 1.0,
    order: Sequence[int] = range(len(KEYS)),
    max_rows: int = 256,
) -> Rollouts:
    keys = [KEYS[at] for at in order]
    sampling = Sampling(3, "turns", 5, temperature, max_rows)
    with closing(make(policy, verifier or ByLetters())) as envs:
        return rollout(policy, envs, [(0, {"index": group}) for group, _ in keys], keys, sampling)


@pytest.fixture(scope="module")
def sampled(policy: Policy) -> Rollouts:
    return roll(policy)


def assert_same(found: Rollouts, expected: Rollouts, rows: Sequence[int]) -> None:
    """Row i of what was found is row ``rows[i]`` of what was expected, to the last id."""
    assert [episode.to_dict() for episode in found.episodes] == [expected.episodes[row].to_dict() for row in rows]
    for logprobs, row in zip(found.logprobs, rows, strict=True):
        assert logprobs == pytest.approx(expected.logprobs[row], abs=1e-4)


def made_by_policy(episode: Episode) -> list[tuple[int, int, int]]:
    """Column in ``continuation_ids``, attempt, and number within the attempt, of each id that the policy made."""
    found = []
    for number, attempt in enumerate(episode.attempts):
        start = len(attempt.prompt_ids) - len(episode.context_ids)
        columns = [start + at for at, made in enumerate(attempt.sampled) if made]
        found += [(column, number, count) for count, column in enumerate(columns)]
    return found


@torch.inference_mode()
def rescored(policy: Policy, episode: Episode, temperature: float) -> Tensor:
    """float64 [T, V], log-probabilities of what may stand at each place of ``continuation_ids``."""
    hidden = policy.hidden([episode.context_ids], [episode.continuation_ids])[0]
    return torch.log_softmax((hidden @ policy.head_weight.T).double() / (temperature or 1.0), -1)


def test_there_is_something_of_everything(sampled: Rollouts, policy: Policy) -> None:
    attempts = [attempt for episode in sampled.episodes for attempt in episode.attempts]
    assert {len(episode.attempts) for episode in sampled.episodes} == {1, 2, 3}
    assert {len(attempt.inserted) for attempt in attempts} == {0, 1, 2}
    statuses = {called.status for a in attempts if a.outcome for called in a.outcome.trace.of(ToolCalled)}
    assert statuses >= {CallStatus.OK, CallStatus.NOT_RUN}
    made = [len(attempt.answer_ids) for attempt in attempts]
    assert max(sum(attempt.sampled) for attempt in attempts) == BUDGET > min(made)
    ends = [decode(policy.tokenizer, attempt.completion_ids[-1:]) for attempt in attempts]
    assert any(end in "XYZQ" for end in ends)
    assert len({attempt.completion_ids for attempt in attempts}) > len(attempts) * 0.9


@pytest.mark.parametrize("temperature", [1.0, 0.7, 0.0])
def test_each_log_probability_belongs_to_an_id_of_the_policy(policy: Policy, temperature: float) -> None:
    """To the ids of all attempts in order, as rescoring the whole episode has them; and each id is the draw at the
    number of its own attempt and place (law 2), or the most likely one.
    """
    rollouts = roll(policy, temperature=temperature)
    for episode, logprobs, key in zip(rollouts.episodes, rollouts.logprobs, KEYS, strict=True):
        logp, made = rescored(policy, episode, temperature), made_by_policy(episode)
        numbers = generator(3, "turns", 5, *key).random((ATTEMPTS, BUDGET))
        assert len(logprobs) == len(made)
        for (column, attempt, place), told in zip(made, logprobs, strict=True):
            token = episode.continuation_ids[column]
            assert told == pytest.approx(float(logp[column, token]), abs=1e-4)
            if temperature == 0.0:
                assert token == int(logp[column].argmax())
            else:
                below, upto = logp[column, :token].exp().sum(), logp[column, : token + 1].exp().sum()
                assert float(below) - 1e-4 <= numbers[attempt, place] <= float(upto) + 1e-4
    assert rollouts.tokens == sum(sum(a.sampled) for episode in rollouts.episodes for a in episode.attempts)
    if temperature == 0.0:
        told = [[attempt.completion_ids for attempt in episode.attempts] for episode in rollouts.episodes]
        assert told == [told[SIZE * group] for group, _ in KEYS]  # the numbers do not matter


def test_rows_depend_on_no_other_row(policy: Policy, sampled: Rollouts) -> None:
    """Neither on how many are generated at one time nor on the order that they stand in."""
    order = [int(at) for at in generator(0, "order").permutation(len(KEYS))]
    for max_rows in (5, 256):
        assert_same(roll(policy, order=order, max_rows=max_rows), sampled, order)


def test_rows_do_not_depend_on_how_long_grading_takes(
    policy: Policy, sampled: Rollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the make-up of any batch; and who waits does not ask again and again."""
    batches: list[Any] = []
    submits: list[int] = []
    module = importlib.import_module("agents.rollout")  # the package has a function of that name
    generate, submit = module.generate, TokenVectorEnv.submit

    def watched(policy: Policy, prompts: Any, *args: Any, **options: Any) -> Any:
        batches.append(list(prompts))
        return generate(policy, prompts, *args, **options)

    def counted(envs: TokenVectorEnv, ids: Any) -> Any:
        submits.append(1)
        return submit(envs, ids)

    monkeypatch.setattr(module, "generate", watched)
    monkeypatch.setattr(TokenVectorEnv, "submit", counted)
    assert_same(roll(policy), sampled, range(len(KEYS)))
    quick = list(batches)
    batches.clear()
    submits.clear()
    assert_same(roll(policy, ByLetters(slow=True)), sampled, range(len(KEYS)))
    assert batches == quick
    turns = [sum(1 + len(attempt.inserted) for attempt in episode.attempts) for episode in sampled.episodes]
    assert len(batches) == max(turns), "each row makes a whole turn in each batch that it is in"
    assert len(submits) <= 1 + len(batches) + sum(turns), "after the first, each follows a batch or a piece of work"


def test_a_row_whose_grader_breaks_is_an_infra_error_alone(policy: Policy, sampled: Rollouts) -> None:
    found = roll(policy, ByLetters(breaks=True))
    broken = [row for row, episode in enumerate(found.episodes) if episode.outcome.status is Status.INFRA_ERROR]  # type: ignore[union-attr]
    assert 0 < len(broken) < len(KEYS) / 2
    whole = [row for row in range(len(KEYS)) if row not in broken]
    kept = Rollouts([found.episodes[row] for row in whole], [found.logprobs[row] for row in whole], [])
    assert_same(kept, sampled, whole)
    for row in broken:
        episode, usual = found.episodes[row], sampled.episodes[row]
        last = len(episode.attempts) - 1
        assert episode.upto(last - 1).to_dict() == usual.upto(last - 1).to_dict()
        assert episode.attempt.completion_ids == usual.attempts[last].completion_ids
        assert len(found.logprobs[row]) == len(made_by_policy(episode))
        assert (episode.attempt.feedback, episode.attempt.reply) == (None, "")


def test_groups_are_linked(sampled: Rollouts) -> None:
    assert sampled.group == [group for group, _ in KEYS]
    for number, (episode, (group, sample)) in enumerate(zip(sampled.episodes, KEYS, strict=True)):
        assert (episode.rollout_id, episode.group_id) == (f"5/{group}/{sample}", f"5/{group}")
        members = sampled.episodes[SIZE * group : SIZE * (group + 1)]
        assert list(episode.siblings) == [other for other in members if other is not sampled.episodes[number]]
