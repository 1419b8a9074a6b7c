"""What is told before a run: each obstacle is somebody's, and nothing is contacted without permission."""

import os
import re
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kravkoll.checks.subject import verifying_context
from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.city.city import City
from kravkoll.city.doors import Doors
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import PACKAGE, Layout, packaged
from kravkoll.contracts.model import CitySide, Deployment, Environment, Interface, Place, System, Text
from kravkoll.contracts.workspace import load_trusted
from kravkoll.runner import city_side, readiness
from kravkoll.runner.readiness import agreed, network, own_side
from kravkoll.runner.readiness.condition import Condition, State
from kravkoll.runner.readiness.network import Seen
from kravkoll.runner.readiness.telling import told, words
from kravkoll.serving.loopback import Loopback

CAST: Any = SimpleNamespace(people={"guardian-a": None, "child-a1": None})
NOW = datetime.now().astimezone()
NOBODY: Any = SimpleNamespace(people={})


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def codes(conditions: Any) -> dict[str, Condition]:
    return {one.code: one for one in conditions}


def environment(place: Place, **facts: Any) -> Environment:
    hooks = facts.pop("hooks", {})
    systems = {"lampan": Deployment(interfaces={"api": place}, hooks=hooks)}
    return Environment(id="test", kind="test", register="lampan", systems=systems, **facts)


def system(**capabilities: Any) -> System:
    named = {name.replace("_", "."): settings for name, settings in capabilities.items()}
    interface = Interface(id="api", kind="api", capabilities=named)  # type: ignore[arg-type]  # known names
    return System(id="lampan", name="Lampan", functions=Text(sv="Läsår", en="Years"), interfaces=(interface,))


def of_places(place: Place, folder: Path, *, hooks: Any = None, **capabilities: Any) -> dict[str, Condition]:
    made = environment(place, hooks=hooks or {})
    return codes(agreed.places(made, {"lampan": system(**capabilities)}, folder, CAST))


class TestWords:
    def emitted(self) -> set[str]:
        text = "".join(
            path.read_text(encoding="utf-8") for path in (PACKAGE / "runner/readiness").glob("*.py")
        )
        direct = set(re.findall(r'(?:ready|noted|not_ready|unseen|tell)\(\s*"([a-z.]+)"', text))
        return (
            direct
            | {"folder.output", "folder.state", "program.chromium", "program.nginx"}
            | set(re.findall(r'tell = "([a-z.]+)" if .* else "[a-z.]+"', text))
            | set(re.findall(r'tell = "[a-z.]+" if .* else "([a-z.]+)"', text))
        )

    def test_every_code_has_words_and_every_word_a_code(self) -> None:
        assert self.emitted() == set(words())

    def test_both_languages_are_filled_with_the_same(self) -> None:
        for code, entry in words().items():
            for sentence in entry.values():
                fields = [
                    {name for _, name, _, _ in Formatter().parse(sentence[lang])} for lang in ("sv", "en")
                ]
                assert fields[0] == fields[1], code

    def test_what_is_not_ready_has_an_owner_and_a_next_step(self) -> None:
        line = told(
            Condition("secret.missing", State.NOT_READY, "configuration", {"reference": "env:X"}), "sv"
        )
        assert (line.state, line.owner) == ("inte klart", "Den som ansvarar för miljöfilen")
        assert "env:X" in line.says
        assert line.does


class TestSecrets:
    def test_they_are_named_and_never_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LAMPAN_SECRET", "hush-hush")
        condition = agreed.secret("env:LAMPAN_SECRET", tmp_path)
        assert condition.state is State.READY
        assert "hush" not in repr(condition) + repr(told(condition, "en"))
        monkeypatch.setenv("LAMPAN_SECRET", "")
        assert agreed.secret("env:LAMPAN_SECRET", tmp_path).code == "secret.missing"

    @pytest.mark.skipif(os.name != "posix", reason="rights of files are told otherwise there")
    def test_a_file_that_others_can_read_is_not_ready(self, tmp_path: Path) -> None:
        file = tmp_path / "key"
        file.write_text("x")
        file.chmod(0o640)
        assert agreed.secret("file:key", tmp_path).code == "secret.open"
        file.chmod(0o600)
        assert agreed.secret("file:key", tmp_path).code == "secret"
        file.write_bytes(b"\xff\xfe\x00")
        assert agreed.secret("file:key", tmp_path).code == "secret.unreadable"


