"""`kravkoll mock`: one simulated system to try against, honest or with one fault."""

import itertools
import os
import shlex
import socket
import ssl
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace

if TYPE_CHECKING:
    from kravkoll.runner.platform import Platform

TOKEN_SECONDS = 12 * 3600
CLIENT = "city"
USERS = ("guardian-a", "child-a1", "teacher-x", "principal")
"""Of the synthetic people: some to begin with."""
COMMON = ("organisations", "persons", "groups")
"""Resources that most know."""
SHOWN = 2
"""Lists that are shown to try."""
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # nosec B104  # what the person asked for


@click.command()
@click.argument("name", required=False)
@click.option("--fault", default="", help="Start it with this defect; `--list NAME` names them.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; any that is free if silent.")
@click.option("--host", default="127.0.0.1", help="Address to listen on; this machine alone if silent.")
@click.option("--list", "listing", is_flag=True, help="Name the systems, or the faults of one.")
@click.option("--language", type=click.Choice(["sv", "en"]), default="en")
@workspace_option
def command(  # noqa: PLR0913, PLR0917  # click hands over every option
    layout: Layout, name: str | None, fault: str, port: int, host: str, language: str, *, listing: bool
) -> int:
    """Start one simulated system with the city around it, and tell where everything is.

    It runs until Ctrl-C and then leaves nothing behind.
    """
    from kravkoll.cli.waiting import until_told, wait  # noqa: PLC0415  # beside its only use
    from kravkoll.runner import alone  # noqa: PLC0415  # `--help` need not load the city

    if name is None and not listing:
        raise click.UsageError("name a simulated system; `kravkoll mock --list` shows which there are")
    if name is not None:
        alone.file_of(layout, name)
    workspace = alone.workspace_for(layout, name or "")
    if listing or name is None:
        return _list(workspace, layout, name, language)
    alone.require_fault(workspace, name, fault)
    environment = alone.environment_for(layout, name, host, _called(host))
    with until_told() as enough, alone.alone(workspace, environment, name, fault, port) as running:
        for line in _told(running, name, fault, language):
            click.echo(line)
        wait(enough)
    return 0


def _says(language: str) -> dict[str, str]:
    """The words of mock.yaml in one language."""
    read = yaml.safe_load(files("kravkoll.cli").joinpath("mock.yaml").read_text(encoding="utf-8"))
    return {name: sentence[language] for name, sentence in read.items()}


def _called(host: str) -> str:
    """What others call this machine, where it listens on all its addresses."""
    return socket.getfqdn() if host in EVERYWHERE else host


def _list(workspace: Workspace, layout: Layout, name: str | None, language: str) -> int:
    from kravkoll.contracts import documents  # noqa: PLC0415  # beside its only use
    from kravkoll.runner import alone  # noqa: PLC0415  # as above

    systems = alone.names(layout) if name is None else (name,)
    for system in systems:
        title = documents.read(alone.file_of(layout, system), f"mocks/{system}.yaml").data["name"]
        known = alone.faults_of(workspace, system)
        click.echo(f"{system}  {title}  ({len(known)} faults)")
        for fault in known:
            click.echo(f"  {fault:<32}  {workspace.faults[fault].sentence.in_language(language)}")
    return 0


def _told(running: "Platform", name: str, fault: str, language: str) -> Iterator[str]:
    says, city = _says(language), running.ground.city
    standin = running.running[name]
    yield says["simulated"].format(name=name)
    if fault:
        sentence = running.ground.workspace.faults[fault].sentence.in_language(language)
        yield says["fault"].format(fault=fault, sentence=sentence)
    else:
        yield says["honest"].format(name=name)
    yield f"\n{says['addresses']}"
    for (system, interface), url in sorted(running.addresses.items(), key=lambda place: place[0][0] != name):
        if interface != "client":
            yield f"  {f'{system} {interface}':<28}{url}"
    yield f"  {'authorisation server':<28}{city.authorisation_server.issuer}"
    yield f"  {'identity provider (SAML)':<28}{city.identity_provider.metadata_url}"
    yield f"  {'login, OpenID issuer':<28}{city.openid_provider.issuer}"
    yield from _window(running, name, says)
    if "login" in standin.addresses:
        yield from _login(running, name, says)
    yield f"\n{says['end']}"


