"""The teacher's context: aligned with the student's prompt, inert, and cut where it may be cut."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs import Attempt, ByteTokenizer, Episode, Task, encode_chat
from distil_envs.errors import ConfigError
from distil_envs.text import CUT, CUT_STEP, fenced, shorten
from distil_envs.tokenization import CHATML, decode
from feedback import Feedback
from feedback.context import ContextTemplate, Demonstration

quick = settings(max_examples=40, deadline=None, derandomize=True)

CONTROLS = ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>"]
CONTROLS += ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<think>", "</think>"]
TEMPLATES = {
    "chatml": CHATML,
    "llama3": (
        "{{ '<s>' }}{% for message in messages %}"
        "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] + '<|eot_id|>' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    "gemma": (
        "{{ '<s>' }}{% for message in messages %}"
        "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\n' }}"
        "{{ message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    "inst": (
        "{{ '<s>' }}{% for message in messages %}{% if message['role'] == 'assistant' %}"
        "{{ ' ' + message['content'] + '</s>' }}{% else %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endif %}"
        "{% endfor %}"
    ),
    "qwen3": (
        "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' }}"
        "{%- if message.role == 'assistant' %}{{- message.content.split('</think>')[-1].lstrip('\n') }}"
        "{%- else %}{{- message.content }}{%- endif %}{{- '<|im_end|>\n' }}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n<think>\n\n</think>\n\n' }}{%- endif %}"
    ),
}


@functools.cache
def tokenizer_for(template: str) -> Any:
    """Byte-level, with the control tokens of every template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AddedToken, PreTrainedTokenizerFast

    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(symbols)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    end = {"llama3": "<|eot_id|>", "gemma": "<end_of_turn>", "inst": "</s>"}.get(template, "<|im_end|>")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end)
    tokenizer.add_tokens([AddedToken(each, special=True, normalized=False) for each in CONTROLS], special_tokens=True)
    tokenizer.chat_template = TEMPLATES[template]
    return tokenizer


QUESTION = "What is 2 + 2?"


def episode(tokenizer: Any, completion: list[int] | None = None, system: str | None = None) -> Episode:
    task = Task("t", "math", QUESTION)
    messages = [{"role": "system", "content": system}] if system else []
    messages += task.messages
    prompt = encode_chat(tokenizer, messages)
    ids = [*tokenizer.encode("It is 5.", add_special_tokens=False), tokenizer.eos_token_id]
    ids = ids if completion is None else completion
    return Episode(task, [Attempt(tuple(prompt), tuple(ids), "")], messages=tuple(messages))


def controls(tokenizer: Any, ids: list[int]) -> list[int]:
    """Control ids, found without the code under test."""
    return [token for token in ids if token in tokenizer.get_added_vocab().values()]


def contains(ids: list[int], part: list[int]) -> bool:
    return any(ids[at : at + len(part)] == part for at in range(len(ids) - len(part) + 1))


def demonstration(content: str = "other", question: str = "What is 1 + 1?") -> Demonstration:
    return Demonstration(content, [{"role": "user", "content": question}], "3", "Too large.", "2")


