"""What the self-test is made of: effects that untrusted code would like to have, tried from inside, judged outside.

An attack is a plain function whose own source is sent in and called there, so that it is linted and typed like
everything else; it imports what it needs in its body and returns what it saw. An `Effect` runs one or more attacks and
judges. An attack that could not do its work proves nothing: it makes the effect *unclear*, which counts as a failure.
"""

from __future__ import annotations

import inspect
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any

from distil_envs.errors import DistilError
from distil_envs.sandbox.protocol import Call, Ended, Execution, Limits, Program, Sandbox

Attack = Callable[..., Any]
"""A module-level function that needs nothing but its arguments, the standard library and its helpers."""


class Verdict(StrEnum):
    """What became of one effect."""

    HELD = "held"
    BROKEN = "broken"
    LISTED = "listed"
    """Broken, and the back-end says so beforehand, with the reason."""
    UNCLEAR = "unclear"
    """The attack did not get as far as showing anything. Counts as a failure."""
    SKIPPED = "skipped"
    """Not tried: an effect that has to hold first, or this would hurt the machine, did not."""


@dataclass(frozen=True)
class Seen:
    """What one check saw."""

    broken: bool
    evidence: str
    """One line."""


class UnclearError(DistilError):
    """An attack that did not answer."""


@dataclass(frozen=True)
class Effect:
    """One thing that must not happen."""

    name: str
    group: str
    claim: str
    """What a back-end that holds can say of itself."""
    check: Callable[[Places], Seen]
    """Raises UnclearError when an attack did not do its work, and SandboxError when the back-end failed."""
    needs: tuple[str, ...] = ()
    """Effects that have to hold before this may be tried: what it does has no bound of its own."""


def effect(claim: str, *needs: str) -> Callable[[Callable[[Places], Seen]], Effect]:
    """Makes an `Effect` of a check; name and group are those of the function and of its module."""

    def made(check: Callable[[Places], Seen]) -> Effect:
        group = check.__module__.rpartition(".")[2]
        return Effect(check.__name__.replace("_", "-"), group, claim, check, needs)

    return made


def seen(broken: object, evidence: object) -> Seen:
    """A `Seen` with its evidence on one bounded line."""
    line = " ".join(str(evidence).encode("unicode_escape").decode("ascii").split())
    return Seen(bool(broken), line if len(line) <= 160 else f"{line[:150]} … ({len(line)})")


class Places:
    """Where attacks run: a pool of one, so that a second program meets what the first left, and a neighbour of it."""

    def __init__(self, make: Callable[[], Sandbox]) -> None:
        """``make`` gives a sandbox with room for exactly one program at a time."""
        self._make = make
        self._open: dict[bool, Sandbox] = {}

    def __enter__(self) -> Places:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sandbox in self._open.values():
            sandbox.close()

    def sandbox(self, neighbour: bool = False) -> Sandbox:
        """The sandbox itself; made on first use."""
        if neighbour not in self._open:
            self._open[neighbour] = self._make()
        return self._open[neighbour]

    def run(self, program: Program, *, neighbour: bool = False) -> Execution:
        """As `Sandbox.run`."""
        return self.sandbox(neighbour).run(program)

    def execute(
        self,
        attack: Attack,
        *args: Any,
        helpers: tuple[Attack, ...] = (),
        limits: Limits | None = None,
        neighbour: bool = False,
    ) -> Execution:
        """One call of the attack, whatever comes of it."""
        source = source_of(*helpers, attack)
        program = Program(source, attack.__name__, (Call(args),), limits=limits or Limits())
        return self.run(program, neighbour=neighbour)

    def call(self, attack: Attack, *args: Any, **options: Any) -> Any:
        """What the attack returned. Options as for `execute`. Raises UnclearError when it returned nothing."""
        return value_of(self.execute(attack, *args, **options))


def side_by_side(
    places: Places, hold: Callable[[], list[float]], watch: Callable[[], tuple[float, float, list[str]]]
) -> Seen:
    """Whether ``watch``, in the place, finds something of ``hold``, in its neighbour. Both tell from when to when.

    The clock is that of the machine, which all its processes share. Raises UnclearError when nothing was found and the
    two did not run at the same time.
    """
    held: list[float] = []

    def work() -> None:
        with suppress(DistilError):  # then nothing is held, which is told below
            held.extend(hold())

    for neighbour in (True, False):
        places.call(warm, neighbour=neighbour)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    begin, end, found = watch()
    thread.join()
    if not found and (not held or min(end, held[1]) - max(begin, held[0]) < 0.1):
        raise UnclearError("the two programs did not run at the same time; run it again on a machine less busy")
    return seen(found, f"found: {', '.join(found) or 'nothing'}")


def warm() -> int:
    """An attack that does nothing, for a place to be ready."""
    return 0


def source_of(*functions: Attack) -> str:
    """The sources of module-level functions, one after the other."""
    return "from __future__ import annotations\n\n" + "\n\n".join(inspect.getsource(each) for each in functions)


def value_of(execution: Execution) -> Any:
    """The value of the one call. Raises UnclearError with what happened instead."""
    if execution.ended is Ended.COMPLETED and len(execution.results) == 1:
        result = execution.results[0]
        if result.raised is None and result.unencodable is None:
            return result.value
    raise UnclearError(f"the attack gave no answer: {story(execution)}")


def story(execution: Execution) -> str:
    """How it ended, in a few words."""
    words = [execution.ended.value]
    if execution.limit:
        words.append(f"limit {execution.limit}")
    if execution.signal:
        words.append(f"signal {execution.signal}")
    elif execution.exit_code:
        words.append(f"exit code {execution.exit_code}")
    raised = execution.raised or next((each.raised for each in execution.results if each.raised), None)
    if raised:
        words.append(f"{raised.type}: {raised.message[:80]} (line {raised.line})")
    refused = next((each.unencodable for each in execution.results if each.unencodable), None)
    if refused:
        words.append(f"unencodable: {refused[:80]}")
    return ", ".join(words)


def token() -> str:
    """A random mark that nothing else in the machine carries."""
    return f"distil-selftest-{secrets.token_hex(16)}"
