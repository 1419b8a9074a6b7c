"""`kravkoll init`: a workspace for another city, that validates and runs at once."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.model import AREAS

if TYPE_CHECKING:
    from kravkoll.contracts.model import Requirement

INTERFACES = ("api", "login", "web", "export", "delivery")
USUAL = ("api", "login")
USUAL_AREAS = ("encryption", "login", "schema")
ON_PAPER = frozenset({"routines", "data_rights"})
"""Areas whose demands are met by documents for the most part: taken where such an area is chosen."""
SCHOOL_FORMS = ("FS", "GR", "GY", "VUX")
TEST = "test"
RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)")
"""Names that no file may have on Windows, whatever its ending."""
LONGEST_ID = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the workspace is for, as told by flags or in answers."""

    city: str
    supplier: str
    system: str
    url: str
    register_url: str
    agreement: str
    interfaces: tuple[str, ...]
    areas: tuple[str, ...]
    requirements: Path | None


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--city", help="Name of the city. Without any option, everything is asked for.")
@click.option("--supplier", help="Name of the supplier.")
@click.option("--system", help="Name of the system; the supplier's if silent.")
@click.option("--url", default="", help="Address of the supplier's test environment, if it is known.")
@click.option("--register-url", default="", help="Address of the register, if the system is not it itself.")
@click.option("--agreement", default="", help="What the agreement is called, as requirements will quote it.")
@click.option(
    "--interface", "interfaces", multiple=True, type=click.Choice(INTERFACES), help="Face (repeatable)."
)
@click.option("--area", "areas", multiple=True, type=click.Choice(list(AREAS)), help="Area (repeatable).")
@click.option(
    "--requirements", type=click.Path(path_type=Path), help="Specification in Excel, instead of --area."
)
def command(folder: Path, **given: Any) -> int:
    """Write a workspace into FOLDER: what was bought, by whom, from where it is tested, and what is demanded.

    Nothing that is there already is overwritten.
    """
    wanted = _asked() if not any(given.values()) else _from_flags(**given)
    written = _written(folder, wanted)
    try:
        _complete(folder, wanted)
    except BaseException:
        for path in reversed(written):
            path.unlink()
        raise
    _tell(folder, wanted, written)
    return 0


def _asked() -> Wanted:
    """The wizard: six questions, each with what is usual."""
    city = click.prompt("The city's name (Stadens namn)")
    supplier = click.prompt("The supplier's name (Leverantörens namn)")
    system = click.prompt("The system's name (Systemets namn)", default=supplier)
    faces = click.prompt(
        f"Its interfaces, of {', '.join(INTERFACES)} (Gränssnitt)",
        default=",".join(USUAL),
        value_proc=_interfaces,
    )
    url = click.prompt(
        "Address of its test environment, if it is known (Adress)", default="", show_default=False
    )
    agreement = click.prompt("The agreement, as it is to be quoted (Avtal)", default=f"Avtal med {supplier}")
    return Wanted(city, supplier, system, url, "", agreement, faces, _usual_areas(faces), None)


def _interfaces(text: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in chosen if part not in INTERFACES]
    if unknown or not chosen:
        raise click.UsageError(f"{', '.join(unknown) or 'nothing'} is none of {', '.join(INTERFACES)}")
    return chosen


def _from_flags(  # noqa: PLR0913  # each is a flag
    *,
    city: str | None,
    supplier: str | None,
    system: str | None,
    url: str,
    register_url: str,
    agreement: str,
    interfaces: tuple[str, ...],
    areas: tuple[str, ...],
    requirements: Path | None,
) -> Wanted:
    if not city or not supplier:
        raise click.UsageError(
            "--city and --supplier are needed; without any option, everything is asked for"
        )
    if areas and requirements:
        raise click.UsageError("--area and --requirements say the same in two ways; choose one")
    faces = tuple(face for face in INTERFACES if face in (interfaces or USUAL))
    return Wanted(
        city,
        supplier,
        system or supplier,
        url,
        register_url,
        agreement or f"Avtal med {supplier}",
        faces,
        areas or _usual_areas(faces),
        requirements,
    )


def _usual_areas(interfaces: tuple[str, ...]) -> tuple[str, ...]:
    """Areas in which the chosen interfaces have something to look at."""
    without = {"login": {"login", "api"}, "schema": {"api"}}
    return tuple(area for area in USUAL_AREAS if without.get(area, set(interfaces)) & set(interfaces))