@pytest.mark.parametrize("show_attempt", [True, False])
@pytest.mark.parametrize("template", TEMPLATES)
def test_ends_as_the_students_prompt_does(template: str, show_attempt: bool) -> None:
    """Both stand at the same place before the first response token (method.md, 2g)."""
    tokenizer = tokenizer_for(template)
    subject = episode(tokenizer)
    ids = ContextTemplate(show_attempt=show_attempt, demonstrations=(demonstration(),)).ids(
        tokenizer, subject, Feedback(text="Too large.")
    )
    prompt = list(subject.attempt.prompt_ids)
    marked = encode_chat(tokenizer, [{"role": "user", "content": "~"}])
    opening = marked[marked.index(tokenizer.encode("~", add_special_tokens=False)[0]) + 1 :]
    assert len(opening) >= 1
    assert prompt[-len(opening) :] == opening
    assert ids[-len(opening) :] == opening


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_attempt_goes_in_by_its_ids(template: str) -> None:
    """Even ids that no tokenizer would give for that text, control ids of the policy's own, and half a character."""
    tokenizer = tokenizer_for(template)
    odd = [tokenizer.convert_tokens_to_ids("<think>"), 5, 200, 17, 130]
    for end in ([], [tokenizer.eos_token_id]):
        ids = ContextTemplate().ids(tokenizer, episode(tokenizer, [*odd, *end]), Feedback(text="No."))
        assert contains(ids, odd)
    assert not contains(
        ContextTemplate(show_attempt=False).ids(tokenizer, episode(tokenizer, odd), Feedback(text="No.")), odd
    )


def test_what_the_teacher_reads() -> None:
    tokenizer = tokenizer_for("chatml")
    subject = episode(tokenizer, system="Be brief.")
    ids = ContextTemplate(demonstrations=(demonstration(),)).ids(tokenizer, subject, Feedback(text="Off by one."))
    assert decode(tokenizer, ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nWhat is 1 + 1?<|im_end|>\n<|im_start|>assistant\n3<|im_end|>\n"
        "<|im_start|>user\n```\nToo large.\n```\nAnswer again.<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n"
        "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\nIt is 5.<|im_end|>\n"
        "<|im_start|>user\n```\nOff by one.\n```\nAnswer again.<|im_end|>\n<|im_start|>assistant\n"
    )
    below = ContextTemplate(show_attempt=False, fence="", request="")
    ids = below.ids(tokenizer, subject, Feedback(text="It is 4."))
    assert decode(tokenizer, ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nWhat is 2 + 2?\nIt is 4.<|im_end|>\n<|im_start|>assistant\n"
    )


def later(tokenizer: Any, completion: list[int] | None = None) -> Episode:
    """A second attempt after "It is 5." and the reply "Smaller."."""
    subject = episode(tokenizer, completion, system="Be brief.")
    first = subject.attempt
    first.reply = "Smaller."
    turns = [{"role": "user", "content": first.reply}]
    between = subject.format.continued(tokenizer, subject.chat, turns, first.completion_ids[-1])
    prompt = (*first.prompt_ids, *first.completion_ids, *between)
    ids = (*tokenizer.encode("It is 3.", add_special_tokens=False), tokenizer.eos_token_id)
    subject.attempts.append(Attempt(prompt, ids, ""))
    return subject


def test_what_the_teacher_of_a_later_attempt_reads() -> None:
    """The earlier attempt and the reply as the student saw them; the feedback is on the later one."""
    tokenizer = tokenizer_for("chatml")
    subject = later(tokenizer)
    ids = ContextTemplate(fence="").ids(tokenizer, subject, Feedback(text="Larger."))
    assert decode(tokenizer, ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n"
        "<|im_start|>assistant\nIt is 5.<|im_end|>\n<|im_start|>user\nSmaller.<|im_end|>\n"
        "<|im_start|>assistant\nIt is 3.<|im_end|>\n<|im_start|>user\nLarger.\nAnswer again.<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    below = ContextTemplate(show_attempt=False, fence="", request="").ids(tokenizer, subject, Feedback(text="4."))
    assert decode(tokenizer, below) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n"
        "<|im_start|>assistant\nIt is 5.<|im_end|>\n<|im_start|>user\nSmaller.\n4.<|im_end|>\n<|im_start|>assistant\n"
    )
    first = ContextTemplate().ids(tokenizer, subject.upto(0), Feedback(text="No."))
    assert first == ContextTemplate().ids(tokenizer, episode(tokenizer, system="Be brief."), Feedback(text="No."))


