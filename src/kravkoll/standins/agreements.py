"""What a product is told of its flows: the agreed manifests take the place of lists in its own file."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kravkoll.contracts.dialects import load

NOT_RECORDS = "deletedEntities"


def with_agreements(system: Mapping[str, Any], mocks: Path) -> dict[str, Any]:
    """The system's file where `agreed: PATH` of a client or a source is what that manifest says.

    Paths are relative to `mocks`. What the file says itself goes before the manifest.
    """
    interfaces = dict(system["interfaces"])
    if api := interfaces.get("api"):
        clients = {name: _client(given, mocks) for name, given in api["clients"].items()}
        interfaces["api"] = {**api, "clients": clients}
    if client := interfaces.get("client"):
        sources = {name: _source(given, mocks) for name, given in client.get("sources", {}).items()}
        interfaces["client"] = {**client, "sources": sources}
    return {**system, "interfaces": interfaces}


def _client(given: Mapping[str, Any] | None, mocks: Path) -> Mapping[str, Any] | None:
    if not given or "agreed" not in given:
        return given
    manifest = _manifest(mocks / given["agreed"])
    told = {
        "forms": manifest.get("school_forms", ()),
        "fields": _fields(manifest),
        "only_for": manifest.get("only_for", {}),
    }
    return told | {name: value for name, value in given.items() if name != "agreed"}


def _source(given: Mapping[str, Any], mocks: Path) -> Mapping[str, Any]:
    if "files" in given:
        given = {**given, "files": load((mocks / given["files"]).resolve()), "deletions": False}
    if "agreed" not in given:
        return given
    manifest = _manifest(mocks / given["agreed"])
    told = {"keeps": _fields(manifest), "deletions": NOT_RECORDS in manifest["fields"]}
    return told | {name: value for name, value in given.items() if name != "agreed"}


def _fields(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: paths for name, paths in manifest["fields"].items() if name != NOT_RECORDS}


@cache
def _manifest(path: Path) -> Mapping[str, Any]:
    """Parsed once: duels start thousands of stand-ins."""
    manifest: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return manifest
