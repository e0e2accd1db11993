"""From a name to a sandbox. Which isolation a run has is always said (law 6)."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from distil_envs.errors import ConfigError
from distil_envs.registry import resolve
from distil_envs.sandbox.protocol import Sandbox, SandboxError

AUTO = ("docker", "bubblewrap")
"""What ``auto`` tries, in this order. ``subprocess`` isolates nothing, so it is only taken by its name."""

_log = logging.getLogger(__name__)


def make_sandbox(name: str = "auto", **options: Any) -> Sandbox:
    """The sandbox of that name (kind ``sandboxes`` of the registry), or the best that works here for ``auto``.

    ``auto`` logs one line that says what was taken and why nothing better was; the sandbox's own ``name`` says it too.
    The options go to the back-end, e.g. ``places=4``.

    Raises SandboxError when ``auto`` finds nothing that works, NotFoundError for an unknown name, ConfigError for an
    option that the back-end does not have.
    """
    if name != "auto":
        return _made(name, options)
    problems: list[str] = []
    for candidate in AUTO:
        problem = resolve("sandboxes", candidate).problem()
        if problem is None:
            because = f", because {'; '.join(problems)}" if problems else ""
            _log.warning("sandbox: programs run in %s%s", candidate, because)
            return _made(candidate, options)
        problems.append(f"{candidate}: {problem}")
    raise SandboxError(
        f"no sandbox works here ({'; '.join(problems)}). Mend one of these; or, for programs that you trust as your "
        "own, choose sandbox=subprocess, which isolates nothing"
    )


def _made(name: str, options: dict[str, Any]) -> Sandbox:
    factory = resolve("sandboxes", name)
    try:
        made: Sandbox = factory(**options)
    except TypeError as error:
        known = ", ".join(inspect.signature(factory).parameters) or "none"
        raise ConfigError(
            f"sandbox {name!r} cannot be made with {', '.join(options) or 'no options'}: {error}. Its options: {known}"
        ) from error
    return made
