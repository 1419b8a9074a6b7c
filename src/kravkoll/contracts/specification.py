"""Finds the requirements in a workbook: heading rows, columns, headings between, one entry a requirement."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kravkoll.contracts.errors import Fault
from kravkoll.contracts.vocabulary import Vocabulary, heading, plain
from kravkoll.contracts.workbook import Cell, Row, Sheet, Workbook

LETTERS = re.compile(r"^[A-Z]{1,3}$")
NUMBERING = re.compile(r"^[\dA-Za-z]{0,3}[\d.]*[.)]?\s+")
SHALL = re.compile(r"\b(ska|skall|måste)\b", re.IGNORECASE)
SHOULD = re.compile(r"\bbör\b", re.IGNORECASE)
LATEST_HEADING = 60
"""A heading row stands among the first rows: below titles, notes and instructions."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person says of the file, where it cannot be seen."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Role, or a name of it, to column letter or heading."""
    heading_row: int = 0
    sheets: tuple[str, ...] = ()
    area: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One requirement as it stands: its cells by role."""

    file: str
    sheet: str
    row: int
    columns: Mapping[str, str]
    cells: Mapping[str, Cell]
    area: str
    """From the heading above, the sheet's name or the person; empty where none says."""

    def text(self, role: str) -> str:
        """What stands in the role's column."""
        cell = self.cells.get(role)
        return cell.text if cell else ""

    def cell(self, role: str) -> str:
        """`B14`; the number's cell for a role that has no column."""
        column = self.columns.get(role) or self.columns.get("number") or self.columns["text"]
        return f"{column}{self.row}"

    def place(self, role: str, words: Vocabulary) -> str:
        """File, sheet and cell."""
        return words.say("place", file=self.file, sheet=self.sheet, cell=self.cell(role))

    @property
    def source(self) -> str:
        """`kravspec.xlsx!Krav!B14`."""
        return f"{self.file}!{self.sheet}!{self.cell('number')}"


