"""How a chat template writes tools, calls and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distil_envs.outcome import ToolCalled
from distil_envs.tokenization import Tokenizer
from distil_envs.tools.calling import ToolCall
from distil_envs.tools.tool import Tool


@dataclass(frozen=True)
class ToolFormat:
    """How a chat template writes tools, calls and results."""

    options: Mapping[str, Any]
    """Variables of the template: ``tools``, where it shows them itself."""
    system: str | None
    """What the system message must say, where the template does not."""

    def calls(self, text: str) -> list[ToolCall]:
        raise NotImplementedError

    def results(self, called: Sequence[ToolCalled]) -> list[dict[str, str]]:
        raise NotImplementedError


def tool_format(tokenizer: Tokenizer, tools: Sequence[Tool], chat_template: str | None = None) -> ToolFormat:
    raise NotImplementedError
