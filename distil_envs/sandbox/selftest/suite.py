"""All effects, and the run through them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from distil_envs.errors import ConfigError
from distil_envs.sandbox.protocol import Sandbox, SandboxError
from distil_envs.sandbox.selftest import files, kernel, network, processes, resources, results
from distil_envs.sandbox.selftest.effect import Effect, Places, UnclearError, Verdict, warm

EFFECTS: tuple[Effect, ...] = (
    *network.EFFECTS,
    *files.EFFECTS,
    *kernel.EFFECTS,
    *processes.EFFECTS,
    *resources.EFFECTS,
    *results.EFFECTS,
)
"""In the order in which they are tried: what others need comes before them."""


@dataclass(frozen=True)
class Finding:
    """What became of one effect on one back-end."""

    effect: Effect
    verdict: Verdict
    evidence: str
    """One line: what was seen, or why nothing was."""
    reason: str = ""
    """Why the back-end cannot do better, with ``Verdict.LISTED``."""


def selftest(
    make: Callable[[], Sandbox], only: Iterable[str] = (), exceptions: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Try every effect on a back-end, or those named in ``only`` and what they need; gives the findings as they come.

    ``make`` gives a sandbox with room for exactly one program; it is called twice at most. ``exceptions`` are effects
    that the back-end is known not to prevent, with the reason; by default what it lists itself (`exceptions` on it).

    Raises ConfigError for an unknown name, and SandboxError when the sandbox cannot run anything at all.
    """
    return run(_chosen(tuple(only)), make, exceptions)


def run(
    effects: Iterable[Effect], make: Callable[[], Sandbox], exceptions: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """As `selftest`, of any effects, in their order."""
    with Places(make) as places:
        places.call(warm)
        listed = getattr(places.sandbox(), "exceptions", {}) if exceptions is None else exceptions
        held: set[str] = set()
        for effect in effects:
            finding = _finding(effect, places, listed, held)
            if finding.verdict is Verdict.HELD:
                held.add(effect.name)
            yield finding


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """Those that make a self-test fail: broken without being listed, and unclear."""
    return [each for each in findings if each.verdict in (Verdict.BROKEN, Verdict.UNCLEAR)]


def _finding(effect: Effect, places: Places, listed: Mapping[str, str], held: set[str]) -> Finding:
    if missing := [name for name in effect.needs if name not in held]:
        return Finding(effect, Verdict.SKIPPED, f"has no bound of its own, and {', '.join(missing)} did not hold")
    try:
        seen = effect.check(places)
    except UnclearError as error:
        return Finding(effect, Verdict.UNCLEAR, str(error))
    except SandboxError as error:
        return Finding(effect, Verdict.UNCLEAR, f"the back-end failed: {error}")
    if not seen.broken:
        return Finding(effect, Verdict.HELD, seen.evidence)
    if effect.name in listed:
        return Finding(effect, Verdict.LISTED, seen.evidence, listed[effect.name])
    return Finding(effect, Verdict.BROKEN, seen.evidence)


def _chosen(only: tuple[str, ...]) -> list[Effect]:
    known = {effect.name: effect for effect in EFFECTS}
    if unknown := [name for name in only if name not in known]:
        near = difflib.get_close_matches(unknown[0], known, n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {', '.join(known)}"
        raise ConfigError(f"no effect is named {unknown[0]!r}; {hint}")
    if not only:
        return list(EFFECTS)
    wanted = {*only, *(need for name in only for need in known[name].needs)}
    return [effect for effect in EFFECTS if effect.name in wanted]
