"""A program may return any value it likes. It cannot make us take one for another, nor reach into the next program.

Expected values never enter a sandbox, so each check holds a random one outside, and what comes out must not equal it.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from distil_envs.errors import DistilError
from distil_envs.sandbox.expecting import same
from distil_envs.sandbox.protocol import Call, Ended, Execution, Limits, Program, SandboxError
from distil_envs.sandbox.selftest.attacks import results as inside
from distil_envs.sandbox.selftest.effect import (
    Attack,
    Effect,
    Places,
    Seen,
    UnclearError,
    effect,
    seen,
    source_of,
    story,
    token,
)

PLAIN: Final = (bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, type(None))
"""The exact types that may come out; anything else could bring its own ``__eq__``."""


def _tried(places: Places, attack: Attack, *args: Any, expected: object) -> Seen:
    """Held if no result equals what was expected, none is of another type, and the next program is itself."""
    try:
        execution = places.execute(attack, *args, limits=Limits(wall_s=3.0))
    except SandboxError as error:
        return seen(True, f"the program feigned a failure of our side: {error}")
    wrong = [result.value for result in execution.results if result.value is not None]
    taken = any(_alien(value) or value == expected for value in wrong)
    after = _next_is_itself(places)
    return seen(taken or after, f"{story(execution)}, {len(wrong)} values; {after or 'the next program is itself'}")


def _alien(value: Any) -> bool:
    """Whether anything in a value is not exactly of a plain type."""
    pending = [value]
    while pending:
        one = pending.pop()
        if type(one) not in PLAIN:
            return True
        if isinstance(one, dict):
            pending += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            pending += one
    return False


def _next_is_itself(places: Places) -> str:
    mark = token()
    try:
        back = places.call(inside.echo, [mark, 1, [2.5]])
    except DistilError as error:
        return f"the next program failed: {error}"
    return "" if back == [mark, 1, [2.5]] else f"the next program returned {back!r}"


@effect("answers written by hand to every open descriptor are not taken for the next program's")
def forged_answers(places: Places) -> Seen:
    return _tried(places, inside.write_everywhere, [token(), "forged"], expected=token())


@effect("how a program ended is what our runner saw, whatever the program writes about it")
def forged_ending(places: Places) -> Seen:
    execution = places.execute(inside.write_then_exit_7)
    after = _next_is_itself(places)
    held = execution.ended is Ended.EXITED and execution.exit_code == 7 and not after
    return seen(not held, f"{story(execution)}; {after or 'the next program is itself'}")


def _not_completed(places: Places, attack: Attack) -> Seen:
    """Two calls, of which the second is the attack: the first is kept, and it is not taken for having answered both."""
    source = source_of(inside.echo, attack)
    source += f"\n\ndef first_then_attack(number):\n    return {attack.__name__}() if number else echo(41)\n"
    execution = places.run(Program(source, "first_then_attack", (Call((0,)), Call((1,)))))
    kept = [result.value for result in execution.results][:1]
    held = execution.ended is not Ended.COMPLETED and kept == [41] and execution.exit_code in (0, None)
    return seen(not held, f"{story(execution)}, kept {kept}")


@effect("os._exit(0) is no success")
def os_exit(places: Places) -> Seen:
    return _not_completed(places, inside.exit_quietly)


@effect("sys.exit(0) is no success")
def sys_exit(places: Places) -> Seen:
    return _not_completed(places, inside.exit_by_exception)


@effect("no program can make its own failure look like one of ours, which would not be held against it")
def feigned_failures(places: Places) -> Seen:
    ways = ("kill-itself", *("read-back",) * 10, "close", "replace", "shrink", "starve", "70", "125", "255")
    for number, way in enumerate(ways):
        try:
            places.execute(inside.feign_failure, way)
        except SandboxError as error:
            return seen(True, f"{way}, try {number + 1} of {len(ways)}: {error}")
    after = _next_is_itself(places)
    return seen(after, f"{len(ways)} tries; {after or 'the next program is itself'}")


@effect("what exit functions and threads write when a program ends is no answer")
def at_exit(places: Places) -> Seen:
    return _tried(places, inside.answer_at_exit, "forged", expected="forged")


@effect("patched builtins, json and modules of the runner reach neither our side nor the next program")
def patched_modules(places: Places) -> Seen:
    return _tried(places, inside.patch_everything, expected=token())


@effect("an object that is equal to everything never comes out")
def equal_objects(places: Places) -> Seen:
    return _tried(places, inside.equal_to_everything, expected=secrets.randbits(64))


@effect("subclasses of plain types come out as the plain types, which do not lie about being equal")
def subclasses(places: Places) -> Seen:
    execution = places.execute(inside.lying_subclasses)
    values = [result.value for result in execution.results if result.value is not None]
    if not values and not any(result.unencodable for result in execution.results):
        raise UnclearError(f"neither a value nor a refusal came out: {story(execution)}")
    return seen(any(map(_alien, values)), f"{story(execution)}, {len(values)} values, of plain types")


@effect("time is measured by a clock that the program cannot stop")
def stopped_clocks(places: Places) -> Seen:
    execution = places.execute(inside.lie_about_time, 0.4)
    return seen(execution.wall_s < 0.35, f"{execution.wall_s:.2f} s measured of 0.4 s slept")


@effect("reprs that exit, fill the memory or never end hurt their own program only")
def hostile_locals(places: Places) -> Seen:
    words, broken = [], False
    for kind in ("raise", "huge", "hang"):
        begin = time.monotonic()
        execution = places.execute(inside.hostile_reprs, kind, limits=Limits(wall_s=1.0))
        broken |= time.monotonic() - begin > 10 or _size(execution) > 1 << 20
        words.append(f"{kind}: {story(execution)[:30]}")
    after = _next_is_itself(places)
    return seen(broken or after, f"{'; '.join(words)}; {after or 'the next program is itself'}")


@effect("large, shared, deep and cyclic values are refused or bounded, at once")
def large_values(places: Places) -> Seen:
    words, broken = [], False
    for kind in ("text", "integer", "sharing", "deep", "cycle"):
        execution = places.execute(inside.large_value, kind)
        value = next((result.value for result in execution.results), None)
        size = _size(execution)
        broken |= value is not None or size > 1 << 20
        words.append(f"{kind}: {'a value' if value is not None else story(execution)[:40]}")
    after = _next_is_itself(places)
    return seen(broken or after, f"{'; '.join(words)}; {after or 'the next program is itself'}")


def _size(execution: Execution) -> int:
    """Characters of everything that came out as text."""
    found = len(execution.stdout.text) + len(execution.stderr.text)
    for raised in (execution.raised, *(result.raised for result in execution.results)):
        if raised:
            found += len(raised.message) + sum(len(text) for frame in raised.frames for text in frame.locals.values())
    return found + sum(len(result.unencodable or "") + len(result.stdout) for result in execution.results)


@effect("surrogates, NaN, infinities, huge integers and mixed keys come out as what they are")
def odd_results(places: Places) -> Seen:
    execution = places.execute(inside.odd_values)
    value = execution.results[0].value if execution.results else None
    unchanged = same(value, inside.odd_values())
    return seen(not unchanged, "all as sent" if unchanged else f"{story(execution)}, changed on the way")


@effect("recursion that overruns the stack ends its own program only")
def deep_recursion(places: Places) -> Seen:
    execution = places.execute(inside.recurse_natively)
    after = _next_is_itself(places)
    return seen(after, f"{story(execution)}; {after or 'the next program is itself'}")


@effect("nothing of an earlier program, its source or its values, is in the memory of the next")
def earlier_secrets(places: Places) -> Seen:
    import hashlib

    secret = token()
    mark = secret.rpartition("-")[0] + "-"
    places.call(inside.remember, secret)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    found = places.call(inside.search_memory, mark, digest)
    return seen(found, f"found {found} times")


EFFECTS: tuple[Effect, ...] = (
    forged_answers,
    forged_ending,
    os_exit,
    sys_exit,
    feigned_failures,
    at_exit,
    patched_modules,
    equal_objects,
    subclasses,
    stopped_clocks,
    hostile_locals,
    large_values,
    odd_results,
    deep_recursion,
    earlier_secrets,
)
