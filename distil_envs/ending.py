"""`Endings`: what ends a turn of the policy: an end id, a stop string, or the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from distil_envs.tokenization import Tokenizer, decode

Cause = Literal["eos", "stop", "budget"]


@dataclass(frozen=True)
class Endings:
    """How turns end, and what their text then is. Ids are those of one turn, from its first."""

    tokenizer: Tokenizer
    eos_ids: frozenset[int]
    """Ids that end a turn; part of it, but not of its text."""
    stop: tuple[str, ...]
    """Strings that end a turn as soon as its text contains one; the text is cut before it."""

    def find(self, before: Sequence[int], tokens: Sequence[int], budget: int) -> tuple[int, Cause | None]:
        """How many of the tokens the turn takes after ``before``, and what then ends it; None: nothing does.

        ``budget``: ids that the turn may still take.
        """
        length, cause = len(tokens), None
        if length >= budget:
            length, cause = budget, "budget"
        eos = next((at for at, token in enumerate(tokens[:length]) if token in self.eos_ids), None)
        if eos is not None:
            length, cause = eos + 1, "eos"
        words = [*before, *tokens[: length if eos is None else eos]]
        if not self.stopped(words):
            return length, cause  # type: ignore[return-value]
        # Text only grows, so the shortest beginning with a stop string is found from the end: usually at once.
        while len(words) > len(before) + 1 and self.stopped(words[:-1]):
            words.pop()
        return len(words) - len(before), "stop"

    def text(self, ids: Sequence[int], cause: Cause | None) -> str:
        """The turn as text, without its EOS and cut before the stop string."""
        if cause == "stop":
            return decode(self.tokenizer, ids)[: self._stop_position(ids)]
        return decode(self.tokenizer, ids[:-1] if cause == "eos" else ids)

    def stopped(self, ids: Sequence[int]) -> bool:
        """Whether the text of these ids holds a stop string."""
        return self._stop_position(ids) >= 0

    def _stop_position(self, ids: Sequence[int]) -> int:
        """Where in the text of these ids the first stop string begins; -1 if there is none."""
        if not self.stop:
            return -1
        text = decode(self.tokenizer, ids)
        return min((at for string in self.stop if (at := text.find(string)) >= 0), default=-1)
