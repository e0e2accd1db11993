"""Nothing gets out by a socket, and nothing gets in."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from distil_envs.sandbox.selftest.effect import Effect, Places, Seen, effect, seen, token

PUBLIC = ("8.8.8.8", "2001:4860:4860::8888")
"""Addresses that only a route can lead to; nothing is sent to them."""
METADATA = ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")
"""Where clouds hand out a machine's credentials."""
NO_WAY_OUT = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOSYS,
    }
)
"""What the kernel answers at once when there is no route, no such network, or no permission."""
UNEXPECTED_FAMILIES = ("AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_KEY", "AF_CAN", "AF_TIPC", "AF_BLUETOOTH", "AF_RDS")


def host_addresses() -> list[str]:
    """IPv4 addresses of this machine, the loopback's and those of bridges to containers among them."""
    found = ["127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an address
                request = struct.pack("256s", name[:15].encode())
                found.append(socket.inet_ntoa(fcntl.ioctl(probe, 0x8915, request)[20:24]))  # SIOCGIFADDR
    return list(dict.fromkeys(found))


# --- attacks: these run inside ---


def connect_tcp(addresses: list[str], port: int) -> dict[str, str]:
    import socket

    answers = {}
    for address in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as out:
            out.settimeout(0.5)
            try:
                out.connect((address, port))
                answers[address] = "connected"
            except OSError as error:
                answers[address] = type(error).__name__ + f" {error.errno}"
    return answers


def send_udp(addresses: list[str], port: int, payload: bytes) -> dict[str, str]:
    import socket

    answers = {}
    for address in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            try:
                out.sendto(payload, (address, port))
                answers[address] = "sent"
            except OSError as error:
                answers[address] = type(error).__name__ + f" {error.errno}"
    return answers


def ask_names(addresses: list[str], port: int, query: bytes) -> list[str]:
    import socket

    answers = []
    for address in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.settimeout(0.5)
            try:
                out.sendto(query, (address, port))
                answers.append(f"{address} answered {len(out.recv(512))} bytes")
            except OSError:
                continue
    return answers


def begin_connecting(addresses: list[str], kind: int) -> dict[str, int]:
    import socket

    codes = {}
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, kind) as out:
                out.setblocking(False)
                codes[address] = out.connect_ex((address, 80))
        except OSError as error:
            codes[address] = error.errno or -1
    return codes


def list_interfaces() -> list[str]:
    import socket

    return [name for _, name in socket.if_nameindex()]


def connect_abstract(name: str) -> str:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as out:
        try:
            out.connect("\0" + name)
            return "connected"
        except OSError as error:
            return str(error)


def listen_tcp(port: int) -> str:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("0.0.0.0", port))
        door.listen(8)
        door.settimeout(1.0)
        try:
            visitor, _ = door.accept()
        except TimeoutError:
            return ""
        with visitor:
            visitor.settimeout(1.0)
            return visitor.recv(100).decode()


