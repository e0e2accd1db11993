"""A `Program` as bytes for the runner, and the runner's answer as an `Execution`.

The answer's header is ours and trusted. Everything else in it was written by the program: whatever is malformed there
is left out, never raised, so that a program cannot turn its failure into one of ours.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import takewhile
from typing import Any

from distil_envs.errors import ConfigError
from distil_envs.sandbox import codec
from distil_envs.sandbox.protocol import (
    CallResult,
    Captured,
    Ended,
    Execution,
    Frame,
    Limits,
    Lines,
    Program,
    Raised,
    SandboxError,
    Step,
)

KEPT_STEPS = 100
"""Executed lines kept from the head, and as many from the tail."""
MAX_ARGUMENT_BYTES = 64 << 20
"""Of the encoded arguments of one call."""

_LIMIT_SIGNALS = {24: "cpu", 25: "file-size"}
_SIGKILL = 9
_CPU_SHARE = 0.7
"""Of the limit, for a SIGKILL that was not ours to have been for CPU: the kernel enforces it by counting ticks."""


@dataclass(frozen=True)
class Reply:
    """What the runner sent for one program."""

    header: Mapping[str, Any]
    """Measured by the runner."""
    streams: Mapping[str, tuple[bytes, bytes, int]]
    """Head, tail and total bytes of ``results``, ``stdout``, ``stderr`` and ``lines``: the program's claims."""

    @property
    def doubt(self) -> str:
        """Why the runner must be replaced; empty when it is clean."""
        return str(self.header["doubt"])


def request(program: Program) -> bytes:
    """The message for the runner.

    Raises ConfigError when the limits make no sense or an argument cannot travel: the fault of whoever made the task.
    """
    _check_limits(program.limits)
    body = json.dumps(
        {
            "source": program.source,
            "entry_point": program.entry_point,
            "calls": [_arguments(index, program) for index in range(len(program.calls))],
            "stdin": program.stdin,
            "trace_call": program.trace_call,
        }
    ).encode("ascii")
    header = {**asdict(program.limits), "body": len(body), "calls": len(program.calls)}
    return _framed(json.dumps(header).encode("ascii")) + body


def execution(program: Program, reply: Reply) -> Execution:
    """What happened, from the runner's measurements and the program's claims.

    Raises SandboxError when the header says that our side failed.
    """
    header = reply.header
    if header["memory"] == "host":
        raise SandboxError("the machine ran out of memory and killed a program: run fewer sandboxes, or free memory")
    if header["cause"] == "load" and header["memory"] != "limit":
        raise SandboxError(f"the sandbox could not start a program: {header['doubt']}; is the machine overloaded?")
    results, failed, claimed_limit = _records(reply.streams["results"][0], len(program.calls))
    ended, limit = _ended(program, header, results, failed, claimed_limit)
    return Execution(
        ended=ended,
        results=results,
        raised=failed,
        limit=limit,
        lines=None if program.trace_call is None else _lines(*reply.streams["lines"]),
        stdout=_captured(*reply.streams["stdout"]),
        stderr=_captured(*reply.streams["stderr"]),
        exit_code=header["exit_code"],
        signal=header["signal"],
        wall_s=header["wall_s"],
        cpu_s=header["cpu_s"],
        memory_bytes=header["memory_bytes"],
    )


def _framed(text: bytes) -> bytes:
    return len(text).to_bytes(4, "big") + text


def _check_limits(limits: Limits) -> None:
    for item in fields(limits):
        value = getattr(limits, item.name)
        if not 0 < value < math.inf:
            raise ConfigError(f"limit {item.name} must be a positive number, got {value!r}")


def _arguments(index: int, program: Program) -> Any:
    call = program.calls[index]
    try:
        return json.loads(codec.encode((tuple(call.args), dict(call.kwargs)), MAX_ARGUMENT_BYTES))
    except codec.CodecError as error:
        raise ConfigError(f"the arguments of call {index} cannot be sent into a sandbox: {error}") from error


def _ended(
    program: Program,
    header: Mapping[str, Any],
    results: Sequence[CallResult],
    failed: Raised | None,
    claimed_limit: str | None,
) -> tuple[Ended, str | None]:
    """How it ended, and the limit. A program that claims a limit of its own only harms itself."""
    signal, cpu_exceeded = header["signal"], header["cpu_s"] >= _CPU_SHARE * program.limits.cpu_s
    if header["cause"] == "wall":
        return Ended.TIMEOUT, "wall"
    if header["cause"] == "value":
        return Ended.LIMIT, "value"
    if header["memory"] == "limit" and (signal == _SIGKILL or header["exit_code"] or header["cause"] == "load"):
        return Ended.LIMIT, "memory"
    if signal in _LIMIT_SIGNALS:
        return Ended.LIMIT, _LIMIT_SIGNALS[signal]
    if signal == _SIGKILL and cpu_exceeded:
        return Ended.LIMIT, "cpu"
    if signal is not None:
        return Ended.KILLED, None
    if claimed_limit:
        return Ended.LIMIT, claimed_limit
    if failed:
        return Ended.RAISED, None
    complete = len(results) == len(program.calls) if program.entry_point else header["exit_code"] == 0
    return (Ended.COMPLETED if complete else Ended.EXITED), None


