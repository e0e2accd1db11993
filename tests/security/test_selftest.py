"""The self-test of sandboxes: everything holds where it is promised to, and every check is shown to be able to fail."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from types import ModuleType

import pytest

from distil_envs.errors import ConfigError
from distil_envs.sandbox import SandboxError
from distil_envs.sandbox.bubblewrap import BubblewrapSandbox
from distil_envs.sandbox.docker import DockerSandbox
from distil_envs.sandbox.selftest import EFFECTS, Finding, Places, UnclearError, Verdict, failures, selftest
from distil_envs.sandbox.selftest.effect import Effect, effect, seen, source_of, token
from distil_envs.sandbox.selftest.suite import run
from distil_envs.sandbox.subprocess import SubprocessSandbox

UNBOUNDED = {item.name for item in EFFECTS if item.needs}
"""Attacks that would hurt a machine on which they succeed; what they need is their bounded form, or keeps them in."""

NAIVELY = [
    "stubborn-files",
    "closed-folders",
    "planted-modules",
    "raised-limits",
    "inherited-descriptors",
    "left-processes",
    "surroundings",
    "memory",
    "file-size",
    "threads",
    "descriptors",
    "much-output",
    "endless-output",
    "endless-loop",
    "stopped",
    "processor-time",
    "forged-answers",
    "forged-ending",
    "os-exit",
    "sys-exit",
    "feigned-failures",
    "at-exit",
    "patched-modules",
    "stopped-clocks",
    "hostile-locals",
    "large-values",
    "odd-results",
    "deep-recursion",
    "earlier-secrets",
]
ON_NAIVE: dict[str, dict[str, bool]] = {
    **{name: {} for name in NAIVELY},
    **{name: {"pickled": True} for name in ("equal-objects", "subclasses")},
    "held-pipes": {"resident": False},
    "links": {"follows_links": True},
}
"""What `subprocess` too holds against, since its runner is ours: shown to succeed on a naive sandbox, so made."""

WITH_RANK = {"raw-sockets", "overwriting", "devices", "device-nodes", "identity", "becoming-root", "priority"}
WITH_RANK |= {"kernel-settings", "kernel-memory", "traced-runner", "runner-descriptors"}
"""What only root can do even without a sandbox."""

WITH_ROUTE = {"metadata", "internet", "interfaces"}
"""What a machine without network holds against by itself."""

NAMES = [item.name for item in EFFECTS]


@pytest.fixture(scope="module")
def on_subprocess() -> dict[str, Finding]:
    """Everything that is to be shown on `subprocess`, once."""
    only = [name for name in NAMES if name not in ON_NAIVE and name not in UNBOUNDED]
    return {found.effect.name: found for found in selftest(lambda: SubprocessSandbox(places=1), only)}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ON_NAIVE and name not in UNBOUNDED])
def test_the_attack_succeeds_without_isolation(name: str, on_subprocess: dict[str, Finding]) -> None:
    if name in WITH_RANK and os.geteuid() != 0:
        pytest.skip("these tests are not run by root, which alone could do this")
    if name in WITH_ROUTE and not _routed():
        pytest.skip("this machine has no route to the internet itself")
    assert on_subprocess[name].verdict is Verdict.BROKEN, on_subprocess[name].evidence


@pytest.mark.parametrize("name", ON_NAIVE)
def test_the_attack_succeeds_on_a_naive_sandbox(name: str, naive: ModuleType) -> None:
    [found] = selftest(lambda: naive.NaiveSandbox(**ON_NAIVE[name]), [name])
    assert found.verdict is Verdict.BROKEN, found.evidence


@pytest.mark.parametrize("name", sorted(UNBOUNDED))
def test_an_attack_without_bound_is_only_tried_where_what_it_needs_holds(name: str) -> None:
    *_, last = selftest(lambda: SubprocessSandbox(places=1), [name])
    assert (last.effect.name, last.verdict) == (name, Verdict.SKIPPED)
    assert all(need in last.evidence for need in last.effect.needs)


@pytest.mark.docker
def test_docker_holds_against_everything() -> None:
    found = list(selftest(lambda: DockerSandbox(places=1)))
    assert len(found) == len(EFFECTS) >= 45
    assert [(item.effect.name, item.evidence) for item in found if item.verdict is not Verdict.HELD] == []


def test_bubblewrap_holds_against_everything_but_what_it_lists() -> None:
    if problem := BubblewrapSandbox.problem():
        pytest.skip(problem)
    found = list(selftest(lambda: BubblewrapSandbox(places=1)))
    assert [(item.effect.name, item.evidence) for item in failures(found)] == []
    listed = {item.effect.name: item.reason for item in found if item.verdict is Verdict.LISTED}
    assert listed == BubblewrapSandbox.exceptions  # each is still true, too: none that holds is listed
    assert {item.effect.name for item in found if item.verdict is Verdict.SKIPPED} == {"memory-bomb"}


def test_names_are_distinct_and_needs_come_before() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for at, item in enumerate(EFFECTS):
        assert set(item.needs) <= set(NAMES[:at])
    assert set(BubblewrapSandbox.exceptions) <= set(NAMES)


# --- The run itself ---------------------------------------------------------------------------------------------------


def _effect(check: Callable[[Places], object], name: str = "made-up", needs: tuple[str, ...] = ()) -> Effect:
    return Effect(name, "tests", "a claim", check, needs)  # type: ignore[arg-type]


def raises() -> None:
    raise ValueError("this attack is mistaken")


def leaves() -> None:
    import os

    os._exit(3)


@pytest.mark.parametrize(("attack", "words"), [(raises, "this attack is mistaken"), (leaves, "exit code 3")])
def test_an_attack_that_did_not_do_its_work_proves_nothing(attack: Callable[[], None], words: str) -> None:
    [found] = run([_effect(lambda places: seen(places.call(attack), "no evidence"))], _subprocess, {})
    assert found.verdict is Verdict.UNCLEAR and words in found.evidence
    assert failures([found]) == [found]


def test_a_back_end_that_fails_is_unclear() -> None:
    def fails(_: Places) -> object:
        raise SandboxError("the daemon has gone")

    [found] = run([_effect(fails)], _subprocess, {})
    assert found.verdict is Verdict.UNCLEAR and "the daemon has gone" in found.evidence


def test_what_is_listed_is_told_with_the_reason_and_no_failure() -> None:
    broken = _effect(lambda _: seen(True, "it happened"))
    [found] = run([broken], _subprocess, {"made-up": "this cannot be had here"})
    assert (found.verdict, found.reason) == (Verdict.LISTED, "this cannot be had here")
    assert failures([found]) == []
    [found] = run([broken], _subprocess, {})
    assert failures([found]) == [found]


def test_unknown_names_are_told() -> None:
    with pytest.raises(ConfigError, match=r"no effect is named 'tpc'; did you mean 'tcp'"):
        list(selftest(_subprocess, ["tpc"]))


def test_what_is_needed_comes_along() -> None:
    assert [found.effect.name for found in selftest(_subprocess, ["fork-bomb"])] == ["processes", "fork-bomb"]


def test_evidence_is_one_bounded_line() -> None:
    found = seen(True, "a\nb\x1b[2J" + "x" * 10_000)
    assert found.evidence.startswith(r"a\nb\x1b[2J") and len(found.evidence) < 200 and found.evidence.isprintable()


def test_an_effect_is_named_after_its_function() -> None:
    @effect("a claim", "processes")
    def fork_bombs_of_all_sorts(_: Places) -> object:
        return seen(False, "")

    assert (fork_bombs_of_all_sorts.name, fork_bombs_of_all_sorts.needs) == ("fork-bombs-of-all-sorts", ("processes",))


def test_the_source_of_an_attack_runs_by_itself() -> None:
    space: dict[str, object] = {}
    exec(source_of(token_twice), space)
    assert space["token_twice"]("a") == "aa"  # type: ignore[operator]
    assert token() != token()


def token_twice(text: str) -> str:
    return text * 2


def test_places_give_back_what_they_took() -> None:
    with Places(_subprocess) as places:
        sandbox = places.sandbox()
        assert places.call(token_twice, "b") == "bb"
        with pytest.raises(UnclearError, match="TypeError"):
            places.call(token_twice)
    with pytest.raises(SandboxError, match="closed"):
        places.execute(token_twice, "c")
    assert sandbox is places.sandbox()


def _subprocess() -> SubprocessSandbox:
    return SubprocessSandbox(places=1)


def _routed() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(("8.8.8.8", 53)) == 0
