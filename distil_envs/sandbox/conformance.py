"""What any back-end must do, whatever isolates it: `check_sandbox`. Security is the self-test's business.

Every check is a small function of a sandbox that raises `ConformanceError` with what was expected and what came.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final

from distil_envs.sandbox.expecting import ConformanceError, answers, called, expect, raised_in, same, shown, values_of
from distil_envs.sandbox.protocol import Call, Ended, Limits, Program, Sandbox, SandboxError

Check = Callable[[Sandbox], None]

VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1 << 62, -(10**30), 10**5000, 0.5, -0.0, math.inf, -math.inf, math.nan, 1e308, 2 - 3j),
    *("", "text", "\0\n\u2028", "žluťoučký 漢字 🐍", "\ud800", b"", b"\0\xff", [], [1, [2, [3]]], (), (1,), ((), [])),
    *(set(), {1, "a", (2, 3)}, frozenset({4}), {}, {1: "int", "1": "text", (1, 2): None, None: {}, 2.5: b"x"}),
)
"""One or more of every type that travels."""


def check_sandbox(make: Callable[[], Sandbox]) -> None:
    """Run every check on one sandbox, and close it. ``make`` gives a sandbox with at least one place.

    Raises ConformanceError with all that is wrong, one line for each check that failed, and SandboxError when the
    back-end itself fails.
    """
    wrong = []
    with closing(make()) as sandbox:
        for check in (*CHECKS, check_close):
            try:
                check(sandbox)
            except ConformanceError as error:
                wrong.append(f"{check.__name__}: {error}")
    if wrong:
        raise ConformanceError(f"{len(wrong)} of {len(CHECKS) + 1} checks failed:\n" + "\n".join(wrong))


# --- Values -----------------------------------------------------------------------------------------------------------


def check_values(sandbox: Sandbox) -> None:
    """Every type that travels comes back as it went in."""
    execution = called(sandbox, "def echo(value):\n    return value\n", *((value,) for value in VALUES))
    for sent, result in zip(VALUES, answers(execution, len(VALUES)), strict=True):
        if not same(sent, result.value):
            raise ConformanceError(f"{shown(sent)} came back as {shown(result.value)}")


def check_arguments(sandbox: Sandbox) -> None:
    """Positional and keyword arguments arrive, and changing them in one call does not change those of the next."""
    source = "def push(into, *rest, last=0):\n    into.append((rest, last))\n    return into\n"
    shared: list[Any] = []
    calls = (Call((shared, 1, "a"), {"last": (2,)}), Call((shared,)))
    execution = sandbox.run(Program(source, "push", calls))
    found = values_of(execution)
    expect(found == [[((1, "a"), (2,))], [((), 0)]], f"two calls with one list gave {found}")


def check_plain_types(sandbox: Sandbox) -> None:
    """A subclass comes out as the plain type that it extends."""
    source = (
        "import collections, enum\n"
        "Point = collections.namedtuple('Point', 'x y')\n"
        "class Colour(enum.IntEnum):\n    RED = 3\n"
        "def make():\n    return [Point(1, 2), Colour.RED, collections.Counter('aab'), collections.OrderedDict(a=1)]\n"
    )
    [result] = answers(called(sandbox, source, (), entry="make"), 1)
    expect(
        same(result.value, [(1, 2), 3, {"a": 2, "b": 1}, {"a": 1}]),
        f"plain values were expected, got {shown(result.value)}",
    )


def check_refused_values(sandbox: Sandbox) -> None:
    """What cannot travel is refused with a reason, and the calls after it are answered."""
    source = (
        "def make(kind):\n"
        "    if kind == 'cycle':\n        value = []\n        value.append(value)\n        return value\n"
        "    return {'object': object(), 'lambda': lambda: 0, 'generator': (x for x in ()), 'plain': 1}[kind]\n"
    )
    execution = called(sandbox, source, ("cycle",), ("object",), ("lambda",), ("generator",), ("plain",), entry="make")
    *refused, plain = answers(execution, 5)
    for result in refused:
        expect(bool(result.unencodable) and result.value is None, f"a reason was expected, got {result}")
    expect(plain.value == 1 and plain.unencodable is None, f"1 was expected after refused values, got {plain}")


# --- Calls ------------------------------------------------------------------------------------------------------------


def check_order(sandbox: Sandbox) -> None:
    """Calls are made in order, in one process that keeps the module's state."""
    source = "seen = []\ndef add(item):\n    seen.append(item)\n    return list(seen)\n"
    found = values_of(called(sandbox, source, (1,), (2,), (3,)))
    expect(found == [[1], [1, 2], [1, 2, 3]], f"calls share the state of the module, got {found}")