# --- Claims of the program --------------------------------------------------------------------------------------------


class _MalformedError(Exception):
    """A record that our child would not have written."""


def _records(data: bytes, calls: int) -> tuple[tuple[CallResult, ...], Raised | None, str | None]:
    """Results in order, the exception that ended the program, and a limit; up to the first malformed record."""
    results: list[CallResult] = []
    for record in _json_lines(data):
        try:
            if "limit" in record or "failed" in record:
                failed = _raised(record["failed"]) if "failed" in record else None
                limit = record.get("limit")
                return tuple(results), failed, limit if limit in ("memory", "value") else None
            if len(results) == calls:
                break
            results.append(_result(record))
        except (_MalformedError, codec.CodecError):
            break
    return tuple(results), None, None


def _json_lines(data: bytes) -> list[dict[str, Any]]:
    found = []
    for line in data.split(b"\n")[:-1]:  # the last part is empty, or was cut off
        if not line:
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(record, dict):
            break
        found.append(record)
    return found


def _result(record: Mapping[str, Any]) -> CallResult:
    kinds = [kind for kind in ("value", "raised", "unencodable") if kind in record]
    if len(kinds) != 1:
        raise _MalformedError
    return CallResult(
        value=codec.decode_parsed(record["value"]) if "value" in record else None,
        raised=_raised(record["raised"]) if "raised" in record else None,
        unencodable=_text(record["unencodable"], 1000) if "unencodable" in record else None,
        wall_s=_seconds(record.get("wall_s")),
        stdout=_text(record.get("stdout", ""), 4000),
    )


def _raised(claim: object) -> Raised:
    found = _mapping(claim)
    frames, bases = found.get("frames", []), found.get("bases", [])
    if not isinstance(frames, list) or not isinstance(bases, list):
        raise _MalformedError
    return Raised(
        type=_text(found.get("type"), 100),
        bases=tuple(_text(base, 100) for base in bases[:64]),
        message=_text(found.get("message"), 4000),
        frames=tuple(_frame(frame) for frame in frames[:64]),
        frames_cut=_whole(found.get("frames_cut")) or 0,
        line=_position(found.get("line")),
        column=_position(found.get("column")),
        end_line=_position(found.get("end_line")),
        end_column=_position(found.get("end_column")),
    )


def _frame(claim: object) -> Frame:
    found = _mapping(claim)
    line = _whole(found.get("line"))
    if line is None:
        raise _MalformedError
    return Frame(_text(found.get("function"), 100), line, _texts(found.get("locals", {})))


def _mapping(claim: object) -> Mapping[str, Any]:
    if not isinstance(claim, dict):
        raise _MalformedError
    return claim


def _texts(claim: object) -> Mapping[str, str]:
    return {_text(name, 100): _text(text, 400) for name, text in list(_mapping(claim).items())[:64]}


def _text(claim: object, limit: int) -> str:
    if not isinstance(claim, str):
        raise _MalformedError
    return claim[:limit]


def _whole(claim: object) -> int | None:
    if claim is None:
        return None
    if type(claim) is not int or not 0 <= claim < 1 << 53:
        raise _MalformedError
    return claim


def _position(claim: object) -> int | None:
    """Counted from 1; what is less is the interpreter's way to say that it knows none."""
    return None if type(claim) is int and claim < 1 else _whole(claim)


def _seconds(claim: object) -> float:
    if not isinstance(claim, (int, float)) or not 0 <= claim < 1e9:
        raise _MalformedError
    return float(claim)


def _captured(head: bytes, tail: bytes, total: int) -> Captured:
    cut = total - len(head) - len(tail)
    if not cut:
        return Captured((head + tail).decode("utf-8", "replace"), total)
    mark = f"\n[... {cut} bytes left out ...]\n"
    return Captured(head.decode("utf-8", "replace") + mark + tail.decode("utf-8", "replace"), total, truncated=True)


def _lines(head: bytes, tail: bytes, total: int) -> Lines:
    """Executed lines from the records that were kept; a record that was cut in two, or is malformed, is left out."""
    parts = [head + tail] if total == len(head) + len(tail) else [head, tail.partition(b"\n")[2]]
    steps: dict[int, Step] = {}
    for line in b"\n".join(parts).split(b"\n"):
        try:
            index, content, *rest = json.loads(line)
            if isinstance(content, dict):
                if index in steps:
                    steps[index] = Step(steps[index].line, steps[index].function, _texts(content))
            elif (at := _whole(index)) is not None and (number := _whole(content)) is not None:
                steps[at] = Step(number, _text(rest[0], 100))
        except (ValueError, TypeError, IndexError, RecursionError, _MalformedError):
            continue
    count = max(steps) + 1 if steps else 0
    if len(steps) == count <= 2 * KEPT_STEPS:
        return Lines(tuple(steps[index] for index in range(count)), (), count)
    first = list(takewhile(steps.__contains__, range(KEPT_STEPS)))
    last = list(takewhile(steps.__contains__, range(count - 1, max(count - 1 - KEPT_STEPS, len(first) - 1), -1)))
    return Lines(tuple(steps[index] for index in first), tuple(steps[index] for index in reversed(last)), count)
