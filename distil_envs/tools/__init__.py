"""Tools that a policy may call inside its turn: what they are, how a chat template writes them, and some to use."""

from __future__ import annotations

from distil_envs.tools.calculator import CalculatorTool
from distil_envs.tools.calling import MAX_OUTPUT_CHARS, ToolCall, run_calls
from distil_envs.tools.format import MAX_CALLS, ToolFormat, tool_format
from distil_envs.tools.function import FunctionTool
from distil_envs.tools.python import PythonTool
from distil_envs.tools.resolving import resolve_tools
from distil_envs.tools.table import TableTool
from distil_envs.tools.tool import Tool, ToolError, ToolTimeout

__all__ = [
    "MAX_CALLS",
    "MAX_OUTPUT_CHARS",
    "CalculatorTool",
    "FunctionTool",
    "PythonTool",
    "TableTool",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolFormat",
    "ToolTimeout",
    "resolve_tools",
    "run_calls",
    "tool_format",
]
