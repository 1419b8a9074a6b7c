"""`kravkoll mock` as a developer uses it: start it in one window, follow its printed lines in another."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kravkoll.contracts.layout import packaged

LAST = {"en": "Ctrl-C ends it.", "sv": "Avsluta med Ctrl-C."}


def mock(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kravkoll", "mock", *arguments],
        cwd=packaged(), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@contextmanager
def started(*arguments: str, language: str = "en") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and all that it says before it waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kravkoll", "mock", *arguments, "--language", language],
        cwd=packaged(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads yet
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.strip() == LAST[language]:
                break
        yield process, said
    finally:
        process.kill()
        process.communicate()


def shell(line: str) -> str:
    """What a printed line gives, pasted into a shell's stead."""
    done = subprocess.run([*shlex.split(line), "-s", "-S"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the printed lines are for curl")
def test_the_printed_lines_work_and_the_fault_is_there() -> None:
    with started("tempus", "--fault", "api.paging.doubles") as (process, said):
        assert said.startswith("SIMULERING")
        assert "api.paging.doubles: The last record of a page comes again" in said
        lines = re.findall(r"^  (curl .*)$", said, re.MULTILINE)
        answers = [shell(line) for line in lines]
        assert '"data":[{' in answers[0]
        assert '"access_token":' in answers[-1]
        assert "guardian-a" in said
        files = [
            Path(name) for name in re.findall(r"^  (\S+/(?:ca\.pem|authorization)) ", said, re.MULTILINE)
        ]
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert not [file for file in files if file.exists()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the printed lines are for curl")
@pytest.mark.parametrize("system", ["infomentor", "pingpong", "unikum", "start-pages"])
def test_systems_of_every_kind_can_be_asked_as_printed(system: str) -> None:
    """It reads several; it demands a certificate; it has no interface of the standard; it takes no tokens."""
    with started(system) as (_process, said):
        lines = re.findall(r"^  (curl .*)$", said, re.MULTILINE)
        assert lines
        for line in lines:
            answer = shell(line)
            assert "HTTP/" in answer or "code" not in json.loads(answer), line


def test_a_polite_end_is_clean_and_the_port_is_the_one_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started("ber", "--port", str(port), language="sv") as (process, said):
        (api,) = re.findall(r"ber api +(\S+)", said)
        assert urlsplit(api).port == port
        assert "Startad utan fel" in said
        process.terminate()
        assert process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=2).close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--list"),
        (("tempos",), "did you mean 'tempus'?"),
        (("tempus", "--fault", "api.paging.double"), "did you mean 'api.paging.doubles'?"),
        (("tempus", "--fault", "write.accepted"), "it is one of ber"),
    ],
)
def test_wrong_words_name_the_likely_fix(arguments: tuple[str, ...], said: str) -> None:
    done = mock(*arguments)
    assert done.returncode == 4
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = mock("ber", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 4
    assert "choose another --port" in done.stderr


def test_what_there_is_to_start_is_listed() -> None:
    assert "tempus  Tempus" in mock("--list").stdout
    alone = mock("--list", "ber", "--language", "sv").stdout
    assert "write.silent" in alone
    assert "tempus  Tempus" not in alone
