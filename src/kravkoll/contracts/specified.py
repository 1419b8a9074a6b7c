"""From an entry of a specification to a requirement of the workspace: each value read, each fault by cell."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kravkoll.contracts.cards import CheckCard
from kravkoll.contracts.errors import Fault
from kravkoll.contracts.model import AREAS, Requirement
from kravkoll.contracts.specification import Entry, modality
from kravkoll.contracts.vocabulary import Vocabulary

PREFIX = re.compile(r"^(?:KRAV|K|REQ|R)(?=\d)")
IDENTITY = re.compile(r"^(ENC|LOG|SCH|DAT|SEC|FLO|ROU)-(\d{2}|K[A-Z0-9]+(\.[A-Z0-9]+)*)$")
GRADES = frozenset("ABDE")

type Written = dict[str, Any]
"""A requirement as its file holds it."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a requirement may be tied to: the package's demands, the checks, and the workspace's systems."""

    demands: Mapping[str, Requirement]
    checks: Mapping[str, CheckCard]
    systems: frozenset[str] = frozenset()
    """Empty where the workspace has none yet: then any name will do."""

    def verifying(self, like: Iterable[str], checks: Iterable[str]) -> tuple[CheckCard, ...]:
        """The checks that look at any of the demands, or that are named."""
        wanted, named = set(like), set(checks)
        return tuple(c for c in self.checks.values() if c.id in named or wanted & set(c.verifies))


@dataclass(frozen=True, slots=True)
class Specified:
    """A requirement, the fields that the file decides, and where it stands."""

    entry: Entry
    requirement: Written
    governed: frozenset[str]


