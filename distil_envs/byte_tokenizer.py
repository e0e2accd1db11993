"""`ByteTokenizer`: the tokenizer that needs no file, so that environments work with nothing else at hand."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""A common chat template, in Jinja."""


class ByteTokenizer:
    """One id per UTF-8 byte, and three control tokens: ``<|pad|>``, ``<|im_start|>`` and ``<|im_end|>`` (the EOS).

    Lossless for any text, needs no file and no other package; the default of `TokenEnv`. Chats are rendered as ChatML.
    """

    name_or_path = "bytes"
    unk_token_id = None
    pad_token, pad_token_id = "<|pad|>", 256
    eos_token, eos_token_id = "<|im_end|>", 258
    _added: Mapping[str, int] = {"<|pad|>": 256, "<|im_start|>": 257, "<|im_end|>": 258}
    _markers = re.compile("(" + "|".join(re.escape(marker) for marker in _added) + ")")

    def __init__(self, chat_template: str | None = CHATML) -> None:
        self.chat_template = chat_template

    def __len__(self) -> int:
        return 256 + len(self._added)

    @property
    def all_special_ids(self) -> list[int]:
        return list(self._added.values())

    def get_added_vocab(self) -> dict[str, int]:
        return dict(self._added)

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        """Ids of the text; as in transformers, markers in it become control ids (see `encode_inert`)."""
        ids: list[int] = []
        for piece in self._markers.split(text):
            ids.extend([self._added[piece]] if piece in self._added else piece.encode("utf-8", "replace"))
        return ids

    def decode(
        self, token_ids: Iterable[int], skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """Inverse of `encode`; bytes that are no UTF-8 become U+FFFD. Raises ValueError for an id of 259 or more."""
        markers = {number: marker for marker, number in self._added.items()}
        data = bytearray()
        texts: list[str] = []
        for token in token_ids:
            if token in markers:
                texts += [data.decode("utf-8", "replace"), "" if skip_special_tokens else markers[token]]
                data = bytearray()
            else:
                data.append(token)
        return "".join([*texts, data.decode("utf-8", "replace")])

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, str]],
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        tokenize: bool = True,
        return_dict: bool = False,
        **variables: Any,
    ) -> Any:
        """The chat as text, or with ``tokenize`` as ids. Raises ValueError without a template."""
        template = chat_template or self.chat_template
        if template is None:
            raise ValueError("this tokenizer has no chat template")
        text = _compiled(template).render(
            messages=conversation,
            add_generation_prompt=add_generation_prompt,
            **{"bos_token": "", "eos_token": self.eos_token, "pad_token": self.pad_token, **variables},
        )
        return self.encode(text) if tokenize else text


@functools.lru_cache(maxsize=32)
def _compiled(template: str) -> Any:
    """A template of Jinja with what transformers offers to templates."""
    # Imported here: 30 ms that `import distil_envs` need not pay.
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    # Jinja's own escapes what HTML does not like.
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    return environment.from_string(template)
