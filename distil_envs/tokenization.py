"""Text to ids without injection: `ByteTokenizer`, `encode_inert`, `encode_chat` and `continue_chat`.

Tokenizers turn the *strings* of their added tokens (``<|im_end|>``, ``</think>``) into control ids wherever they
stand, so a task, a program's output or an attempt could end its own turn. Here untrusted text stays text
(docs/design.md, law 3): where it would complete the string of an added token, that string is cut in two and the halves
are encoded apart. Everything else is encoded as the tokenizer itself would encode it.

Tokenizers are duck-typed: fast tokenizers of transformers, or anything with the methods of `Tokenizer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

from distil_envs.byte_tokenizer import CHATML, ByteTokenizer
from distil_envs.errors import ConfigError

__all__ = [
    "CHATML",
    "ByteTokenizer",
    "ChatFormat",
    "Content",
    "Segment",
    "Tokenizer",
    "continue_chat",
    "decode",
    "encode_chat",
    "encode_inert",
]

Segment = str | Sequence[int]
"""A piece of a message: text, or exact ids (an attempt)."""
Content = str | Sequence[Segment]

_ROLE = re.compile(r"[A-Za-z_]+")
_FLANK = "\u2003"
"""White space that no template writes itself: where it is gone after rendering, the template strips contents."""
_SLOT = re.compile(f"({_FLANK}?)slot(\\d+)q({_FLANK}?)")
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
    text = _clean(text)
    return _encode(tokenizer, text, bytearray(b"\x01") * len(text), continues=False)


def encode_chat(
    tokenizer: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    *,
    add_generation_prompt: bool = True,
    chat_template: str | None = None,
    template_options: Mapping[str, Any] | None = None,
) -> list[int]:
    """The chat as ids: control tokens come from the template alone, never from a message.

    A content is text, or a list of segments, each text or exact ids (an attempt). Ids of an ``assistant`` message are
    kept as they are, which is what the policy produced there. In any other role an id that is a control token is
    spelled out as inert text. A final EOS is left out everywhere: the template closes the turn itself.

    For texts that hold no added token's string the result equals ``tokenizer.apply_chat_template(messages)``, except
    that the template sees a stand-in for every content: one that strips contents is followed, but one that takes them
    apart (say, removes ``<think>…</think>`` from earlier turns) inserts them whole.

    Args:
        tokenizer: see `Tokenizer`.
        messages: mappings with ``role`` (letters only) and ``content``.
        add_generation_prompt: end with what opens the assistant's turn.
        chat_template: a Jinja template instead of the tokenizer's own.
        template_options: further variables of the template, such as ``{"enable_thinking": False}``.

    Raises:
        ConfigError: no chat template; the template refuses the messages or leaves a content out; a malformed message.
    """
    slots = [_Slot.of(index, message, tokenizer) for index, message in enumerate(messages)]
    shown = [{"role": slot.role, "content": slot.stand_in} for slot in slots]
    rendered = _render(tokenizer, shown, add_generation_prompt, chat_template, template_options or {})
    return _assembled(tokenizer, rendered, slots, required=slots, continues=False)


def continue_chat(
    tokenizer: Tokenizer,
    chat: Sequence[Mapping[str, Any]],
    turns: Sequence[Mapping[str, Any]],
    last_id: int | None = None,
    *,
    chat_template: str | None = None,
    template_options: Mapping[str, Any] | None = None,
) -> list[int]:
    """The ids that go on after a turn of the assistant, whose ids and all before them stay as they are.

    They close that turn, hold ``turns``, and open the assistant's next turn, as the template writes them after a turn
    of the assistant. So a conversation only ever grows, also under templates that would now write earlier turns
    otherwise (without their thoughts, say).

    Args:
        tokenizer: see `Tokenizer`.
        chat: the messages before the assistant's turn.
        turns: the messages after it; as in `encode_chat`, nothing in them is a control token.
        last_id: the last id of the assistant's turn. Where it is the token that the template closes the turn with, the
            policy has closed it and it is not written twice.
        chat_template: a Jinja template instead of the tokenizer's own.
        template_options: further variables of the template.

    Raises:
        ConfigError: as `encode_chat`; the template shows nothing of the assistant's turn.
    """
    messages = [*chat, {"role": "assistant", "content": "x"}, *turns]
    slots = [_Slot.of(index, message, tokenizer) for index, message in enumerate(messages)]
    shown = [{"role": slot.role, "content": slot.stand_in} for slot in slots]
    rendered = _render(tokenizer, shown, True, chat_template, template_options or {})
    own = [match for match in _SLOT.finditer(rendered) if int(match[2]) == len(chat)]
    if not own:
        raise ConfigError(
            f"the chat template of tokenizer {_name(tokenizer)} leaves out the assistant's turns, so that no turn can "
            "follow one; pass chat_template=… with one that shows them"
        )
    rest = rendered[own[-1].end() :]
    if last_id is not None:
        before, closing, after = rest.partition(decode(tokenizer, [last_id]))
        if closing and not before.strip():
            rest = after
    return _assembled(tokenizer, rest, slots, required=slots[len(chat) + 1 :], continues=True)


def _assembled(
    tokenizer: Tokenizer, rendered: str, slots: Sequence[_Slot], required: Sequence[_Slot], continues: bool
) -> list[int]:
    """Ids of a rendered text with the contents in their slots. Raises ConfigError where one `required` is missing."""
    found = {int(match[2]) for match in _SLOT.finditer(rendered)}
    for slot in required:
        if slot.number not in found and slot.hidden:
            raise ConfigError(
                f"the chat template of tokenizer {_name(tokenizer)} leaves out the content of message {slot.number} "
                f"(role {slot.role!r}); pass chat_template=… with one that shows it, or send no such message"
            )
    chat = _Chat(tokenizer, continues)
    position = 0
    for match in _SLOT.finditer(rendered):
        chat.add_text(rendered[position : match.start()], trusted=True)
        slot = slots[int(match[2])]
        for segment in slot.stripped(left=not match[1], right=not match[3]):
            if isinstance(segment, str):
                chat.add_text(segment, trusted=False)
            else:
                chat.add_ids(segment if slot.role == "assistant" else _spelled_out(tokenizer, segment))
        position = match.end()
    chat.add_text(rendered[position:], trusted=True)
    return chat.finish()


@dataclass(frozen=True)
class ChatFormat:
    """How the chats of an environment become ids."""

    chat_template: str | None = None
    """A Jinja template instead of the tokenizer's own."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further variables of the template: ``tools`` (JSON schemas), ``enable_thinking``, …"""

    def encode(self, tokenizer: Tokenizer, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """`encode_chat`, with what opens the assistant's turn."""
        return encode_chat(tokenizer, messages, chat_template=self.chat_template, template_options=self.options)

    def continued(
        self,
        tokenizer: Tokenizer,
        chat: Sequence[Mapping[str, Any]],
        turns: Sequence[Mapping[str, Any]],
        last_id: int | None = None,
    ) -> list[int]:
        """`continue_chat`."""
        return continue_chat(
            tokenizer, chat, turns, last_id, chat_template=self.chat_template, template_options=self.options
        )


@dataclass
class _Slot:
    """A message, and the stand-in that the template sees for its content."""

    number: int
    role: str
    segments: list[str | list[int]]

    @classmethod
    def of(cls, number: int, message: Mapping[str, Any], tokenizer: Tokenizer) -> _Slot:
        where = f"message {number}"
        if set(message) != {"role", "content"}:
            raise ConfigError(f"{where} must have exactly 'role' and 'content', got {sorted(map(str, message))}")
        role, content = message["role"], message["content"]
        if not isinstance(role, str) or not _ROLE.fullmatch(role):
            raise ConfigError(f"{where}: the role must be a word such as 'user', got {role!r}")
        parts = [content] if isinstance(content, str) else list(content)
        return cls(number, role, [_segment(part, where, tokenizer) for part in parts])

    @property
    def hidden(self) -> bool:
        """Whether a stand-in is shown. White space is shown as it is: templates may treat an empty message apart."""
        return any(not isinstance(segment, str) or segment.strip() for segment in self.segments)

    @property
    def stand_in(self) -> str:
        if self.hidden:
            return f"{_FLANK}slot{self.number}q{_FLANK}"
        return "".join(segment for segment in self.segments if isinstance(segment, str))

    def stripped(self, left: bool, right: bool) -> list[str | list[int]]:
        """The segments, as a template leaves them that strips contents."""
        segments = list(self.segments)
        if left and isinstance(segments[0], str):
            segments[0] = segments[0].lstrip()
        if right and isinstance(segments[-1], str):
            segments[-1] = segments[-1].rstrip()
        return segments


class _Chat:
    """Collects trusted text, untrusted text and ids. Neighbouring texts are encoded as one, as the tokenizer would."""

    def __init__(self, tokenizer: Tokenizer, continues: bool) -> None:
        """``continues``: other ids stand before these."""
        self._tokenizer = tokenizer
        self._continues = continues
        self._ids: list[int] = []
        self._text = ""
        self._untrusted = bytearray()

    def add_text(self, text: str, trusted: bool) -> None:
        self._text += text
        self._untrusted += bytes([not trusted]) * len(text)

    def add_ids(self, ids: Sequence[int]) -> None:
        self._ids = [*self.finish(), *ids]

    def finish(self) -> list[int]:
        if self._text:
            continues = self._continues or bool(self._ids)
            self._ids += _encode(self._tokenizer, self._text, self._untrusted, continues)
        self._text, self._untrusted = "", bytearray()
        return self._ids


def _segment(part: Any, where: str, tokenizer: Tokenizer) -> str | list[int]:
    if isinstance(part, str):
        return _clean(part)
    try:
        ids = [int(token) for token in part]
    except TypeError:
        raise ConfigError(
            f"{where}: content must be text or a list of segments, each text or a list of ids, got {part!r:.60}"
        ) from None
    if any(not 0 <= token < len(tokenizer) for token in ids):
        raise ConfigError(f"{where}: ids must lie in [0, {len(tokenizer)}), got {min(ids)} to {max(ids)}")
    return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids


def _render(
    tokenizer: Tokenizer,
    messages: list[dict[str, str]],
    add_generation_prompt: bool,
    chat_template: str | None,
    options: Mapping[str, Any],
) -> str:
    if chat_template is None and not tokenizer.chat_template:
        raise ConfigError(
            f"tokenizer {_name(tokenizer)} has no chat template, so messages cannot become a prompt; pass "
            "chat_template=… (a Jinja template, such as distil_envs.tokenization.CHATML), or use an instruction-tuned "
            "model's tokenizer"
        )
    from jinja2 import TemplateError

    try:
        rendered: str = tokenizer.apply_chat_template(
            messages,
            chat_template=chat_template,
            add_generation_prompt=add_generation_prompt,
            tokenize=False,
            **options,
        )
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise ConfigError(
            f"the chat template of tokenizer {_name(tokenizer)} refuses messages with the roles [{roles}]: {error}. "
            "Change the messages (many templates take no system message) or pass another chat_template=…"
        ) from error
    return rendered


def _encode(tokenizer: Tokenizer, text: str, untrusted: bytearray, continues: bool) -> list[int]:
    """Ids of a text in which ``untrusted`` marks the characters (1) that must not take part in a control token."""
    controls = _controls(tokenizer)
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
        f"tokenizer {_name(tokenizer)} has only control tokens for some of this text: {text!r:.80}; remove the single "
        "characters among its special tokens, or use another tokenizer"
    )


def _controls(tokenizer: Tokenizer) -> dict[str, int]:
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


def decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Text of the ids, with nothing left out and nothing tidied up."""
    text: str = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


def _plain(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def _spelled_out(tokenizer: Tokenizer, ids: Sequence[int]) -> list[int]:
    """The ids, each control token among them replaced by its string as inert text."""
    controls = set(_controls(tokenizer).values())
    result: list[int] = []
    for token in ids:
        if token in controls:
            string = decode(tokenizer, [token])
            result += _encode(tokenizer, string, bytearray(b"\x01") * len(string), continues=True)
        else:
            result.append(token)
    return result


def _clean(text: str) -> str:
    """Lone surrogates, which have no UTF-8, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _name(tokenizer: Tokenizer) -> str:
    return repr(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)
