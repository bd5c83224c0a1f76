"""Whether the processes of one training can meet, found out with plain sockets before JAX tries.

JAX waits minutes for a coordinator that cannot be reached and then says DEADLINE_EXCEEDED whatever the reason was.
"""

import socket
import time

from cgpipe.errors import UserError

PAUSE_SECONDS = 0.5
UNKNOWN_SECONDS = 10.0
"""Patience with a name service that does not know the coordinator."""

SILENT_SECONDS = 30.0
"""Patience with a coordinator's host that does not answer."""


def meet(address: str, rank: int, patience: float) -> None:
    """Return once the first process can listen at ``address``, and the others can connect to it.

    Args:
        address: host:port of the first process.
        rank: of this process.
        patience: for the first process to start listening while its host already answers [s].

    Raises:
        UserError: the name is unknown here, the port is taken, or the host does not answer.
    """
    host, port = address.rsplit(":", 1)
    if rank == 0:
        _require_name(host)
        _require_free(host, int(port))
    else:
        _require_answer(host, int(port), patience)


def _require_name(host: str) -> str:
    """Address of a host."""
    deadline = time.monotonic() + UNKNOWN_SECONDS
    while True:
        try:
            return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
        except socket.gaierror as error:
            if time.monotonic() > deadline:
                raise UserError(
                    f"{socket.gethostname()} cannot resolve the coordinator's name {host!r} ({error.strerror}); "
                    "set cluster.fqdn_suffix to what makes it a full name, e.g. .juwels"
                ) from None
        time.sleep(PAUSE_SECONDS)


def _require_free(host: str, port: int) -> None:
    try:
        socket.create_server(("", port)).close()
    except OSError as error:
        raise UserError(
            f"port {port} of the coordinator {host} is not free ({error.strerror}); set another "
            "cluster.coordinator_port (the job's number % 1000 is added to it)"
        ) from None


def _require_answer(host: str, port: int, patience: float) -> None:
    """Connect; nobody listening yet is worth more patience than no answer at all."""
    address = _require_name(host)
    begun = time.monotonic()
    while True:
        try:
            socket.create_connection((address, port), timeout=SILENT_SECONDS).close()
            return
        except ConnectionRefusedError as error:
            reason, allowed = error.strerror, patience
        except OSError as error:
            reason, allowed = error.strerror or "no answer", SILENT_SECONDS
        if time.monotonic() > begun + allowed:
            raise UserError(
                f"{socket.gethostname()} cannot reach the coordinator {host}:{port} at {address} ({reason}, tried for "
                f"{allowed:.0f} s); a firewall between the nodes? set cluster.coordinator_port to an open range, or "
                "cluster.fqdn_suffix if that is not the address that the nodes share"
            )
        time.sleep(PAUSE_SECONDS)
