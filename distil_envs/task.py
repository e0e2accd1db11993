"""`Task`: one problem with its reference, immutable, with a canonical content that decides its split."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from distil_envs.errors import TaskError
from distil_envs.text import fenced

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
TEST_FRACTION = 0.2
"""Share of all contents that belong to the test split."""

Message = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Task:
    """One problem.

    Equality and hashing go by value. Everything inside is frozen on construction: mappings become read-only, lists
    become tuples.
    """

    id: str
    """Unique within its task set."""
    domain: str
    """Any string: ``math``, ``science``, ``code``, ``acme``."""
    prompt: str | tuple[Message, ...]
    """Text (one user turn), or chat messages, each with the string fields ``role`` and ``content``."""
    reference: Mapping[str, Any] = field(default_factory=dict)
    """What grading may use: ``answer``, ``solution``, ``tests``, … Never shown to the student."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Anything else. ``content`` (any JSON value) replaces the prompt as the canonical content."""

    def __post_init__(self) -> None:
        for name in ("id", "domain"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise TaskError(f"task {name} must be a non-empty string, got {value!r}")
        for name in ("reference", "metadata"):
            if not isinstance(getattr(self, name), Mapping):
                raise TaskError(f"task {self.id!r}: {name} must be a mapping, got {type(getattr(self, name)).__name__}")
            object.__setattr__(self, name, _freeze(getattr(self, name), f"task {self.id!r}: {name}"))
        object.__setattr__(self, "prompt", _check_prompt(self.id, self.prompt))

    @property
    def messages(self) -> list[dict[str, str]]:
        """The prompt as chat messages."""
        if isinstance(self.prompt, str):
            return [{"role": "user", "content": self.prompt}]
        return [dict(message) for message in self.prompt]

    @property
    def text(self) -> str:
        """The prompt as one text: the contents of its messages, in order, with a blank line between them."""
        return "\n\n".join(message["content"] for message in self.messages)

    @property
    def answer(self) -> str | None:
        """A right response: ``reference["answer"]``; of a code task its solution in a fence; None without either."""
        answer, solution = self.reference.get("answer"), self.reference.get("solution")
        if answer is not None:
            return str(answer)
        if self.domain == "code" and isinstance(solution, str):
            return fenced(solution.rstrip(), label="python")
        return None

    @property
    def content(self) -> str:
        """Canonical content (JSON): equal for two tasks that ask the same thing. It alone decides the split."""
        explicit = self.metadata.get("content")
        if explicit is None:
            folded = unicodedata.normalize("NFKC", self.text).casefold()
            explicit = " ".join(folded.split())
        return canonical(self.domain, _thaw(explicit))

    @property
    def split(self) -> Split:
        """``train`` or ``test``, by the hash of the content."""
        return split_of(self.content)

    def to_dict(self) -> dict[str, Any]:
        """The task as plain JSON values, one line of a JSONL file."""
        return {
            "id": self.id,
            "domain": self.domain,
            "prompt": _thaw(self.prompt),
            "reference": _thaw(self.reference),
            "metadata": _thaw(self.metadata),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Task:
        """Inverse of `to_dict`; only ``id``, ``domain`` and ``prompt`` are required."""
        return cls(**row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.id, self.content))

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only mappings do not pickle; worker processes need tasks.
        return Task.from_dict, (self.to_dict(),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Task:
        return self


def canonical(domain: str, content: Any) -> str:
    """The canonical content of a task: its domain and ``metadata["content"]`` (or its folded prompt) as JSON."""
    return json.dumps([domain, content], sort_keys=True, ensure_ascii=True)


def split_of(content: str) -> Split:
    """The split that a canonical content belongs to: a pure function of the content."""
    digest = hashlib.sha256(content.encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") < TEST_FRACTION * 2**64 else "train"


def _check_prompt(task_id: str, prompt: object) -> str | tuple[Message, ...]:
    if isinstance(prompt, str):
        if not prompt.strip():
            raise TaskError(f"task {task_id!r}: the prompt is empty")
        return prompt
    if not isinstance(prompt, Sequence) or not prompt:
        raise TaskError(f"task {task_id!r}: prompt must be text or a non-empty list of messages, got {prompt!r:.80}")
    messages = []
    for index, message in enumerate(prompt):
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            raise TaskError(f"task {task_id!r}: message {index} must have exactly 'role' and 'content'")
        if not all(isinstance(value, str) for value in message.values()):
            raise TaskError(f"task {task_id!r}: message {index}: role and content must be strings")
        messages.append(MappingProxyType(dict(message)))
    return tuple(messages)


def _freeze(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TaskError(f"{where}: keys must be strings")
        return MappingProxyType({key: _freeze(item, f"{where}.{key}") for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(item, where) for item in value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TaskError(f"{where}: {value} is not valid JSON; write it as text")
        return value
    raise TaskError(f"{where}: {type(value).__name__} is not a JSON value; convert it before making the task")


def _thaw(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thaw(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_thaw(item) for item in value]
    return copy.copy(value)
