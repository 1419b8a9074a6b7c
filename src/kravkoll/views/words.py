"""What the reports say, read from words.sv.yaml and words.en.yaml: sentences by key, reasons by code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kravkoll.contracts import documents
from kravkoll.contracts.layout import packaged

LANGUAGES = ("sv", "en")


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why something is not tested, and who must do what about it."""

    says: str
    owner: str
    does: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """The reason, and what of."""
        return f"{self.says.removesuffix('.')} ({self.detail})." if self.detail else self.says


@dataclass(frozen=True, slots=True)
class Words:
    """One language's sentences."""

    language: str
    table: Mapping[str, Mapping[str, Any]] = field(repr=False)

    def say(self, key: str, **values: object) -> str:
        """The sentence `section.key`, filled in; `n` chooses one or many. KeyError: no such sentence."""
        section, _, name = key.partition(".")
        entry = self.table[section][name]
        if isinstance(entry, Mapping):
            entry = entry["one" if values.get("n") == 1 else "many"]
        return str(entry).format_map(values) if values else str(entry)

    def name(self, section: str, code: object) -> str:
        """The word for a code; the code itself where the language has none, since codes are data."""
        return str(self.table[section].get(str(code), code))

    def names(self, section: str, codes: Iterable[object], between: str = ", ") -> str:
        """The words for several codes."""
        return between.join(self.name(section, code) for code in codes)

    def glossary(self, text: str) -> list[Mapping[str, str]]:
        """The technical terms that a text uses, each with what it means, in alphabetical order."""
        lowered = text.casefold()
        used = (entry for entry in self.table["glossary"].values() if entry["term"].casefold() in lowered)
        return sorted(used, key=lambda entry: entry["term"].casefold())

    def grounds(self, reason: str) -> Grounds:
        """What a reason such as `capability.missing:login.start` means."""
        code, _, detail = reason.partition(":")
        entry = self._reason(code)
        known = self.table["capability"].get(detail)
        detail = f"{detail}: {known}" if known else detail
        if entry is self.table["reason"]["other"]:
            detail = reason
        return Grounds(str(entry["says"]), self.say(f"owner.{entry['who']}"), str(entry["does"]), detail)

    def _reason(self, code: str) -> Mapping[str, str]:
        reasons: Mapping[str, Mapping[str, str]] = self.table["reason"]
        family = code.partition(".")[0] + ".*"
        return reasons.get(code) or reasons.get(family) or reasons["other"]

    def knows(self, code: str) -> bool:
        """True where the reason code, or its family, has a sentence."""
        return self._reason(code) is not self.table["reason"]["other"]


@cache
def words(language: str, templates: Path | None = None) -> Words:
    """The sentences of a language: the workspace's file, or the package's."""
    name = f"words.{language}.yaml"
    shipped = packaged() / "reports" / "templates" / name
    own = templates / name if templates else shipped
    source = own if own.is_file() else shipped
    return Words(language, documents.read(source, name).data)