class TestWhatTheEnvironmentSays:
    def test_addresses_accounts_and_hooks(self, tmp_path: Path) -> None:
        found = of_places(Place(), tmp_path, accounts={"gaurdian-a": "1"}, seed={"hook": "seed"})
        assert found["address"].hinders
        assert "did you mean 'guardian-a'?" in found["accounts.unknown"].facts["meant"]
        assert found["hook.absent"].facts["hook"] == "seed"

    def test_a_command_must_exist_and_is_not_run(self, tmp_path: Path) -> None:
        script, trace = tmp_path / "seed.sh", tmp_path / "trace"
        script.write_text(f"#!/bin/sh\ntouch {trace}\n")
        script.chmod(0o755)
        place = Place(url="https://127.0.0.1:1")
        found = of_places(place, tmp_path, hooks={"seed": (str(script),)}, seed={"hook": "seed"})
        assert found["hook"].state is State.READY
        assert "hook.absent" not in found
        assert not trace.exists()
        script.chmod(0o644)
        assert "hook.command" in of_places(place, tmp_path, hooks={"seed": (str(script),)})

    def test_a_host_without_permission_is_told_of_and_not_even_looked_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        look_up = socket.getaddrinfo

        def note(host: Any, *rest: Any, **more: Any) -> Any:
            asked.append(str(host))
            return look_up(host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", note)
        workspace = load_trusted(Layout(packaged()))
        made = Environment(
            id="nowhere", kind="test", register="ber",
            systems={"ber": Deployment(interfaces={"api": Place(url="https://register.city.invalid")})},
        )  # fmt: skip
        found = codes(readiness.conditions(workspace, made, ""))
        assert found["host.permitted"].facts["host"] == "register.city.invalid"
        assert "register.city.invalid" not in asked


class TestNetwork:
    def test_a_good_host_is_reached_and_its_clock_read(self, loopback: Loopback) -> None:
        authority = CertificateAuthority.create()

        async def hello(_request: Request) -> Response:
            return PlainTextResponse("hello", headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT"})

        app = Starlette(routes=[Route("/", hello)])
        with loopback.serve(app, context=authority.issue().server_context()) as served:
            seen = network.look(served.url, authority.anchor_pem, 2)
        assert seen.verified
        assert seen.skew is not None
        assert seen.skew < -1000
        assert codes(network.conditions([seen], "-"))["clock.either"].whose == "harness"

    def test_a_foreign_issuer_is_named(self, loopback: Loopback) -> None:
        theirs = CertificateAuthority.create("Somebody")
        with loopback.serve(Starlette(), context=theirs.issue().server_context()) as served:
            seen = network.look(served.url, CertificateAuthority.create().anchor_pem, 2)
        assert (seen.verified, seen.untrusted) == (False, True)
        assert "Somebody" in seen.issuer
        assert codes(network.conditions([seen], "anchors.pem"))["host.certificate"].whose == "configuration"

    def test_a_lapsed_certificate_is_the_suppliers(self, loopback: Loopback) -> None:
        authority = CertificateAuthority.create()
        with loopback.serve(
            Starlette(), context=authority.issue(variation="expired").server_context()
        ) as served:
            seen = network.look(served.url, authority.anchor_pem, 2)
        assert codes(network.conditions([seen], "-"))["host.certificate"].whose == "supplier"

    def test_plaintext_where_tls_is_declared_is_no_certificate(self, loopback: Loopback) -> None:
        with loopback.serve(Starlette()) as served:
            seen = network.look(served.url.replace("http:", "https:"), b"", 2)
        assert seen.hindrance is not None
        assert seen.hindrance[1] == "transport.no-tls"

    def test_a_closed_port_is_the_suppliers(self, loopback: Loopback) -> None:
        with loopback.serve(Starlette()) as served:
            url = served.url
        seen = network.look(url, b"", 2)
        assert seen.hindrance is not None
        assert seen.hindrance[:2] == ("supplier", "subject.unreachable")

    @pytest.mark.parametrize(
        ("seen", "code", "whose"),
        [
            (
                [Seen("a.one.example", 443, issuer="CN=Zscaler Root CA,O=Zscaler Inc.")],
                "host.intercepted",
                "network",
            ),
            (
                [Seen("a.x.se", 443, issuer="CN=Box", verified=False, untrusted=True)],
                "host.certificate",
                "configuration",
            ),
            (
                [
                    Seen(name, 443, issuer="CN=Box", verified=False, untrusted=True)
                    for name in ("a.one.example", "b.two.test")
                ],
                "host.intercepted",
                "network",
            ),
            (
                [
                    Seen(name, 443, issuer="CN=Box", verified=False, untrusted=True)
                    for name in ("a.x.se", "b.x.se")
                ],
                "host.certificate",
                "configuration",
            ),
            ([Seen("a.x.se", 443, hindrance=("network", "network.dns", "?"))], "host.reached", "network"),
        ],
    )
    def test_whose_an_obstacle_is(self, seen: list[Seen], code: str, whose: str) -> None:
        assert codes(network.conditions(seen, "-"))[code].whose == whose

    @pytest.mark.parametrize(
        ("skews", "code", "whose"),
        [
            ([0.4, -1.0], "clock", "harness"),
            ([300.0, 301.0, 299.0], "clock", "harness"),
            ([0.0, 1.0, 300.0], "clock.theirs", "supplier"),
            ([300.0], "clock.either", "harness"),
            ([None], "clock.unseen", "harness"),
            ([], "clock.alone", "harness"),
        ],
    )
    def test_whose_clock_is_wrong(self, skews: list[float | None], code: str, whose: str) -> None:
        seen = [Seen(f"{number}.example", 443, skew=skew) for number, skew in enumerate(skews)]
        assert codes(network.conditions(seen, "-"))[code].whose == whose


class TestOwnSide:
    def made(self, **side: Any) -> Environment:
        return environment(Place(url="https://lampan.example"), city=CitySide(**side))

    def test_loopback_is_not_enough_for_a_system_elsewhere(self, tmp_path: Path) -> None:
        condition = codes(own_side.conditions(self.made(), tmp_path))["city.loopback"]
        assert (condition.state, condition.facts["hosts"]) == (State.NOT_READY, "lampan.example")

    def test_a_public_name_needs_a_listener(self, tmp_path: Path) -> None:
        assert "city.bind" in codes(own_side.conditions(self.made(public_name="city.invalid"), tmp_path))
        open_to_all = self.made(public_name="city.invalid", bind="0.0.0.0")  # noqa: S104  # said, never opened
        assert codes(own_side.conditions(open_to_all, tmp_path))["city.name"].whose == "network"

    def test_a_certificate_must_be_for_the_name(self, tmp_path: Path) -> None:
        pair = CertificateAuthority.create().issue(("other.example",))
        (tmp_path / "chain.pem").write_bytes(pair.chain_pem)
        (tmp_path / "key.pem").write_bytes(pair.key_pem)
        side = {"public_name": "city.invalid", "certificate": "chain.pem", "key": "file:key.pem"}
        assert codes(own_side.conditions(self.made(**side), tmp_path))["city.names"].hinders
        covered = self.made(**side | {"public_name": "other.example"})
        assert not codes(own_side.conditions(covered, tmp_path))["city.names"].hinders
        without_key = self.made(**side | {"key": "env:NOT_THERE_AT_ALL"})
        assert codes(own_side.conditions(without_key, tmp_path))["city.certificate"].hinders

    def test_a_port_is_free_ours_or_somebody_elses(
        self, loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KRAVKOLL_STATE", str(tmp_path))
        made = environment(Place(url="https://127.0.0.1:1"))
        place = tmp_path / made.id
        assert "ports.unchosen" in codes(own_side.conditions(made, tmp_path))
        with City.start(loopback, place, NOBODY, made.id):
            assert codes(own_side.conditions(made, tmp_path))["port.ours"].state is State.NOTED
            with pytest.raises(ConfigurationError, match=r"city itself: `kravkoll city up`"):
                city_side.require_free(made, tmp_path)
        found = codes(own_side.conditions(made, tmp_path))
        assert found["port"].state is State.READY
        city_side.require_free(made, tmp_path)
        with loopback.serve(
            Starlette(), port=Doors().port("identity-provider", City.kept(place, NOBODY, "t").state)
        ):
            assert codes(own_side.conditions(made, tmp_path))["port.taken"].hinders
            with pytest.raises(ConfigurationError, match="another program"):
                city_side.require_free(made, tmp_path)


def test_httpx_and_we_agree_on_what_is_trusted(loopback: Loopback) -> None:
    """The doctor's own look must not be kinder or harsher than the checks'."""
    authority = CertificateAuthority.create()
    with loopback.serve(
        Starlette(), context=authority.issue(variation="wrong-host").server_context()
    ) as served:
        seen = network.look(served.url, authority.anchor_pem, 2)
        with pytest.raises(httpx.ConnectError):
            httpx.get(served.url, verify=verifying_context(authority.anchor_pem), trust_env=False)
    assert not seen.verified
    assert not seen.untrusted
