"""What a program's process sees, and what it tells: in the `subprocess` back-end, whose runner is everyone's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from distil_envs.sandbox import Call, CallResult, Ended, Execution, Limits, Program
from distil_envs.sandbox.boot import ENVIRONMENT
from distil_envs.sandbox.subprocess import SubprocessSandbox
from distil_envs.sandbox.wire import KEPT_STEPS

PATIENT = Limits(wall_s=30.0)
SHORT = Limits(wall_s=0.5)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SubprocessSandbox]:
    with SubprocessSandbox(places=1) as made:
        yield made


def script(sandbox: SubprocessSandbox, source: str, **options: Any) -> Execution:
    return sandbox.run(Program(source, **{"limits": PATIENT, **options}))


def calls(sandbox: SubprocessSandbox, source: str, *arguments: Any, **options: Any) -> Execution:
    """One call of ``f`` for each argument."""
    made = tuple(Call((argument,)) for argument in arguments)
    return sandbox.run(Program(source, "f", made, **{"limits": PATIENT, **options}))


def value(sandbox: SubprocessSandbox, source: str) -> Any:
    """What ``f()`` returns."""
    seen = sandbox.run(Program(source, "f", (Call(),), limits=PATIENT))
    assert seen.ended is Ended.COMPLETED, seen
    return seen.results[0].value


def test_a_program_has_three_streams_two_pipes_of_ours_and_nothing_else(sandbox: SubprocessSandbox) -> None:
    source = "import os\ndef f():\n    return sorted(map(int, os.listdir('/proc/self/fd')))\n"
    assert value(sandbox, source) == [0, 1, 2, 3, 4, 5]  # the last is the listing's
    executed = script(sandbox, "import os\nos.execv('/bin/sh', ['sh', '-c', 'ls /proc/self/fd'])").stdout.text.split()
    assert [int(fd) for fd in executed] == [0, 1, 2, 3]  # the last is the listing's


def test_the_environment_is_ours_alone(sandbox: SubprocessSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    with SubprocessSandbox(places=1) as fresh:
        found = value(fresh, "import os\ndef f():\n    return dict(os.environ)\n")
    assert found.pop("HOME") == found.pop("TMPDIR")
    found.pop("LC_CTYPE", None)  # Python's own
    assert found == ENVIRONMENT


def test_nothing_of_an_earlier_program_is_in_memory(sandbox: SubprocessSandbox) -> None:
    """Neither its source, which the runner never has, nor what it returned and printed, which children have not."""
    script(sandbox, "print('needle-' + 'printed')")
    assert value(sandbox, "def f():\n    return 'needle-' + 'returned'  # needle-source\n") == "needle-returned"
    # Needles are looked for with every bit of 1 flipped, so that what looks for them is not found itself.
    look = """
flipped = bytes(byte ^ 1 for byte in range(256))
control = "needle" + "-" + "control"
def f():
    found = set()
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            start, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("rw") and "[v" not in line:
                memory.seek(start)
                data = memory.read(end - start).translate(flipped)
                for what in ("printed", "returned", "source", "control"):
                    if b"oddemd," + what.encode().translate(flipped) in data:
                        found.add(what)
    return found
"""
    assert value(sandbox, look) == {"control"}


def test_programs_are_alike_every_time(sandbox: SubprocessSandbox) -> None:
    source = "import random\ndef f():\n    return random.random(), [*{'a', 'b', 'c', 'd', 'e'}], hash('x')\n"
    first = value(sandbox, source)
    with SubprocessSandbox(places=1) as other:
        assert value(other, source) == first == value(sandbox, source)


def test_a_method_is_called_on_a_fresh_instance_every_time(sandbox: SubprocessSandbox) -> None:
    source = """
class A:
    def __init__(self):
        self.n = 0
    def add(self, k):
        self.n += k
        return self.n
