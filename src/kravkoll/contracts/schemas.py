"""JSON Schemas of every kind of file, made from the model and used to tell what is wrong with a file."""

import functools
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kravkoll.contracts import cards, files
from kravkoll.contracts.documents import Document, Path, dotted
from kravkoll.contracts.errors import Fault, near
from kravkoll.contracts.layout import packaged

KINDS: dict[str, type] = {
    "requirements": files.RequirementFile,
    "seed": files.SeedFile,
    "agreements": files.AgreementFile,
    "supplier": files.SupplierFile,
    "flows": files.FlowFile,
    "profile": files.ProfileFile,
    "acceptance": files.AcceptanceFile,
    "waivers": files.WaiverFile,
    "evidence": files.EvidenceFile,
    "environment": files.EnvironmentFile,
    "checks": cards.CheckFile,
    "faults": cards.FaultFile,
}


@functools.cache
def adapter(kind: str) -> TypeAdapter[Any]:
    """The pydantic adapter of a kind of file."""
    return TypeAdapter(KINDS[kind])


def generate(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file, from the model."""
    schema = adapter(kind).json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Kravkoll {kind}"} | schema


@dataclass(frozen=True, slots=True)
class Checked[T]:
    """A file as a value, or its faults."""

    value: T | None
    faults: tuple[Fault, ...]


def structure(kind: str, data: Any) -> Any:
    """The value of parsed data that is known to be valid; used where start-up time matters."""
    return adapter(kind).validate_python(data)


def examine(kind: str, document: Document, schema: dict[str, Any]) -> Checked[Any]:
    """Check a document against its JSON Schema, then make the value."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # 100 ms that `list` need not pay

    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    errors = list(validator.iter_errors(document.data))
    if errors:
        return Checked(None, tuple(sorted({fault for error in errors for fault in _faults(error, document)})))
    try:
        return Checked(structure(kind, document.data), ())
    except ValidationError as error:
        return Checked(None, tuple(_late(error, document)))


def _late(error: ValidationError, document: Document) -> Iterator[Fault]:
    """What the schema lets through but the model does not, such as 30 February."""
    for problem in error.errors():
        path: Path = problem["loc"]
        yield Fault(document.file, document.line(path), dotted(path), problem["msg"])


def _faults(error: Any, document: Document) -> Iterator[Fault]:
    """One or several faults of a jsonschema error, in a person's words."""
    if error.validator == "anyOf":
        deeper = [
            child for child in error.context if child.validator != "type" or child.validator_value != "null"
        ]
        for child in deeper or [error]:
            yield from _faults(child, document) if child is not error else _generic(error, document)
        return
    teller = TELLERS.get(error.validator, _generic)
    yield from teller(error, document)


def _fault(error: Any, document: Document, message: str, fix: str = "", key: str | None = None) -> Fault:
    path: Path = tuple(error.absolute_path)
    where = path if key is None else (*path, key)
    return Fault(document.file, document.line(where), dotted(where), message, fix)


def _unknown(error: Any, document: Document) -> Iterator[Fault]:
    known = error.schema.get("properties", {})
    for key in error.instance:
        if key not in known:
            missing = [name for name in known if name not in error.instance]
            yield _fault(
                error, document, "is not a known key here", near(str(key), missing or known), key=key
            )


def _missing(error: Any, document: Document) -> Iterator[Fault]:
    """jsonschema tells one error a missing key; all of an object's are told, once each."""
    properties = error.schema.get("properties", {})
    for name in error.validator_value:
        if name not in error.instance:
            meaning = properties.get(name, {}).get("description", "")
            yield _fault(
                error, document, f"lacks the key {name!r}" + (f" ({meaning})" if meaning else ""), "add it"
            )


def _choice(error: Any, document: Document) -> Iterator[Fault]:
    choices = [str(value) for value in error.validator_value]
    fix = near(str(error.instance), choices)
    if "propertyNames" in error.absolute_schema_path:
        yield _fault(error, document, "is not a known key here", fix, key=str(error.instance))
        return
    known = "" if fix.startswith("known") else f"; known: {', '.join(choices)}" if len(choices) <= 12 else ""
    yield _fault(error, document, f"{error.instance!r} is not known here{known}", fix)


def _constant(error: Any, document: Document) -> Iterator[Fault]:
    yield _fault(error, document, f"{error.instance!r} must be {error.validator_value!r}", "")


def _kind(error: Any, document: Document) -> Iterator[Fault]:
    names = {"object": "keys and values", "array": "a list", "string": "text", "integer": "a whole number"}
    wanted = names.get(str(error.validator_value), str(error.validator_value))
    yield _fault(error, document, f"{_short(error.instance)} is not {wanted}", f"write {wanted}")


def _pattern(error: Any, document: Document) -> Iterator[Fault]:
    meaning = error.schema.get("description", "")
    shape = meaning or f"the form {error.validator_value}"
    yield _fault(error, document, f"{error.instance!r} has not the expected form", f"expected {shape}")


def _format(error: Any, document: Document) -> Iterator[Fault]:
    forms = {
        "date": "a date such as 2026-11-23",
        "date-time": "a time with zone such as 2026-11-23T12:00:00+01:00",
    }
    wanted = forms.get(error.validator_value, error.validator_value)
    yield _fault(error, document, f"{error.instance!r} is not {wanted}", f"write {wanted}")


def _short_of(error: Any, document: Document) -> Iterator[Fault]:
    yield _fault(error, document, f"{_short(error.instance)} is too short or empty", "fill it in")


def _generic(error: Any, document: Document) -> Iterator[Fault]:
    yield _fault(error, document, str(error.message)[:300])


TELLERS = {
    "additionalProperties": _unknown,
    "required": _missing,
    "enum": _choice,
    "const": _constant,
    "type": _kind,
    "pattern": _pattern,
    "format": _format,
    "minLength": _short_of,
    "minItems": _short_of,
    "minProperties": _short_of,
}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def write(folder: FilePath, kinds: Iterable[str] = tuple(KINDS)) -> None:
    """Write every schema file; a test holds that they are in step with the model."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        text = json.dumps(generate(kind), indent=1, ensure_ascii=False, sort_keys=True)
        (folder / f"{kind}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(packaged() / "contracts" / "schema")
    sys.exit(0)
