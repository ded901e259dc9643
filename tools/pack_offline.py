"""A place without a network: a namespace with nothing but the loopback interface, which Jupyter's kernels need."""

import fcntl
import os
import socket
import struct
from collections.abc import Sequence

from nearlinear.errors import NearlinearError

SET_FLAGS, UP = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP of Linux
OUTSIDE = ("192.0.2.1", 80)  # an address that the documentation of protocols keeps for itself


class Failed(NearlinearError):
    """A step of the trial did not do what it should."""


def without_network(command: Sequence[str]) -> list[str]:
    """The command, to be run where no interface is up."""
    return ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), *command]


def loopback_up() -> None:
    """Let this namespace talk to itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        fcntl.ioctl(asking, SET_FLAGS, struct.pack("16sh", b"lo", UP))


def interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def check_offline() -> None:
    """Raises Failed where there is an interface but the loopback, or a way out."""
    if others := set(interfaces()) - {"lo"}:
        raise Failed(f"the network is on ({', '.join(sorted(others))}): start this by its command")
    try:
        socket.create_connection(OUTSIDE, timeout=2).close()
    except OSError:
        return
    raise Failed("an address outside answers: start this by its command")