"""
    seen = sandbox.run(Program(source, "A.add", (Call((1,)), Call(kwargs={"k": 5})), limits=PATIENT))
    assert [result.value for result in seen.results] == [1, 5]


@pytest.mark.parametrize(("entry_point", "error"), [("g", "NameError"), ("A.g", "AttributeError"), ("A.g.h", "Attr")])
def test_an_entry_point_that_is_missing_is_the_programs_fault(
    sandbox: SubprocessSandbox, entry_point: str, error: str
) -> None:
    seen = sandbox.run(Program("class A:\n    pass\n", entry_point, (Call(),), limits=PATIENT))
    assert seen.ended is Ended.RAISED
    assert seen.raised is not None
    assert seen.raised.type.startswith(error)


def test_results_before_an_exit_a_crash_and_a_time_out_are_kept(sandbox: SubprocessSandbox) -> None:
    ends = {
        "import sys; sys.exit(4)": (Ended.EXITED, 4, None),
        "import os; os._exit(0)": (Ended.EXITED, 0, None),
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": (Ended.KILLED, None, 11),
        "while True: pass": (Ended.TIMEOUT, None, 9),
    }
    for last, wanted in ends.items():
        source = f"def f(n):\n    print('call', n)\n    if n == 2:\n        exec({last!r})\n    return n\n"
        seen = calls(sandbox, source, 0, 1, 2, 3, limits=SHORT if "while" in last else PATIENT)
        assert (seen.ended, seen.exit_code, seen.signal) == wanted, last
        assert [(result.value, result.stdout) for result in seen.results] == [(0, "call 0\n"), (1, "call 1\n")]
        assert seen.stdout.text == "call 0\ncall 1\ncall 2\n"


def test_a_call_may_replace_standard_output_by_what_cannot_be_flushed(sandbox: SubprocessSandbox) -> None:
    source = "import sys\ndef f(n):\n    sys.stdout = None\n    print(n)\n    return n\n"
    assert [result.value for result in calls(sandbox, source, 1, 2).results] == [1, 2]


def test_a_traceback_on_stderr_is_the_programs_own(sandbox: SubprocessSandbox) -> None:
    seen = script(sandbox, "def f():\n    return 1 / 0\nf()\n")
    assert seen.ended is Ended.RAISED
    assert seen.stderr.text.splitlines()[0] == "Traceback (most recent call last):"
    assert 'File "program.py", line 2, in f' in seen.stderr.text
    assert "return 1 / 0" in seen.stderr.text
    assert "child" not in seen.stderr.text
    assert "<distil" not in seen.stderr.text


def raised(seen: Execution, index: int = 0) -> Any:
    found = seen.results[index].raised
    assert found is not None
    return found


def test_an_exception_comes_with_lines_and_locals_of_the_programs_frames(sandbox: SubprocessSandbox) -> None:
    source = """
import json
def g(text):
    size = len(text)
    return json.loads(text)
def f(n):
    return g("{" * n)
"""
    found = raised(calls(sandbox, source, 3))
    assert (found.type, found.line) == ("JSONDecodeError", 5)
    assert [(frame.function, frame.line) for frame in found.frames] == [("f", 7), ("g", 5)]
    assert found.frames[1].locals == {"text": "'{{{'", "size": "3"}


def test_an_exception_names_the_classes_that_it_is_derived_from(sandbox: SubprocessSandbox) -> None:
    source = """
import json
class Negative(ValueError): pass
def f(n):
    if n == 0: json.loads("{")
    if n == 1: raise Negative
    made = Exception
    for depth in range(n): made = type("x" * 200, (made,), {})
    raise made
"""
    seen = calls(sandbox, source, 0, 1, 100)
    assert raised(seen, 0).bases == raised(seen, 1).bases == ("ValueError", "Exception", "BaseException")
    assert (len(raised(seen, 2).bases), max(map(len, raised(seen, 2).bases))) == (16, 100)


def test_deep_recursion_keeps_head_and_tail(sandbox: SubprocessSandbox) -> None:
    found = raised(calls(sandbox, "def f(n):\n    return f(n + 1)\n", 0))
    assert found.type == "RecursionError"
    depths = [int(frame.locals["n"]) for frame in found.frames]
    assert depths[:8] == list(range(8))
    assert depths[8:] == list(range(depths[8], depths[8] + 8))
    assert found.frames_cut + len(depths) == depths[-1] + 1


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [("x = (1,\n", 1, 5), ("def f(n):\n  return n +\n", 2, 13), ("if True:\npass\n", 2, 1), ("a = 'é' ! 1\n", 1, 9)],
)
def test_a_syntax_error_has_a_place(sandbox: SubprocessSandbox, source: str, line: int, column: int) -> None:
    seen = script(sandbox, source)
    assert seen.ended is Ended.RAISED
    assert seen.raised is not None
    assert (seen.raised.line, seen.raised.column) == (line, column)
    assert "program.py" not in seen.raised.message


@pytest.mark.parametrize(
    "source", ["x = 1\n  y = 2\n", "def f():\n    x = 1\n  y = 2\n", "def f():\n\tx = 1\n        y = 2\n"]
)
def test_a_wrong_indentation_is_told_though_the_compiler_knows_no_column_where_it_ends(
    sandbox: SubprocessSandbox, source: str
) -> None:
    seen = script(sandbox, source)
    assert (seen.ended, seen.exit_code) == (Ended.RAISED, 1)
    assert seen.raised is not None
    assert seen.raised.type in ("IndentationError", "TabError")
    assert seen.raised.line == len(source.splitlines())
    assert all(position is None or position > 0 for position in (seen.raised.column, seen.raised.end_column))


def test_a_syntax_error_that_a_program_made_up_has_no_place_that_is_not_one(sandbox: SubprocessSandbox) -> None:
    seen = script(sandbox, "raise SyntaxError('mine', (__file__, -1, object(), 'text', 'end', 0))\n")
    assert seen.ended is Ended.RAISED
    assert seen.raised is not None
    found = (seen.raised.line, seen.raised.column, seen.raised.end_line, seen.raised.end_column)
    assert (seen.raised.message, found) == ("mine", (None, None, None, None))


@pytest.mark.parametrize("source", ["\0", "\ud800 = 1", "(" * 10_000, "x = " + "-" * 100_000 + "1"])
def test_sources_that_the_compiler_chokes_on_are_the_programs_fault(sandbox: SubprocessSandbox, source: str) -> None:
    assert script(sandbox, source).ended in (Ended.RAISED, Ended.KILLED, Ended.LIMIT)


def test_objects_that_lie_about_themselves_only_harm_their_own_report(sandbox: SubprocessSandbox) -> None:
    source = """
