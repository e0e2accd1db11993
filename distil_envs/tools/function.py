from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class FunctionTool:
    name = "function"
    description = ""
    parameters: Mapping[str, Any] = {"type": "object"}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        raise NotImplementedError

    def __call__(self, arguments: Mapping[str, Any]) -> str:
        raise NotImplementedError
