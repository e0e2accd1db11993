"""Text to ids in which no control token comes from text that is not trusted: `encode_inert`, `encode_marked`.

Tokenizers turn the *strings* of their added tokens (``<|im_end|>``, ``</think>``) into control ids wherever they
stand, so a task, a program's output or an attempt could end its own turn. Here untrusted text stays text
(docs/design.md, law 3): where it would complete the string of an added token, that string is cut in two and the halves
are encoded apart. Everything else is encoded as the tokenizer itself would encode it.

Tokenizers are duck-typed: fast tokenizers of transformers, or anything with the methods of `Tokenizer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from distil_envs.errors import ConfigError

_ANCHORS = "~^|;:\n"
"""Characters put before text that continues other text, so that no start-of-text space is added; then removed again."""


class Tokenizer(Protocol):
    """What is used of a tokenizer; named and behaving as in transformers."""

    eos_token_id: Any
    pad_token_id: Any
    chat_template: Any

    def __len__(self) -> int: ...
    def encode(self, *args: Any, **kwargs: Any) -> Any: ...
    def decode(self, *args: Any, **kwargs: Any) -> Any: ...
    def get_added_vocab(self) -> Any: ...
    def apply_chat_template(self, *args: Any, **kwargs: Any) -> Any: ...


def encode_inert(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of the text in which nothing is a control token: neither special tokens nor other added ones.

    Equal to ``tokenizer.encode(text, add_special_tokens=False)`` when the text holds no added token's string, and
    ``tokenizer.decode`` gives the text back where the tokenizer is lossless. Added tokens of white space only are text.
    Lone surrogates become U+FFFD. Raises ConfigError if the tokenizer has no ids but control ids for the text.
    """
    text = clean(text)
    return encode_marked(tokenizer, text, bytearray(b"\x01") * len(text), continues=False)


def encode_marked(tokenizer: Tokenizer, text: str, untrusted: bytearray, continues: bool) -> list[int]:
    """Ids of a text in which ``untrusted`` marks the characters (1) that must not take part in a control token."""
    controls = control_tokens(tokenizer)
    # An unknown-token id stands for any character that the vocabulary lacks.
    ids_of_controls = set(controls.values()) - {getattr(tokenizer, "unk_token_id", None)}
    strings = [string for string in controls if len(string) > 1]
    template = re.sub(
        "\x01+", "x", "".join("\x01" if mark else char for char, mark in zip(text, untrusted, strict=True))
    )
    expected = [token for token in _plain(tokenizer, template) if token in ids_of_controls]

    everywhere = [at for at in range(1, len(text)) if untrusted[at - 1] or untrusted[at]]
    # The second way is for tokenizers that normalise: a full-width "＜" may become the "<" of a control token.
    for cuts in (_cuts(text, untrusted, strings), everywhere):
        bounds = [0, *cuts, len(text)]
        ids = [
            token
            for start, end in pairwise(bounds)
            for token in _piece(tokenizer, text[start:end], continues or start > 0)
        ]
        if [token for token in ids if token in ids_of_controls] == expected:
            return ids
    raise ConfigError(
        f"tokenizer {name_of(tokenizer)} has only control tokens for some of this text: {text!r:.80}; remove the "
        "single characters among its special tokens, or use another tokenizer"
    )


def spelled_out(tokenizer: Tokenizer, ids: Sequence[int]) -> list[int]:
    """The ids, each control token among them replaced by its string as inert text."""
    controls = set(control_tokens(tokenizer).values())
    result: list[int] = []
    for token in ids:
        if token in controls:
            string = decode(tokenizer, [token])
            result += encode_marked(tokenizer, string, bytearray(b"\x01") * len(string), continues=True)
        else:
            result.append(token)
    return result


def decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Text of the ids, with nothing left out and nothing tidied up."""
    text: str = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


def clean(text: str) -> str:
    """Lone surrogates, which have no UTF-8, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def name_of(tokenizer: Tokenizer) -> str:
    return repr(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)


def control_tokens(tokenizer: Tokenizer) -> dict[str, int]:
    """Added tokens that control something: strings to be cut in untrusted text, and the ids that it must not become."""
    decoder: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    special = {*getattr(tokenizer, "all_special_ids", ()), *(token for token, kind in decoder.items() if kind.special)}
    return {
        string: token
        for string, token in tokenizer.get_added_vocab().items()
        # Runs of white space are added tokens of some tokenizers and control nothing ("▁" is a space in SentencePiece);
        # no more does a single character, unless it is special.
        if string.replace("▁", " ").strip() and (len(string) > 1 or token in special)
    }


def _cuts(text: str, untrusted: bytearray, strings: Iterable[str]) -> list[int]:
    """Positions at which to cut the text so that no string in it with an untrusted character stays whole."""
    cuts = set()
    for string in strings:
        start = text.find(string)
        while start >= 0:
            first = untrusted.find(1, start, start + len(string))
            if first >= 0:
                # Never inside trusted text, whose own control tokens must stay whole. All strings that begin here and
                # reach the untrusted character are cut alike.
                cuts.add(first if first > start else start + 1)
            start = text.find(string, start + 1)
    return sorted(cuts)


def _piece(tokenizer: Tokenizer, text: str, continues: bool) -> list[int]:
    """Ids of the text, as the start of a text or (``continues``) as the continuation of another one."""
    if not continues or _decodes_concatenated(tokenizer):
        return _plain(tokenizer, text)
    for anchor in _ANCHORS:
        before = _plain(tokenizer, anchor)
        ids = _plain(tokenizer, anchor + text)
        if ids[: len(before)] == before:
            return ids[len(before) :]
    return _plain(tokenizer, text)


def _decodes_concatenated(tokenizer: Tokenizer) -> bool:
    """Whether ids of two texts side by side are the two texts side by side; SentencePiece puts a space between."""
    return bool(decode(tokenizer, _plain(tokenizer, "a") * 2) == "aa")


def _plain(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids
