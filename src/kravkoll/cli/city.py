"""`kravkoll city`: the city's own side for a supplier's developer, the same from day to day."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.errors import ConfigurationError, near
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load

if TYPE_CHECKING:
    from kravkoll.city.city import City
    from kravkoll.contracts.model import Environment
    from kravkoll.contracts.workspace import Workspace

environment_option = click.option(
    "--environment",
    "--env",
    "name",
    default="local",
    help="Environment that is kept; this machine's own if silent.",
)


@click.group()
def command() -> None:
    """The city that a supplier installs its product against: register, tokens, login.

    Keys, addresses and registrations are kept in KRAVKOLL_STATE, one folder an environment.
    """


@command.command("up")
@environment_option
@click.option("--public-name", help="Host name that suppliers reach it by.")
@click.option("--bind", help="Address to listen on; 0.0.0.0 for all of this machine's.")
@click.option("--port", "ports", multiple=True, metavar="PARTY=PORT", help="Port of a party (repeatable).")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM chain for the public name.")
@click.option("--key", type=click.Path(path_type=Path), help="Its private key, PEM.")
@workspace_option
def up(layout: Layout, name: str, **given: Any) -> int:
    """Answer as the city until Ctrl-C, at the same addresses as last time."""
    from kravkoll.cli.waiting import until_told, wait  # noqa: PLC0415  # beside its only use
    from kravkoll.runner import hosting  # noqa: PLC0415  # `--help` need not load the city

    workspace = load(layout)
    found = hosting.environment_of(workspace, name)
    environment = _with_flags(found, **given)
    with until_told() as enough, hosting.up(workspace, environment) as running:
        for line in _told(workspace, environment, running.ground.city):
            click.echo(line)
        if environment != found and name in workspace.environments:
            click.echo(
                f"Write the same under city in contracts/environments/{name}.yaml, "
                "or runs will answer elsewhere."
            )
        click.echo("\nCtrl-C ends it; keys, addresses and registrations stay.")
        wait(enough)
    return 0


@command.command("register")
@environment_option
@click.option("--supplier", required=True, help="Supplier of contracts/suppliers/.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to hand over.")
@workspace_option
def register(layout: Layout, name: str, supplier: str, out: Path) -> int:
    """Write what a supplier installs: addresses, metadata, client settings and keys, and what goes where."""
    from kravkoll.runner import handover, hosting  # noqa: PLC0415  # as above

    workspace = load(layout)
    environment = hosting.environment_of(workspace, name)
    for one in handover.write(workspace, environment, supplier, out):
        click.echo(f"  {out / one.name}{'  (secret: for its owner alone)' if one.secret else ''}")
    click.echo(f"Hand over {out} by a way that nobody else can read; README.sv.md says what goes where.")
    return 0


@command.command("add")
@environment_option
@click.option("--saml-metadata", help="A system's SAML metadata: file or address.")
@click.option("--client", default="", help="Client id of a system; its id in contracts/suppliers/.")
@click.option("--jwks", help="The client's own public keys, as a JWK set: file or address.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="For OpenID Connect login (repeatable).")
@click.option("--post-logout-redirect-uri", "after_logout", multiple=True, help="After logout (repeatable).")
@click.option("--public", is_flag=True, help="The client can keep no secret, such as an app: PKCE alone.")
@workspace_option
def add(layout: Layout, name: str, **given: Any) -> int:
    """Register what a supplier hands in. It stays registered, also while `city up` runs."""
    from kravkoll.runner import hosting  # noqa: PLC0415  # as above

    workspace = load(layout)
    environment = hosting.environment_of(workspace, name)
    if not given["saml_metadata"] and not given["client"]:
        raise click.UsageError("name --saml-metadata, or --client with --jwks or --redirect-uri")
    if not given["client"] and (given["jwks"] or given["redirect_uris"]):
        raise click.UsageError("--jwks and --redirect-uri belong to a client; name it with --client")
    city = hosting.kept(workspace, environment)
    if place := given["saml_metadata"]:
        content = hosting.document(workspace, environment, place)
        click.echo(f"SAML service provider {hosting.add_service_provider(city, content, place)}")
    if given["client"]:
        _add_client(workspace, environment, city, given)
    return 0


def _add_client(
    workspace: "Workspace", environment: "Environment", city: "City", given: dict[str, Any]
) -> None:
    from kravkoll.city.openid_messages import RelyingParty  # noqa: PLC0415  # as above
    from kravkoll.runner import hosting  # noqa: PLC0415  # as above

    keys, place = None, given["jwks"]
    if place:
        keys = hosting.public_keys(hosting.document(workspace, environment, place), place)
    if given["redirect_uris"]:
        party = RelyingParty(
            given["client"], given["redirect_uris"], given["after_logout"], public=given["public"]
        )
        hosting.add_relying_party(city, party)
        click.echo(f"OpenID Connect client {party.id}: {', '.join(party.redirect_uris)}")
    if not given["public"]:
        client = hosting.add_client(workspace, environment, city, given["client"], keys)
        whose = "a key of its own" if client.public_keys else "key and secret made here"
        click.echo(
            f"client {client.id}: {whose}; scope {client.scope}; for {', '.join(client.audiences or ())}"
        )
    if given["client"] not in workspace.systems:
        hint = near(given["client"], workspace.systems)
        click.echo(
            f"Note: no system of the workspace has the id {given['client']!r}; {hint}".rstrip("; "), err=True
        )


def _with_flags(  # noqa: PLR0913  # each is a flag
    environment: "Environment",
    *,
    public_name: str | None,
    bind: str | None,
    ports: tuple[str, ...],
    certificate: Path | None,
    key: Path | None,
) -> "Environment":
    """The environment with what the command line says on top."""
    given: dict[str, Any] = {"public_name": public_name, "bind": bind}
    if certificate:
        given["certificate"] = str(certificate.absolute())
    if key:
        given["key"] = f"file:{key.absolute()}"
    if ports:
        given["ports"] = {**environment.city.ports, **dict(map(_port, ports))}
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(environment, city=replace(environment.city, **chosen))


def _port(text: str) -> tuple[str, int]:
    """`register=8443`."""
    from kravkoll.contracts.model import CityParty  # noqa: PLC0415  # pydantic takes 0.1 s

    party, _, number = text.partition("=")
    known = get_args(CityParty.__value__)
    if party not in known:
        raise ConfigurationError(f"--port {text}: no party {party!r}; {near(party, known)}")
    if not number.isdigit() or not 0 < int(number) < 65536:
        raise ConfigurationError(f"--port {text}: write a port, such as {party}=8443")
    return party, int(number)


def _told(workspace: "Workspace", environment: "Environment", city: "City") -> Iterator[str]:
    from kravkoll.runner import hosting  # noqa: PLC0415  # as above

    addresses = hosting.Addresses.of(city, hosting.register_url(workspace, environment, city))
    anchor = city.state.directory / "ca.pem"
    anchor.write_bytes(city.ca.anchor_pem)
    yield f"The city of environment {environment.id!r} answers. All people in it are invented."
    yield f"  register (SS 12000)       {addresses.register or '-'}"
    yield f"  authorisation server      {addresses.authorisation_server}"
    yield f"  login, SAML metadata      {addresses.saml_metadata}"
    yield f"  login, SAML entityID      {addresses.entity_id}"
    yield f"  login, OpenID issuer      {addresses.openid_issuer}"
    yield f"  root certificate          {anchor}"
    for name, before, now in hosting.changed(city, addresses):
        shown = name.replace("_", " ")
        yield f"CHANGED: {shown} was {before} last time and is {now}. Tell every registered supplier."
    flag = f" --environment {environment.id}" if environment.id != hosting.LOCAL else ""
    yield "\nIn another window"
    yield f"  kravkoll city register{flag} --supplier ID --out FOLDER    what to hand over"
    yield f"  kravkoll city add{flag} --saml-metadata FILE               what a supplier hands in"
    yield f"  kravkoll city add{flag} --client ID --redirect-uri URI"