@pytest.mark.parametrize("template", TEMPLATES)
def test_all_attempts_go_in_by_their_ids(template: str) -> None:
    """And the context of a later attempt ends as that attempt's prompt does."""
    tokenizer = tokenizer_for(template)
    odd = [tokenizer.convert_tokens_to_ids("<think>"), 5, 200, 17, 130]
    subject = later(tokenizer, [*odd, tokenizer.eos_token_id])
    for show_attempt in (True, False):
        ids = ContextTemplate(show_attempt=show_attempt).ids(tokenizer, subject, Feedback(text="No."))
        assert contains(ids, odd)
        assert contains(ids, list(subject.attempt.completion_ids[:-1])) == show_attempt
        assert ids[-3:] == list(subject.attempt.prompt_ids[-3:])


def test_earlier_attempts_go_where_there_is_no_room_for_them() -> None:
    tokenizer = tokenizer_for("chatml")
    subject = later(tokenizer)
    whole = ContextTemplate().ids(tokenizer, subject, Feedback(text=""))
    shown = ContextTemplate(max_tokens=len(whole) - 1, demonstrations=(demonstration(),))
    ids = shown.ids(tokenizer, subject, Feedback(text=""))
    text = decode(tokenizer, ids)
    assert "It is 5." not in text and "What is 2 + 2?" in text and "It is 3." in text
    assert decode(tokenizer, whole).count("It is 5.") == 1
    assert ContextTemplate(max_tokens=20).ids(tokenizer, subject, Feedback(text="")) == ids


def test_a_task_is_not_its_own_demonstration() -> None:
    tokenizer = ByteTokenizer()
    subject = episode(tokenizer)
    same = demonstration(content=subject.task.content)
    for shown, expected in (((same,), 1), ((same, demonstration()), 2)):
        ids = ContextTemplate(demonstrations=shown).ids(tokenizer, subject, Feedback(text="No."))
        assert decode(tokenizer, ids).count("Answer again.") == expected


hostile = st.lists(st.sampled_from([*CONTROLS, "<|im_", "end|>", "user\n", "```", "`", "x", "\n", " é"]), max_size=8)


@pytest.mark.parametrize("template", TEMPLATES)
@given(text=hostile.map("".join), example=hostile.map("".join))
@settings(quick, max_examples=15)
def test_control_text_in_feedback_stays_text(template: str, text: str, example: str) -> None:
    tokenizer = tokenizer_for(template)
    subject = episode(tokenizer)

    def ids(feedback: str, shown: str) -> list[int]:
        shown_first = Demonstration("other", [{"role": "user", "content": "?"}], "a" + shown, "b" + shown, "c" + shown)
        context = ContextTemplate(demonstrations=(shown_first,))
        return context.ids(tokenizer, subject, Feedback(text=feedback))

    got = ids(text, example)
    assert controls(tokenizer, got) == controls(tokenizer, ids("harmless", "harmless"))
    assert text.strip() in decode(tokenizer, got)


@given(text=st.text(alphabet="`~ab\n", max_size=40), fence=st.sampled_from(["```", '"""', "`", "~~~"]))
@quick
def test_the_fence_is_longer_than_any_in_the_text(text: str, fence: str) -> None:
    whole = fenced(text, fence)
    edge = whole.partition("\n")[0]
    assert whole == f"{edge}\n{text}\n{edge}"
    assert edge not in text
    assert set(edge) == set(fence) and len(edge) >= len(fence)
    assert fence in text or edge == fence


def test_no_fence() -> None:
    assert fenced("a", "") == "a"


