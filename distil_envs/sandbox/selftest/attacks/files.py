"""Attacks by files and folders."""

from __future__ import annotations

from typing import Any


def folders() -> list[str]:
    """Where one might be able to write: the usual places, every mount point, and those around this program."""
    import os
    import sys

    found = ["/", "/etc", "/usr", "/bin", "/lib", "/var", "/var/tmp", "/home", "/root", "/opt", "/srv", "/run", "/boot"]
    found += ["/tmp", "/dev", "/dev/shm", "/dev/mqueue", "/sys", "/proc/1/cwd", f"/proc/{os.getppid()}/cwd"]
    found += [os.path.dirname(os.__file__), os.path.dirname(sys.executable), os.getcwd(), os.path.dirname(os.getcwd())]
    found += [os.path.expanduser("~"), *sys.path]
    with open("/proc/self/mountinfo") as mounts:
        found += [line.split()[4] for line in mounts]
    return [folder for folder in dict.fromkeys(found) if os.path.isdir(folder)]


def scratch() -> list[str]:
    """Folders that are the program's own where it is isolated, and harmless to leave a file in where it is not."""
    import os

    found = dict.fromkeys((os.getcwd(), "/tmp", "/dev/shm", "/dev/mqueue"))
    return [folder for folder in found if os.path.isdir(folder)]


def create_files(name: str, places: list[str] | None = None, keep: bool = False) -> dict[str, str]:
    """Folders (all by default), with their true path, in which a file could be created."""
    import os

    made = {}
    for folder in folders() if places is None else places:
        path = os.path.join(folder, name)
        try:
            with open(path, "x") as file:
                file.write(name)
            made[folder] = os.path.realpath(folder)
            if not keep:
                os.unlink(path)
        except OSError:
            continue
    return made


def find_files(name: str) -> list[str]:
    """Where the file is; it is removed, so that an attack that succeeds leaves nothing on the host."""
    import os

    found = []
    for folder in scratch():
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            found.append(path)
            os.unlink(path)
    return found


def leave_files(name: str) -> list[str]:
    return list(create_files(name, scratch(), keep=True))


def read_files(paths: list[str]) -> list[bytes]:
    contents = []
    for path in paths:
        for prefix in ("", "/proc/1/root", f"/proc/{__import__('os').getppid()}/root"):
            try:
                with open(prefix + path, "rb") as file:
                    contents.append(file.read(1000))
            except OSError:
                continue
    return contents


def connect_sockets(paths: list[str]) -> list[str]:
    import socket

    reached = []
    for path in paths:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as out:
            out.settimeout(0.5)
            try:
                out.connect(path)
                reached.append(path)
            except OSError:
                continue
    return reached


def open_for_writing() -> list[str]:
    """Files of the interpreter and of its library that could be overwritten; none is."""
    import json
    import os
    import sys

    opened = []
    for path in (os.path.realpath(sys.executable), os.__file__, json.__file__, "/etc/passwd", "/etc/ld.so.preload"):
        try:
            os.close(os.open(path, os.O_WRONLY))
            opened.append(path)
        except OSError:
            continue
    return opened


def read_environments() -> list[bytes]:
    """Of this process, and of every other that lets itself be read."""
    import os

    found = [b"\0".join(name + b"=" + value for name, value in os.environb.items())]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found.append(file.read(1 << 16))
        except OSError:
            continue
    return found


def plant_modules(name: str) -> list[str]:
    """Leaves modules that Python or a test runner would import by itself, beside where the next program starts."""
    import os
    import site

    planted = []
    files = ("sitecustomize.py", "usercustomize.py", "conftest.py", "program.py", "json.py", f"{name}.pth")
    user = site.getusersitepackages()
    own = [user] if os.path.realpath(user).startswith(("/tmp/", "/dev/shm/", os.getcwd() + "/")) else []
    for folder in (os.getcwd(), *own):
        try:
            os.makedirs(folder, exist_ok=True)
            for file in files:
                path = os.path.join(folder, file)
                with open(path, "x") as out:
                    out.write(f"import builtins; builtins.planted = {name!r}\n")
                planted.append(path)
        except OSError:
            continue
    return planted


def meet_modules(planted: list[str]) -> list[str]:
    """Which of them took effect in this program or in an interpreter that it starts; what is left is removed."""
    import builtins
    import importlib
    import os
    import subprocess
    import sys

    met = [path for path in planted if os.path.lexists(path)]
    for name in ("sitecustomize", "usercustomize", "conftest", "json"):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    if hasattr(builtins, "planted"):
        met.append("this program")
    ask = [sys.executable, "-c", "import builtins, json; print(hasattr(builtins, 'planted'))"]
    if "True" in subprocess.run(ask, capture_output=True, text=True, check=False).stdout:
        met.append("an interpreter started by it")
    for path in planted:
        if os.path.lexists(path):
            os.unlink(path)
    return met