def check_methods(sandbox: Sandbox) -> None:
    """``Class.method`` is called on a fresh instance every time."""
    source = (
        "class Solution:\n    def __init__(self):\n        self.calls = 0\n"
        "    def count(self, by):\n        self.calls += by\n        return self.calls\n"
    )
    found = values_of(called(sandbox, source, (2,), (3,), entry="Solution.count"))
    expect(found == [2, 3], f"a fresh instance a call gives [2, 3], got {found}")


def check_no_calls(sandbox: Sandbox) -> None:
    """Without calls the source is only executed."""
    execution = sandbox.run(Program("def never():\n    raise ValueError\n", "never"))
    expect((execution.ended, execution.results) == (Ended.COMPLETED, ()), f"an empty run ended {execution}")


def check_missing_entry_point(sandbox: Sandbox) -> None:
    """An entry point that the source does not define is told as the program's exception."""
    execution = called(sandbox, "def other():\n    pass\n", (), entry="wanted")
    raised = execution.raised
    told = execution.ended is Ended.RAISED and raised is not None and "wanted" in raised.message
    expect(told, f"an exception that names the entry point was expected, got {execution}")


def check_call_output(sandbox: Sandbox) -> None:
    """What a call printed comes with its result."""
    execution = called(sandbox, "def say(word):\n    print(word)\n", ("first",), ("second",), entry="say")
    found = [result.stdout for result in execution.results]
    expect(found == ["first\n", "second\n"], f"the output of each call was expected, got {found}")
    expect(execution.stdout.text == "first\nsecond\n", f"all output was expected, got {execution.stdout}")


# --- Exceptions -------------------------------------------------------------------------------------------------------


def check_exceptions(sandbox: Sandbox) -> None:
    """A call that raises tells type, message, line and locals of its frames, and the next call is made."""
    source = "def outer(n):\n    half = n // 2\n    return inner(half)\n\ndef inner(m):\n    return 10 // m\n"
    execution = called(sandbox, source, (1,), (4,), entry="outer")
    first, second = answers(execution, 2)
    raised = first.raised
    if raised is None:
        raise ConformanceError(f"an exception was expected, got {first}")
    expect((raised.type, raised.line) == ("ZeroDivisionError", 6), f"ZeroDivisionError in line 6, got {raised}")
    bases = ("ArithmeticError", "Exception", "BaseException")
    expect(raised.bases == bases, f"the base classes {bases}, got {raised.bases}")
    expect("by zero" in raised.message, f"the message of the exception, got {raised.message!r}")
    frames = [(frame.function, frame.line) for frame in raised.frames]
    expect(frames == [("outer", 3), ("inner", 6)], f"the frames of the source, outermost first, got {frames}")
    local = [dict(frame.locals) for frame in raised.frames]
    expect(local == [{"n": "1", "half": "0"}, {"m": "0"}], f"the locals of each frame, got {local}")
    expect((execution.ended, second.value) == (Ended.COMPLETED, 5), f"5 from the call after it, got {second}")


def check_source_exceptions(sandbox: Sandbox) -> None:
    """A source that raises before the calls is told with its line, and no call is made."""
    execution = called(sandbox, "x = {}\ny = x['key']\ndef f():\n    return 1\n", (), entry="f")
    expect(execution.ended is Ended.RAISED and execution.results == (), f"ended by raising, got {execution}")
    raised_in(execution, "KeyError", 2)


def check_syntax_errors(sandbox: Sandbox) -> None:
    """A source that does not compile is told with line and column."""
    execution = called(sandbox, "def f():\n    return (1 +* 2)\n", (), entry="f")
    raised = raised_in(execution, "SyntaxError", 2)
    expect(raised.column == 16, f"column 16 (1-based) was expected, got {raised.column}")
    expect(execution.ended is Ended.RAISED, f"ended by raising, got {execution.ended}")


def check_deep_recursion(sandbox: Sandbox) -> None:
    """Recursion without end is the program's exception, with head and tail of its frames, and the next call is made."""
    source = "def down(n):\n    return 0 if n == 0 else down(n - 1)\n"
    execution = called(sandbox, source, (10**6,), (3,), entry="down")
    raised = execution.results[0].raised if execution.results else None
    if raised is None or raised.type != "RecursionError":
        raise ConformanceError(f"a RecursionError was expected, got {execution}")
    expect(raised.frames_cut > 0 and 2 <= len(raised.frames) <= 100, f"{len(raised.frames)} frames, none cut")
    expect(values_of(execution)[1:] == [0], "the call after a RecursionError was not answered")


def check_traced_lines(sandbox: Sandbox) -> None:
    """The lines of the traced call come with the variables that they changed, and those of other calls do not."""
    source = "def double(n):\n    total = 0\n    for i in range(n):\n        total += 2\n    return total\n"
    calls = (Call((5,)), Call((1,)))
    lines = sandbox.run(Program(source, "double", calls, trace_call=1)).lines
    if lines is None:
        raise ConformanceError("executed lines were expected")
    steps = [*lines.head, *lines.tail]
    ran = [step.line for step in steps]
    expect(ran == [2, 3, 4, 3, 5] and lines.total == 5, f"lines 2 3 4 3 5, got {ran}, {lines.total} in all")
    changed = {name: text for step in steps for name, text in step.changed.items()}
    expect(changed.get("total") == "2" and changed.get("return") == "2", f"changed variables, got {changed}")
    untraced = sandbox.run(Program(source, "double", calls)).lines
    expect(untraced is None, f"no lines were asked for, got {untraced}")


# --- Scripts ----------------------------------------------------------------------------------------------------------


def check_scripts(sandbox: Sandbox) -> None:
    """A source without entry point runs as ``__main__``, reads its standard input and writes both outputs."""
    source = (
        "import sys\n"
        "if __name__ == '__main__':\n"
        "    print(sum(int(line) for line in sys.stdin))\n"
        "    print('done', file=sys.stderr)\n"
    )
    execution = sandbox.run(Program(source, stdin="1\n2\n39\n"))
    expect((execution.ended, execution.exit_code) == (Ended.COMPLETED, 0), f"completed with 0, got {execution}")
    found = execution.stdout.text, execution.stderr.text
    expect(found == ("42\n", "done\n"), f"'42' and 'done' were expected, got {found}")


def check_script_exceptions(sandbox: Sandbox) -> None:
    """A script that raises is told with its line, its exit code is 1, and its traceback is on standard error."""
    execution = sandbox.run(Program("print('before')\nraise ValueError('told')\n"))
    raised = raised_in(execution, "ValueError", 2)
    expect((execution.ended, execution.exit_code) == (Ended.RAISED, 1), f"exit code 1, got {execution}")
    expect(raised.message == "told" and execution.stdout.text == "before\n", f"message and output, got {execution}")
    expect("ValueError: told" in execution.stderr.text, f"a traceback was expected, got {execution.stderr.text!r}")


def check_exit_codes(sandbox: Sandbox) -> None:
    """Leaving by oneself is told with the exit code; leaving before all calls are answered is no completion."""
    script = sandbox.run(Program("print('x')\nraise SystemExit(3)\n"))
    expect((script.ended, script.exit_code) == (Ended.EXITED, 3), f"exit code 3, got {script}")
    quiet = sandbox.run(Program("import sys\nsys.exit()\n"))
    expect((quiet.ended, quiet.exit_code) == (Ended.COMPLETED, 0), f"sys.exit() ends a script well, got {quiet}")
    source = "import os\ndef f(n):\n    return n if n else os._exit(0)\n"
    early = called(sandbox, source, (1,), (0,), (2,))
    expect(early.ended is Ended.EXITED and values_of(early) == [1], f"one answer, then gone, got {early}")


def check_signals(sandbox: Sandbox) -> None:
    """Death by a signal is told with its number, and the answers before it are kept."""
    source = "import os\ndef f(n):\n    return os.kill(os.getpid(), n) if n else 'kept'\n"
    execution = called(sandbox, source, (0,), (11,))
    expect((execution.ended, execution.signal) == (Ended.KILLED, 11), f"killed by signal 11, got {execution}")
    expect(values_of(execution) == ["kept"], f"the answer before it was expected, got {execution.results}")