def leave_connection() -> int:
    """Ends a connection on the loopback from the side that listens, which keeps its port for a minute. Gives it."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port: int = door.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as visitor:
            door.accept()[0].close()
            visitor.recv(1)
        return port


def bind_port(port: int) -> str:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        try:
            door.bind(("127.0.0.1", port))
            return "free"
        except OSError as error:
            return str(error)


def open_raw() -> list[str]:
    import socket

    opened = []
    for name, family, protocol in (("raw ICMP", socket.AF_INET, 1), ("packet", socket.AF_PACKET, 0x0300)):
        try:
            socket.socket(family, socket.SOCK_RAW, protocol).close()
            opened.append(name)
        except OSError:
            continue
    return opened


def open_families(names: list[str]) -> list[str]:
    """Those that the kernel let us get to, even if it then had no device or no such type of socket."""
    import errno
    import socket

    opened = []
    for name in names:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW):
            try:
                socket.socket(getattr(socket, name), kind).close()
                opened.append(name)
            except OSError as error:
                if error.errno in (errno.ENODEV, errno.ESOCKTNOSUPPORT, errno.EPROTONOSUPPORT):
                    opened.append(name)
            except AttributeError:
                break
    return sorted(set(opened))


# --- effects: these judge outside ---


@effect("no TCP connection reaches the host, by loopback or by any of its addresses")
def tcp(places: Places) -> Seen:
    with socket.create_server(("", 0), backlog=64) as server:
        server.settimeout(0.1)
        answers = places.call(connect_tcp, host_addresses(), server.getsockname()[1])
        try:
            server.accept()[0].close()
            return seen(True, f"the host's listener was reached: {answers}")
        except TimeoutError:
            return seen(False, answers)


@effect("no UDP datagram reaches the host")
def udp(places: Places) -> Seen:
    mark = token().encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", 0))
        server.settimeout(0.1)
        answers = places.call(send_udp, host_addresses(), server.getsockname()[1], mark)
        try:
            arrived = server.recv(512) == mark
        except TimeoutError:
            arrived = False
    return seen(arrived, f"arrived: {arrived}; {answers}")


@effect("no name server answers")
def dns(places: Places) -> Seen:
    query = struct.pack(">6H", 0x1234, 0x0100, 1, 0, 0, 0) + b"\x07example\x03com\x00" + struct.pack(">2H", 1, 1)
    with _name_server(query) as port:
        answers = places.call(ask_names, host_addresses(), port, query)
    return seen(answers, "; ".join(answers) or "no answer")


@contextmanager
def _name_server(query: bytes) -> Iterator[int]:
    """Answers that one query, so that the test needs no other network than the host itself."""
    answer = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", 0))
        server.settimeout(0.05)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                with suppress(TimeoutError):
                    asked, sender = server.recvfrom(512)
                    if asked == query:
                        server.sendto(answer, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


@effect("the metadata addresses of clouds cannot be reached")
def metadata(places: Places) -> Seen:
    codes = places.call(begin_connecting, list(METADATA), int(socket.SOCK_STREAM))
    return _routes(codes)


@effect("there is no route to the internet")
def internet(places: Places) -> Seen:
    codes = places.call(begin_connecting, list(PUBLIC), int(socket.SOCK_DGRAM))
    return _routes(codes)


def _routes(codes: dict[str, int]) -> Seen:
    found = {address: errno.errorcode.get(code, str(code)) if code else "routed" for address, code in codes.items()}
    return seen(any(code not in NO_WAY_OUT for code in codes.values()), found)


@effect("there is no network interface but a loopback of its own")
def interfaces(places: Places) -> Seen:
    names = places.call(list_interfaces)
    return seen(set(names) - {"lo"}, f"interfaces: {', '.join(names) or 'none'}")


@effect("abstract UNIX sockets of the host cannot be reached")
def abstract_sockets(places: Places) -> Seen:
    name = token()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("\0" + name)
        server.listen(4)
        answer = places.call(connect_abstract, name)
    return seen(answer == "connected", answer)


@effect("nothing outside can connect to what the program listens on")
def inbound(places: Places) -> Seen:
    mark, done = token(), threading.Event()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def knock() -> None:
        while not done.wait(0.02):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2) as door:
                door.sendall(mark.encode())

    visitor = threading.Thread(target=knock, daemon=True)
    visitor.start()
    try:
        heard = places.call(listen_tcp, port)
    finally:
        done.set()
        visitor.join()
    return seen(heard == mark, f"heard {heard!r}")


@effect("a port that one program used is free for the next")
def left_connections(places: Places) -> Seen:
    answer = places.call(bind_port, places.call(leave_connection))
    return seen(answer != "free", answer)


@effect("raw sockets cannot be opened")
def raw_sockets(places: Places) -> Seen:
    opened = places.call(open_raw)
    return seen(opened, f"opened: {', '.join(opened) or 'none'}")


@effect("no unusual socket family is offered (AF_VSOCK would reach the hypervisor without any network)")
def socket_families(places: Places) -> Seen:
    opened = places.call(open_families, list(UNEXPECTED_FAMILIES))
    return seen(opened, f"the kernel was reached by: {', '.join(opened) or 'none'}")


EFFECTS: tuple[Effect, ...] = (
    tcp,
    udp,
    dns,
    metadata,
    internet,
    interfaces,
    abstract_sockets,
    inbound,
    left_connections,
    raw_sockets,
    socket_families,
)