def leave_stubborn(name: str) -> int:
    """Leaves what a simple cleaner cannot remove: no permission, paths longer than PATH_MAX, names that are no text."""
    import os

    base = os.open(os.getcwd() if os.access(".", os.W_OK) else "/tmp", os.O_RDONLY)
    os.mkdir(name, dir_fd=base)
    top = os.open(name, os.O_RDONLY, dir_fd=base)
    os.close(os.open(b"\xff\xfe\n*", os.O_CREAT | os.O_WRONLY, dir_fd=top))
    deepest, depth = top, 40
    for _ in range(depth):
        os.mkdir("d" * 200, dir_fd=deepest)
        deepest = os.open("d" * 200, os.O_RDONLY, dir_fd=deepest)
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=deepest))
    os.mkdir("closed", dir_fd=top)
    os.close(os.open("closed/file", os.O_CREAT | os.O_WRONLY, dir_fd=top))
    os.chmod("closed", 0, dir_fd=top)
    os.chmod(name, 0, dir_fd=base)
    return depth


def close_folder() -> bool:
    """Takes all permissions from the folder where programs start. False where that is not the program's to do."""
    import os

    here = os.getcwd()
    if os.stat(here).st_uid != os.geteuid() or (os.geteuid() == 0 and not here.startswith("/tmp/")):
        return False
    os.chmod(here, 0)
    return True


def use_folder(name: str) -> str:
    """Permissions of the folder where programs start, and whether a file can be made there; they are put right."""
    import os

    mode = os.stat(".").st_mode & 0o777
    if not mode:
        os.chmod(".", 0o700)
        return "closed"
    with open(name, "x"):
        os.unlink(name)
    return f"{mode:o}"


def leave_links(target: str) -> list[str]:
    """Leaves symbolic links to a folder of the host, for a cleaner that follows them."""
    import os

    left = []
    for number, folder in enumerate((os.getcwd(), "/tmp", "/dev/shm")):
        try:
            os.symlink(target, os.path.join(folder, f"{os.path.basename(target)}-{number}"))
            left.append(folder)
        except OSError:
            continue
    return left


def remove_links(target: str) -> int:
    import os

    removed = 0
    for number, folder in enumerate((os.getcwd(), "/tmp", "/dev/shm")):
        path = os.path.join(folder, f"{os.path.basename(target)}-{number}")
        if os.path.islink(path):
            os.unlink(path)
            removed += 1
    return removed


def hold_files(name: str, seconds: float) -> list[float]:
    """Keeps the file for a while and tells when, on the clock that all processes of a machine share."""
    import os
    import time

    made = leave_files(name)
    begin = time.clock_gettime(time.CLOCK_BOOTTIME)
    time.sleep(seconds)
    end = time.clock_gettime(time.CLOCK_BOOTTIME)
    for folder in made:
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            os.unlink(path)
    return [begin, end] if made else []


def watch_files(name: str, seconds: float) -> list[Any]:
    import time

    begin = time.clock_gettime(time.CLOCK_BOOTTIME)
    while time.clock_gettime(time.CLOCK_BOOTTIME) < begin + seconds:
        if found := find_files(name):
            return [begin, time.clock_gettime(time.CLOCK_BOOTTIME), found]
        time.sleep(0.05)
    return [begin, time.clock_gettime(time.CLOCK_BOOTTIME), []]


def open_devices() -> list[str]:
    """Devices that could be opened: all disks, and those through which a machine is taken over."""
    import glob
    import os
    import stat

    names = ["mem", "kmem", "port", "kmsg", "kvm", "fuse", "net/tun", "vsock", "vhost-*", "loop-control"]
    names += ["mapper/control", "vfio/*", "dri/*", "nvidia*", "userfaultfd", "uinput", "bus/usb/*/*"]
    paths = [path for name in names for path in glob.glob(f"/dev/{name}")]
    opened = []
    for path in sorted({*paths, *glob.glob("/dev/*")}):
        try:
            if path in paths or stat.S_ISBLK(os.stat(path).st_mode):
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                opened.append(path)
        except OSError:
            continue
    return opened


def make_device(name: str) -> str:
    import os
    import stat

    path = os.path.join("/tmp", name)
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))  # what /dev/null is
        os.unlink(path)
        return "made"
    except OSError as error:
        return str(error.strerror)


def find_stubborn(name: str) -> list[str]:
    """Where it is; it is removed."""
    import os
    import shutil

    found = []
    for folder in dict.fromkeys((os.getcwd(), "/tmp")):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            found.append(path)
            for closed in (path, os.path.join(path, "closed")):
                os.chmod(closed, 0o700)
            shutil.rmtree(path, ignore_errors=True)
    return found
