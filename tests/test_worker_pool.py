"""`WorkerPool`: calls in processes that can be killed, whatever the function does."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from distil_envs.errors import ConfigError
from distil_envs.grading import RemoteError, WorkerDied, WorkerPool, WorkerTimeout


@pytest.fixture
def pool():
    with WorkerPool(2, warm=()) as made:
        yield made


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pid):
    """Wait until a process has ended; False if it never does."""
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def spin():
    while True:
        pass


def test_results_arguments_and_big_payloads(pool):
    assert pool.run(divmod, 17, 5, timeout_s=5) == (3, 2)
    blob = bytes(range(256)) * 20_000
    assert pool.run(lambda data: data[::-1], blob, timeout_s=5) == blob[::-1]


def test_runs_in_another_process_and_keeps_it(pool):
    first = pool.run(os.getpid, timeout_s=5)
    assert first != os.getpid()
    assert pool.run(os.getpid, timeout_s=5) == first


def test_a_worker_follows_the_import_path(tmp_path, monkeypatch):
    with WorkerPool(1, warm=()) as pool:
        assert pool.run(os.getpid, timeout_s=5) > 0  # the worker stands before the module can be found
        (tmp_path / "made_later.py").write_text("def answer(): return 42\n")
        monkeypatch.syspath_prepend(tmp_path)
        import made_later

        assert pool.run(made_later.answer, timeout_s=5) == 42
    del sys.modules["made_later"]


def test_recycled_after_so_many_calls():
    with WorkerPool(1, warm=(), recycle_after=2) as pool:
        pids = [pool.run(os.getpid, timeout_s=5) for _ in range(6)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] == pids[5]
    assert gone(pids[0])


def test_exception_comes_back_as_text_and_the_worker_lives_on(pool):
    pid = pool.run(os.getpid, timeout_s=5)
    with pytest.raises(RemoteError) as caught:
        pool.run(lambda: {}["missing"], timeout_s=5)
    assert caught.value.type_name == "KeyError"
    assert caught.value.message == "'missing'"
    assert "Traceback" in caught.value.traceback_text
    assert pool.run(os.getpid, timeout_s=5) == pid


@pytest.mark.parametrize(
    ("function", "name"),
    [(lambda: sys.exit(3), "SystemExit"), (lambda: threading.Lock(), "TypeError"), (lambda: 10 ** (10**10), None)],
)
def test_what_a_function_may_do_wrong(pool, function, name):
    if name is None:
        with pytest.raises((WorkerTimeout, RemoteError)):  # holds the interpreter lock all the while
            pool.run(function, timeout_s=0.3)
    else:
        with pytest.raises(RemoteError) as caught:
            pool.run(function, timeout_s=5)
        assert caught.value.type_name == name
    assert pool.run(len, "abc", timeout_s=5) == 3


@pytest.mark.parametrize("function", [lambda: os._exit(7), lambda: os.kill(os.getpid(), signal.SIGSEGV)])
def test_a_dying_worker_fails_its_own_call_alone(pool, function):
    with pytest.raises(WorkerDied, match=r"code 7|SIGSEGV"):
        pool.run(function, timeout_s=5)
    assert pool.run(len, "abc", timeout_s=5) == 3


def test_a_dying_worker_is_noticed_though_its_child_holds_the_pipe(pool):
    def fork_and_die():
        if os.fork():
            os._exit(9)
        time.sleep(60)

    with pytest.raises(WorkerDied, match="code 9"):
        pool.run(fork_and_die, timeout_s=30)


def test_memory_is_bounded():
    with WorkerPool(1, warm=(), memory_bytes=1 << 30) as pool:
        with pytest.raises(RemoteError) as caught:
            pool.run(lambda: len(bytearray(2 << 30)), timeout_s=10)
        assert caught.value.type_name == "MemoryError"
        assert pool.run(lambda: len(bytearray(1 << 20)), timeout_s=10) == 1 << 20


def test_timeout_kills_the_process_and_its_children(pool, tmp_path):
    note = tmp_path / "pids"

    def hang(path):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        path.write_text(f"{os.getpid()} {child.pid}")
        spin()

    with pytest.raises(WorkerTimeout):
        pool.run(hang, note, timeout_s=1)
    for pid in note.read_text().split():
        assert gone(int(pid))


def test_one_hang_delays_no_other(pool):
    with ThreadPoolExecutor(2) as threads:
        hanging = threads.submit(pool.run, spin, timeout_s=30)
        while not pool._state.busy:
            time.sleep(0.01)
        assert [pool.run(abs, -i, timeout_s=5) for i in range(20)] == list(range(20))
        assert not hanging.done()
        pool.close()
        with pytest.raises(WorkerDied):
            hanging.result()


def test_as_many_hangs_as_workers_delay_no_other():
    with WorkerPool(2, warm=()) as pool, ThreadPoolExecutor(3) as threads:
        hanging = [threads.submit(pool.run, spin, timeout_s=60) for _ in range(3)]
        while len(pool._state.busy) < 3:  # the third has a place since the first two are overdue
            time.sleep(0.01)
        assert [pool.run(abs, -i, timeout_s=5) for i in range(5)] == list(range(5))
        assert not any(call.done() for call in hanging)
        assert len(pool._state.idle) + len(pool._state.busy) <= 4
        pool.close()
        for call in hanging:
            with pytest.raises(WorkerDied):
                call.result()


def test_print_does_not_corrupt_the_protocol(pool):
    def chatty():
        print("x" * 100_000)
        os.write(1, b"raw")
        os.system("echo from a child")
        return sys.stdin.read()

    assert pool.run(chatty, timeout_s=10) == ""


def test_many_threads_share_few_workers(pool):
    with ThreadPoolExecutor(16) as threads:
        jobs = [threads.submit(pool.run, pow, i, 2, timeout_s=10) for i in range(100)]
        assert [job.result() for job in jobs] == [i * i for i in range(100)]
    assert len(pool._state.idle) <= 2


def test_close_leaves_neither_processes_nor_descriptors():
    descriptors = len(os.listdir("/proc/self/fd"))
    pool = WorkerPool(2, warm=())
    pids = {pool.run(os.getpid, timeout_s=5)}
    pool.start()
    with pytest.raises(WorkerTimeout):
        pool.run(spin, timeout_s=0.2)
    pids |= {worker.process.pid for worker in pool._state.idle}
    pool.close()
    pool.close()
    assert all(gone(pid) for pid in pids)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    with pytest.raises(WorkerDied, match="closed"):
        pool.run(len, "", timeout_s=1)


def test_dropping_a_pool_kills_its_workers():
    pool = WorkerPool(1, warm=())
    pid = pool.run(os.getpid, timeout_s=5)
    del pool
    assert gone(pid)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_uses_workers_of_its_own(pool):
    ours = pool.run(os.getpid, timeout_s=5)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(pool.run(os.getpid, timeout_s=10)).encode())
            pool.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    theirs = int(os.read(reader, 100))
    os.close(reader)
    assert theirs != ours
    assert gone(theirs)
    assert pool.run(os.getpid, timeout_s=5) == ours


SCRIPT = """
    import os, sys, time
    from distil_envs.grading import isolated, shared_pool
    from distil_envs.task import Task

    LIMIT = 3
    def judge(task, completion):        # lives in __main__, which has no guard
        return len(completion) > LIMIT

    print("loaded", flush=True)
    task = Task("t", "acme", "q")
    print(isolated(judge)(task, "long enough").status, isolated(judge)(task, "no").status, flush=True)
    print(shared_pool().run(os.getpid, timeout_s=5), flush=True)
    if "wait" in sys.argv:
        shared_pool().run(time.sleep, 100, timeout_s=200)
"""


def test_functions_of_an_unguarded_main_and_no_leak_at_exit(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=60)
    assert done.stderr == ""
    loaded, statuses, pid = done.stdout.splitlines()
    assert (loaded, statuses) == ("loaded", "correct wrong")
    assert gone(int(pid))


def test_workers_end_when_the_parent_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, script, "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        worker = int([parent.stdout.readline() for _ in range(3)][-1])
        parent.kill()
    assert gone(worker)


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, math.inf])
def test_bad_options(pool, timeout_s):
    with pytest.raises(ConfigError, match="timeout_s"):
        pool.run(len, "", timeout_s=timeout_s)
    with pytest.raises(ConfigError, match="workers"):
        WorkerPool(0)
