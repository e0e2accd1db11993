"""Chats to ids: `encode_chat`, `continue_chat`, `ChatFormat`; and what they are made with.

The chat template writes a chat with a stand-in for each content. Its text is encoded as it stands, and the contents
as inert text (`distil_envs.inert`): control tokens come from the template alone, never from a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distil_envs.byte_tokenizer import CHATML, ByteTokenizer
from distil_envs.errors import ConfigError
from distil_envs.inert import (
    Tokenizer,
    clean,
    control_tokens,
    decode,
    encode_inert,
    encode_marked,
    name_of,
    spelled_out,
)

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
_SLOT = re.compile(f'({_FLANK}?)slot(\\d+)(\\\\?)"({_FLANK}?)')
"""The number in group 2; group 3 holds the backslash of a template that writes contents as JSON strings."""


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
    kept as they are, which is what the policy produced there; where they end with the token that closes the turn, it is
    not written twice. In any other role a final EOS is left out, and an id that is a control token is spelled out as
    inert text.

    For texts that hold no added token's string the result equals ``tokenizer.apply_chat_template(messages)``, except
    that the template sees a stand-in for every content: one that strips contents or writes them as JSON strings is
    followed, but one that takes them apart (say, removes ``<think>…</think>`` from earlier turns) inserts them whole.

    Args:
        tokenizer: see `Tokenizer`.
        messages: mappings with ``role`` (letters only) and ``content``.
        add_generation_prompt: end with what opens the assistant's turn.
        chat_template: a Jinja template instead of the tokenizer's own.
        template_options: further variables of the template, such as ``{"enable_thinking": False}``. They are trusted:
            control tokens in them are control tokens.

    Raises:
        ConfigError: no chat template; the template refuses the messages or leaves a content out; a malformed message.
    """
    slots = [_Slot.of(index, message, tokenizer) for index, message in enumerate(messages)]
    rendered = _render(tokenizer, slots, add_generation_prompt, chat_template, template_options or {})
    return _assembled(_Chat(tokenizer), rendered, slots, required=slots)


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
    otherwise (without their thoughts, say). What a template moves to the last turn, as some do with the system message,
    is told again there.

    Args:
        tokenizer: see `Tokenizer`.
        chat: the messages before the assistant's turn.
        turns: the messages after it; as in `encode_chat`, nothing in them is a control token.
        last_id: the last id of the assistant's turn, None if it has none. Where it is the token that the template
            closes the turn with, the policy has closed it and it is not written twice. Any other, an EOS that this
            template does not use among them, is followed by the template's own.
        chat_template: a Jinja template instead of the tokenizer's own.
        template_options: further variables of the template.

    Raises:
        ConfigError: as `encode_chat`; the template shows nothing of the assistant's turn.
    """
    messages = [*chat, {"role": "assistant", "content": "x"}, *turns]
    slots = [_Slot.of(index, message, tokenizer) for index, message in enumerate(messages)]
    rendered = _render(tokenizer, slots, True, chat_template, template_options or {})
    own = [match for match in _SLOT.finditer(rendered) if int(match[2]) == len(chat)]
    if not own:
        raise ConfigError(
            f"the chat template of tokenizer {name_of(tokenizer)} leaves out the assistant's turns, so that no turn "
            "can follow one; pass chat_template=… with one that shows them"
        )
    rest = rendered[own[-1].end() :]
    return _assembled(_Chat(tokenizer, True, last_id), rest, slots, required=slots[len(chat) + 1 :])


def _assembled(chat: _Chat, rendered: str, slots: Sequence[_Slot], required: Sequence[_Slot]) -> list[int]:
    """Ids of a rendered text with the contents in their slots. Raises ConfigError where one `required` is missing."""
    tokenizer = chat.tokenizer
    found = {int(match[2]) for match in _SLOT.finditer(rendered)}
    for slot in required:
        if slot.number not in found and slot.hidden:
            raise ConfigError(
                f"the chat template of tokenizer {name_of(tokenizer)} leaves out the content of message {slot.number} "
                f"(role {slot.role!r}); pass chat_template=… with one that shows it, or send no such message"
            )
    position = 0
    for match in _SLOT.finditer(rendered):
        chat.add_text(rendered[position : match.start()], trusted=True)
        slot = slots[int(match[2])]
        for segment in slot.written(left=bool(match[1]), right=bool(match[4]), as_json=bool(match[3])):
            if isinstance(segment, str):
                chat.add_text(segment, trusted=False)
            else:
                chat.add_ids(segment if slot.role == "assistant" else spelled_out(tokenizer, segment))
        position = match.end()
    chat.add_text(rendered[position:], trusted=True)
    return chat.finish()


@dataclass(frozen=True)
class ChatFormat:
    """How the chats of an environment become ids."""

    chat_template: str | None = None
    """A Jinja template instead of the tokenizer's own."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further variables of the template: ``tools`` (JSON schemas), ``enable_thinking``, … Control tokens in them are
    control tokens."""

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
        segments = [_segment(part, where, tokenizer) for part in parts]
        # Only the end of the assistant's own turn may close a turn.
        for segment in segments[:-1] if role == "assistant" else segments:
            if isinstance(segment, list) and segment[-1:] == [tokenizer.eos_token_id]:
                segment.pop()
        return cls(number, role, segments)

    @property
    def hidden(self) -> bool:
        """Whether a stand-in is shown. White space is shown as it is: templates may treat an empty message apart."""
        return any(not isinstance(segment, str) or segment.strip() for segment in self.segments)

    @property
    def stand_in(self) -> str:
        if self.hidden:
            return f'{_FLANK}slot{self.number}"{_FLANK}'
        return "".join(segment for segment in self.segments if isinstance(segment, str))

    def written(self, left: bool, right: bool, as_json: bool) -> list[str | list[int]]:
        """The segments, as the template writes them: white space kept on the left and right or not, escaped or not."""
        segments = list(self.segments)
        if not left and isinstance(segments[0], str):
            segments[0] = segments[0].lstrip()
        if not right and isinstance(segments[-1], str):
            segments[-1] = segments[-1].rstrip()
        if as_json:
            return [_escaped(segment) if isinstance(segment, str) else segment for segment in segments]
        return segments


class _Chat:
    """Collects trusted text, untrusted text and ids. Neighbouring texts are encoded as one, as the tokenizer would."""

    def __init__(self, tokenizer: Tokenizer, continues: bool = False, last_id: int | None = None) -> None:
        """``continues``: other ids stand before these, and ``last_id`` is the last of them."""
        self.tokenizer = tokenizer
        self._continues = continues
        self._last_id = last_id
        self._ids: list[int] = []
        self._text = ""
        self._untrusted = bytearray()

    def add_text(self, text: str, trusted: bool) -> None:
        self._text += text
        self._untrusted += bytes([not trusted]) * len(text)

    def add_ids(self, ids: Sequence[int]) -> None:
        self._ids = [*self.finish(), *ids]
        self._last_id = ids[-1] if ids else None

    def finish(self) -> list[int]:
        if self._text:
            continues = self._continues or bool(self._ids)
            self._ids += self._unclosed(encode_marked(self.tokenizer, self._text, self._untrusted, continues))
        self._text, self._untrusted, self._last_id = "", bytearray(), None
        return self._ids

    def _unclosed(self, ids: list[int]) -> list[int]:
        """The ids, without the closing token at their start where the ids before them end with it."""
        last = self._last_id
        if last not in ids or last not in {*control_tokens(self.tokenizer).values(), self.tokenizer.eos_token_id}:
            return ids
        at = ids.index(last)
        return ids if decode(self.tokenizer, ids[:at]).strip() else ids[at + 1 :]


def _escaped(text: str) -> str:
    """The text as it stands in a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _segment(part: Any, where: str, tokenizer: Tokenizer) -> str | list[int]:
    if isinstance(part, str):
        return clean(part)
    try:
        ids = [int(token) for token in part]
    except TypeError:
        raise ConfigError(
            f"{where}: content must be text or a list of segments, each text or a list of ids, got {part!r:.60}"
        ) from None
    if any(not 0 <= token < len(tokenizer) for token in ids):
        raise ConfigError(f"{where}: ids must lie in [0, {len(tokenizer)}), got {min(ids)} to {max(ids)}")
    return ids


def _render(
    tokenizer: Tokenizer,
    slots: Sequence[_Slot],
    add_generation_prompt: bool,
    chat_template: str | None,
    options: Mapping[str, Any],
) -> str:
    if chat_template is None and not tokenizer.chat_template:
        raise ConfigError(
            f"tokenizer {name_of(tokenizer)} has no chat template, so messages cannot become a prompt; pass "
            "chat_template=… (a Jinja template, such as distil_envs.tokenization.CHATML), or use an instruction-tuned "
            "model's tokenizer"
        )
    from jinja2 import TemplateError

    try:
        rendered: str = tokenizer.apply_chat_template(
            [{"role": slot.role, "content": slot.stand_in} for slot in slots],
            chat_template=chat_template,
            add_generation_prompt=add_generation_prompt,
            tokenize=False,
            **options,
        )
    except (TemplateError, TypeError) as error:  # a template that adds up None and text refuses the message as well
        roles = ", ".join(slot.role for slot in slots)
        raise ConfigError(
            f"the chat template of tokenizer {name_of(tokenizer)} refuses messages with the roles [{roles}]: {error}. "
            "Change the messages (many templates take no system message) or pass another chat_template=…"
        ) from error
    return rendered
