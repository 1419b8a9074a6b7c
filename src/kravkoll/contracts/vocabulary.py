"""The words of a requirement specification: what headings and values are called, what is said of faults."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kravkoll.contracts import documents
from kravkoll.contracts.errors import Fault

FILE = Path(__file__).with_name("specification.yaml")
EDGES = " \t\n*:;.()[]"


def plain(text: str) -> str:
    """Without case, line breaks and the signs around it, so that `Krav-\\nid *` is `krav-id`."""
    joined = re.sub(r"-\s*\n\s*", "-", unicodedata.normalize("NFKC", text))
    return " ".join(joined.split()).strip(EDGES).casefold()


def heading(text: str) -> str:
    """A heading without spaces and hyphens, so that `Ska/\nBör` is `ska/bör` and `Krav-id` is `Krav ID`."""
    return re.sub(r"[\s_-]", "", plain(text))


@cache
def _written() -> Mapping[str, Any]:
    written: Mapping[str, Any] = documents.read(FILE, FILE.name).data
    return written


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words, and the language that faults are told in."""

    language: str = "sv"

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Role to the names of its heading, the most telling first."""
        return {role: tuple(map(heading, names)) for role, names in _written()["columns"].items()}

    @property
    def replies(self) -> frozenset[str]:
        """Headings of columns that hold answers, not requirements."""
        return frozenset(map(heading, _written()["replies"]))

    @property
    def unchecked(self) -> dict[str, str]:
        """Why a requirement that nobody has tied to a check is not tested."""
        return dict(_written()["unchecked"])

    @property
    def catalogue(self) -> str:
        """The first heading of the sheet that an export adds to choose from."""
        return str(_written()["catalogue"])

    def is_reply(self, text: str) -> bool:
        """Whether a column of that heading holds answers; an export has one for each supplier."""
        return not self.replies.isdisjoint({heading(text), *map(heading, text.split(maxsplit=1)[:1])})

    def heading(self, role: str) -> str:
        """What an export calls a column."""
        name = str(_written()["columns"][role][0])
        return name[:1].upper() + name[1:]

    def read(self, kind: str, text: str) -> str | None:
        """The value that a word stands for, such as `shall` for `SKALL`; None where it is not known."""
        return self._words(kind).get(plain(text))

    def read_any(self, kind: str, text: str) -> frozenset[str]:
        """Every value that some word of a longer text stands for."""
        known = self._words(kind)
        return frozenset(known[word] for word in re.findall(r"\w+", plain(text)) if word in known)

    def word(self, kind: str, value: str) -> str:
        """The first word for a value, as an export writes it."""
        return str(_written()["values"][kind][value][0])

    def first_words(self, kind: str) -> tuple[str, ...]:
        """The first word of each value."""
        return tuple(self.word(kind, value) for value in _written()["values"][kind])

    def known(self, kind: str) -> str:
        """`ska eller bör`: what may be chosen."""
        words = self.first_words(kind)
        joint = " eller " if self.language == "sv" else " or "
        return joint.join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

    def nearest(self, kind: str, text: str) -> str:
        """The word that was probably meant; all of them where nothing is close."""
        known = self._words(kind)
        close = difflib.get_close_matches(plain(text), known, n=1, cutoff=0.7)
        return self.word(kind, known[close[0]]) if close else self.known(kind)

    def is_nothing(self, text: str) -> bool:
        """Whether the cell says in words or signs that it is empty."""
        return plain(text) in {plain(word) for word in _written()["values"]["nothing"]}

    def is_mark(self, text: str) -> bool:
        """Whether the cell is ticked."""
        return plain(text) in {plain(str(word)) for word in _written()["values"]["mark"]}

    def say(self, code: str, **values: object) -> str:
        """The sentence of a code, filled in."""
        return str(_written()["messages"][code][self.language]).format_map(values)

    def fault(self, place: str, code: str, **values: object) -> Fault:
        """A fault of a file, a sheet or a cell. The sentence ends with the likely fix after a semicolon."""
        message, _, fix = self.say(code, **values).rpartition("; ")
        return Fault(place, 0, "", message or fix, fix if message else "")

    def near(self, word: str, known: Iterable[str]) -> str:
        """The id that was probably meant, as the end of a sentence."""
        choices = sorted(known)
        close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
        if self.language == "sv":
            return f"menas {close[0]}?" if close else f"välj bland {', '.join(choices[:12])}"
        return f"did you mean {close[0]}?" if close else f"choose among {', '.join(choices[:12])}"

    def _words(self, kind: str) -> dict[str, str]:
        return {plain(word): value for value, words in _written()["values"][kind].items() for word in words}
