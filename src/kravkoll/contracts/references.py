"""Faults between files: ids that point nowhere, checks without faults, requirements without checks."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from kravkoll.contracts import sources
from kravkoll.contracts.documents import Document, dotted, read
from kravkoll.contracts.errors import Fault, near
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.model import AREAS
from kravkoll.contracts.verification import requirements_of
from kravkoll.contracts.workspace import Workspace

# kind of list -> field -> what the field names
POINTERS = {
    "requirements": {
        "applies.agreements": "agreement",
        "applies.systems": "system",
        "applies.flows": "flow",
        "like": "demand",
        "checks": "check",
    },
    "agreements": {"supplier": "supplier", "systems": "system"},
    "flows": {"sender": "party", "receiver": "party"},
    "systems_of_record": {"system": "system"},
    "rules": {"phases.requirements": "requirement", "phases.must_be_tested": "requirement"},
    "waivers": {"requirement": "requirement", "supplier": "supplier"},
    "documents": {"requirements": "requirement", "supplier": "supplier"},
    "checks": {"verifies": "requirement", "control": "check"},
    "faults": {"applies_to": "standin", "may_change": "check"},
}
PACKAGED = {**POINTERS, "checks": {"control": "check"}}
"""The package's checks verify more than one city has bought: a requirement that it lacks is no fault."""


def faults(workspace: Workspace, *, sound: bool) -> Iterator[Fault]:
    """Every fault that shows only when files are read together.

    `sound` is False where some file has faults of its own: what only sound files can tell is then left out,
    so that one typing error does not make a hundred faults.
    """
    known = _known(workspace)
    for document in workspace.documents:
        if isinstance(document.data, dict):
            yield from _dangling(document, known, POINTERS if _own(workspace, document) else PACKAGED)
    yield from _environments(workspace, known)
    yield from _anchors(workspace)
    yield from _own_side(workspace)
    if sound:
        yield from _expectations(workspace)
        yield from _waivers_of_law(workspace)
        yield from _unverified(workspace)
        yield from _areas(workspace)
        yield from _manifests(workspace)
        yield from _controls(workspace)
        yield from _functions(workspace)


def _known(workspace: Workspace) -> dict[str, set[str]]:
    """What may be pointed at, also in files that have faults of their own."""
    written = [document.data for document in workspace.documents if isinstance(document.data, dict)]
    suppliers = [data for data in written if isinstance(data.get("systems"), list)]
    systems = {*_ids(suppliers, "systems")}
    return {
        "agreement": _ids(written, "agreements"),
        "system": systems,
        "supplier": {str(data.get("id")) for data in suppliers},
        "flow": _ids(written, "flows"),
        "requirement": _ids(written, "requirements"),
        "demand": _ids(written, "requirements") | catalogue(),
        "check": _ids(written, "checks"),
        "party": systems | {"city-login", "third-party", "every-system", "successors"},
        "standin": {path.stem for path in workspace.layout.shared("mocks") if path.stem != "demo"},
    }


@cache
def catalogue() -> frozenset[str]:
    """Ids of the package's own requirements: what a city's requirement may say that it equals."""
    layout = Layout(packaged())
    written = [read(path, path.name).data for path in layout.files("requirements")]
    return frozenset(_ids(written, "requirements"))


def _ids(written: Iterable[Mapping[str, Any]], kind: str) -> set[str]:
    lists = [rows for data in written if isinstance(rows := data.get(kind), list)]
    return {str(row.get("id")) for rows in lists for row in rows if isinstance(row, dict)}


def _own(workspace: Workspace, document: Document) -> bool:
    """Whether the file is the workspace's, and not the package's that stands in for it."""
    return (workspace.layout.root / document.file).is_file()


def _dangling(
    document: Document, known: dict[str, set[str]], kinds: Mapping[str, Mapping[str, str]]
) -> Iterator[Fault]:
    for kind, pointers in kinds.items():
        rows = document.data.get(kind)
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            for field, target in pointers.items():
                for path, value in _values(row, field.split("."), (kind, index)):
                    if value not in known[target]:
                        message = f"no {target} {value!r} in this workspace"
                        yield Fault(
                            document.file,
                            document.line(path),
                            dotted(path),
                            message,
                            near(value, known[target]),
                        )


