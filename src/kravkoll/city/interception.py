"""The honest man in the middle: a proxy between two parties that writes down what they exchange.

One mitmdump process serves a whole session (starting it takes about a second). It has a door for each party
that is asked, a first segment of the path; each watching of a door has its exchanges to itself.
"""

import contextlib
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kravkoll.city.certificate_authority import CertificateAuthority, KeyPair
from kravkoll.probes.traffic import Exchange

ADDON = Path(__file__).with_name("interception_addon.py")
RUN = """
import json, os, sys
from mitmproxy.tools.main import mitmdump
told = json.loads(sys.stdin.readline())
log = os.open(told["log"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
os.dup2(log, 1), os.dup2(log, 2)
sys.argv[1:] = told["arguments"]
mitmdump()
"""
START_SECONDS = 60.0
"""How long a start may take on a busy machine; it is about one second on an idle one."""
POLL_SECONDS = 0.02


class InterceptionFailed(Exception):
    """The proxy did not start; ours to mend, so it is no verdict on anybody. Holds what the process wrote."""


@dataclass(frozen=True, slots=True)
class Capture:
    """The exchanges of one watching, also while it goes on."""

    file: Path

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        try:
            text = self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        lines = text.split("\n")[:-1]  # what comes after the last line break is still being written
        return tuple(Exchange.from_line(line) for line in lines)


@dataclass(slots=True)
class Interception:
    """A running proxy. Parties are given a door as the address of whoever it leads to at the moment."""

    url: str
    folder: Path
    _process: subprocess.Popen[bytes] = field(repr=False)
    _numbers: Iterator[int] = field(default_factory=count, repr=False)
    _usual: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    _routes: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def start(
        cls,
        ca: CertificateAuthority,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        warm: subprocess.Popen[bytes] | None = None,
    ) -> Self:
        """Returns once our own process answers with our own certificate; raises InterceptionFailed."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ready.json").unlink(missing_ok=True)
        (folder / "routes.json").unlink(missing_ok=True)
        pair = ca.issue((host, "localhost") if host != "localhost" else (host,))
        process = warm or warmed_up()
        try:
            _launch(process, folder, host, pair)
            port = _port_of(process, folder)
            _see_certificate(host, port, pair)
        except BaseException:
            end(process)
            raise
        return cls(f"https://{host}:{port}", folder, process)

    def door(self, name: str) -> str:
        """The base URL of a door."""
        return f"{self.url}/{name}"

    def lead_to(self, name: str, upstream: str, trust: bytes) -> str:
        """Send what comes by the door on to `upstream` (a base URL) and write nothing down; gives the door.

        `trust` is PEM anchors.
        """
        self._usual[name] = self._route(upstream, trust)
        self._steer(name, self._usual[name])
        return self.door(name)

    @contextmanager
    def watch(self, name: str, upstream: str, trust: bytes) -> Iterator[Capture]:
        """Send on to `upstream` and write down each exchange; afterwards the usual route holds again."""
        capture = Capture(self.folder / f"exchanges-{next(self._numbers)}.jsonl")
        self._steer(name, self._route(upstream, trust) | {"exchanges": str(capture.file)})
        try:
            yield capture
        finally:
            self._steer(name, self._usual.get(name, {}))

    def close(self) -> None:
        """End the process; a second call does nothing."""
        end(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _route(self, upstream: str, trust: bytes) -> dict[str, str]:
        anchors = self.folder / f"trust-{hashlib.sha256(trust).hexdigest()[:16]}.pem"
        if not anchors.exists():
            anchors.write_bytes(trust)
        return {"upstream": upstream, "trust": str(anchors)}

    def _steer(self, name: str, route: dict[str, str]) -> None:
        """The proxy reads the routes at each request, so they hold from the moment that this returns."""
        self._routes[name] = route
        draft = self.folder / "routes.draft"
        draft.write_text(json.dumps(self._routes), encoding="utf-8")
        draft.replace(self.folder / "routes.json")


def warmed_up() -> subprocess.Popen[bytes]:
    """A process that loads the proxy, which takes most of a second, and waits to be told where it stands."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
    )


def _launch(process: subprocess.Popen[bytes], folder: Path, host: str, pair: KeyPair) -> None:
    certificate = folder / "certificate.pem"
    certificate.touch(mode=0o600)
    certificate.write_bytes(pair.key_pem + pair.chain_pem)
    options = {
        "confdir": folder / "configuration",
        "certs": f"*={certificate}",
        "upstream_cert": "false",
        "connection_strategy": "lazy",
        "interception_folder": folder,
        "termlog_verbosity": "warn",
        "flow_detail": "0",
    }
    arguments = [f"--set={name}={value}" for name, value in options.items()]
    # the address after `reverse:` is never called: the addon puts the upstream of the moment in its place
    mode = ["--mode=reverse:https://127.0.0.1:9", f"--listen-host={host}", "--listen-port=0"]
    told = {"log": str(folder / "proxy.log"), "arguments": [*mode, *arguments, "--scripts", str(ADDON)]}
    if process.stdin is None:
        raise InterceptionFailed("the proxy's process takes no orders")
    try:
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError as error:
        raise InterceptionFailed(
            f"the proxy ended before it was told where to listen: {_log(process, folder)}"
        ) from error


def _environment() -> dict[str, str]:
    """Ours, without what would lead the proxy through another proxy or write outside its folder."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def _port_of(process: subprocess.Popen[bytes], folder: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise InterceptionFailed(f"the proxy ended with {process.returncode}: {_log(process, folder)}")
        ready = _ready(folder)
        if ready and ready["process"] == process.pid and ready["addresses"]:
            return int(ready["addresses"][0][1])
        if ready:
            raise InterceptionFailed(f"the proxy listens nowhere: {_log(process, folder)}")
        time.sleep(POLL_SECONDS)
    raise InterceptionFailed(f"the proxy was not ready after {START_SECONDS} s: {_log(process, folder)}")


def _ready(folder: Path) -> dict[str, Any] | None:
    try:
        ready: dict[str, Any] = json.loads((folder / "ready.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return ready


def _see_certificate(host: str, port: int, pair: KeyPair) -> None:
    """Whoever answers with the certificate that only we hold the key of is the process that we started."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # compared byte by byte instead
    try:
        with (
            socket.create_connection((host, port), timeout=START_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            shown = wrapped.getpeercert(binary_form=True)
    except OSError as error:
        raise InterceptionFailed(f"the proxy does not answer on port {port}: {error}") from error
    if shown != ssl.PEM_cert_to_DER_cert(pair.certificate_pem.decode("ascii")):
        raise InterceptionFailed(f"another process answers on port {port}")


def _log(process: subprocess.Popen[bytes], folder: Path) -> str:
    """What the process wrote: into its log, or before it had one."""
    log = folder / "proxy.log"
    if log.exists():
        return log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
    process.kill()
    _, wrote = process.communicate()
    return wrote.decode("utf-8", errors="replace").strip()[-2000:]


def end(process: subprocess.Popen[bytes]) -> None:
    """Each exchange is on disk when its answer is given, so there is nothing to end in order (0.4 s)."""
    for pipe in (process.stdin, process.stderr):
        if pipe:
            with contextlib.suppress(BrokenPipeError):  # what it was not told it need not know any more
                pipe.close()
    process.kill()
    process.wait()