class Liar(Exception):
    def __str__(self): raise ValueError("no text")
    def __repr__(self): raise ValueError("no repr")
class Bomb:
    def __repr__(self): return "x" * 10**6
def f(n):
    bomb, liar = Bomb(), Liar()
    if n == 0: raise liar
    if n == 1: return bomb
    return n
"""
    seen = calls(sandbox, source, 0, 1, 2)
    assert seen.ended is Ended.COMPLETED
    found = raised(seen)
    assert found.message == "<its text raised ValueError>"
    assert found.frames[0].locals["liar"] == "<Liar whose repr raised ValueError>"
    assert len(found.frames[0].locals["bomb"]) <= 160
    assert "a value of type Bomb cannot travel" in (seen.results[1].unencodable or "")
    assert seen.results[2] == CallResult(2, wall_s=seen.results[2].wall_s)


def test_many_failures_are_all_told_the_later_ones_in_brief(sandbox: SubprocessSandbox) -> None:
    source = "def f(n):\n    data = ['x' * 100] * 50\n    print('y' * 5000)\n    raise ValueError('z' * 5000)\n"
    seen = calls(sandbox, source, *range(600))
    assert seen.ended is Ended.COMPLETED
    assert len(seen.results) == 600
    assert {raised(seen, index).line for index in range(600)} == {4}
    first, last = raised(seen), raised(seen, 599)
    assert len(first.message) > len(last.message) > 0
    assert first.frames
    assert not last.frames


def test_values_that_are_too_large_end_it_and_keep_the_earlier_ones(sandbox: SubprocessSandbox) -> None:
    seen = calls(sandbox, "def f(n):\n    return 'x' * n\n", 10, 400, 700, 1, limits=Limits(30.0, value_bytes=1000))
    assert (seen.ended, seen.limit) == (Ended.LIMIT, "value")
    assert [len(result.value) for result in seen.results] == [10, 400]


def test_a_process_that_writes_its_own_records_meets_the_same_limit(sandbox: SubprocessSandbox) -> None:
    seen = script(sandbox, "import os\nwhile True:\n    os.write(3, b'x' * 65536)\n")
    assert (seen.ended, seen.limit) == (Ended.LIMIT, "value")


def test_output_beyond_its_limit_is_counted_and_cut_in_the_middle(sandbox: SubprocessSandbox) -> None:
    seen = script(sandbox, "import sys\nfor i in range(100_000):\n    print(f'{i:09d}')\n",
                  limits=Limits(30.0, output_bytes=1000))  # fmt: skip
    assert seen.ended is Ended.COMPLETED
    head, mark, tail = seen.stdout.text.partition("\n[... 999000 bytes left out ...]\n")
    assert mark
    assert (seen.stdout.total_bytes, seen.stdout.truncated) == (1_000_000, True)
    assert head == "".join(f"{i:09d}\n" for i in range(50))
    assert tail == "".join(f"{i:09d}\n" for i in range(99_950, 100_000))


def test_memory_is_a_limit_with_the_line_that_asked_for_it(sandbox: SubprocessSandbox) -> None:
    seen = calls(sandbox, "def f(n):\n    return len(bytearray(n))\n", 10, 1 << 33)
    assert (seen.ended, seen.limit) == (Ended.LIMIT, "memory")
    assert [result.value for result in seen.results] == [10]
    assert seen.raised is not None
    assert seen.raised.line == 2


def test_cpu_and_file_size_are_limits_of_their_own(sandbox: SubprocessSandbox) -> None:
    seen = script(sandbox, "while True:\n    pass\n", limits=Limits(wall_s=30.0, cpu_s=0.5))
    assert (seen.ended, seen.limit) == (Ended.LIMIT, "cpu")
    assert 0.5 < seen.cpu_s < 5.0  # the kernel counts in ticks here, and exactly there
    deaf = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True:\n    pass\n"
    assert script(sandbox, deaf, limits=Limits(wall_s=30.0, cpu_s=0.5)).limit == "cpu"
    seen = script(sandbox, "open('a', 'wb').write(bytes(2000))", limits=Limits(30.0, file_bytes=1000))
    assert (seen.ended, seen.limit) == (Ended.LIMIT, "file-size")


def test_what_a_program_leaves_is_gone_for_the_next_one(sandbox: SubprocessSandbox) -> None:
    source = """
