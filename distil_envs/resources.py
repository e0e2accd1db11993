"""From an environment's options to what they mean: the verifier, the feedback provider, what ends an attempt."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any, Protocol

from distil_envs.episode import Episode
from distil_envs.errors import ConfigError, DistilError
from distil_envs.grading import Verifier, isolated
from distil_envs.registry import resolve
from distil_envs.tokenization import Tokenizer


class Provider(Protocol):
    """What is used of a `feedback.FeedbackProvider`."""

    name: str

    def __call__(self, episodes: Sequence[Episode], /) -> Sequence[Any]: ...


def resolve_verifier(spec: Any, timeout_s: float) -> Verifier:
    """A verifier that keeps its contract.

    A name is looked up in the registry and a class is instantiated. A plain function, from wherever it comes but this
    package, is `isolated`: run in a process and killed after ``timeout_s`` seconds. Any other callable is a `Verifier`.

    Raises NotFoundError for an unknown name, ConfigError for what cannot be called.
    """
    found = _instance(resolve("verifiers", spec) if isinstance(spec, str) else spec)
    if not callable(found):
        raise ConfigError(
            "verifier must be a name, a Verifier or a function (task, completion) -> Outcome | float | bool, "
            f"got {spec!r:.80}"
        )
    if inspect.isroutine(found) or isinstance(found, functools.partial):
        ours = (getattr(found, "__module__", None) or "").partition(".")[0] == __name__.partition(".")[0]
        return found if ours else isolated(found, timeout_s)
    verifier: Verifier = found
    return verifier


def resolve_feedback(spec: Any) -> Provider | None:
    """A feedback provider, or None for None.

    Raises NotFoundError for an unknown name, ConfigError for what is no provider.
    """
    if spec is None:
        return None
    found = _instance(resolve("feedback", spec) if isinstance(spec, str) else spec)
    if not callable(found) or not isinstance(getattr(found, "name", None), str):
        raise ConfigError(
            f"feedback must be a name or a provider, got {spec!r:.80}; make a function of one episode a provider with "
            "the decorator @feedback.provider('its-name')"
        )
    provider: Provider = found
    return provider


def feedback_of(provider: Provider, episodes: Sequence[Episode]) -> list[Any]:
    """The provider's feedback on these episodes, one entry each, None where it has nothing to say.

    Raises ConfigError, naming the provider, if it raises or breaks its contract.
    """
    try:
        found = provider(episodes)
    except DistilError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"feedback provider {provider.name!r} raised {type(error).__name__}: {error}") from error
    if not isinstance(found, Sequence) or isinstance(found, str) or len(found) != len(episodes):
        raise ConfigError(
            f"feedback provider {provider.name!r} must return a list with one entry for each of the {len(episodes)} "
            f"episodes, got {found!r:.80}"
        )
    for entry in found:
        if entry is not None and not isinstance(getattr(entry, "text", None), str):
            raise ConfigError(f"feedback provider {provider.name!r} must return Feedback or None, got {entry!r:.80}")
    return list(found)


def stop_strings(stop: Sequence[str]) -> tuple[str, ...]:
    """The stop strings, one or several. Raises ConfigError for one that is empty or holds U+FFFD (half a character)."""
    if isinstance(stop, str):
        stop = (stop,)
    if any(not isinstance(string, str) or not string or "\ufffd" in string for string in stop):
        raise ConfigError(f"stop must be non-empty strings without U+FFFD, got {stop!r}")
    return tuple(stop)


def eos_ids(tokenizer: Tokenizer, ids: Sequence[int] | None) -> frozenset[int]:
    """Ids that end an attempt, by default the tokenizer's. Raises ConfigError for an id that it does not have."""
    if ids is None:
        ids = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    chosen = frozenset(int(token) for token in ids)
    if any(not 0 <= token < len(tokenizer) for token in chosen):
        raise ConfigError(f"eos_token_ids must lie in [0, {len(tokenizer)}), got {sorted(chosen)}")
    return chosen


def _instance(target: Any) -> Any:
    return target() if isinstance(target, type) else target
