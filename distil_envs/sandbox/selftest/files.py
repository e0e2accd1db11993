"""Nothing outside the scratch folders is read or written, and nothing in them outlives the program."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from distil_envs.errors import DistilError
from distil_envs.sandbox.selftest.attacks import files as inside
from distil_envs.sandbox.selftest.effect import Effect, Places, Seen, effect, seen, side_by_side, token

SCRATCH = ("/tmp", "/dev/shm", "/dev/mqueue")
"""Where a program may write: file systems in memory that are its own and are cleared after it."""
SOCKETS = (
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/dbus/system_bus_socket",
    "/run/systemd/private",
)
"""Sockets through which a machine is taken over."""
PUBLIC_VARIABLES = frozenset({"PATH", "HOME", "PWD", "OLDPWD", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "SHLVL"})
"""Variables that say nothing about the host."""


@effect("no file can be created outside the scratch folders")
def writes(places: Places) -> Seen:
    made: Mapping[str, str] = places.call(inside.create_files, token(), helpers=(inside.folders,))
    outside = sorted({real for real in made.values() if not Path(real).is_relative_to("/tmp") and real not in SCRATCH})
    return seen(outside, f"written: {', '.join(outside or sorted(set(made.values()))) or 'nothing'}")


@effect("neither the interpreter nor its library nor the system's files can be overwritten")
def overwriting(places: Places) -> Seen:
    opened = places.call(inside.open_for_writing)
    return seen(opened, f"opened for writing: {', '.join(opened) or 'none'}")


@contextmanager
def _host_folder() -> Iterator[Path]:
    """A folder of the host that any user may read, so that isolation alone keeps it from the program."""
    with tempfile.TemporaryDirectory(prefix="distil-selftest-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "secret").write_text(token())
        yield folder


@effect("files of the host cannot be read")
def host_files(places: Places) -> Seen:
    with _host_folder() as folder:
        secret = folder / "secret"
        contents = places.call(inside.read_files, [str(secret)])
        return seen(secret.read_bytes() in contents, f"read {len(contents)} files at the path of one of the host")


@effect("docker.sock and every other socket file of the host cannot be reached")
def host_sockets(places: Places) -> Seen:
    with _host_folder() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        own = str(folder / "socket")
        server.bind(own)
        server.listen(4)
        Path(own).chmod(0o666)
        reached = places.call(inside.connect_sockets, [own, *SOCKETS])
    return seen(reached, f"reached: {', '.join(reached) or 'none'}")


@effect("variables of the trainer's environment (keys, tokens) are nowhere to be read")
def environment(places: Places) -> Seen:
    texts = places.call(inside.read_environments)
    entries = {entry for text in texts for entry in text.split(b"\0")}
    ours = {name for name, value in os.environb.items() if len(value) > 3 and name + b"=" + value in entries}
    names = sorted({name.decode(errors="replace") for name in ours} - PUBLIC_VARIABLES)
    return seen(names, f"{len(names)} variables of the trainer read: {', '.join(names)}")


@effect("files left by one program are gone before the next, in every folder")
def left_files(places: Places) -> Seen:
    name = token()
    left = places.call(inside.leave_files, name, helpers=(inside.scratch, inside.create_files))
    found = places.call(inside.find_files, name, helpers=(inside.scratch,))
    return seen(found, f"left in {', '.join(left) or 'no folder'}; found: {', '.join(found) or 'none'}")


@effect("what is made to be hard to remove is removed, or its place is replaced")
def stubborn_files(places: Places) -> Seen:
    name = token()
    depth = places.call(inside.leave_stubborn, name)
    found = places.call(inside.find_stubborn, name)
    return seen(found, f"{depth} folders deep, found: {', '.join(found) or 'none'}")


@effect("the folder where programs start is open for the next, even if a program took all permissions from it")
def closed_folders(places: Places) -> Seen:
    closed = places.call(inside.close_folder)
    try:
        found = places.call(inside.use_folder, token())
    except DistilError as error:
        return seen(True, f"closed: {closed}; the next program failed: {error}")
    return seen(found == "closed", f"closed: {closed}; permissions for the next program: {found}")


@effect("clearing up after a program follows no link out of its folders")
def links(places: Places) -> Seen:
    with _host_folder() as folder:
        left = places.call(inside.leave_links, str(folder))
        places.call(inside.remove_links, str(folder))
        return seen(not (folder / "secret").exists(), f"links left in {', '.join(left) or 'no folder'}")


@effect("planted sitecustomize.py, conftest.py and other modules do not reach the next program")
def planted_modules(places: Places) -> Seen:
    planted = places.call(inside.plant_modules, token())
    met = places.call(inside.meet_modules, planted)
    return seen(met, f"planted {len(planted)}, met: {', '.join(met) or 'none'}")


@effect("files of a program that runs at the same time in another place cannot be seen")
def neighbour_files(places: Places) -> Seen:
    name = token()
    helpers = (inside.scratch, inside.create_files, inside.leave_files)
    return side_by_side(
        places,
        lambda: places.call(inside.hold_files, name, 0.8, helpers=helpers, neighbour=True),
        lambda: places.call(inside.watch_files, name, 0.5, helpers=(inside.scratch, inside.find_files)),
    )


@effect("no device of the host can be opened")
def devices(places: Places) -> Seen:
    opened = places.call(inside.open_devices)
    return seen(opened, f"opened: {', '.join(opened) or 'none'}")


@effect("device nodes cannot be made")
def device_nodes(places: Places) -> Seen:
    answer = places.call(inside.make_device, token())
    return seen(answer == "made", answer)


EFFECTS: tuple[Effect, ...] = (
    writes,
    overwriting,
    host_files,
    host_sockets,
    environment,
    left_files,
    stubborn_files,
    closed_folders,
    links,
    planted_modules,
    neighbour_files,
    devices,
    device_nodes,
)