import os, sys, time
for name in ("a", ".b", "c/d/e"):
    os.makedirs(name)
open("c/d/file", "w").write("x")
os.symlink("/etc", "c/link")
os.chmod("c/d/e", 0); os.chmod("c/d", 0)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.wait()
sys.modules["json"] = None
os.environ["LEFT"] = "1"
"""
    assert script(sandbox, source).ended is Ended.COMPLETED
    look = """
import json, os
def f():
    runner = str(os.getppid())
    children = open(f"/proc/{runner}/task/{runner}/children").read().split()
    return os.listdir("."), "LEFT" in os.environ, [int(child) for child in children] == [os.getpid()]
"""
    assert value(sandbox, look) == ([], False, True)


@pytest.mark.parametrize(
    "change",
    ["resource.prlimit(runner, resource.RLIMIT_FSIZE, (9, 9))", "os.setpriority(os.PRIO_PROCESS, runner, 19)"],
)
def test_a_runner_that_a_program_has_changed_is_replaced(sandbox: SubprocessSandbox, change: str) -> None:
    runner = "import os\ndef f():\n    return os.getppid()\n"
    before = value(sandbox, runner)
    assert value(sandbox, runner) == before
    seen = script(sandbox, f"import os, resource\nrunner = os.getppid()\n{change}\n")
    assert seen.ended is Ended.COMPLETED
    assert value(sandbox, runner) != before


def traced(sandbox: SubprocessSandbox, source: str, argument: Any, limits: Limits = PATIENT) -> Any:
    seen = calls(sandbox, source, argument, trace_call=0, limits=limits)
    assert seen.lines is not None
    return seen.lines


def test_executed_lines_come_in_order_with_what_each_changed(sandbox: SubprocessSandbox) -> None:
    source = """\
def g(k):
    k += 1
    return k

def f(n):
    a = [n]
    for i in range(2):
        a.append(g(i))
    return a
"""
    found = traced(sandbox, source, 5)
    assert [(step.function, step.line, dict(step.changed)) for step in found.head] == [
        ("f", 6, {"a": "[5]"}),
        ("f", 7, {"i": "0"}),
        ("f", 8, {"a": "[5, 1]"}),
        ("g", 2, {"k": "1"}),
        ("g", 3, {"return": "1"}),
        ("f", 7, {"i": "1"}),
        ("f", 8, {"a": "[5, 1, 2]"}),
        ("g", 2, {"k": "2"}),
        ("g", 3, {"return": "2"}),
        ("f", 7, {}),
        ("f", 9, {"return": "[5, 1, 2]"}),
    ]
    assert (found.tail, found.total) == ((), 11)


def test_lines_survive_a_time_out_and_keep_head_and_tail(sandbox: SubprocessSandbox) -> None:
    found = traced(sandbox, "def f(n):\n    while True:\n        n += 1\n", 0, limits=Limits(wall_s=1.0))
    assert len(found.head) == len(found.tail) == KEPT_STEPS
    assert found.total > 2 * KEPT_STEPS
    assert found.head[1].changed == {"n": "1"}
    last = max(int(step.changed["n"]) for step in found.tail if "n" in step.changed)
    assert abs(last - found.total / 2) < 3


def test_lines_survive_a_crash(sandbox: SubprocessSandbox) -> None:
    found = traced(sandbox, "import os\ndef f(n):\n    x = n * 2\n    os.abort()\n", 4)
    assert [(step.line, dict(step.changed)) for step in found.head] == [(3, {"x": "8"}), (4, {})]


def test_lines_are_only_recorded_for_the_call_that_was_asked_for(sandbox: SubprocessSandbox) -> None:
    seen = calls(sandbox, "def f(n):\n    return n\n", 1, 2, 3, trace_call=1)
    assert seen.lines is not None
    assert [dict(step.changed) for step in seen.lines.head] == [{"return": "2"}]
    assert calls(sandbox, "def f(n):\n    return n\n", 1).lines is None
    seen = script(sandbox, "a = 1\nb = a + 1\n", trace_call=0)
    assert seen.lines is not None
    assert [(step.line, dict(step.changed)) for step in seen.lines.head] == [(1, {"a": "1"}), (2, {"b": "2"})]
