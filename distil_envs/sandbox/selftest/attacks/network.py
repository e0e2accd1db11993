"""Attacks by sockets."""

from __future__ import annotations


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