@dataclass(slots=True)
class Reader:
    """Reads entries one by one, and collects what is wrong with them."""

    catalogue: Catalogue
    words: Vocabulary
    faults: list[Fault] = field(default_factory=list)
    _first: dict[str, str] = field(default_factory=dict)
    """Id to the cell where it stood first."""

    def read(self, entry: Entry) -> Specified:
        """The requirement of an entry; of no use where faults were added."""
        like = self._ids(entry, "like", self.catalogue.demands)
        checks = self._ids(entry, "checks", self.catalogue.checks)
        area = self._area(entry, (*like, *checks))
        source = {"number": entry.text("number"), "row": entry.source}
        source |= {role: entry.text(role) for role in ("clause", "register") if entry.text(role)}
        text = self._text(entry)
        requirement: Written = {
            "id": self._identity(entry, area),
            "text": {"sv": text, "en": entry.text("english") or text},
            "level": self._level(entry),
            "area": area,
            "basis": self._value(entry, "basis") or "contract",
            "verify": self._verify(entry, like, checks),
            "source": source,
            "from": self._day(entry, "from"),
            "to": self._day(entry, "to"),
            "lowest_grade": self._grade(entry),
            "applies": self._applies(entry, like),
            "like": list(like),
            "checks": list(checks),
            "unchecked": self._unchecked(entry, like, checks),
        }
        kept = {name: value for name, value in requirement.items() if value}
        return Specified(entry, kept, frozenset(_governed(entry)))

    # -- values --------------------------------------------------------------------------------------------

    def _text(self, entry: Entry) -> str:
        text = entry.text("text")
        if not text:
            self._fault(entry, "text", "text.missing", column=entry.columns["text"])
        elif len(text) < 3:
            self._fault(entry, "text", "text.short", value=text)
        return text

    def _level(self, entry: Entry) -> str:
        if "level" in entry.columns:
            text = entry.text("level")
            value = self.words.read("level", text)
            if not text:
                self._fault(entry, "level", "level.missing")
            elif value is None:
                fix = self.words.nearest("level", text)
                self._fault(entry, "level", "level.neither", value=text, fix=fix)
            return value or ""
        marked = [role for role in ("shall", "should") if self.words.is_mark(entry.text(role))]
        if {"shall", "should"} & set(entry.columns):
            if len(marked) != 1:
                role = "shall" if "shall" in entry.columns else "should"
                self._fault(entry, role, "level.both" if marked else "level.missing")
            return marked[0] if marked else ""
        said = modality(entry.text("text"))
        if said not in {"shall", "should"}:
            self._fault(entry, "text", "level.missing")
        return said

    def _area(self, entry: Entry, tied: tuple[str, ...]) -> str:
        if entry.text("area"):
            return self._value(entry, "area")
        prefixes = {identity.split("-")[0] for identity in tied}
        if len(prefixes) == 1:
            return next(area for area, prefix in AREAS.items() if prefix in prefixes)
        if not entry.area:
            self._fault(entry, "area", "area.missing", known=self.words.known("area"))
        return entry.area

    def _value(self, entry: Entry, kind: str) -> str:
        text = entry.text(kind)
        if not text or self.words.is_nothing(text):
            return ""
        value = self.words.read(kind, text)
        if value is None:
            fix = self.words.nearest(kind, text)
            self._fault(entry, kind, "value.unknown", value=text, known=self.words.known(kind), fix=fix)
        return value or ""

    def _verify(self, entry: Entry, like: tuple[str, ...], checks: tuple[str, ...]) -> str:
        """As the file says, in a longer text by its words; else as what it is tied to is verified."""
        text = entry.text("verify")
        if text and not self.words.is_nothing(text):
            several = self.words.read_any("verify", text)
            if self.words.read("verify", text) is None and several:
                return "both" if len(several) > 1 else next(iter(several))
            return self._value(entry, "verify")
        ways: set[str] = {self.catalogue.demands[one].verify for one in like if one in self.catalogue.demands}
        cards = [self.catalogue.checks[one] for one in checks if one in self.catalogue.checks]
        ways |= {"document" if card.looks_at.documents else "test" for card in cards}
        return "both" if len(ways) > 1 else next(iter(ways), "test")

    def _identity(self, entry: Entry, area: str) -> str:
        prefix = AREAS.get(area, "")
        given = entry.text("id")
        if given:
            identity = given.upper()
            if not IDENTITY.match(identity):
                self._fault(entry, "id", "id.form", value=given)
            elif prefix and not identity.startswith(prefix):
                self._fault(entry, "id", "id.area", value=given, area=self.words.word("area", area))
        else:
            identity = self._own(entry, prefix)
        if identity in self._first:
            self._twice(entry, identity)
        elif identity:
            self._first[identity] = entry.cell("number")
        return identity

    def _own(self, entry: Entry, prefix: str) -> str:
        """An id out of the city's own number."""
        cell = entry.cells.get("number")
        if cell is None or not cell.text:
            self._fault(entry, "number", "number.missing", column=entry.columns["number"])
            return ""
        if cell.is_date:
            self._fault(entry, "number", "number.date")
            return ""
        own = own_number(cell.text)
        if not own:
            self._fault(entry, "number", "number.form", number=cell.text)
        return f"{prefix}-K{own}" if own and prefix else ""

    def _twice(self, entry: Entry, identity: str) -> None:
        cell = entry.cells.get("number")
        text = cell.text if cell else identity
        if cell and cell.is_figure:
            self._fault(entry, "number", "number.cut", number=text, longer=f"{text}0")
        else:
            self._fault(entry, "number", "number.twice", number=text, first=self._first[identity])

    def _ids(self, entry: Entry, role: str, known: Mapping[str, object]) -> tuple[str, ...]:
        text = entry.text(role)
        if self.words.is_nothing(text):
            return ()
        ids = tuple(dict.fromkeys(part.upper() for part in re.split(r"[\s,;]+", text) if part))
        for identity in ids:
            if identity not in known:
                near = self.words.near(identity, known)
                self._fault(entry, role, f"{role}.unknown", value=identity, near=near)
        return tuple(identity for identity in ids if identity in known)

    def _applies(self, entry: Entry, like: tuple[str, ...]) -> Written:
        """The systems that the file names, and the kinds of interface that the equal demand is about."""
        text = entry.text("systems")
        systems = [part.lower() for part in re.split(r"[\s,;]+", text) if part]
        for system in systems:
            if self.catalogue.systems and system not in self.catalogue.systems:
                near = self.words.near(system, self.catalogue.systems)
                self._fault(entry, "systems", "systems.unknown", value=system, near=near)
        applies: Written = {"systems": systems} if systems else {}
        kinds = {self.catalogue.demands[one].applies.interfaces for one in like}
        if len(kinds) == 1 and (interfaces := next(iter(kinds))):
            applies["interfaces"] = list(interfaces)
        return applies

    def _unchecked(self, entry: Entry, like: tuple[str, ...], checks: tuple[str, ...]) -> Written:
        if self.catalogue.verifying(like, checks):
            return {}
        said = entry.text("unchecked")
        return {"sv": said, "en": said} if said else dict(self.words.unchecked)

    def _day(self, entry: Entry, role: str) -> str:
        text = entry.text(role)
        if not text or self.words.is_nothing(text):
            return ""
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            self._fault(entry, role, "date.form", value=text)
            return ""

    def _grade(self, entry: Entry) -> str:
        text = entry.text("lowest_grade").upper()
        if self.words.is_nothing(text):
            return ""
        if text not in GRADES:
            self._fault(entry, "lowest_grade", "grade.form", value=text)
        return text

    def _fault(self, entry: Entry, role: str, code: str, **values: object) -> None:
        self.faults.append(self.words.fault(entry.place(role, self.words), code, **values))


def own_number(number: str) -> str:
    """`3.1.4` of `Krav 3.1.4`, `IT.SAK.7` of `it-säk 7`: letters and digits between dots."""
    folded = unicodedata.normalize("NFKD", number.upper()).encode("ascii", "ignore").decode()
    parts = re.findall(r"[A-Z0-9]+", folded)
    if len(parts) > 1 and parts[0] in {"KRAV", "K", "REQ"}:
        parts = parts[1:]
    return PREFIX.sub("", ".".join(parts))


def _governed(entry: Entry) -> Iterable[str]:
    """The fields of a requirement that the file decides: those that it has a column for."""
    yield from ("id", "level", "area", "source")
    decided = {
        "basis": "basis",
        "verify": "verify",
        "from": "from",
        "to": "to",
        "lowest_grade": "lowest_grade",
        "like": "like",
        "checks": "checks",
    }
    yield from (name for role, name in decided.items() if role in entry.columns)