@given(text=st.text(max_size=60), limit=st.integers(0, 70))
@quick
def test_shortening_keeps_both_ends(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit or short == text == ""
    if len(text) <= limit:
        assert short == text
    elif short:
        head, _, tail = short.partition(CUT)
        assert text.startswith(head) and text.endswith(tail)
        assert len(short) == limit
        assert 0 <= len(head) - len(tail) <= 1 or CUT in text


@given(
    length=st.integers(0, 3000),
    room=st.integers(0, 1500),
    letter=st.sampled_from(["a", "é", "答"]),
    demonstrations=st.integers(0, 2),
)
@quick
def test_what_is_too_long_is_cut_from_the_feedback_alone(
    length: int, room: int, letter: str, demonstrations: int
) -> None:
    """Never over the limit; as much feedback as fits; demonstrations go only when none fits; the task never does."""
    tokenizer = ByteTokenizer()
    subject = episode(tokenizer)
    shown = tuple(demonstration(question=f"What is {n} + 1?") for n in range(demonstrations))
    text = letter * length
    bare = len(ContextTemplate().ids(tokenizer, subject, Feedback(text="")))
    context = ContextTemplate(max_tokens=bare + room, demonstrations=shown)
    ids = context.ids(tokenizer, subject, Feedback(text=text))
    rendered = decode(tokenizer, ids)
    assert len(ids) <= bare + room
    assert rendered.count(QUESTION) == 1 and "It is 5." in rendered
    assert ids[-10:] == list(subject.attempt.prompt_ids[-10:])
    full = ContextTemplate(max_tokens=10**6, demonstrations=shown).ids(tokenizer, subject, Feedback(text=text))
    if len(full) <= bare + room:
        assert ids == full
        return
    dropped = demonstrations - rendered.count("Too large.")
    if not dropped:
        # What is left of the room is less than the step of the search, and the mark of the cut.
        left = bare + room - len(ids)
        assert left <= (CUT_STEP + 1) * len(letter.encode()) + len(CUT.encode())
    else:
        with_one_more = ContextTemplate(max_tokens=10**6, demonstrations=shown[: demonstrations - dropped + 1])
        assert len(with_one_more.ids(tokenizer, subject, Feedback(text=""))) > bare + room


def test_the_cap_in_characters() -> None:
    tokenizer = ByteTokenizer()
    ids = ContextTemplate(max_feedback_chars=25).ids(tokenizer, episode(tokenizer), Feedback(text="x" * 10_000 + "END"))
    assert f"```\nxxxxxxxxxx{CUT}xxxxxxxEND\n```" in decode(tokenizer, ids)


def test_a_task_that_does_not_fit_goes_in_whole_with_some_feedback() -> None:
    """What a policy writes must not end a run."""
    tokenizer = ByteTokenizer()
    context = ContextTemplate(max_tokens=20, demonstrations=(demonstration(),))
    text = decode(tokenizer, context.ids(tokenizer, episode(tokenizer), Feedback(text="No." * 99)))
    assert QUESTION in text and "It is 5." in text and "1 + 1" not in text
    assert text.count("No.") == 64 and CUT in text  # 200 characters, the mark included


@pytest.mark.parametrize("opening", ["<think>\n", "<think>\n\n</think>\n\n"])
def test_attempts_stand_behind_what_opened_them(opening: str) -> None:
    """A template that opens a thought in the prompt and writes none in earlier turns."""
    tokenizer = ByteTokenizer(CHATML.replace("assistant\n'", f"assistant\n{opening}'".replace("\n", "\\n")))
    subject = later(tokenizer)
    ids = ContextTemplate().ids(tokenizer, subject, Feedback(text="No."))
    assert ids[: len(subject.attempt.prompt_ids)] == list(subject.attempt.prompt_ids)
    assert decode(tokenizer, ids).count(opening) == 3
    shown = ContextTemplate(demonstrations=(demonstration(),)).ids(tokenizer, subject, Feedback(text="No."))
    assert decode(tokenizer, shown).count(opening) == 1


def test_an_episode_without_a_chat_is_an_error() -> None:
    subject = episode(ByteTokenizer())
    subject.messages = ()
    with pytest.raises(ConfigError, match="continues the chat of the episode"):
        ContextTemplate().ids(ByteTokenizer(), subject, Feedback(text="No."))
