"""Connections and CPU of one TLS examination, against an ordinary handshake measured in the same run.

`python -m benchmarks.tls` exits 1 if a budget is broken. CPU is that of the looking thread alone.
"""

import json
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.probes.tls_servers import Authority, context, listening, tls_server, write_pair

from kravkoll.probes.tls import TlsObservation, examine_tls

ROUNDS = 30
CPU_BUDGET_MS = 2.0
"""For each connection."""


def cpu_ms(work: Callable[[], object]) -> float:
    """Median CPU of one call in milliseconds, after a call that warms up."""
    work()
    spent = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        work()
        spent.append((time.thread_time() - started) * 1000)
    return median(spent)


def measure(lowest: ssl.TLSVersion, budget: int, folder: Path) -> dict[str, object]:
    """One clean server: what an examination costs, and whether that is within its budget."""
    authority = Authority()
    pair = write_pair(folder, authority)
    with listening(tls_server(context(pair, lowest, ssl.TLSVersion.TLSv1_3))) as (port, counted):

        def handshake() -> None:
            client = ssl.create_default_context(cadata=authority.trust.decode())
            client.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the certificates of the tests are terse
            with (
                socket.create_connection(("127.0.0.1", port)) as plain,
                client.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
            ):
                secure.version()

        def examine() -> TlsObservation:
            return examine_tls("127.0.0.1", port, trust=authority.trust)

        ordinary = cpu_ms(handshake)
        counted.clear()
        if examine().problems:
            raise RuntimeError("the clean server is not clean")
        connections = len(counted)
        whole = cpu_ms(examine)
        started = time.perf_counter()
        examine()
        wall = (time.perf_counter() - started) * 1000
    return {
        "lowest": lowest.name,
        "connections": connections,
        "connections_budget": budget,
        "cpu_ms": round(whole, 2),
        "cpu_ms_per_connection": round(whole / connections, 2),
        "wall_ms": round(wall, 1),
        "handshake_cpu_ms": round(ordinary, 2),
        "handshakes_worth": round(whole / ordinary, 1),
        "holds": connections <= budget and whole / connections < CPU_BUDGET_MS,
    }


def run() -> list[dict[str, object]]:
    """Both kinds of clean server."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            measure(ssl.TLSVersion.TLSv1_3, 8, Path(folder)),
            measure(ssl.TLSVersion.TLSv1_2, 11, Path(folder)),
        ]


if __name__ == "__main__":
    results = run()
    sys.stdout.write("".join(json.dumps(result) + "\n" for result in results))
    sys.exit(not all(result["holds"] for result in results))