def _window(running: "Platform", name: str, says: dict[str, str]) -> Iterator[str]:
    """Files, and lines for a shell that work as they stand."""
    city, described = running.ground.city, _described(running, name)
    anchor = _file(running.ground.folder / "ca.pem", city.ca.anchor_pem)
    agreed = _agreed(running, name, described)
    curl = f"curl --cacert {shlex.quote(str(anchor))}"
    if agreed is None:
        yield f"\n{says['files']}"
        yield f"  {anchor}  {says['anchor']}"
        yield f"\n{says['try']}"
        yield f'  {curl} -I "{running.running[name].url}/"'
        return
    tokens = city.authorisation_server
    token = tokens.token(CLIENT, agreed["audience"], agreed["scope"], expires_in=TOKEN_SECONDS)
    header = _file(running.ground.folder / "authorization", f"Authorization: Bearer {token}\n".encode())
    shown = _client_certificate(running) if described.get("api", {}).get("client_certificate") else None
    yield f"\n{says['files']}"
    yield f"  {anchor}  {says['anchor']}"
    yield f"  {header}  {says['token'].format(client=CLIENT)}"
    if shown:
        yield f"  {shown}  {says['certificate']}"
    yield f"\n{says['try']}"
    yield from _asking(running, name, agreed, token, f"{curl} -H @{shlex.quote(str(header))}", shown)
    client = tokens.register_client(CLIENT, scope=agreed["scope"], audiences=(agreed["audience"],))
    asked = f'-u "{CLIENT}:{client.secret}" -d grant_type=client_credentials -d scope={agreed["scope"]}'
    yield f'  {curl} {asked} -d resource={agreed["audience"]} "{tokens.issuer}/token"'


def _asking(  # noqa: PLR0913, PLR0917  what a line is made of
    running: "Platform", name: str, agreed: dict[str, str], token: str, curl: str, shown: Path | None
) -> Iterator[str]:
    """What can be asked with a token: lists, an export, and that it fetches from its sources."""
    standin = running.running[name]
    certificate = f" --cert {shlex.quote(str(shown))}" if shown else ""
    for url in _readable(running, name, agreed, token, shown):
        yield f'  {curl}{certificate} "{url}"'
    if "export" in standin.addresses:
        yield f'  {curl} -X POST "{standin.addresses["export"]}/exports"'
    if "sync" in standin.hooks:
        yield f'  {curl} -X POST "{standin.url}/hooks/sync"'


def _client_certificate(running: "Platform") -> Path:
    """The city's certificate with its key, in a file."""
    from kravkoll.city.client_certificate import client_pair  # noqa: PLC0415  # with the city, not for --help

    pair = client_pair(running.ground.city.ca, running.ground.city.state)
    return _file(running.ground.folder / "city.pem", pair.chain_pem + pair.key_pem)


def _described(running: "Platform", name: str) -> dict[str, dict[str, Any]]:
    """The interfaces of the system's file."""
    from kravkoll.contracts import documents  # noqa: PLC0415  # as above
    from kravkoll.runner import alone  # noqa: PLC0415  # as above

    file = alone.file_of(running.ground.workspace.layout, name)
    interfaces = documents.read(file, f"mocks/{name}.yaml").data["interfaces"]
    return {interface: settings or {} for interface, settings in interfaces.items()}


def _agreed(running: "Platform", name: str, described: dict[str, dict[str, Any]]) -> dict[str, str] | None:
    """Audience and scope of a token for the system, and a path to ask for; None where it takes no tokens."""
    audiences = [
        described[one]["audience"] for one in ("api", "export") if "audience" in described.get(one, {})
    ]
    if not audiences:
        return None
    known = running.ground.workspace.systems.get(name)
    settings = [one.capabilities.get("api.token", {}) for one in (known.interfaces if known else ())]
    told = {part: str(value) for one in settings for part, value in one.items()}
    return {"scope": "ss12000.read"} | told | {"audience": str(audiences[0])}


def _readable(
    running: "Platform", name: str, agreed: dict[str, str], token: str, shown: Path | None
) -> Iterator[str]:
    """Lists that answer now, some two; where a fault lets none answer, the first all the same."""
    base = running.running[name].addresses.get("api")
    if base is None:
        return
    tables = running.running[name].store.now.tables
    held = [one for one in dict.fromkeys((*COMMON, *tables)) if tables.get(one)] or list(COMMON[:1])
    urls = (
        [base + agreed["path"]] if "path" in agreed else [f"{base}/{resource}?limit=2" for resource in held]
    )
    context = ssl.create_default_context(cadata=running.ground.city.ca.anchor_pem.decode("ascii"))
    if shown:
        context.load_cert_chain(shown)
    answering = (url for url in urls if _answers(url, token, context))
    yield from tuple(itertools.islice(answering, SHOWN)) or urls[:1]


def _answers(url: str, token: str, context: ssl.SSLContext) -> bool:
    import httpx  # noqa: PLC0415  # as above

    headers = {"Authorization": f"Bearer {token}"}
    try:
        return httpx.get(url, headers=headers, verify=context, trust_env=False, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _login(running: "Platform", name: str, says: dict[str, str]) -> Iterator[str]:
    base = running.running[name].addresses["login"]
    people = running.ground.cast.people
    users = ", ".join(user for user in USERS if user in people)
    yield f"\n{says['login']}"
    yield f"  {says['browser'].format(url=f'{base}/')}"
    yield f"  {says['users'].format(users=users)}"
    known = running.ground.workspace.systems.get(name)
    for interface in known.interfaces if known else ():
        path = interface.capabilities.get("login.subject", {}).get("path")
        if path:
            yield f"  {says['who'].format(url=f'{base}{path}')}"


def _file(path: Path, content: bytes) -> Path:
    """For its owner alone: a token opens doors."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    return path
