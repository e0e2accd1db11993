"""Attacks that use things up."""

from __future__ import annotations


def take_memory(size: int) -> int:
    """Takes so many bytes, a piece at a time, and writes to every page. Gives what it got."""
    pieces = []
    for _ in range(size >> 22):
        piece = bytearray(1 << 22)
        piece[::4096] = b"\1" * len(piece[::4096])
        pieces.append(piece)
    return len(pieces) << 22


def take_memory_together(size: int, processes: int) -> int:
    """Takes so many bytes, in equal parts, in processes that all live until the last has its own, or one is killed."""
    import os
    import time

    ready_out, ready_in = os.pipe()
    hold_out, hold_in = os.pipe()
    os.set_blocking(ready_out, False)
    for _ in range(processes):
        if os.fork() == 0:
            os.close(hold_in)
            try:
                kept = bytearray(size // processes)
                kept[::4096] = b"\1" * len(kept[::4096])
                os.write(ready_in, b"1")
                os.read(hold_out, 1)
            finally:
                os._exit(0)
    got = 0
    while got < processes and os.waitpid(-1, os.WNOHANG) == (0, 0):
        try:
            got += len(os.read(ready_out, processes))
        except BlockingIOError:
            time.sleep(0.01)
    os.close(hold_in)
    return got * (size // processes)


def take_memory_forever() -> None:
    kept = []
    while True:
        kept.append(bytearray(b"\1") * (1 << 24))


def fill_folder(folder: str, size: int, piece: int) -> int:
    """Writes so many bytes in files of the size of a piece. Gives what it got and leaves the files."""
    import os
    import shutil

    own = os.path.join(folder, "distil-selftest-fill")
    shutil.rmtree(own, ignore_errors=True)
    written = 0
    try:
        os.mkdir(own)
        for number in range(size // piece):
            with open(os.path.join(own, str(number)), "wb", buffering=0) as file:
                while file.tell() < piece:
                    written += file.write(b"\1" * min(65536, piece - file.tell()))
    except OSError:
        pass
    return written


def fill_inodes(folder: str, count: int) -> int:
    """Makes so many empty files. Gives how many it got and leaves them."""
    import os
    import shutil

    own = os.path.join(folder, "distil-selftest-fill")
    shutil.rmtree(own, ignore_errors=True)
    made = 0
    try:
        os.mkdir(own)
        for made in range(1, count + 1):
            os.close(os.open(os.path.join(own, str(made)), os.O_CREAT | os.O_WRONLY))
    except OSError:
        made -= 1
    return made


def clear_folder(folder: str) -> bool:
    """Removes what filling left. Says whether there was anything, which a place made new would not have."""
    import os
    import shutil

    own = os.path.join(folder, "distil-selftest-fill")
    there = os.path.lexists(own)
    shutil.rmtree(own, ignore_errors=True)
    return there


def write_one_file(folder: str, size: int) -> int:
    """Writes one file. Gives its size."""
    import os
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = os.path.join(folder, "distil-selftest-fill")
    with open(path, "wb", buffering=0) as file:
        try:
            while file.tell() < size:
                file.write(b"\1" * 65536)
        except OSError:
            pass
        written = file.tell()
    os.unlink(path)
    return written


def start_processes(count: int) -> int:
    """Starts so many that live at the same time. Gives how many it got; none is left."""
    import os

    hold_out, hold_in = os.pipe()
    children = []
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                os.close(hold_in)
                os.read(hold_out, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    os.close(hold_in)
    for child in children:
        os.waitpid(child, 0)
    return len(children)


def start_threads(count: int) -> int:
    """Starts so many that live at the same time. Gives how many it got."""
    import threading

    hold = threading.Event()
    threads = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=hold.wait)
            thread.start()
            threads.append(thread)
    except RuntimeError:
        pass
    hold.set()
    for thread in threads:
        thread.join()
    return len(threads)


def fork_forever() -> None:
    import os

    while True:
        try:
            os.fork()
        except OSError:
            continue


def open_descriptors(count: int) -> int:
    import os

    opened = []
    try:
        for _ in range(count):
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for each in opened:
        os.close(each)
    return len(opened)


def print_much(size: int) -> str:
    """Prints so many bytes without a line end, then on stderr."""
    import sys

    for stream in (sys.stdout, sys.stderr):
        for _ in range(size >> 16):
            stream.write("x" * 65536)
        stream.flush()
    return "printed"


def print_forever() -> None:
    import os

    while True:
        os.write(1, b"y\n" * 32768)


def loop_forever() -> None:
    """Ignores every signal that can be ignored, swallows every exception, and does not end."""
    import signal

    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def work_forever() -> None:
    number = 0
    while True:
        number += 1


def stop_itself() -> None:
    import os
    import signal

    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


def answer() -> int:
    return 42
