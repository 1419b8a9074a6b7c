"""`kravkoll city`: what a supplier's developer installs, registers and finds again the next day."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey, KeySet

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.contracts.layout import packaged

LAST = "Ctrl-C ends it; keys, addresses and registrations stay."
METADATA = (
    '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://lampan.invalid/sp">'
    '<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
    '<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" '
    'Location="https://lampan.invalid/acs" index="0"/></SPSSODescriptor></EntityDescriptor>'
)
TEST = """\
id: test
kind: test
register: ber
systems:
  ber: {standin: ber}
  tempus: {interfaces: {api: {url: "https://127.0.0.1:9"}}}
limits: {timeout_seconds: 0.5}
"""


class House:
    """A workspace with an environment that is kept, and its state."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(packaged() / "contracts", root / "contracts")
        self.environment("test", TEST)

    def environment(self, name: str, text: str) -> None:
        (self.root / "contracts/environments" / f"{name}.yaml").write_text(text, encoding="utf-8")

    @property
    def variables(self) -> dict[str, str]:
        return {**os.environ, "KRAVKOLL_STATE": str(self.root / "state")}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "kravkoll", *arguments, "--workspace", str(self.root)]

    def kravkoll(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.variables, capture_output=True, text=True, check=False
        )

    def good(self, *arguments: str) -> str:
        done = self.kravkoll(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def up(self, *arguments: str) -> Iterator[str]:
        """`city up`, and all that it says before it waits; it must end cleanly."""
        process = subprocess.Popen(
            self.command("city", "up", *arguments),
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.strip() == LAST:
                    break
            else:
                pytest.fail(f"{said}{process.communicate()[1]}")
            yield said
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def addresses(said: str) -> dict[str, str]:
    """What each address is for, and the address."""
    return dict(re.findall(r"^  (\S.*?)  +(https://\S+)$", said, re.MULTILINE))


def test_what_was_registered_yesterday_works_today(house: House, tmp_path: Path) -> None:
    out = tmp_path / "handover"
    house.good("city", "register", "--environment", "test", "--supplier", "tempus", "--out", str(out))
    settings = json.loads((out / "tempus.json").read_text())
    secret = out / "tempus.secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    with house.up("--environment", "test") as first:
        told = addresses(first)
        assert told["authorisation server"] == settings["issuer"]
        assert told["register (SS 12000)"] == settings["register"]
        context = ssl.create_default_context(cafile=out / "ca.pem")
        with httpx.Client(verify=context, trust_env=False) as web:
            form = {"grant_type": "client_credentials", "resource": settings["resource"][0]}
            token = web.post(
                settings["token_endpoint"], data=form, auth=("tempus", secret.read_text().strip())
            ).json()["access_token"]
            answer = web.get(f"{settings['register']}/persons", headers={"Authorization": f"Bearer {token}"})
            assert answer.json()["data"]
            metadata = web.get(settings["saml_metadata"]).text
        assert settings["saml_entity_id"] in metadata
    with house.up("--environment", "test") as second:
        assert addresses(second) == told
        assert "CHANGED" not in second
    before = {path.name: path.read_bytes() for path in out.iterdir() if "metadata" not in path.name}
    house.good("city", "register", "--environment", "test", "--supplier", "tempus", "--out", str(out))
    assert {name: (out / name).read_bytes() for name in before} == before


def test_both_languages_say_what_goes_where(house: House, tmp_path: Path) -> None:
    out = tmp_path / "handover"
    house.good("city", "register", "--supplier", "tempus", "--out", str(out))
    for language, word in (("sv", "Vad som ska in var"), ("en", "What goes where")):
        text = (out / f"README.{language}.md").read_text(encoding="utf-8")
        assert word in text
        assert "tempus.key.pem" in text
        assert (out / "tempus.secret").read_text().strip() not in text


def test_a_run_uses_the_same_addresses_and_says_who_has_the_port(house: House) -> None:
    run = (
        "run",
        "--env",
        "test",
        "--supplier",
        "tempus",
        "--row",
        "ROU-DOC-01@tempus/secure-development-routine",
    )
    with house.up("--environment", "test") as said:
        told = addresses(said)
        done = house.kravkoll(*run)
        assert done.returncode == 4
        assert "taken by this city itself: `kravkoll city up`" in done.stderr
        assert "Traceback" not in done.stderr
    ports = json.loads((house.root / "state/test/ports.json").read_text())
    done = house.kravkoll(*run, "--out", str(house.root / "run"))
    assert (house.root / "run/results.jsonl").exists(), done.stderr
    assert json.loads((house.root / "state/test/ports.json").read_text()) == ports
    with house.up("--environment", "test") as again:
        assert addresses(again) == told


def test_what_a_supplier_hands_in_is_kept(house: House, tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256", auto_kid=True)
    (tmp_path / "sp.xml").write_text(METADATA)
    (tmp_path / "keys.json").write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    said = house.good("city", "add", "--saml-metadata", str(tmp_path / "sp.xml"))
    assert "https://lampan.invalid/sp" in said
    said = house.good(
        "city", "add", "--client", "tempus", "--jwks", str(tmp_path / "keys.json"),
        "--redirect-uri", "https://lampan.invalid/cb",
    )  # fmt: skip
    assert "a key of its own" in said
    out = tmp_path / "handover"
    house.good("city", "register", "--supplier", "tempus", "--out", str(out))
    assert not list(out.glob("*.key.pem"))
    assert json.loads((out / "tempus.json").read_text())["redirect_uris"] == ["https://lampan.invalid/cb"]


def test_what_cannot_be_used_is_said_with_its_fix(house: House, tmp_path: Path) -> None:
    private = ECKey.generate_key("P-256", auto_kid=True).as_dict(private=True)
    (tmp_path / "private.json").write_text(json.dumps({"keys": [private]}))
    (tmp_path / "garbage").write_text("{}")
    for arguments, said in (
        (("--saml-metadata", str(tmp_path / "garbage")), "is no SAML metadata"),
        (("--client", "tempus", "--jwks", str(tmp_path / "private.json")), "holds a private key"),
        (("--client", "tempus", "--jwks", str(tmp_path / "garbage")), "is no JWK set"),
        (("--client", "tempus", "--redirect-uri", "http://lampan.invalid/cb"), "is no redirect URI"),
        (("--saml-metadata", "https://lampan.invalid/metadata"), "authorisation.missing"),
        (("--saml-metadata", str(tmp_path / "nowhere")), "cannot be read"),
        (("--jwks", "x"), "name --saml-metadata, or --client"),
        ((), "name --saml-metadata, or --client"),
        (("--client", "x", "--environment", "demo"), "throws its city away"),
    ):
        done = house.kravkoll("city", "add", *arguments)
        assert done.returncode == 4, done.stdout + done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_name_and_a_certificate_of_the_citys_own(house: House, tmp_path: Path) -> None:
    authority = CertificateAuthority.create("Everybody's")
    pair = authority.issue(("localhost",))
    (house.root / "contracts/environments/chain.pem").write_bytes(pair.chain_pem)
    (house.root / "contracts/environments/key.pem").write_bytes(pair.key_pem)
    own = "city: {public_name: localhost, certificate: chain.pem, key: 'file:key.pem'}\n"
    with house.up("--environment", "test") as before:
        assert "//127.0.0.1:" in addresses(before)["register (SS 12000)"]
    house.environment("test", TEST + own)
    with house.up("--environment", "test") as said:
        told = addresses(said)
        assert said.count("CHANGED") == 4  # entity id stays
        (tmp_path / "theirs.pem").write_bytes(authority.anchor_pem)
        context = ssl.create_default_context(cafile=tmp_path / "theirs.pem")
        for url in (told["login, SAML metadata"], f"{told['register (SS 12000)']}/organisations"):
            assert url.startswith("https://localhost:")
            assert httpx.get(url, verify=context, trust_env=False).status_code in {200, 401}
        assert _readable(house, told["register (SS 12000)"], context)


def _readable(house: House, register: str, context: ssl.SSLContext) -> bool:
    """Whether the register lets in a token: it must itself trust the city's certificate for that."""
    out = house.root / "handover"
    house.good("city", "register", "--environment", "test", "--supplier", "tempus", "--out", str(out))
    settings = json.loads((out / "tempus.json").read_text())
    with httpx.Client(verify=context, trust_env=False) as web:
        secret = (out / "tempus.secret").read_text().strip()
        form = {"grant_type": "client_credentials", "resource": settings["resource"][0]}
        token = web.post(settings["token_endpoint"], data=form, auth=("tempus", secret)).json()[
            "access_token"
        ]
        answer = web.get(f"{register}/persons", headers={"Authorization": f"Bearer {token}"})
        return answer.is_success


def test_flags_say_the_same_as_the_file(house: House) -> None:
    with house.up("--public-name", "localhost") as said:
        assert addresses(said)["authorisation server"].startswith("https://localhost:")
    done = house.kravkoll("city", "up", "--port", "registr=8443")
    assert done.returncode == 4
    assert "did you mean 'register'?" in done.stderr
