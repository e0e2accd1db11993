"""`CodeEnv`: a `TokenEnv` whose completions are programs that run in a sandbox; ``distil/Code-v0``."""

from __future__ import annotations

from typing import Any

from distil_envs.code.verifier import CodeVerifier
from distil_envs.env import TokenEnv
from distil_envs.errors import ConfigError
from distil_envs.sandbox.protocol import Limits, Sandbox
from distil_envs.task_set import TaskSpec


class CodeEnv(TokenEnv):
    """Programming tasks.

    Args:
        tasks: as for `TokenEnv`; `distil_envs.code.cases` says what a task's reference holds.
        sandbox: as for `CodeVerifier`: a name of the registry, or a `Sandbox`.
        limits: what one process of a program may use; a mapping of some fields of `Limits` leaves the others.
        partial_credit: whether the reward is the fraction of tests that passed.
        record_lines: whether to record the executed lines of the first public test that fails.
        verifier: instead of the `CodeVerifier` that the options above make.
        max_new_tokens: as for `TokenEnv`, with more room.
        max_prompt_tokens: as for `TokenEnv`, with more room.
        **options: of `TokenEnv`.

    Raises:
        ConfigError: as `TokenEnv`; limits that do not exist.
    """

    def __init__(
        self,
        *,
        tasks: TaskSpec = "code",
        sandbox: str | Sandbox = "auto",
        limits: Limits | dict[str, Any] | None = None,
        partial_credit: bool = False,
        record_lines: bool = True,
        verifier: Any = None,
        max_new_tokens: int = 512,
        max_prompt_tokens: int = 2048,
        **options: Any,
    ) -> None:
        made = verifier is None
        if made:
            verifier = CodeVerifier(sandbox, _limits(limits), partial_credit, record_lines)
        super().__init__(
            tasks=tasks,
            verifier=verifier,
            max_new_tokens=max_new_tokens,
            max_prompt_tokens=max_prompt_tokens,
            **options,
        )
        self._owns_verifier |= made

    def shared(self) -> dict[str, Any]:
        """As `TokenEnv.shared`: one verifier, so that there is one sandbox."""
        return super().shared()


def _limits(limits: Limits | dict[str, Any] | None) -> Limits:
    if isinstance(limits, Limits):
        return limits
    given, known = dict(limits or {}), vars(Limits())
    for name, value in given.items():
        if name not in known:
            raise ConfigError(f"limits: there is no {name!r}; the limits of a program are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise ConfigError(f"limits: {name} must be a positive number, got {value!r}")
    return Limits(**given)