# --- Limits -----------------------------------------------------------------------------------------------------------


def check_time_limit(sandbox: Sandbox) -> None:
    """A time-out keeps earlier results and what was printed until then."""
    source = (
        "import time\n"
        "def f(n):\n    print('begun', n, flush=True)\n    time.sleep(60 if n else 0)\n    print('ended', n)\n"
        "    return n\n"
    )
    execution = called(sandbox, source, (0,), (1,), (2,), limits=Limits(wall_s=1.0))
    expect((execution.ended, execution.limit) == (Ended.TIMEOUT, "wall"), f"a time-out, got {execution}")
    expect(values_of(execution) == [0], f"the result before it was expected, got {execution.results}")
    text = execution.stdout.text
    expect(text == "begun 0\nended 0\nbegun 1\n", f"what was printed until then was expected, got {text!r}")


def check_limits_told_apart(sandbox: Sandbox) -> None:
    """Memory, processor time, size of a file and size of the results are told by name."""
    sources = {
        "memory": "def f():\n    kept = [bytearray(b'1') * (1 << 24) for _ in range(64)]\n    return len(kept)\n",
        "cpu": "def f():\n    while True:\n        pass\n",
        "file-size": "def f():\n    with open('large', 'wb') as file:\n        file.write(b'1' * (1 << 24))\n",
        "value": "def f():\n    return 'x' * (1 << 23)\n",
    }
    limits = Limits(wall_s=20.0, cpu_s=1.0)
    found = {name: called(sandbox, source, (), limits=limits) for name, source in sources.items()}
    for name, execution in found.items():
        told = execution.ended, execution.limit
        expect(told == (Ended.LIMIT, name), f"the limit {name!r} was expected, got {execution}")


def check_output_limit(sandbox: Sandbox) -> None:
    """Output beyond its limit is no failure: head and tail are kept, the cut is marked and counted."""
    source = "print('head')\nfor number in range(100_000):\n    print('line', number)\nprint('tail')\n"
    limits = Limits(output_bytes=2000)
    execution = sandbox.run(Program(source, limits=limits))
    out = execution.stdout
    expect(execution.ended is Ended.COMPLETED, f"completed, got {execution.ended}")
    expect(out.text.startswith("head\nline 0\n") and out.text.endswith("tail\n"), "head and tail of the output")
    expect(out.truncated and out.total_bytes > 1_000_000, f"cut {out.truncated}, {out.total_bytes} bytes in all")
    expect(len(out.text) < 2 * limits.output_bytes, f"{len(out.text)} characters kept of {limits.output_bytes} bytes")
    whole = sandbox.run(Program("print('short')\n", limits=limits)).stdout
    expect(not whole.truncated and whole.total_bytes == 6, f"short output is whole, got {whole}")


def check_measurements(sandbox: Sandbox) -> None:
    """Wall time, processor time and memory are those of the program."""
    source = "import time\ndef f():\n    time.sleep(0.3)\n    kept = b'1' * (1 << 26)\n    return len(kept)\n"
    execution = called(sandbox, source, ())
    expect(0.3 <= execution.wall_s < 60, f"more than 0.3 s slept, {execution.wall_s} measured")
    expect(execution.memory_bytes > 1 << 26, f"more than 64 MiB taken, {execution.memory_bytes} bytes measured")
    expect(0 < execution.cpu_s < 60, f"some processor time, {execution.cpu_s} s measured")


# --- Surroundings -----------------------------------------------------------------------------------------------------


def check_unicode(sandbox: Sandbox) -> None:
    """Source, input, output and names may be any text; bytes that are none are replaced."""
    source = "π = 'λ🐍'\nprint(input() + π)\nimport sys\nsys.stdout.buffer.write(b'\\xff|')\nundefined_ß\n"
    execution = sandbox.run(Program(source, stdin="žluť\n"))
    expect(execution.stdout.text == "žluťλ🐍\n\ufffd|", f"text as it is was expected, got {execution.stdout.text!r}")
    raised = raised_in(execution, "NameError", 5)
    expect("undefined_ß" in raised.message, f"the name was expected, got {raised.message!r}")