def _values(
    row: object, keys: list[str], path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each string at a dotted field, through lists, with its path."""
    if isinstance(row, list):
        for index, item in enumerate(row):
            yield from _values(item, keys, (*path, index))
    elif keys and isinstance(row, dict):
        if row.get(keys[0]) is not None:
            yield from _values(row[keys[0]], keys[1:], (*path, keys[0]))
    elif not keys and isinstance(row, str):
        yield path, row


def _environments(workspace: Workspace, known: dict[str, set[str]]) -> Iterator[Fault]:
    for environment in workspace.environments.values():
        document = _document(workspace, f"contracts/environments/{environment.id}.yaml")
        if environment.register not in environment.systems:
            yield _at(
                document,
                ("register",),
                f"{environment.register!r} is not among systems",
                near(environment.register, environment.systems),
            )
        for name, deployment in environment.systems.items():
            if name not in known["system"]:
                yield _at(
                    document,
                    ("systems", name),
                    f"no system {name!r} in this workspace",
                    near(name, known["system"]),
                )
                continue
            if deployment.standin and deployment.standin not in known["standin"]:
                yield _at(
                    document,
                    ("systems", name, "standin"),
                    f"no stand-in {deployment.standin!r}",
                    near(deployment.standin, known["standin"]),
                )
            if name not in workspace.systems:
                continue  # its supplier's file has faults of its own
            interfaces = {interface.id for interface in workspace.systems[name].interfaces}
            for interface in deployment.interfaces:
                if interface not in interfaces:
                    path = ("systems", name, "interfaces", interface)
                    yield _at(
                        document, path, f"{name} has no interface {interface!r}", near(interface, interfaces)
                    )


def _anchors(workspace: Workspace) -> Iterator[Fault]:
    """Without the anchors that an environment names, every certificate in it would seem to be untrusted."""
    folder = workspace.layout.environments
    for environment in workspace.environments.values():
        anchors = folder / environment.trust if environment.trust else None
        if anchors and not (anchors.is_file() and b"BEGIN CERTIFICATE" in anchors.read_bytes()):
            document = _document(workspace, f"contracts/environments/{environment.id}.yaml")
            message = f"{environment.trust} is no file of PEM certificates"
            yield _at(document, ("trust",), message, "put it beside the environment's file")


def _own_side(workspace: Workspace) -> Iterator[Fault]:
    """A certificate of the city's own needs its file and its key; no two parties share a port."""
    for environment in workspace.environments.values():
        side = environment.city
        document = _document(workspace, f"contracts/environments/{environment.id}.yaml")
        if side.certificate and not (workspace.layout.environments / side.certificate).is_file():
            message = f"{side.certificate} is no file"
            yield _at(document, ("city", "certificate"), message, "put it beside the environment's file")
        if bool(side.certificate) != bool(side.key):
            missing = "key" if side.certificate else "certificate"
            yield _at(
                document, ("city",), f"lacks the key {missing!r}", "a certificate and its key go together"
            )
        for party, port in side.ports.items():
            if list(side.ports.values()).count(port) > 1:
                yield _at(document, ("city", "ports", party), f"{port} stands twice", "give each its own")


def _at(document: Document | None, path: tuple[str | int, ...], message: str, fix: str) -> Fault:
    if document is None:
        return Fault("contracts", 0, dotted(path), message, fix)
    return Fault(document.file, document.line(path), dotted(path), message, fix)


def _document(workspace: Workspace, file: str) -> Document | None:
    return next((document for document in workspace.documents if document.file == file), None)


def _expectations(workspace: Workspace) -> Iterator[Fault]:
    """A fault expects finding codes that exist; a check has a fault that it catches."""
    caught: set[str] = set()
    for fault in workspace.faults.values():
        for check, code in fault.expect.items():
            card = workspace.checks.get(check)
            if card is None:
                yield _item(
                    workspace,
                    "faults",
                    fault.id,
                    f"expects unknown check {check!r}",
                    near(check, workspace.checks),
                )
            elif code not in card.findings:
                yield _item(
                    workspace,
                    "faults",
                    fault.id,
                    f"{check} has no finding {code!r}",
                    near(code, card.findings),
                )
            else:
                caught.add(check)
    for identity in sorted(set(workspace.checks) - caught):
        yield _item(
            workspace,
            "checks",
            identity,
            "no fault makes this check say no",
            "add a fault card that expects it",
        )


def _waivers_of_law(workspace: Workspace) -> Iterator[Fault]:
    for index, waiver in enumerate(workspace.waivers):
        requirement = workspace.requirements.get(waiver.requirement)
        if requirement and requirement.basis == "law":
            document = _document(workspace, "contracts/waivers.yaml")
            yield _at(
                document,
                ("waivers", index),
                f"{requirement.id} rests on law, which nobody can waive",
                "remove the waiver",
            )


def _unverified(workspace: Workspace) -> Iterator[Fault]:
    verified = {identity for verified in requirements_of(workspace).values() for identity in verified}
    for requirement in workspace.requirements.values():
        has_check = requirement.id in verified
        if not has_check and requirement.unchecked is None:
            yield _item(
                workspace,
                "requirements",
                requirement.id,
                "no check verifies it",
                "write a check, or say why under `unchecked`",
            )
        # what equals a demand of the package's may come to be checked by a newer package
        if has_check and requirement.unchecked is not None and not requirement.like:
            yield _item(
                workspace,
                "requirements",
                requirement.id,
                "says `unchecked`, but a check verifies it",
                "remove `unchecked`",
            )


def _areas(workspace: Workspace) -> Iterator[Fault]:
    for requirement in workspace.requirements.values():
        if AREAS[requirement.area] != requirement.id.split("-")[0]:
            yield _item(
                workspace,
                "requirements",
                requirement.id,
                f"is not of area {requirement.area}",
                "mend id or area",
            )
    for check in workspace.checks.values():
        rows = {
            row.id
            for area, prefix in AREAS.items()
            if prefix == check.area_prefix
            for row in workspace.catalogue.get(area, ())
        }
        for identity in check.catalogue:
            if identity not in rows:
                yield _item(
                    workspace,
                    "checks",
                    check.id,
                    f"catalogue row {identity!r} is not in catalogue.tsv",
                    near(identity, rows),
                )


def _functions(workspace: Workspace) -> Iterator[Fault]:
    """Every card has one function, and every function a card."""
    marked = sources.functions(workspace.layout)
    for check in sorted(set(workspace.checks) - set(marked)):
        yield _item(
            workspace, "checks", check, "no function is marked with it", f'mark one @check("{check}")'
        )
    for identity, paths in marked.items():
        shown = workspace.layout.shown(paths[0])
        if identity not in workspace.checks:
            fix = near(identity, workspace.checks) or "write its card in checks.yaml"
            yield Fault(shown, 0, identity, "is marked on a function but has no card", fix)
        elif len(paths) > 1:
            yield Fault(shown, 0, identity, "is marked on more than one function", "keep one")


def _controls(workspace: Workspace) -> Iterator[Fault]:
    """A control looks at every kind of place that its dependents look at."""
    for check in workspace.checks.values():
        control = workspace.checks.get(check.control or "")
        if control is None:
            continue
        own, its = check.looks_at, control.looks_at
        beyond = (set(own.interfaces) - set(its.interfaces)) | (set(own.flows) - set(its.flows))
        if beyond or (own.documents and not its.documents):
            missing = ", ".join(sorted(beyond)) or "documents"
            message = f"its control {control.id} does not look at {missing}"
            yield _item(workspace, "checks", check.id, message, "choose a control of the same kind")


def _manifests(workspace: Workspace) -> Iterator[Fault]:
    for flow in workspace.flows.values():
        if flow.manifest and not workspace.layout.file("contracts", flow.manifest).exists():
            yield _item(workspace, "flows", flow.id, f"no file contracts/{flow.manifest}", "mend `manifest`")


def _item(workspace: Workspace, kind: str, identity: str, message: str, fix: str) -> Fault:
    file, line = workspace.place(kind, identity)
    return Fault(file or "contracts", line, identity, message, fix)
