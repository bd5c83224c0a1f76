"""Meeting with plain sockets on this machine; what routers and firewalls do, the tests under Slurm see."""

import socket
import threading
import time

import pytest

from cgpipe.errors import UserError
from cgpipe.training import rendezvous
from cgpipe.training.rendezvous import meet


@pytest.fixture
def port():
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_first_process_wants_its_port_free(port):
    """Catches a port that another job has, which JAX reports by leaving the other processes waiting."""
    meet(f"localhost:{port}", 0, 1.0)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(UserError, match=f"port {port} .* is not free"):
        meet(f"localhost:{port}", 0, 1.0)


def test_the_others_wait_until_somebody_listens(port):
    """The first process may come later; catches a refusal taken for the end, and patience without end."""

    def listen_late():
        time.sleep(0.3)
        with socket.create_server(("127.0.0.1", port)) as server:
            server.accept()[0].close()

    late = threading.Thread(target=listen_late)
    late.start()
    meet(f"localhost:{port}", 1, 20.0)
    late.join()
    with pytest.raises(UserError, match=f"cannot reach the coordinator localhost:{port} at 127.0.0.1 .*refused"):
        meet(f"localhost:{port}", 1, 0.0)


@pytest.mark.parametrize("rank", [0, 1])
def test_an_unknown_name_is_told_with_the_key_to_set(monkeypatch, rank):
    """Catches DEADLINE_EXCEEDED minutes later."""
    monkeypatch.setattr(rendezvous, "UNKNOWN_SECONDS", 0.0)
    with pytest.raises(UserError, match=r"cannot resolve .* 'nowhere.invalid' .*cluster.fqdn_suffix"):
        meet("nowhere.invalid:29400", rank, 1.0)
