"""What a flow's manifest allows: operations, parameters, fields, school forms. The rest is denied."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from kravkoll.contracts import documents
from kravkoll.contracts.dialects import Dialect, dialect_of
from kravkoll.contracts.model import Flow
from kravkoll.contracts.workspace import Workspace

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """A request that the flow may make; a path segment in braces stands for any."""

    method: str
    segments: tuple[str, ...]
    parameters: frozenset[str]
    body: frozenset[str] = frozenset()

    def fits(self, method: str, segments: tuple[str, ...]) -> bool:
        return (
            method == self.method
            and len(segments) == len(self.segments)
            and all(
                mine == theirs or mine.startswith("{")
                for mine, theirs in zip(self.segments, segments, strict=True)
            )
        )


@dataclass(frozen=True, slots=True)
class FlowPolicy:
    """A manifest as values. `fields` holds dotted paths by resource; `only_for` the kinds of person that a
    field of persons is agreed for; `forbidden` the fields that the agreement names as not to be carried."""

    operations: tuple[Operation, ...]
    fields: Mapping[str, frozenset[str]]
    school_forms: frozenset[str]
    only_for: Mapping[str, frozenset[str]]
    forbidden: Mapping[str, frozenset[str]]
    withholds_marked: bool
    """Whether people with protected identity are kept out of the flow altogether."""
    files: Dialect | None = None
    """The files that carry the flow, where the receiver reads these and no interface."""

    @classmethod
    def from_documents(
        cls, manifest: Mapping[str, Any], api: Mapping[str, Any], files: Dialect | None = None
    ) -> Self:
        """From a manifest and the OpenAPI document whose operationIds it uses; KeyError if it uses others."""
        places = dict(_places(api))
        return cls(
            operations=tuple(
                Operation(
                    *places[identity],
                    frozenset(allowed.get("parameters", ())),
                    frozenset(allowed.get("body", ())),
                )
                for identity, allowed in manifest["operations"].items()
            ),
            fields={resource: frozenset(paths) for resource, paths in manifest["fields"].items()},
            school_forms=frozenset(manifest.get("school_forms", ())),
            only_for=_sets(manifest.get("only_for", {}).get("persons", {})),
            forbidden=_sets(manifest.get("must_not_carry", {}).get("fields", {})),
            withholds_marked=bool(
                manifest.get("must_not_carry", {}).get("records", {}).get("persons_marked")
            ),
            files=files,
        )

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(self.fields)

    def operation(self, method: str, segments: tuple[str, ...]) -> Operation | None:
        """The agreed operation that this request is; one without placeholders before one with."""
        fitting = [one for one in self.operations if one.fits(method, segments)]
        return min(fitting, key=lambda one: sum(part.startswith("{") for part in one.segments), default=None)

    def is_agreed_file(self, method: str, segments: tuple[str, ...]) -> bool:
        """Whether a request fetches one of the files that carry the flow."""
        return bool(self.files and method == "GET" and self.files.table_of("/" + "/".join(segments)))

    def allows(self, resource: str, path: str) -> bool:
        """An agreed path covers itself and what is below it."""
        agreed = self.fields.get(resource, frozenset())
        parts = path.split(".")
        return any(".".join(parts[:depth]) in agreed for depth in range(1, len(parts) + 1))


def policy_of(workspace: Workspace, flow: Flow) -> FlowPolicy:
    """The policy of a flow that has a manifest."""
    manifest = _read(workspace.layout.file("contracts", flow.manifest))
    api = _read(workspace.layout.file("contracts", "apis", f"{manifest['api']}.yaml"))
    files = dialect_of(workspace.layout, manifest["files"]) if "files" in manifest else None
    return FlowPolicy.from_documents(manifest, api, files)


@cache
def _read(path: Path) -> Mapping[str, Any]:
    document: Mapping[str, Any] = documents.read(path, path.name).data
    return document


def _places(api: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    for path, operations in api["paths"].items():
        for method in METHODS:
            identity = operations.get(method, {}).get("operationId")
            if identity:
                yield identity, (method.upper(), tuple(part for part in path.split("/") if part))


def _sets(given: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    return {name: frozenset(values) for name, values in given.items()}
