"""Fetches organisations, persons, placements, groups and duties from the register, page by page."""

import argparse
import json
import logging
import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

RESOURCES = ("organisations", "persons", "placements", "groups", "duties")
PAGE = 200
TIMEOUT_SECONDS = 30.0
MOST_PAGES = 10_000

log = logging.getLogger("tempus_connector")


class SettingsError(Exception):
    """The settings cannot be used; says what is wrong."""


class RegisterError(Exception):
    """The register did not answer as agreed."""


@dataclass(frozen=True)
class Settings:
    """Where the register is, and how to be let in."""

    register: str
    token_file: Path
    trust: Path

    @classmethod
    def read(cls, path: Path) -> "Settings":
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            register = str(given["register"]).rstrip("/")
            settings = cls(register, Path(given["token_file"]), Path(given["trust"]))
        except (OSError, ValueError, KeyError) as error:
            raise SettingsError(f"{path}: {error!r}") from error
        if not register.startswith("https://"):
            raise SettingsError(f"{path}: the register is asked over https only")
        return settings

    def client(self) -> httpx.Client:
        """A client that verifies the register and carries the token."""
        token = self.token_file.read_text(encoding="utf-8").strip()
        return httpx.Client(
            base_url=self.register,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(self.trust)),
            timeout=TIMEOUT_SECONDS,
        )


def records(client: httpx.Client, resource: str) -> Iterator[dict[str, Any]]:
    """Every record of a resource."""
    parameters: dict[str, str | int] = {"limit": PAGE}
    for _ in range(MOST_PAGES):
        page = _page(client, resource, parameters)
        yield from page["data"]
        if not page.get("pageToken"):
            return
        parameters = {"pageToken": page["pageToken"]}
    raise RegisterError(f"{resource}: more than {MOST_PAGES} pages")


def _page(client: httpx.Client, resource: str, parameters: dict[str, str | int]) -> dict[str, Any]:
    try:
        answer = client.get(f"/{resource}", params=parameters)
        answer.raise_for_status()
        page = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise RegisterError(f"{resource}: {error}") from error
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise RegisterError(f"{resource}: no list under `data`")
    return page


def write(folder: Path, resource: str, found: Iterator[dict[str, Any]]) -> int:
    """Write a file and put it in place whole; how many records."""
    count = 0
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, delete=False) as file:
        for record in found:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    Path(file.name).replace(folder / f"{resource}.ndjson")
    return count


def main(arguments: Sequence[str]) -> int:
    """Fetch everything; the exit status."""
    parser = argparse.ArgumentParser(prog="tempus-connector")
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO)
    try:
        with Settings.read(options.settings).client() as client:
            for resource in RESOURCES:
                log.info("%s: %d records", resource, write(options.into, resource, records(client, resource)))
    except (SettingsError, RegisterError) as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, SettingsError) else 1
    return 0