def check_scratch_folder(sandbox: Sandbox) -> None:
    """A program may write and read files where it starts, and temporary ones."""
    source = (
        "import tempfile\n"
        "def f():\n    with open('own', 'w') as file:\n        file.write('kept')\n"
        "    with tempfile.NamedTemporaryFile('w+') as file:\n        file.write('too')\n        file.seek(0)\n"
        "        return open('own').read() + file.read()\n"
    )
    found = values_of(called(sandbox, source, ()))
    expect(found == ["kepttoo"], f"files written and read, got {found}")


def check_no_leaks(sandbox: Sandbox) -> None:
    """No program meets what an earlier one left: modules, builtins, environment, files, settings."""
    leave = (
        "import builtins, json, os, sys\n"
        "def f():\n    builtins.left = json.left = sys.left = 1\n    os.environ['LEFT'] = '1'\n"
        "    open('left', 'w').close()\n    sys.setrecursionlimit(123)\n    os.umask(0o077)\n    return 1\n"
    )
    meet = (
        "import builtins, json, os, sys\n"
        "def f():\n    found = [module.__name__ for module in (builtins, json, sys) if hasattr(module, 'left')]\n"
        "    return found + ['LEFT'] * ('LEFT' in os.environ) + ['file'] * os.path.exists('left')"
        " + ['limit'] * (sys.getrecursionlimit() == 123) + ['umask'] * (os.umask(0) == 0o077)\n"
    )
    called(sandbox, leave, ())
    found = values_of(called(sandbox, meet, ()))
    expect(found == [[]], f"nothing of an earlier program was expected, got {found}")


def check_threads(sandbox: Sandbox) -> None:
    """Many threads may call at a time, and each gets its own answers."""
    source = "import time\ndef f(n):\n    time.sleep(0.01)\n    print(n)\n    return n * n\n"

    def work(number: int) -> bool:
        execution = called(sandbox, source, (number,), (number + 1,))
        said = execution.stdout.text == f"{number}\n{number + 1}\n"
        return said and values_of(execution) == [number**2, (number + 1) ** 2]

    with ThreadPoolExecutor(16) as threads:
        right = list(threads.map(work, range(48)))
    expect(all(right), f"{right.count(False)} of 48 programs called from 16 threads got other answers than their own")


def check_threads_inside(sandbox: Sandbox) -> None:
    """A program may have as many threads as usual programs do, within its limit on processes."""
    source = (
        "import threading\n"
        "def f(n):\n    meet, met = threading.Barrier(n), []\n"
        "    threads = [threading.Thread(target=lambda: met.append(meet.wait(5))) for _ in range(n)]\n"
        "    for thread in threads:\n        thread.start()\n    for thread in threads:\n        thread.join()\n"
        "    return len(met)\n"
    )
    execution = called(sandbox, source, (16,))
    expect(values_of(execution) == [16], f"16 threads at a time were expected, got {execution}")


def check_name(sandbox: Sandbox) -> None:
    """It is a `Sandbox` and says what it is called."""
    expect(isinstance(sandbox, Sandbox), f"{type(sandbox).__name__} lacks a member of `Sandbox`")
    expect(isinstance(sandbox.name, str) and sandbox.name != "", f"a name was expected, got {sandbox.name!r}")


def check_close(sandbox: Sandbox) -> None:
    """Closing twice is fine, and running afterwards raises SandboxError. Closes it, so it is no part of `CHECKS`."""
    sandbox.close()
    sandbox.close()
    try:
        execution = sandbox.run(Program("print(1)\n"))
    except SandboxError:
        return
    raise ConformanceError(f"a SandboxError was expected after closing, got {execution}")


CHECKS: Final[tuple[Check, ...]] = (
    check_name,
    check_values,
    check_arguments,
    check_plain_types,
    check_refused_values,
    check_order,
    check_methods,
    check_no_calls,
    check_missing_entry_point,
    check_call_output,
    check_exceptions,
    check_source_exceptions,
    check_syntax_errors,
    check_deep_recursion,
    check_traced_lines,
    check_scripts,
    check_script_exceptions,
    check_exit_codes,
    check_signals,
    check_time_limit,
    check_limits_told_apart,
    check_output_limit,
    check_measurements,
    check_unicode,
    check_scratch_folder,
    check_no_leaks,
    check_threads,
    check_threads_inside,
)
"""All but `check_close`. They share a sandbox and leave it usable."""
