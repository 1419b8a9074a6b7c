"""A foreign subject: Debian's nginx, examined and judged as a supplier's server would be."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from tests.probes.tls_servers import Authority, free_port, write_pair

from kravkoll.checks.encryption import (
    TlsProfile,
    agreed_handshake,
    legacy_versions,
    missing_versions,
    plaintext_answers,
)
from kravkoll.probes.plaintext import examine_plaintext
from kravkoll.probes.tls import TlsObservation, examine_tls
from kravkoll.record.outcome import Finding, Inconclusive

pytestmark = pytest.mark.debian("nginx")

PROFILE = Path(__file__).parents[2] / "contracts/profiles/tls-2026.yaml"

CONFIGURATION = """
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port} {ssl};
    ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
    {lines}
    location / {{ return 200 "{folder}"; }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx: its port, and what signed its certificate."""

    port: int
    authority: Authority

    def examine(self) -> TlsObservation:
        return examine_tls("127.0.0.1", self.port, trust=self.authority.trust)


type Start = Callable[..., Nginx]


@pytest.fixture(scope="session")
def nginx_program() -> str:
    """nginx, installed if root may; CI fails without it, others skip with the reason."""
    found = _installed()
    reason = "nginx is missing and only root may install it"
    if not found and os.geteuid() == 0:
        reason = _install()
        found = _installed()
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _installed() -> str | None:
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def _install() -> str:
    """Why it could not be installed; empty if it could. The package lists may be old or absent."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "nginx-light"]
    for command in (install, ["apt-get", "update"], install):
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=300, check=False
            )
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            return f"nginx cannot be installed: {error}"
        if command is install and done.returncode == 0:
            return ""
    return f"nginx cannot be installed: {done.stderr[-500:]}"


@pytest.fixture
def start(nginx_program: str, tmp_path: Path) -> Iterator[Start]:
    """Starts nginx with lines for its server block, in this test's folder, and stops it by its pid."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*lines: str, ssl: bool = True) -> Nginx:
        authority, port = Authority(), free_port()
        write_pair(tmp_path, authority)
        text = CONFIGURATION.format(
            folder=tmp_path, port=port, ssl="ssl" if ssl else "", lines="\n    ".join(lines)
        )
        (tmp_path / "nginx.conf").write_text(text)
        command = [nginx_program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
        command += ["-e", str(tmp_path / "error.log")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(process)
        _await_own(process, port, tmp_path)
        return Nginx(port, authority)

    yield run
    for process in started:
        process.terminate()
        process.wait(10)


def _await_own(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    """The port must be answered by the process that was started: its socket is among that process's own."""
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail(f"nginx did not start: {(folder / 'error.log').read_text()[-500:]}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            assert (folder / "nginx.pid").read_text().strip() == str(process.pid)
            assert _listening_inode(port) in _socket_inodes(process.pid)
            return
        time.sleep(0.02)
    pytest.fail("nginx did not listen")


def _listening_inode(port: int) -> str:
    listening = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1] == listening and fields[3] == "0A":
            return fields[9]
    return ""


def _socket_inodes(pid: int) -> set[str]:
    links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
    return {link[8:-1] for link in links if link.startswith("socket:[")}


@pytest.fixture(scope="module")
def profile() -> TlsProfile:
    shipped = yaml.safe_load(PROFILE.read_text())
    return TlsProfile.load(
        identity=shipped["id"], valid_from=shipped["from"], source=shipped["source"], rules=shipped["rules"]
    )


def judged(seen: TlsObservation, profile: TlsProfile) -> list[str]:
    findings: tuple[Finding, ...] = agreed_handshake(seen, profile)
    findings += legacy_versions(seen, profile) + missing_versions(seen, profile)
    return [finding.code for finding in findings]


def plaintext(server: Nginx, profile: TlsProfile, *, tls_answers: bool) -> list[str]:
    seen = examine_plaintext("127.0.0.1", server.port)
    return [finding.code for finding in plaintext_answers(seen, profile, tls_answers=tls_answers)]


def test_a_good_configuration_has_no_finding(start: Start, profile: TlsProfile) -> None:
    server = start("ssl_protocols TLSv1.2 TLSv1.3;")
    seen = server.examine()
    assert judged(seen, profile) == []
    assert seen.accepted_versions == ("TLS 1.2", "TLS 1.3")
    assert seen.connections <= 11
    # nginx tells a plain request that it came to the wrong place: status 400, nothing is served
    assert examine_plaintext("127.0.0.1", server.port).status == 400
    assert plaintext(server, profile, tls_answers=True) == []


def test_legacy_versions_alone(start: Start, profile: TlsProfile) -> None:
    server = start("ssl_protocols TLSv1 TLSv1.1;", "ssl_ciphers ALL:@SECLEVEL=0;")
    seen = server.examine()
    assert seen.accepted_versions == ("TLS 1.0", "TLS 1.1")
    assert judged(seen, profile) == [
        "proto.no_agreed_version",
        "proto.tls10",
        "proto.tls11",
        "proto.no_tls13",
    ]


def test_legacy_versions_beside_good_ones(start: Start, profile: TlsProfile) -> None:
    server = start("ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;", "ssl_ciphers DEFAULT:@SECLEVEL=0;")
    assert judged(server.examine(), profile) == ["proto.tls10", "proto.tls11"]


def test_tls_1_2_alone(start: Start, profile: TlsProfile) -> None:
    assert judged(start("ssl_protocols TLSv1.2;").examine(), profile) == ["proto.no_tls13"]


def test_a_certificate_is_demanded_of_us(start: Start, profile: TlsProfile) -> None:
    server = start("ssl_protocols TLSv1.2 TLSv1.3;", "ssl_verify_client optional_no_ca;")
    assert judged(server.examine(), profile) == []


def test_a_redirect_to_tls_serves_nothing(start: Start, profile: TlsProfile) -> None:
    server = start("ssl_protocols TLSv1.2 TLSv1.3;", "error_page 497 =308 https://$host:$server_port/;")
    assert examine_plaintext("127.0.0.1", server.port).status == 308
    assert plaintext(server, profile, tls_answers=True) == []


def test_plain_http(start: Start, profile: TlsProfile) -> None:
    server = start(ssl=False)
    with pytest.raises(Inconclusive) as caught:
        server.examine()
    assert caught.value.reason.code == "transport.no-tls"
    assert plaintext(server, profile, tls_answers=False) == ["transport.plaintext"]
