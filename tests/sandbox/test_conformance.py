"""Every back-end keeps the protocol, and every check of that is shown to be able to fail."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from distil_envs.sandbox import CallResult, Ended, Execution, Program, Sandbox, make_sandbox
from distil_envs.sandbox.bubblewrap import BubblewrapSandbox
from distil_envs.sandbox.conformance import CHECKS, ConformanceError, check_close, check_sandbox
from distil_envs.sandbox.expecting import same
from distil_envs.sandbox.subprocess import SubprocessSandbox

NAMES = {check.__name__: check for check in (*CHECKS, check_close)}


@pytest.fixture(scope="module", params=["subprocess", "bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """One of each back-end, with two places."""
    if request.param == "bubblewrap" and (problem := BubblewrapSandbox.problem()):
        pytest.skip(problem)
    if request.param == "docker" and (problem := request.getfixturevalue("docker_problem")):
        pytest.skip(problem)
    made = make_sandbox(request.param, places=2)
    yield made
    made.close()


@pytest.mark.parametrize("name", [check.__name__ for check in CHECKS])
def test_a_back_end_conforms(name: str, sandbox: Sandbox) -> None:
    NAMES[name](sandbox)


@pytest.mark.parametrize("name", ["subprocess", "bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
def test_a_closed_one_stays_closed(name: str) -> None:
    check_close(make_sandbox(name))


# --- Every check can fail ---------------------------------------------------------------------------------------------


class Spoiled:
    """A back-end that is right but for one thing."""

    name = "spoiled"

    def __init__(self, right: Sandbox, spoil: Callable[[Sandbox, Program], Execution]) -> None:
        self._right = right
        self._spoil = spoil

    def run(self, program: Program) -> Execution:
        return self._spoil(self._right, program)

    def close(self) -> None:
        """Does not."""


Spoiler = Callable[[Sandbox, Program], Execution]


def with_fields(**fields: Any) -> Spoiler:
    """Some fields of the execution are always so."""
    return lambda right, program: replace(right.run(program), **fields)


def with_results(change: Callable[[CallResult], CallResult]) -> Spoiler:
    def spoil(right: Sandbox, program: Program) -> Execution:
        execution = right.run(program)
        return replace(execution, results=tuple(map(change, execution.results)))

    return spoil


def with_raised(**fields: Any) -> Spoiler:
    """Some fields of all exceptions are always so."""

    def spoil(right: Sandbox, program: Program) -> Execution:
        execution = right.run(program)
        results = tuple(
            replace(result, raised=result.raised and replace(result.raised, **fields)) for result in execution.results
        )
        return replace(execution, results=results, raised=execution.raised and replace(execution.raised, **fields))

    return spoil


def with_program(change: Callable[[Program], Program]) -> Spoiler:
    return lambda right, program: right.run(change(program))


def with_stdout(**fields: Any) -> Spoiler:
    def spoil(right: Sandbox, program: Program) -> Execution:
        execution = right.run(program)
        return replace(execution, stdout=replace(execution.stdout, **fields))

    return spoil


def after_code(code: str) -> Spoiler:
    return with_program(lambda program: replace(program, source=code + program.source))


def alone(right: Sandbox, program: Program) -> Execution:
    """Every call in a process of its own."""
    executions = [right.run(replace(program, calls=(call,))) for call in program.calls]
    return replace(executions[-1], results=tuple(result for each in executions for result in each.results))


def on_one_instance(program: Program) -> Program:
    source = f"{program.source}\n_one = Solution()\ndef shared(by):\n    return _one.count(by)\n"
    return replace(program, source=source, entry_point="shared")


def listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def counted(value: Any) -> Any:
    return [Counter(each) if isinstance(each, dict) else each for each in value]


def of_another() -> Spoiler:
    """Answers go to whoever asked before."""
    lock, last = threading.Lock(), list[Execution]()

    def spoil(right: Sandbox, program: Program) -> Execution:
        execution = right.run(program)
        with lock:
            last.append(execution)
            return last.pop(0) if len(last) > 1 else execution

    return spoil


SPOILERS: dict[str, Spoiler] = {
    "check_values": with_results(lambda result: replace(result, value=listed(result.value))),
    "check_arguments": with_program(
        lambda program: replace(program, calls=tuple(replace(call, kwargs={}) for call in program.calls))
    ),
    "check_plain_types": with_results(lambda result: replace(result, value=counted(result.value))),
    "check_refused_values": with_results(lambda result: replace(result, unencodable=None)),
    "check_order": alone,
    "check_methods": with_program(on_one_instance),
    "check_no_calls": with_fields(results=(CallResult(),)),
    "check_missing_entry_point": with_fields(ended=Ended.COMPLETED),
    "check_call_output": with_results(lambda result: replace(result, stdout="")),
    "check_exceptions": with_raised(frames=()),
    "check_source_exceptions": with_raised(line=None),
    "check_syntax_errors": with_raised(column=None),
    "check_deep_recursion": with_raised(frames_cut=0),
    "check_traced_lines": with_fields(lines=None),
    "check_scripts": with_program(lambda program: replace(program, stdin="1\n")),
    "check_script_exceptions": with_fields(exit_code=0),
    "check_exit_codes": with_fields(ended=Ended.COMPLETED),
    "check_signals": with_fields(signal=None),
    "check_time_limit": with_fields(results=()),
    "check_limits_told_apart": with_fields(limit="memory"),
    "check_output_limit": with_stdout(truncated=False),
    "check_measurements": with_fields(memory_bytes=0),
    "check_unicode": with_stdout(text="?"),
    "check_scratch_folder": after_code("import os\nos.chdir('/proc')\n"),
    "check_no_leaks": after_code("import builtins\nbuiltins.left = 1\n"),
    "check_threads": of_another(),
    "check_threads_inside": after_code("import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 27, 1 << 27))\n"),
    "check_close": lambda right, program: right.run(program),
}


@pytest.fixture(scope="module")
def right() -> Iterator[Sandbox]:
    with SubprocessSandbox(places=2) as made:
        yield made


def test_every_check_has_its_spoiler() -> None:
    assert set(SPOILERS) == set(NAMES) - {"check_name"}


@pytest.mark.parametrize("name", SPOILERS)
def test_a_check_fails_where_it_should(name: str, right: Sandbox) -> None:
    with pytest.raises(ConformanceError):
        NAMES[name](Spoiled(right, SPOILERS[name]))


def test_a_back_end_without_name_fails(right: Sandbox) -> None:
    spoiled = Spoiled(right, with_fields())
    NAMES["check_name"](spoiled)
    spoiled.name = ""
    with pytest.raises(ConformanceError, match="a name was expected"):
        NAMES["check_name"](spoiled)


def test_all_that_is_wrong_is_told_at_once(right: Sandbox) -> None:
    def nothing(_: Sandbox, __: Program) -> Execution:
        return Execution(Ended.COMPLETED)

    with pytest.raises(ConformanceError) as told:
        check_sandbox(lambda: Spoiled(right, nothing))
    named = {line.partition(":")[0] for line in str(told.value).splitlines()[1:]}
    assert named == set(NAMES) - {"check_name", "check_no_calls"}


def test_likeness_is_strict() -> None:
    assert same([float("nan"), {1: (-0.0,)}], [float("nan"), {1: (-0.0,)}])
    for left, right in ((1, True), (0.0, -0.0), ([1], (1,)), ([1], [1, 2]), ({1: 2}, {1: 3}), (float("nan"), 0.0)):
        assert not same(left, right)
