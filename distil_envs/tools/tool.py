"""What a tool is, and how one fails in a way that the policy is told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


class ToolError(Exception):
    """The call failed because of what it asked for. The message is for the policy, who is shown nothing else."""


class ToolTimeout(ToolError):  # noqa: N818
    """The call took too long because of what it asked for, and was ended."""


@runtime_checkable
class Tool(Protocol):
    """Something that a policy may call inside its turn.

    One that holds something may have ``close()``, which is called by who made it, and ``resources()``, a mapping of
    names to what it runs on, for the record of a run.
    """

    @property
    def name(self) -> str:
        """A letter or ``_``, then up to 63 letters, digits, ``_`` or ``-``."""
        ...

    @property
    def description(self) -> str:
        """What it does, in words for the policy."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """JSON Schema of an object: the arguments."""
        ...

    def __call__(self, arguments: Mapping[str, Any], /) -> str:
        """What the policy is shown, for arguments that fit `parameters`. From any thread, bounded in time by itself.

        Raises ToolError or ToolTimeout, with words for the policy; any other exception means that our side failed.
        """
        ...