@dataclass(slots=True)
class Found:
    """What a workbook holds, with what is wrong and what the person should know."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def find(workbook: Workbook, wishes: Wishes, words: Vocabulary) -> Found:
    """Every requirement of the workbook, in order."""
    found = Found()
    for code, said in (("notice.macros", workbook.macros), ("notice.links", workbook.links)):
        if said:
            found.notices.append(f"{workbook.name}: {words.say(code)}")
    titles = [sheet.title for sheet in workbook.sheets]
    for title in wishes.sheets:
        if title not in titles:
            told = words.fault(workbook.name, "columns.sheet", sheet=title, near=words.near(title, titles))
            found.faults.append(told)
    read = 0
    for sheet in workbook.sheets:
        if wishes.sheets and sheet.title not in wishes.sheets:
            continue
        read += _Reading(workbook.name, sheet, wishes, words, found).read()
    if not found.faults and not read:
        found.faults.append(words.fault(workbook.name, "file.empty"))
    elif not found.faults and not found.entries:
        found.faults.append(words.fault(workbook.name, "file.none"))
    found.faults = list(dict.fromkeys(found.faults))
    return found


@dataclass(slots=True)
class _Reading:
    """One sheet being read."""

    file: str
    sheet: Sheet
    wishes: Wishes
    words: Vocabulary
    found: Found

    def read(self) -> bool:
        """Add the sheet's requirements; whether it is a sheet of requirements at all."""
        top, columns = self._headings()
        asked = self.sheet.title in self.wishes.sheets
        if not {"number", "text"} <= set(columns):
            ours = top and plain(self.words.catalogue) in {plain(cell.text) for cell in top.cells.values()}
            if asked or (top and not ours):
                self._notice("notice.unread")
            return False
        if self.sheet.hidden and not asked:
            self._notice("notice.sheet")
            return False
        if self.sheet.too_long:
            self._fault("sheet.long", most=len(self.sheet.rows))
        self._unread_columns(top, columns)
        below = [row for row in self.sheet.rows if row.number > (top.number if top else 0)]
        self._entries(below, columns, top)
        return True

    # -- columns -------------------------------------------------------------------------------------------

    def _headings(self) -> tuple[Row | None, dict[str, str]]:
        """The heading row, and role to column letter."""
        rows = self.sheet.rows[:LATEST_HEADING]
        if self.wishes.heading_row:
            rows = tuple(row for row in self.sheet.rows if row.number == self.wishes.heading_row)
        best: tuple[Row | None, dict[str, str]] = (rows[0] if self.wishes.heading_row and rows else None, {})
        for row in rows:
            columns = self._columns_of(row)
            if len(columns) > len(best[1]):
                best = (row, columns)
        top, columns = best
        if not self.wishes.heading_row and not {"number", "text"} <= set(columns):
            top = top if len(columns) > 1 else None
        return top, {**columns, **self._asked_columns(top)}

    def _columns_of(self, row: Row) -> dict[str, str]:
        """Role to letter for the headings of a row; a longer list of names loses to an earlier name."""
        headings = {heading(cell.text): letter for letter, cell in reversed(list(row.cells.items()))}
        columns: dict[str, str] = {}
        for role, names in self.words.columns.items():  # names in order: the most telling first
            letter = next((headings[name] for name in names if name in headings), "")
            if letter and letter not in columns.values():
                columns[role] = letter
        if "level" in columns:
            return {role: letter for role, letter in columns.items() if role not in {"shall", "should"}}
        return columns

    def _asked_columns(self, top: Row | None) -> dict[str, str]:
        asked = {}
        texts = {heading(cell.text): letter for letter, cell in top.cells.items()} if top else {}
        for name, where in self.wishes.columns.items():
            role = self._role(name)
            if not role:
                self._fault_of_file("columns.role", role=name, known=", ".join(self.words.columns))
            elif heading(where) in texts:
                asked[role] = texts[heading(where)]
            elif LETTERS.match(where.upper()):
                asked[role] = where.upper()
            else:
                self._fault_of_file("columns.heading", heading=where)
        return asked

    def _role(self, name: str) -> str:
        known = self.words.columns
        wanted = heading(name)
        named = (role for role, names in known.items() if wanted in names)
        return name if name in known else next(named, "")

    def _unread_columns(self, top: Row | None, columns: Mapping[str, str]) -> None:
        """Columns with a heading of their own are named, so that nothing is left out in silence."""
        named = top.cells.items() if top else ()
        unread = [
            f"{letter} ({cell.text.replace(chr(10), ' ')})"
            for letter, cell in named
            if letter not in columns.values() and not self.words.is_reply(cell.text)
        ]
        if unread:
            self._notice("notice.columns", columns=", ".join(unread))
        hidden = sorted(set(columns.values()) & self.sheet.hidden_columns)
        if hidden:
            self._notice("notice.column", columns=", ".join(hidden))

    # -- rows ----------------------------------------------------------------------------------------------

    def _entries(self, rows: list[Row], columns: dict[str, str], top: Row | None) -> None:
        area = self.wishes.area or self.words.read("area", NUMBERING.sub("", self.sheet.title)) or ""
        levelled = bool({"level", "shall", "should"} & set(columns))
        titles = {plain(cell.text) for cell in top.cells.values()} if top else set()
        taken: list[tuple[Row, Entry]] = []
        for row in rows:
            cells = {role: row.cells[letter] for role, letter in columns.items() if letter in row.cells}
            if not row.cells or (top and {plain(cell.text) for cell in row.cells.values()} <= titles):
                continue
            entry = Entry(self.file, self.sheet.title, row.number, columns, cells, area)
            if _is_requirement(entry, levelled=levelled):
                taken.append((row, entry))
            else:
                area = self._heading(row) or area
        self.found.entries.extend(entry for _, entry in taken)
        self._tell(taken)
        if taken and not levelled:
            self._notice("notice.level")

    def _heading(self, row: Row) -> str:
        """The area that a heading between requirements names, if it names one."""
        text = " ".join(dict.fromkeys(cell.text.replace("\n", " ") for cell in row.cells.values()))
        self._notice("notice.heading", row=row.number, text=text[:80])
        return self.words.read("area", NUMBERING.sub("", text)) or self.words.read("area", text) or ""

    def _tell(self, taken: list[tuple[Row, Entry]]) -> None:
        """Formulas, errors, struck-out text and hidden rows among what was taken."""
        formulas, struck, hidden = [], [], []
        for row, entry in taken:
            hidden += [str(row.number)] if row.hidden else []
            for role, cell in entry.cells.items():
                if cell.error:
                    self._cell_fault(entry, role, "cell.error", value=cell.text)
                elif cell.formula and not cell.text:
                    self._cell_fault(entry, role, "cell.formula")
                elif cell.formula:
                    formulas.append(entry.cell(role))
                if cell.struck and role in {"number", "text"}:
                    struck.append(entry.cell(role))
        if formulas:
            self._notice("notice.formula", cells=", ".join(formulas))
        if struck:
            self._notice("notice.struck", cells=", ".join(struck))
        if hidden:
            self._notice("notice.hidden", rows=", ".join(hidden))

    # -- telling -------------------------------------------------------------------------------------------

    def _place(self) -> str:
        return self.words.say("sheet", file=self.file, sheet=self.sheet.title)

    def _notice(self, code: str, **values: object) -> None:
        self.found.notices.append(f"{self._place()}: {self.words.say(code, **values)}")

    def _fault(self, code: str, **values: object) -> None:
        self.found.faults.append(self.words.fault(self._place(), code, **values))

    def _fault_of_file(self, code: str, **values: object) -> None:
        self.found.faults.append(self.words.fault(self.file, code, **values))

    def _cell_fault(self, entry: Entry, role: str, code: str, **values: object) -> None:
        self.found.faults.append(self.words.fault(entry.place(role, self.words), code, **values))


def _is_requirement(entry: Entry, *, levelled: bool) -> bool:
    """A heading has neither ska nor bör, in a column or in its text; a note has no number either."""
    number, text = entry.text("number"), entry.text("text")
    level = any(entry.text(role) for role in ("level", "shall", "should"))
    if level:
        return bool(number or text)
    demands = modality(text) != ""
    return demands and bool(number or not levelled)


def modality(text: str) -> str:
    """`shall`, `should`, `both` or nothing, as the text itself says."""
    shall, should = bool(SHALL.search(text)), bool(SHOULD.search(text))
    return "both" if shall and should else "shall" if shall else "should" if should else ""
