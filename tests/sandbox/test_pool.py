"""Places: how many at a time, when they are replaced, and who is blamed when one is lost."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from distil_envs.errors import ConfigError
from distil_envs.sandbox import Ended, Limits, Program, SandboxError
from distil_envs.sandbox.place import Fate, LostError
from distil_envs.sandbox.pool import PooledSandbox
from distil_envs.sandbox.wire import Reply

PROGRAM = Program("")
OTHER = Program("", limits=Limits(memory_bytes=1 << 20))
HEADER: dict[str, Any] = {
    **{"cause": "", "exit_code": 0, "signal": None, "memory": "", "wall_s": 0.0, "cpu_s": 0.0, "memory_bytes": 0},
    "doubt": "",
}
WAIT_S = 20.0


def reply(doubt: str = "") -> Reply:
    nothing = (b"", b"", 0)
    streams = {"results": (b"\n", b"", 1), "stdout": nothing, "stderr": nothing, "lines": nothing}
    return Reply({**HEADER, "doubt": doubt}, streams)


class FakePlace:
    """Answers as `behave` says, and counts."""

    def __init__(self, backend: FakeSandbox) -> None:
        self.backend = backend
        self.born = time.monotonic()
        self.programs = 0
        self.closed = threading.Event()
        self.is_alive = True

    def run(self, message: bytes, wall_s: float) -> Reply:
        self.programs += 1
        return self.backend.behave(self)

    def alive(self) -> bool:
        return self.is_alive

    def close(self) -> None:
        self.closed.set()


class FakeSandbox(PooledSandbox):
    name = "fake"

    def __init__(self, behave: Callable[[FakePlace], Reply] = lambda place: reply(), **options: Any) -> None:
        super().__init__(**{"places": 1, **options})
        self.behave = behave
        self.started: list[FakePlace] = []

    def shape(self, limits: Limits) -> Hashable:
        return limits.memory_bytes

    def start_place(self, limits: Limits) -> Any:
        self.started.append(FakePlace(self))
        return self.started[-1]

    @property
    def open_places(self) -> int:
        return sum(not place.closed.is_set() for place in self.started)


def lost(*fates: Fate) -> Callable[[FakePlace], Reply]:
    """The first places are lost, in these ways; a further one works."""
    left = list(fates)

    def behave(place: FakePlace) -> Reply:
        if left:
            raise LostError("it went", left.pop(0))
        return reply()

    return behave


def test_nothing_is_started_before_it_is_needed_and_no_more_than_is_needed() -> None:
    with FakeSandbox(places=8) as sandbox:
        assert not sandbox.started
        for _ in range(10):
            sandbox.run(PROGRAM)
        assert len(sandbox.started) == 1


def test_many_threads_share_the_places_and_no_place_runs_two_programs() -> None:
    lock, at_work, most = threading.Lock(), set[int](), [0]

    def behave(place: FakePlace) -> Reply:
        with lock:
            assert id(place) not in at_work
            at_work.add(id(place))
            most[0] = max(most[0], len(at_work))
        time.sleep(0.002)
        with lock:
            at_work.remove(id(place))
        return reply()

    with FakeSandbox(behave, places=3) as sandbox, ThreadPoolExecutor(16) as threads:
        seen = list(threads.map(sandbox.run, [PROGRAM, OTHER] * 60))
        assert {each.ended for each in seen} == {Ended.COMPLETED}
        assert sandbox.open_places <= 3
    assert most[0] == 3
    assert sandbox.open_places == 0


def test_a_place_is_replaced_after_so_many_programs() -> None:
    with FakeSandbox(recycle_after=5) as sandbox:
        for _ in range(23):
            sandbox.run(PROGRAM)
        assert [place.programs for place in sandbox.started[:4]] == [5, 5, 5, 5]
        assert all(place.closed.wait(WAIT_S) for place in sandbox.started[:4])


def test_a_place_in_doubt_is_never_used_again_and_its_last_answer_counts() -> None:
    with FakeSandbox(lambda place: reply("something is left" if len(place.backend.started) == 1 else "")) as sandbox:
        assert sandbox.run(PROGRAM).ended is Ended.COMPLETED
        sandbox.run(PROGRAM)
        assert [place.programs for place in sandbox.started] == [1, 1]
        assert sandbox.started[0].closed.is_set()


def test_an_idle_place_that_has_died_is_replaced_without_a_word() -> None:
    with FakeSandbox() as sandbox:
        sandbox.run(PROGRAM)
        sandbox.started[0].is_alive = False
        assert sandbox.run(PROGRAM).ended is Ended.COMPLETED
        assert [place.programs for place in sandbox.started] == [1, 1]


def test_programs_with_other_limits_get_other_places_but_never_more_than_there_may_be() -> None:
    with FakeSandbox(places=2) as sandbox:
        for program in (PROGRAM, OTHER, PROGRAM, OTHER):
            sandbox.run(program)
        assert len(sandbox.started) == 2
        sandbox.run(Program("", limits=Limits(memory_bytes=2 << 20)))
        assert sandbox.open_places == 2


def test_a_place_lost_once_costs_a_second_try_in_a_fresh_one() -> None:
    for fate in Fate:
        with FakeSandbox(lost(fate)) as sandbox:
            assert sandbox.run(PROGRAM).ended is Ended.COMPLETED
            assert [place.programs for place in sandbox.started] == [1, 1]
            assert sandbox.started[0].closed.is_set()


def test_the_second_try_is_fresh_even_if_another_place_is_idle() -> None:
    with FakeSandbox(places=2) as sandbox:
        with ThreadPoolExecutor(2) as threads:
            both = threading.Barrier(2)
            sandbox.behave = lambda place: (both.wait(WAIT_S), reply())[1]
            list(threads.map(sandbox.run, [PROGRAM] * 2))
        sandbox.behave = lost(Fate.ENDED)
        sandbox.run(PROGRAM)
        assert [place.programs for place in sandbox.started] in ([2, 1, 1], [1, 2, 1])
        assert sandbox.open_places <= 2


@pytest.mark.parametrize(
    ("fates", "wanted"),
    [
        ((Fate.ENDED, Fate.ENDED), (Ended.KILLED, None)),
        ((Fate.MEMORY, Fate.ENDED), (Ended.KILLED, None)),
        ((Fate.MEMORY, Fate.MEMORY), (Ended.LIMIT, "memory")),
        ((Fate.SILENT, Fate.SILENT), (Ended.TIMEOUT, "wall")),
        ((Fate.SILENT, Fate.ENDED), (Ended.KILLED, None)),
    ],
)
def test_a_program_that_costs_two_places_by_evidence_is_to_blame(fates: tuple[Fate, Fate], wanted: Any) -> None:
    with FakeSandbox(lost(*fates)) as sandbox:
        seen = sandbox.run(PROGRAM)
        assert (seen.ended, seen.limit, seen.results) == (*wanted, ())


@pytest.mark.parametrize(
    "fates", [(Fate.UNKNOWN, Fate.UNKNOWN), (Fate.ENDED, Fate.UNKNOWN), (Fate.UNKNOWN, Fate.MEMORY)]
)
def test_without_evidence_our_side_is_to_blame(fates: tuple[Fate, Fate]) -> None:
    with FakeSandbox(lost(*fates)) as sandbox:
        with pytest.raises(SandboxError, match="a place was lost twice while it ran a program: it went"):
            sandbox.run(PROGRAM)
        assert sandbox.run(PROGRAM).ended is Ended.COMPLETED


def test_a_failed_start_is_told_and_the_next_call_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeSandbox() as sandbox:
        with monkeypatch.context() as patch:
            patch.setattr(sandbox, "start_place", lambda limits: (_ for _ in ()).throw(SandboxError("no daemon")))
            for _ in range(3):
                with pytest.raises(SandboxError, match="no daemon"):
                    sandbox.run(PROGRAM)
        assert sandbox.run(PROGRAM).ended is Ended.COMPLETED


def test_an_interrupted_call_gives_up_its_place() -> None:
    def interrupt(place: FakePlace) -> Reply:
        raise KeyboardInterrupt

    with FakeSandbox(interrupt) as sandbox:
        with pytest.raises(KeyboardInterrupt):
            sandbox.run(PROGRAM)
        sandbox.behave = lambda place: reply()
        assert sandbox.run(PROGRAM).ended is Ended.COMPLETED
        assert sandbox.started[0].closed.is_set()


def test_closing_ends_places_at_work_and_frees_those_who_wait() -> None:
    working = threading.Event()

    def hang(place: FakePlace) -> Reply:
        working.set()
        assert place.closed.wait(WAIT_S)
        raise LostError("closed", Fate.UNKNOWN)

    sandbox = FakeSandbox(hang)
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(sandbox.run, PROGRAM) for _ in range(4)]
        assert working.wait(WAIT_S)
        sandbox.close()
        sandbox.close()
        for call in calls:
            with pytest.raises(SandboxError, match="this sandbox is closed"):
                call.result(WAIT_S)
    with pytest.raises(SandboxError, match="this sandbox is closed"):
        sandbox.run(PROGRAM)


def test_a_forgotten_sandbox_ends_its_places() -> None:
    sandbox = FakeSandbox()
    sandbox.run(PROGRAM)
    place = sandbox.started[0]
    place.backend = None  # type: ignore[assignment]
    del sandbox
    gc.collect()
    assert place.closed.is_set()


def test_a_forked_process_may_not_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeSandbox() as sandbox:
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            with pytest.raises(SandboxError, match="made in another process"):
                sandbox.run(PROGRAM)
        sandbox.run(PROGRAM)


@pytest.mark.parametrize("options", [{"places": 0}, {"recycle_after": 0}, {"lifetime_s": 0}, {"lifetime_s": -1.0}])
def test_senseless_numbers_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be positive"):
        FakeSandbox(**options)
