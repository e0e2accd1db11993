"""Options of environments, as commands share them. Torch stays out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from distil_envs.env import TokenEnv
from distil_envs.vector import TokenVectorEnv


@dataclass
class EnvOptions:
    """Options of the environment. None leaves its own default."""

    tasks: str | None = None
    """Task set: a name such as `math/algebra@1-2`, a JSONL file, `gsm8k:FILE`, `hf:NAME`, or several with commas."""
    max_new_tokens: int | None = None
    """Token budget of a completion."""
    max_prompt_tokens: int | None = None
    """Room for the prompt, in tokens."""
    system: str | None = None
    """System message."""
    instruction: str | None = None
    """Text put after the question, on a line of its own."""
    shots: int | None = None
    """Solved examples shown before the question."""
    max_attempts: int | None = None
    """Attempts at each task; after a failed one the feedback is the next turn."""
    tools: tuple[str, ...] | None = None
    """Tools that may be called: names such as `python` and `calculator`, or `module:name`."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further keyword arguments of the environment, such as '{"stop": ["Question:"]}'."""

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for the environment, without those left to it."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        extra: dict[str, Any] = values.pop("extra")
        return values | extra


@dataclass
class SingleEnvOptions(EnvOptions):
    """Options of one environment to look at. None leaves its own default."""

    split: str | None = None
    """train, test, or all."""
    num_tasks: int | None = None
    """Draw from so many distinct tasks only."""
    feedback: str | None = None
    """Feedback provider by name, or `module:name`."""

    def make(self, env_id: str, **more: Any) -> TokenEnv:
        """The environment, the way training makes its rows. Close it. Raises what `TokenVectorEnv.of` raises."""
        return TokenVectorEnv.of(env_id, 1, autoreset_mode="Disabled", **(self.arguments() | more)).rows[0]
