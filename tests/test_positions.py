"""From characters to tokens, on tokenizers that cut text in different ways."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs import ByteTokenizer
from distil_envs.positions import token_span
from distil_envs.tokenization import decode

quick = settings(max_examples=60, deadline=None, derandomize=True)
TEXTS = st.text(st.sampled_from("aé 中🙂\n\tdef(x):_=+'\u0301{}0"), min_size=1, max_size=40)


@functools.cache
def byte_level_bpe() -> Any:
    """Byte-level BPE that merges bytes of different characters, as GPT-2's kind does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    corpus = ["def f(x): return x + 1", "é中🙂 é中🙂 é中🙂", "    return {x: 'a'}\n", "🙂🙂 中中"] * 4
    trainer = trainers.BpeTrainer(vocab_size=330, show_progress=False, initial_alphabet=made.pre_tokenizer.alphabet())
    made.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made)


@functools.cache
def characters() -> Any:
    """One token a character, and one for each it does not know: the tokenizer of `tiny`."""
    from agents.models import load_tokenizer

    return load_tokenizer("tiny")


@functools.cache
def smollm2() -> Any:
    from agents.models import load_tokenizer

    return load_tokenizer("smollm2")


TOKENIZERS = {"bytes": ByteTokenizer, "bpe": byte_level_bpe, "characters": characters, "smollm2": smollm2}


@pytest.mark.parametrize("name", TOKENIZERS)
@quick
@given(text=TEXTS, data=st.data())
def test_the_tokens_of_a_span_are_those_that_its_characters_came_from(name: str, text: str, data: Any) -> None:
    tokenizer = TOKENIZERS[name]()
    ids = tokenizer.encode(text, add_special_tokens=False)
    text = decode(tokenizer, ids)
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = token_span(tokenizer, ids, (start, end))
    assert 0 <= first < last <= len(ids)
    # Enough: the ids up to `last` settle the text up to `end`, and those before `first` none of the span.
    assert decode(tokenizer, ids[:last]).startswith(text[:end])
    assert not decode(tokenizer, ids[:first]).startswith(text[: start + 1])
    # No more than needed: without the last one the end is missing; without the first one, the start.
    assert not decode(tokenizer, ids[: last - 1]).startswith(text[:end])
    assert decode(tokenizer, ids[: first + 1]) != decode(tokenizer, ids[:first]) or first + 1 == last
    # Neighbouring spans cover all tokens.
    if start:
        assert token_span(tokenizer, ids, (0, start))[1] >= first


def test_a_character_of_several_tokens_and_a_token_of_several_characters() -> None:
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode("a🙂b")
    assert token_span(tokenizer, ids, (1, 2)) == (1, 5)
    assert token_span(tokenizer, ids, (0, 2)) == (0, 5)
    assert token_span(tokenizer, ids, (2, 3)) == (5, 6)
    bpe = byte_level_bpe()
    ids = bpe.encode("return", add_special_tokens=False)
    assert len(ids) < 6
    assert token_span(bpe, ids, (0, 6)) == (0, len(ids))
    assert token_span(bpe, ids, (2, 3))[1] - token_span(bpe, ids, (2, 3))[0] == 1


@pytest.mark.parametrize("span", [(0, 0), (2, 1), (-1, 1), (0, 4), (3, 4)])
def test_a_span_without_characters_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least one of the 3 characters"):
        token_span(ByteTokenizer(), ByteTokenizer().encode("abc"), span)


def test_a_span_of_a_trace_is_one_of_the_ids_behind_the_results_of_tools() -> None:
    from distil_envs import Check, Outcome, Status, Task, TokenEnv, Trace

    class Sum:
        name, description = "sum", "Adds up."
        parameters: ClassVar[dict[str, Any]] = {"type": "object"}

        def __call__(self, arguments: Any) -> str:
            return "it is 7"

    def verify(task: Task, completion: str) -> Outcome:
        at = completion.index("7")
        return Outcome(0.0, Status.WRONG, trace=Trace((Check("exact", False, span=(at, at + 1)),)))

    env = TokenEnv(tasks=[Task("t", "maths", "3 + 4?")], split="all", verifier=verify, tools=[Sum()])
    try:
        env.reset(seed=0)
        call = '7? <tool_call>{"name": "sum", "arguments": {}}</tool_call>'
        for turn in (call, "So é: 7."):
            *_, info = env.submit([*turn.encode(), env.tokenizer.eos_token_id])
    finally:
        env.close()
    attempt = info["episode"].attempt
    [check] = attempt.outcome.trace.of(Check)
    assert attempt.text[slice(*check.span)] == "7"
    first, last = token_span(env.tokenizer, attempt.answer_ids, check.span)
    assert (attempt.answer_ids[first:last], first) == ((ord("7"),), 7)
    shift = len(attempt.completion_ids) - len(attempt.answer_ids)
    assert shift == attempt.inserted[-1][1] > 0
    assert attempt.completion_ids[shift + first] == ord("7")
    assert all(attempt.sampled[shift + first : shift + last])
    assert token_span(env.tokenizer, attempt.completion_ids, check.span) == (6, 7)  # of the call, not of the answer


def test_the_line_of_an_exception_leads_to_its_tokens(tmp_path: Path) -> None:
    from distil_envs import Raised, Task
    from distil_envs.code import CodeVerifier

    task = Task(
        "t",
        "code",
        "Write f.",
        {"entry_point": "f", "public": [{"call": "f(0)", "expected": "1"}], "private": []},
    )
    completion = "Voilà 🙂:\n```python\ndef f(x):\n    été = 'é🙂'\n    return 1 / x\n```\nso."
    verifier = CodeVerifier("subprocess")
    try:
        [raised] = verifier(task, completion).trace.of(Raised)
    finally:
        verifier.close()
    assert raised.span is not None
    assert completion[slice(*raised.span)] == "    return 1 / x"
    for make in (ByteTokenizer, byte_level_bpe, smollm2):
        tokenizer: Any = make()
        ids = tokenizer.encode(completion, add_special_tokens=False)
        first, last = token_span(tokenizer, ids, raised.span)
        assert "return 1 / x" in decode(tokenizer, ids[first:last])
        assert len(decode(tokenizer, ids[first:last])) <= len("    return 1 / x") + 2