def identifier(name: str, taken: tuple[str, ...] = ()) -> str:
    """A name as ids and files have it, on Windows too: `Göteborgs Stad` is `goteborgs-stad`."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:LONGEST_ID].strip("-")
    if not made:
        raise ConfigurationError(
            f"{name!r} holds no letter a-z or digit to make an id of; write the name otherwise"
        )
    if RESERVED.fullmatch(made) or made in taken:
        made = f"{made}-system"
    return made


# -- what is written -----------------------------------------------------------------------------------------


def _written(folder: Path, wanted: Wanted) -> list[Path]:
    """Every file, or none where one of them is there already."""
    texts = dict(_texts(wanted))
    there = [name for name in texts if (folder / name).exists()]
    if (folder / "contracts").exists():
        there.insert(0, "contracts")
    if there:
        raise ConfigurationError(f"{folder} holds {', '.join(there)} already; name a new folder")
    written = []
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def _texts(wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Name in the workspace, and content."""
    facts = _facts(wanted)
    supplier, system = facts["supplier_id"], facts["system_id"]
    yield "contracts/agreements/agreements.yaml", _render("agreements.yaml", facts)
    yield f"contracts/suppliers/{supplier}.yaml", _render("supplier.yaml", facts)
    if "api" in wanted.interfaces:
        yield "contracts/flows.yaml", _render("flows.yaml", facts)
        yield f"contracts/apis/flows/{system}-data.yaml", _render("manifest.yaml", facts)
    yield "contracts/acceptance.yaml", _render("acceptance.yaml", facts)
    yield "contracts/environments/simulated.yaml", _render("simulated.yaml", facts)
    yield f"contracts/environments/{TEST}.yaml", _render("test.yaml", facts)
    yield f"mocks/{system}.yaml", _render("mock.yaml", facts | {"id": system, "name": wanted.system})
    if wanted.register_url:
        yield f"contracts/suppliers/{facts['city_id']}.yaml", _render("register.yaml", facts)
        register = {"id": "register", "name": f"{wanted.city}: register", "interfaces": ("api",)}
        yield "mocks/register.yaml", _render("mock.yaml", facts | register)
    if wanted.requirements is None:
        for area, chosen in _from_the_package(wanted).items():
            yield (
                f"contracts/requirements/{area}.yaml",
                _render("requirements.yaml", facts | {"requirements": chosen}),
            )
    yield ".gitignore", _render("gitignore", facts)
    yield "ci/azure-pipelines.yml", _render("azure.yml", facts)
    yield "ci/gitlab-ci.yml", _render("gitlab.yml", facts)
    yield "ci/github-workflow.yml", _render("github.yml", facts)
    yield "README.sv.md", _render("README.sv.md", facts)
    yield "README.en.md", _render("README.en.md", facts)


def _facts(wanted: Wanted) -> dict[str, Any]:
    supplier_id = identifier(wanted.supplier)
    system_id = identifier(wanted.system, taken=("register", *_package_systems()))
    base = (wanted.url or f"https://test.{system_id}.example").rstrip("/")
    today = date.today()  # noqa: DTZ011  # the day where the person sits
    return {
        "city": wanted.city,
        "city_id": identifier(wanted.city, taken=(supplier_id,)),
        "supplier": wanted.supplier,
        "supplier_id": supplier_id,
        "system": wanted.system,
        "system_id": system_id,
        "agreement": wanted.agreement,
        "school_forms": SCHOOL_FORMS,
        "interfaces": wanted.interfaces,
        "urls": dict.fromkeys(wanted.interfaces, base),
        "hosts": [urlsplit(base).hostname or base],
        "register_url": wanted.register_url,
        "register_id": "register" if wanted.register_url else system_id,
        "environment": TEST,
        "secret": f"{system_id.upper().replace('-', '_')}_TEST_SECRET",
        "today": today.isoformat(),
        "next_year": today.replace(year=today.year + 1, day=min(today.day, 28)).isoformat(),
    }


def _package_systems() -> Iterator[str]:
    """Simulated systems of the package's: a file of the same name would take their place."""
    yield from (path.stem for path in (packaged() / "mocks").glob("*.yaml"))


def _from_the_package(wanted: Wanted) -> Mapping[str, list["Requirement"]]:
    """The package's demands of each area that a check looks for at the chosen interfaces, or in documents."""
    from kravkoll.contracts.workspace import load_trusted  # noqa: PLC0415  # pydantic takes 0.1 s

    known = load_trusted(Layout(packaged()), only=("requirements", "checks"))
    looked_for = {
        identity
        for check in known.checks.values()
        if set(check.looks_at.interfaces) & set(wanted.interfaces)
        or (check.looks_at.documents and set(wanted.areas) & ON_PAPER)
        for identity in check.verifies
    }
    chosen: dict[str, list[Requirement]] = {}
    for requirement in known.requirements.values():
        elsewhere = requirement.applies.flows or requirement.unchecked
        if requirement.area in wanted.areas and requirement.id in looked_for and not elsewhere:
            chosen.setdefault(requirement.area, []).append(requirement)
    if not chosen:
        raise ConfigurationError(
            f"no check looks for {', '.join(wanted.areas)} at {', '.join(wanted.interfaces)}"
        )
    return chosen


def _render(name: str, facts: Mapping[str, Any]) -> str:
    import jinja2  # noqa: PLC0415  # for this command alone

    folder = files("kravkoll.cli").joinpath("new_workspace")
    environment = jinja2.Environment(  # nosec B701  # as below
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # YAML and Markdown; values are quoted
    )
    environment.filters["quoted"] = lambda value: json.dumps(str(value), ensure_ascii=False)
    return environment.from_string(folder.joinpath(f"{name}.jinja").read_text(encoding="utf-8")).render(facts)


def _complete(folder: Path, wanted: Wanted) -> None:
    """The requirements of a specification, where there is one; nothing may be wrong with what was written."""
    from kravkoll.contracts.workspace import load  # noqa: PLC0415  # as above

    if wanted.requirements is not None:
        from kravkoll.cli.import_requirements import command as read  # noqa: PLC0415  # openpyxl takes 150 ms

        code = read.main([str(wanted.requirements), "--into", str(folder)], standalone_mode=False)
        if code:
            raise ConfigurationError(f"{wanted.requirements} was not read; see above")
    load(Layout(folder.resolve()))


def _tell(folder: Path, wanted: Wanted, written: list[Path]) -> None:
    for path in written:
        click.echo(f"  {path.relative_to(folder).as_posix()}")
    supplier = identifier(wanted.supplier)
    click.echo(
        f"A workspace for {wanted.city} is in {folder}. README.sv.md tells what comes next. Begin with"
    )
    click.echo(f"  cd {folder}")
    click.echo("  kravkoll validate")
    click.echo(f"  kravkoll run --env simulated --supplier {supplier}")
