"""The `docker` back-end: one hardened container a place, without network, its runner spoken to over standard input."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Hashable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from distil_envs.sandbox import boot, owner
from distil_envs.sandbox.image import IMAGE
from distil_envs.sandbox.place import Fate, Place
from distil_envs.sandbox.pool import DEFAULT_LIFETIME_S, DEFAULT_RECYCLE_AFTER, PooledSandbox
from distil_envs.sandbox.protocol import Limits, SandboxError

if TYPE_CHECKING:
    from docker import DockerClient

USER = "65534:65534"
RUNNER_BYTES = 24 << 20
"""Memory beyond a program's: of the runner, and of the buffers for what a program writes."""
FEWEST_PIDS = 16
"""Of a container: runc itself has threads in it while it starts one."""
API_TIMEOUT_S = 60.0
EVENTS_S = 2.0
"""For the daemon to tell how a container ended."""
_FRAME = 8


class DockerSandbox(PooledSandbox):
    """Containers without capabilities, network or writable root. The daemon, and the kernel, are shared with others.

    A container enforces memory (with swap), processes and threads (at least `FEWEST_PIDS`), one share of the
    processors, and size and files of /tmp and, the same again, /dev/shm; programs with other limits of these get a
    container of their own.
    """

    name = "docker"

    def __init__(
        self,
        places: int | None = None,
        image: str = IMAGE,
        runtime: str | None = None,
        cpus: float = 1.0,
        host: str | None = None,
        recycle_after: int = DEFAULT_RECYCLE_AFTER,
        lifetime_s: float = DEFAULT_LIFETIME_S,
    ) -> None:
        """Nothing is started yet; what is left over from dead owners is removed with the first container.

        Args:
            places: Containers at a time; by default as many as there are processors at hand.
            image: With ``python3`` 3.10 or newer.
            runtime: Of the daemon's, e.g. ``runsc`` (gVisor) or ``kata``; by default the daemon's default.
            cpus: Processors that one container may use.
            host: The daemon's address, e.g. ``unix:///run/docker.sock``; by default $DOCKER_HOST or the usual socket.
            recycle_after: Programs after which a container is replaced by a fresh one.
            lifetime_s: Seconds after which a container ends by itself when it is idle, whoever forgot it.
        """
        super().__init__(places, recycle_after, lifetime_s)
        self.image = image
        self.runtime = runtime
        self._cpus = cpus
        self._host = host
        self._lock = threading.Lock()
        self._client: DockerClient | None = None

    @classmethod
    def problem(cls, image: str = IMAGE, host: str | None = None) -> str | None:
        """Why this back-end cannot be used here, with the mend; None when it can."""
        try:
            client = connect(host)
        except SandboxError as error:
            return str(error)
        try:
            from docker.errors import ImageNotFound

            client.images.get(image)
        except ImageNotFound:
            return _no_image(image)
        finally:
            client.close()
        return None

    def shape(self, limits: Limits) -> Hashable:
        return limits.memory_bytes, limits.processes, limits.disk_bytes, limits.inodes

    def start_place(self, limits: Limits) -> Place:
        from docker.errors import APIError, DockerException, ImageNotFound

        api = self._connected().api
        config = boot.RunnerConfig(
            isolated=True,
            scratch=("/tmp", "/dev/shm", "/dev/mqueue"),
            work="/tmp",
            lifetime_s=self.lifetime_s,
        )
        container, stream = "", None
        try:
            _reach(self._host)
            container = api.create_container(**self._options(api, limits))["Id"]
            stream = api.attach_socket(container, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            channel = DockerChannel(api, self._host, container, stream)
            api.start(container)
        except ImageNotFound as error:
            raise SandboxError(_no_image(self.image)) from error
        except (DockerException, OSError) as error:
            if stream is not None:
                _close_stream(stream)
            if container:
                _remove(api, self._host, container)
            said = error.explanation if isinstance(error, APIError) else error
            raise SandboxError(
                f"Docker could not start a container ({said}); see that the daemon answers at {_address(self._host)}"
            ) from error
        return Place(channel, config)

    def close(self) -> None:
        super().close()
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connected(self) -> DockerClient:
        """The client. A daemon that answers is swept of leftovers once."""
        from docker.errors import DockerException

        with self._lock:
            if self._client is None:
                client = connect(self._host)
                try:
                    owner.reap(client.api)
                except (DockerException, OSError) as error:
                    client.close()
                    raise SandboxError(f"Docker could not remove what dead owners left: {error}") from error
                self._client = client
            return self._client

    def _options(self, api: Any, limits: Limits) -> dict[str, Any]:
        memory = limits.memory_bytes + RUNNER_BYTES
        scratch = f"rw,noexec,nosuid,nodev,mode=1777,size={limits.disk_bytes},nr_inodes={limits.inodes + 1}"
        host_config = api.create_host_config(
            auto_remove=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            network_mode="none",
            ipc_mode="private",
            init=False,
            mem_limit=memory,
            memswap_limit=memory,
            pids_limit=max(limits.processes + 1, FEWEST_PIDS),
            nano_cpus=round(self._cpus * 1e9),
            tmpfs={"/tmp": scratch, "/dev/shm": scratch},
            log_config={"Type": "none"},
            runtime=self.runtime,
        )
        return {
            "image": self.image,
            "entrypoint": ["python3", *boot.FLAGS, "-c", boot.COMMAND],
            "command": [],
            "environment": {**boot.ENVIRONMENT, "HOME": "/tmp"},
            "user": USER,
            "working_dir": "/",
            "hostname": "sandbox",
            "stdin_open": True,  # and once: when our end closes, the runner ends
            "tty": False,
            "network_disabled": True,
            "stop_signal": "SIGKILL",
            "labels": owner.labels(self.lifetime_s),
            "host_config": host_config,
        }


class DockerChannel:
    """The attached streams of a container, of which standard output and error come multiplexed."""

    def __init__(self, api: Any, host: str | None, container: str, stream: Any) -> None:
        self._api = api
        self._host = host
        self._container = container
        self._stream = stream
        self._socket: socket.socket = getattr(stream, "_sock", stream)  # the SDK wraps a plain one
        self._raw = bytearray()
        self._out = bytearray()
        self._errors = bytearray()
        self._attached = time.time()
        self._closing = threading.Lock()
        self._closed = False

    def send(self, data: bytes, deadline: float) -> None:
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(data)

    def receive(self, size: int, deadline: float) -> bytes:
        while len(self._out) < size:
            self._socket.settimeout(_left(deadline))
            part = self._socket.recv(1 << 18)
            if not part:
                raise EOFError("the container's streams have closed")
            self._raw += part
            self._demultiplex()
        found = bytes(memoryview(self._out)[:size])
        del self._out[:size]
        return found

    def quiet(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def fate(self) -> tuple[Fate, str]:
        from docker.errors import DockerException

        said = self._errors.decode("utf-8", "replace").strip() or "its runner said nothing"
        try:
            _reach(self._host)
            actions = self._actions()
        except (DockerException, OSError) as error:
            return Fate.UNKNOWN, f"the Docker daemon does not answer ({error}); {said}"
        if "die" not in actions or "kill" in actions or "destroy" in actions[: actions.index("die")]:
            return Fate.UNKNOWN, f"Docker reports {', '.join(actions) or 'nothing'}; {said}"
        return Fate.MEMORY if "oom" in actions else Fate.ENDED, f"the container ended by itself; {said}"

    def close(self) -> None:
        with self._closing:  # the pool may close while the place is replaced
            if self._closed:
                return
            self._closed = True
            _close_stream(self._stream)
        _remove(self._api, self._host, self._container)

    def _demultiplex(self) -> None:
        """Frames: which stream (1 byte), 3 of nothing, the length (4 bytes, big-endian), the content."""
        at = 0
        while len(self._raw) - at >= _FRAME:
            end = at + _FRAME + int.from_bytes(self._raw[at + 4 : at + _FRAME], "big")
            if len(self._raw) < end:
                break
            target = self._errors if self._raw[at] == 2 else self._out
            target += self._raw[at + _FRAME : end]
            at = end
        del self._raw[:at], self._errors[:-4096]

    def _actions(self) -> list[str]:
        """What the daemon saw happen to the container, up to its end or `EVENTS_S`; nothing, after a restart."""
        end = time.monotonic() + EVENTS_S
        while True:
            # Of the past only, so that the answer ends by itself.
            events = self._api.events(
                since=self._attached - 1, until=time.time(), filters={"container": self._container}, decode=True
            )
            actions = [str(event.get("Action", "")).partition(":")[0] for event in events]
            if "die" in actions or time.monotonic() > end:
                return actions
            time.sleep(0.05)


def connect(host: str | None = None) -> DockerClient:
    """A client of the daemon at ``host``, by default $DOCKER_HOST or the usual socket. Raises SandboxError."""
    try:
        import docker
    except ImportError as error:
        raise SandboxError("the Docker SDK is not installed: pip install docker") from error
    try:
        _reach(host)
        if host is None:
            return docker.from_env(timeout=API_TIMEOUT_S)
        return docker.DockerClient(base_url=host, timeout=API_TIMEOUT_S)
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxError(
            f"no Docker daemon answers at {_address(host)} ({error}). Start one (systemctl start docker), join the "
            "group docker, or choose sandbox=bubblewrap"
        ) from error


def _address(host: str | None) -> str:
    return host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _reach(host: str | None) -> None:
    """Raises OSError where nobody listens at a local socket: the SDK would leave its own end of it open."""
    scheme, _, path = _address(host).partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(API_TIMEOUT_S)
            probe.connect(path)


def _no_image(image: str) -> str:
    return f"there is no image {image}: build it with `distil sandbox build`"


def _close_stream(stream: Any) -> None:
    """What ``attach_socket`` gave."""
    inner = getattr(stream, "_sock", stream)  # the SDK wraps a plain socket
    with suppress(OSError):  # it may have been shut down from the other end
        inner.shutdown(socket.SHUT_RDWR)
    stream._response.close()  # the SDK keeps it there; the stream is a part of it
    stream.close()
    inner.close()


def _remove(api: Any, host: str | None, container: str) -> None:
    """It goes by itself when its streams close; this is for the case that it does not."""
    from docker.errors import DockerException

    try:
        _reach(host)
        api.remove_container(container, force=True)
    except (DockerException, OSError):  # gone or going, or no daemon: then the reaper of the next start
        return


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left
