"""The agreed API document, and what of it a flow uses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kravkoll.contracts import documents

type Document = dict[str, Any]

FEW = 2
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document; `resource` is the first part of the path."""

    identity: str
    method: str
    path: str
    definition: Document = field(repr=False)

    @property
    def resource(self) -> str:
        return self.path.split("/")[1]

    @property
    def is_list(self) -> bool:
        return self.method == "get" and self.path.count("/") == 1

    @property
    def is_lookup(self) -> bool:
        return self.method == "post" and self.path.endswith("/lookup")

    @property
    def reads(self) -> bool:
        return self.method == "get" or self.is_lookup


@dataclass(frozen=True, slots=True)
class FlowUse:
    """What a flow's manifest uses of an API: parameters and body keys by operationId, and statuses."""

    parameters: Mapping[str, tuple[str, ...]]
    body: Mapping[str, tuple[str, ...]]
    statuses: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "FlowUse":
        operations = {identity: use or {} for identity, use in manifest["operations"].items()}
        return cls(
            {identity: tuple(use.get("parameters", ())) for identity, use in operations.items()},
            {identity: tuple(use.get("body", ())) for identity, use in operations.items()},
            tuple(str(status) for status in manifest["statuses"]),
        )

    def without(self, entity: str) -> "FlowUse":
        """The same, but for operations on an entity, by its name in the operationIds."""
        kept = {identity for identity in self.parameters if entity not in identity}
        return FlowUse(
            {identity: self.parameters[identity] for identity in self.parameters if identity in kept},
            {identity: self.body[identity] for identity in self.body if identity in kept},
            self.statuses,
        )

    def __or__(self, other: "FlowUse") -> "FlowUse":
        """What either flow uses."""
        return FlowUse(
            _merged(self.parameters, other.parameters),
            _merged(self.body, other.body),
            tuple(dict.fromkeys((*self.statuses, *other.statuses))),
        )


def _merged(
    one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    return {key: tuple(dict.fromkeys((*one.get(key, ()), *other.get(key, ())))) for key in {**one, **other}}


def read_document(path: Path) -> Document:
    """A YAML or JSON document with timestamps left as text."""
    loaded = documents.read(path, path.name).data
    if not isinstance(loaded, dict):
        raise TypeError(f"{path.name} holds no mapping")
    return loaded


def operations(document: Document) -> Iterator[Operation]:
    """Every operation, in the document's order; one without operationId is named by method and path."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                definition = item[method]
                yield Operation(definition.get("operationId", f"{method} {path}"), method, path, definition)


def used_operations(document: Document, use: FlowUse) -> list[Operation]:
    return [operation for operation in operations(document) if operation.identity in use.parameters]


def resolve(document: Document, node: Document) -> Document:
    """The node that a `$ref` points at within the document, or the node itself."""
    while isinstance(node.get("$ref"), str):
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def answer_schema(document: Document, operation: Operation, status: str = "200") -> Document:
    """The JSON schema of an answer, able to resolve its own references."""
    response = resolve(document, operation.definition["responses"][status])
    schema = response["content"]["application/json"]["schema"]
    return standing_alone(document, schema)


def record_schema(document: Document, operation: Operation) -> Document:
    """The JSON schema of one record of a list operation."""
    page = resolve(document, answer_schema(document, operation))
    return standing_alone(document, resolve(document, page["properties"]["data"])["items"])


def standing_alone(document: Document, schema: Document) -> Document:
    return {**schema, "components": {"schemas": document["components"]["schemas"]}}


def project(document: Document, use: FlowUse, ids: Mapping[str, Sequence[str]]) -> Document:
    """The document cut down to what a flow reads, with real ids where an id is asked for.

    Page tokens are left out: an invented one only shows that it is refused. An operation that needs an id
    of a resource without records is left out too.
    """
    paths: Document = {}
    for operation in used_operations(document, use):
        known = list(ids.get(operation.resource, ()))
        if operation.reads and (operation.is_list or known):
            paths.setdefault(operation.path, {})[operation.method] = _cut(document, operation, use, known)
    return {
        "openapi": document["openapi"],
        "info": document["info"],
        "paths": paths,
        "components": {"schemas": document["components"]["schemas"]},
    }


def _cut(document: Document, operation: Operation, use: FlowUse, known: list[str]) -> Document:
    definition = operation.definition
    cut: Document = {
        "operationId": operation.identity,
        "parameters": _parameters(document, operation, use, known),
        "responses": {
            status: resolve(document, response)
            for status, response in definition["responses"].items()
            if status in use.statuses
        },
    }
    if "requestBody" in definition:
        cut["requestBody"] = _lookup_body(use.body[operation.identity], known)
    return cut


def _parameters(document: Document, operation: Operation, use: FlowUse, known: list[str]) -> list[Document]:
    wanted = use.parameters[operation.identity]
    result = []
    for given in operation.definition.get("parameters", ()):
        parameter = resolve(document, given)
        if parameter["in"] == "path":
            result.append({**parameter, "schema": {"type": "string", "enum": known}})
        elif parameter["name"] in wanted and parameter["name"] != "pageToken":
            result.append({**parameter, "schema": _narrowed(document, parameter["schema"])})
    return result


def _narrowed(document: Document, schema: Document) -> Document:
    """A parameter's schema with few values of a closed list: each costs a request and tells nothing new."""
    schema = resolve(document, schema)
    if "items" in schema:
        return {**schema, "items": _narrowed(document, schema["items"])}
    return {**schema, "enum": schema["enum"][:FEW]} if "enum" in schema else schema


def _lookup_body(keys: tuple[str, ...], known: list[str]) -> Document:
    asked = {
        "type": "array",
        "minItems": 1,
        "maxItems": len(known),
        "items": {"type": "string", "enum": known},
    }
    schema = {
        "type": "object",
        "required": list(keys),
        "properties": dict.fromkeys(keys, asked),
        "additionalProperties": False,
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}
