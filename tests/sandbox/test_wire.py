"""The runner's header is trusted; of what the program wrote, the malformed is left out and never raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distil_envs.errors import ConfigError
from distil_envs.sandbox import Call, Ended, Execution, Limits, Program, SandboxError
from distil_envs.sandbox.codec import encode
from distil_envs.sandbox.wire import KEPT_STEPS, Reply, execution, request

quick = settings(max_examples=150, deadline=None, derandomize=True)
TWO_CALLS = Program("", "f", (Call(), Call()), trace_call=0)
HEADER: dict[str, Any] = {
    "cause": "",
    "exit_code": 0,
    "signal": None,
    "memory": "",
    "wall_s": 0.1,
    "cpu_s": 0.1,
    "memory_bytes": 1,
    "doubt": "",
}


def told(
    results: bytes = b"\n", program: Program = TWO_CALLS, lines: tuple[bytes, bytes, int] = (b"", b"", 0), **header: Any
) -> Execution:
    """The execution of a reply with these records and this header."""
    streams = {"results": (results, b"", len(results)), "stdout": (b"", b"", 0), "stderr": (b"", b"", 0)}
    return execution(program, Reply({**HEADER, **header}, {**streams, "lines": lines}))


def record(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


GOOD = record(value=json.loads(encode(7)), wall_s=0.5, stdout="hi")
RAISED = {"type": "KeyError", "message": "'x'", "line": 3}


def test_records_become_results() -> None:
    seen = told(b"\n" + GOOD + record(raised=RAISED, wall_s=0, stdout=""))
    assert seen.ended is Ended.COMPLETED
    first, second = seen.results
    assert (first.value, first.wall_s, first.stdout) == (7, 0.5, "hi")
    assert second.raised is not None
    assert (second.raised.type, second.raised.line, second.raised.frames) == ("KeyError", 3, ())


@pytest.mark.parametrize("place", ["line", "column", "end_line", "end_column"])
@pytest.mark.parametrize("number", [0, -1])
def test_a_place_before_the_first_is_an_unknown_one(place: str, number: int) -> None:
    seen = told(record(failed={**RAISED, place: number}), exit_code=1)
    assert seen.ended is Ended.RAISED
    assert seen.raised is not None
    assert getattr(seen.raised, place) is None


@pytest.mark.parametrize(
    "bad",
    [
        b"not json\n",
        b"\xff\xfe\n",
        b"[1]\n",
        b'"text"\n',
        b"[" * 50_000 + b"\n",
        b"1" * 5_000 + b"\n",
        record(),
        record(value=1, wall_s=0),
        record(value={"codec": "distil-values/1", "items": []}, wall_s=0),
        record(value={"codec": "distil-values/1", "items": [1]}, unencodable="both", wall_s=0),
        record(value={"codec": "distil-values/1", "items": [1]}),
        record(value={"codec": "distil-values/1", "items": [1]}, wall_s=-1),
        record(value={"codec": "distil-values/1", "items": [1]}, wall_s=float("nan")),
        record(value={"codec": "distil-values/1", "items": [1]}, wall_s=0, stdout=5),
        record(unencodable=None, wall_s=0),
        record(raised={}, wall_s=0),
        record(raised={**RAISED, "line": "3"}, wall_s=0),
        record(raised={**RAISED, "line": True}, wall_s=0),
        record(raised={**RAISED, "frames": {}}, wall_s=0),
        record(raised={**RAISED, "bases": "Exception"}, wall_s=0),
        record(raised={**RAISED, "bases": [1]}, wall_s=0),
        record(raised={**RAISED, "frames": [{"function": "f"}]}, wall_s=0),
        record(raised={**RAISED, "frames": [{"function": "f", "line": 1, "locals": {"a": 1}}]}, wall_s=0),
    ],
)
def test_records_after_a_malformed_one_do_not_count(bad: bytes) -> None:
    seen = told(b"\n" + GOOD + bad + GOOD)
    assert len(seen.results) == 1
    assert seen.ended is Ended.EXITED


def test_a_record_that_was_cut_off_does_not_count_and_those_beyond_the_calls_neither() -> None:
    assert len(told(b"\n" + GOOD + GOOD[:-1]).results) == 1
    seen = told(b"\n" + GOOD * 5)
    assert len(seen.results) == 2
    assert seen.ended is Ended.COMPLETED


@quick
@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_of_a_program_make_an_error_of_ours(data: bytes, as_lines: bool) -> None:
    told(b"\n" + data, lines=(data, data, 3 * len(data)) if as_lines else (b"", b"", 0))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["value", "raised", "unencodable", "wall_s", "stdout", "failed", "limit", "type", "message", "frames", "locals"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.dictionaries(st.sampled_from(NAMES), JSON | st.dictionaries(st.sampled_from(NAMES), JSON)), max_size=3)
)
def test_nor_does_any_json(records: list[Any]) -> None:
    data = b"\n".join(json.dumps(each).encode() for each in records) + b"\n"
    seen = told(b"\n" + data, lines=(data, b"", len(data)))
    assert isinstance(seen, Execution)


@pytest.mark.parametrize(
    ("header", "records", "wanted"),
    [
        ({"cause": "wall", "signal": 9, "exit_code": None}, GOOD * 2, (Ended.TIMEOUT, "wall")),
        ({"cause": "value", "signal": 9, "exit_code": None}, b"", (Ended.LIMIT, "value")),
        ({"memory": "limit", "signal": 9, "exit_code": None}, b"", (Ended.LIMIT, "memory")),
        ({"memory": "limit"}, GOOD * 2, (Ended.COMPLETED, None)),
        ({"memory": "limit", "exit_code": 1}, b"", (Ended.LIMIT, "memory")),
        ({"signal": 24, "exit_code": None}, b"", (Ended.LIMIT, "cpu")),
        ({"signal": 9, "cpu_s": 5.5, "exit_code": None}, b"", (Ended.LIMIT, "cpu")),
        ({"signal": 25, "exit_code": None}, b"", (Ended.LIMIT, "file-size")),
        ({"signal": 9, "exit_code": None}, GOOD * 2, (Ended.KILLED, None)),
        ({"signal": 11, "exit_code": None}, GOOD, (Ended.KILLED, None)),
        ({"exit_code": 1}, record(limit="value"), (Ended.LIMIT, "value")),
        ({"exit_code": 1}, record(limit="cpu"), (Ended.EXITED, None)),
        ({"exit_code": 1}, record(failed=RAISED, limit="memory"), (Ended.LIMIT, "memory")),
        ({"exit_code": 1}, record(failed=RAISED), (Ended.RAISED, None)),
        ({"exit_code": 3}, GOOD, (Ended.EXITED, None)),
        ({}, GOOD, (Ended.EXITED, None)),
    ],
)
def test_how_a_program_ended(header: dict[str, Any], records: bytes, wanted: tuple[Ended, str | None]) -> None:
    seen = told(b"\n" + records, **header)
    assert (seen.ended, seen.limit) == wanted


def test_a_script_is_complete_when_its_exit_status_is_0() -> None:
    script = Program("")
    assert told(program=script).ended is Ended.COMPLETED
    assert told(program=script, exit_code=3).ended is Ended.EXITED
    assert told(b"\n" + record(failed=RAISED), program=script, exit_code=1).ended is Ended.RAISED


@pytest.mark.parametrize("header", [{"memory": "host"}, {"cause": "load", "doubt": "slow"}])
def test_what_our_side_failed_at_is_an_error(header: dict[str, Any]) -> None:
    with pytest.raises(SandboxError):
        told(b"\n" + GOOD * 2, **header)


def test_a_program_that_was_never_read_is_an_error_but_one_too_large_for_its_memory_is_not() -> None:
    with pytest.raises(SandboxError, match="could not start a program"):
        told(b"", cause="load")
    assert told(b"", cause="load", memory="limit", signal=9, exit_code=None).limit == "memory"


def test_lines_are_put_together_from_head_and_tail() -> None:
    total = 3 * KEPT_STEPS
    written = [[[index, 10 + index, "f"], [index, {"i": str(index)}]] for index in range(total)]
    data = b"".join(json.dumps(part).encode() + b"\n" for pair in written for part in pair)
    seen = told(lines=(data[: len(data) // 3], data[2 * len(data) // 3 :], len(data))).lines
    assert seen is not None
    assert seen.total == total
    assert [step.line for step in seen.head] == list(range(10, 10 + len(seen.head)))
    assert [step.line for step in seen.tail] == list(range(10 + total - len(seen.tail), 10 + total))
    assert seen.tail[-1].changed == {"i": str(total - 1)}
    assert 0 < len(seen.head) <= KEPT_STEPS
    assert 0 < len(seen.tail) <= KEPT_STEPS


def test_few_lines_are_all_in_the_head() -> None:
    data = b'[0, 1, "f"]\n[1, 2, "f"]\n[0, {"x": "5"}]\n'
    seen = told(lines=(data, b"", len(data))).lines
    assert seen is not None
    assert (len(seen.head), seen.tail, seen.total) == (2, (), 2)
    assert seen.head[0].changed == {"x": "5"}


def test_output_that_was_cut_says_where_and_how_much() -> None:
    streams = {"results": (b"\n", b"", 1), "stdout": (b"head\xc3", b"tail", 100), "stderr": (b"all", b"", 3)}
    seen = execution(Program(""), Reply(HEADER, {**streams, "lines": (b"", b"", 0)}))
    assert seen.stdout.truncated
    assert seen.stdout.text == "head\ufffd\n[... 91 bytes left out ...]\ntail"
    assert (seen.stderr.text, seen.stderr.truncated, seen.stderr.total_bytes) == ("all", False, 3)


def test_limits_that_make_no_sense_and_arguments_that_cannot_travel_are_the_fault_of_the_task() -> None:
    with pytest.raises(ConfigError, match=r"limit wall_s must be a positive number, got nan"):
        request(Program("", limits=Limits(wall_s=float("nan"))))
    with pytest.raises(ConfigError, match=r"arguments of call 1 cannot be sent into a sandbox: .*object"):
        request(Program("", "f", (Call(), Call((object(),)))))
