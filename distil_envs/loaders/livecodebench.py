"""LiveCodeBench: ``question_content``, ``starter_code``, ``public_test_cases`` and ``private_test_cases``.

Private tests are JSON, or base64 of zlib of a pickle of one JSON string. Such a
pickle is never unpickled: its opcodes are read, and anything but one string is refused.

There are no reference solutions, so `distil tasks validate` can say little about these tasks.
"""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
import zlib
from collections.abc import Mapping
from typing import Any

from distil_envs.errors import TaskError
from distil_envs.loaders.rows import field, optional_text, text
from distil_envs.task import Task

MAX_BYTES = 256 << 20
"""Most bytes of one row's private tests when unpacked."""
STDIN = "Reply with a whole program in one fenced Python block. It reads standard input and prints the answer."
STARTER = "Reply with the whole code in one fenced Python block. It begins like this:"

HEADER = """\
import bisect, collections, functools, heapq, itertools, math, operator, random, re, string, sys
from bisect import bisect_left, bisect_right, insort
from collections import Counter, OrderedDict, defaultdict, deque
from functools import cache, cmp_to_key, lru_cache, partial, reduce
from heapq import heapify, heappop, heappush, heappushpop, heapreplace, nlargest, nsmallest
from itertools import accumulate, chain, combinations, count, cycle, groupby, islice, pairwise, permutations, product
from math import ceil, comb, factorial, floor, gcd, inf, isqrt, lcm, log, log2, prod, sqrt
from typing import *
"""
"""What the site of these tasks imports for a function: the starter codes use it, and so do the usual answers."""

_LEVELS = {"easy": 2, "medium": 3, "hard": 4}
_STRING_OPCODES = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})
_OTHER_OPCODES = frozenset({"PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP"})


def livecodebench_task(row: Mapping[str, Any]) -> Task:
    """The task of one row. Raises TaskError for a row that cannot be used."""
    starter = optional_text(row, "starter_code")
    entry_point = _entry_point(row)
    public = _tests(field(row, "public_test_cases") or "[]", entry_point)
    private = _tests(field(row, "private_test_cases") or "[]", entry_point)
    if not public and not private:
        raise TaskError("the row has no tests")
    reference: dict[str, Any] = {"public": public, "private": private, "tolerance": 1e-9}
    if entry_point is not None:
        reference |= {"entry_point": entry_point, "tuples_as_lists": True, "header": HEADER}
    asked = f"{STARTER}\n\n```python\n{starter}\n```" if starter else STDIN
    level = _LEVELS.get(str(field(row, "difficulty")).casefold())
    return Task(
        id=f"livecodebench/{text(row, 'question_id')}",
        domain="code",
        prompt=f"{text(row, 'question_content')}\n\n{asked}",
        reference=reference,
        metadata={"family": "livecodebench", "topic": "competition", **({"level": level} if level else {})},
    )


def _entry_point(row: Mapping[str, Any]) -> str | None:
    """``Solution.name`` for tasks with a function, as LiveCodeBench has it; None for programs that read and print."""
    about = field(row, "metadata") or "{}"
    name = (_json(about, "metadata") if isinstance(about, str) else about).get("func_name")
    return None if not name else f"Solution.{name}"


def _tests(packed: Any, entry_point: str | None) -> list[dict[str, Any]]:
    rows = packed
    if isinstance(packed, str):
        try:
            rows = json.loads(packed)
        except ValueError:
            rows = _json(unpacked(packed), "the packed tests")
    if not isinstance(rows, list):
        raise TaskError(f"tests should be a list, got {type(rows).__name__}")
    return [_test(row, entry_point) for row in rows]


def _test(row: Any, entry_point: str | None) -> dict[str, Any]:
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in ("input", "output")):
        raise TaskError(f"a test should have the texts input and output, got {row!r:.80}")
    if entry_point is None:
        return {"stdin": row["input"], "stdout": row["output"]}
    name = entry_point.rpartition(".")[2]
    arguments = ", ".join(repr(_json(line, "an argument")) for line in row["input"].split("\n") if line.strip())
    return {"call": f"{name}({arguments})", "expected": repr(_json(row["output"], "an output"))}


def unpacked(packed: str) -> str:
    """The string in base64 of zlib of a pickle of a string. Raises TaskError for anything else."""
    try:
        machine = zlib.decompressobj()
        data = machine.decompress(base64.b64decode(packed.encode("ascii"), validate=True), MAX_BYTES)
    except (binascii.Error, UnicodeEncodeError, zlib.error) as error:
        raise TaskError(f"the private tests are neither JSON nor packed JSON: {error}") from None
    if machine.unconsumed_tail or not machine.eof:
        raise TaskError(f"the private tests are cut off, or more than {MAX_BYTES} bytes when unpacked")
    return only_string(data)


def only_string(pickled: bytes) -> str:
    """The string of a pickle that holds one string and nothing else, found without unpickling.

    Raises TaskError for every other pickle, and for what is none.
    """
    found: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name in _STRING_OPCODES:
                found.append(str(argument))
            elif opcode.name not in _OTHER_OPCODES:
                raise TaskError(f"the packed tests are a pickle of something else than a string ({opcode.name})")
    except TaskError:
        raise
    except Exception as error:  # pickletools raises ValueError, KeyError, UnicodeError, …
        raise TaskError(f"the packed tests are no pickle: {error}") from None
    if len(found) != 1:
        raise TaskError(f"the packed tests are a pickle of {len(found)} strings, expected one")
    return found[0]


def _json(written: str, what: str) -> Any:
    try:
        return json.loads(written, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{what} is not JSON: {error}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
