"""`FunctionTool`: a plain function as a tool, called in a process that can be killed."""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from distil_envs.errors import ConfigError, told
from distil_envs.grading import RemoteError, WorkerDied, WorkerTimeout, shared_pool
from distil_envs.text import shorten
from distil_envs.tools.calling import MAX_OUTPUT_CHARS
from distil_envs.tools.signature import description_of, parameters_of
from distil_envs.tools.tool import ToolError, ToolTimeout


class FunctionTool:
    """A user's plain function as a tool, called in a worker of `distil_envs.grading.shared_pool`.

    What it returns is shown as ``str``. An exception of the function, the end of its process and a time-out are told to
    the policy; a `ToolError` in the words of its message.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """
        Args:
            function: called with the arguments by name; travels by cloudpickle (closures and lambdas do).
            name: by default the function's.
            description: by default the first paragraph of its docstring.
            parameters: JSON Schema of an object; by default from its annotations, defaults and docstring
                (`parameters_of`).
            timeout_s: seconds of wall time of one call.

        Raises:
            ConfigError: what is no function or cannot travel; no name; annotations that are no JSON; a bad time.
        """
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise ConfigError(f"a tool's function must be a plain (not async) function, got {function!r:.80}")
        if not 0 < timeout_s < math.inf:
            raise ConfigError(f"timeout_s must be a positive number of seconds, got {timeout_s}")
        self.name = name if name is not None else getattr(function, "__name__", "")
        if not self.name.isidentifier() and name is None:
            raise ConfigError(f"the function {function!r:.80} has no name that a tool may have; pass name=…")
        self.description = description if description is not None else description_of(function)
        self.parameters = parameters if parameters is not None else parameters_of(function, self.name)
        self.timeout_s = timeout_s
        self._function = function
        _check_travels(function, self.name)

    def __call__(self, arguments: Mapping[str, Any]) -> str:
        """What the function returns for these arguments, as text. Raises ToolError or ToolTimeout."""
        try:
            ok, text = shared_pool().run(_called, self._function, dict(arguments), timeout_s=self.timeout_s)
        except WorkerTimeout:
            raise ToolTimeout(f"Error: {self.name} took longer than {self.timeout_s:g} s and was stopped.") from None
        except WorkerDied as error:
            raise ToolError(f"Error: {self.name} ended before it gave a result: {error}.") from error
        except RemoteError as error:
            if error.type_name != "MemoryError":  # of loading the function: no fault of the arguments
                raise
            raise ToolError(f"Error: {self.name} needed too much memory.") from error
        if not ok:
            raise ToolError(text)
        return text


def _called(function: Callable[..., Any], arguments: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether it returned, and its result or error as text, cut here so that a flood stays in its process.

    Room for twice of what is shown is kept: the beginning and end of that are those of the whole.
    """
    try:
        return True, shorten(str(function(**arguments)), 2 * MAX_OUTPUT_CHARS)
    except MemoryError:
        raise  # the pool then drops the worker
    except ToolError as error:
        words = told(error)
    except BaseException as error:  # SystemExit too
        words = f"Error: {''.join(traceback.format_exception_only(error)).strip()}"
    return False, shorten(words, 2 * MAX_OUTPUT_CHARS)


def _check_travels(function: Callable[..., Any], name: str) -> None:
    import cloudpickle

    try:
        cloudpickle.dumps(function)
    except Exception as error:
        raise ConfigError(
            f"the function of tool {name!r} cannot be sent to a worker process: {type(error).__name__}: {error}. "
            "Make what it needs inside of it, or write a class with the members of distil_envs.tools.Tool"
        ) from error
