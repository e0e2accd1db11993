"""Nothing gets out by a socket, and nothing gets in."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from distil_envs.sandbox.selftest.attacks import network as inside
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


@effect("no TCP connection reaches the host, by loopback or by any of its addresses")
def tcp(places: Places) -> Seen:
    with socket.create_server(("", 0), backlog=64) as server:
        server.settimeout(0.1)
        answers = places.call(inside.connect_tcp, host_addresses(), server.getsockname()[1])
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
        answers = places.call(inside.send_udp, host_addresses(), server.getsockname()[1], mark)
        try:
            arrived = server.recv(512) == mark
        except TimeoutError:
            arrived = False
    return seen(arrived, f"arrived: {arrived}; {answers}")


@effect("no name server answers")
def dns(places: Places) -> Seen:
    query = struct.pack(">6H", 0x1234, 0x0100, 1, 0, 0, 0) + b"\x07example\x03com\x00" + struct.pack(">2H", 1, 1)
    with _name_server(query) as port:
        answers = places.call(inside.ask_names, host_addresses(), port, query)
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
    codes = places.call(inside.begin_connecting, list(METADATA), int(socket.SOCK_STREAM))
    return _routes(codes)


@effect("there is no route to the internet")
def internet(places: Places) -> Seen:
    codes = places.call(inside.begin_connecting, list(PUBLIC), int(socket.SOCK_DGRAM))
    return _routes(codes)


def _routes(codes: dict[str, int]) -> Seen:
    found = {address: errno.errorcode.get(code, str(code)) if code else "routed" for address, code in codes.items()}
    return seen(any(code not in NO_WAY_OUT for code in codes.values()), found)


@effect("there is no network interface but a loopback of its own")
def interfaces(places: Places) -> Seen:
    names = places.call(inside.list_interfaces)
    return seen(set(names) - {"lo"}, f"interfaces: {', '.join(names) or 'none'}")


@effect("abstract UNIX sockets of the host cannot be reached")
def abstract_sockets(places: Places) -> Seen:
    name = token()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("\0" + name)
        server.listen(4)
        answer = places.call(inside.connect_abstract, name)
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
        heard = places.call(inside.listen_tcp, port)
    finally:
        done.set()
        visitor.join()
    return seen(heard == mark, f"heard {heard!r}")


@effect("a port that one program used is free for the next")
def left_connections(places: Places) -> Seen:
    answer = places.call(inside.bind_port, places.call(inside.leave_connection))
    return seen(answer != "free", answer)


@effect("raw sockets cannot be opened")
def raw_sockets(places: Places) -> Seen:
    opened = places.call(inside.open_raw)
    return seen(opened, f"opened: {', '.join(opened) or 'none'}")


@effect("no unusual socket family is offered (AF_VSOCK would reach the hypervisor without any network)")
def socket_families(places: Places) -> Seen:
    opened = places.call(inside.open_families, list(UNEXPECTED_FAMILIES))
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
