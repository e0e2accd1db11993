"""From characters of a completion to its tokens, so that what a trace points at can be weighted, masked or shown."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from distil_envs.outcome import Span
from distil_envs.tokenization import Tokenizer, decode


def token_span(tokenizer: Tokenizer, ids: Sequence[int], span: Span) -> tuple[int, int]:
    """The half-open range of ``ids`` that the characters ``span`` of their text came from.

    A token counts when it made any part of one of the characters: of a character of several tokens all count, and so
    does a token that reaches across an end. Works for tokenizers whose text only grows with the ids, as those do that
    decode byte by byte; nothing is tokenised anew.

    Args:
        tokenizer: see `distil_envs.tokenization.Tokenizer`.
        ids: of an attempt its `distil_envs.Attempt.answer_ids`. Where tools were called, ``completion_ids`` is more:
            the calls and their results stand before the answer, and the span would be taken from there.
        span: characters of the decoded ids; ``Attempt.text`` is a beginning of that, so its spans will do.

    Raises:
        ValueError: a span that is empty, runs backwards, or ends behind the text.
    """
    start, end = span
    text = decode(tokenizer, ids)
    if not 0 <= start < end <= len(text):
        raise ValueError(f"span {span} must hold at least one of the {len(text)} characters of the text")

    def settled(count: int) -> int:
        """Characters of the text that the first ``count`` ids settle. Half a character decodes to another one."""
        told = decode(tokenizer, ids[:count])
        shared = zip(told, text, strict=False)
        return next((at for at, (one, other) in enumerate(shared) if one != other), min(len(told), len(text)))

    # The first token goes on from where everything before `start` is settled.
    before = bisect_left(range(len(ids) + 1), start, key=settled)
    first = before if settled(before) == start else before - 1
    return first, bisect_left(range(len(ids) + 1), end, key=settled)
