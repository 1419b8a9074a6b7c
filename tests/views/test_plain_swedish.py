"""Every Swedish text that a report can show: plain, short, and without words that only developers use."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.views.records import TEMPLATES

from kravkoll.views.words import words

ROOT = TEMPLATES.parents[1]
RULES = yaml.safe_load((Path(__file__).parent / "plain_swedish.yaml").read_text(encoding="utf-8"))
PLACES = ("suites/*/checks.yaml", "contracts/requirements/*.yaml", "contracts/agreements/*.yaml")
OTHERS = ("contracts/acceptance.yaml", "contracts/waivers.yaml", "mocks/faults/*.yaml")
GIVEN = re.compile(
    r"\butgör inte godkännande\b|\bpageToken\b|\bContent-Type\b|\bHTTP-Redirect\b|\(Assertion\)|\bscope\b",
    re.IGNORECASE,
)
"""Phrases that law or a standard gives, and names of fields."""
TECHNICAL = re.compile(r"\b[a-z]+[A-Z]\w*|\b\w+_\w+|\b[A-Z]{3}-[A-Z]+-\d+\b|\b[a-z]+\.[a-z]+\b|[{}<>=/\\]")
"""Names of fields, codes and paths: nothing to read aloud."""
ABBREVIATION = re.compile(r"\b[A-ZÅÄÖ]{2,}(?:[- ]?\d[\d.]*)?\b")


def _files() -> list[Path]:
    return sorted(path for pattern in (*PLACES, *OTHERS) for path in ROOT.glob(pattern))


def _texts(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text under a key `sv`, with the keys that lead to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "sv" and isinstance(item, str):
                yield keys, item
            else:
                yield from _texts(item, (*keys, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            name = item.get("id", number) if isinstance(item, Mapping) else number
            yield from _texts(item, (*keys, str(name)))


def _shown() -> Iterator[tuple[str, str]]:
    """Place and text: the report's own words, and what it takes from the workspace."""
    for path in _files():
        for keys, text in _texts(yaml.safe_load(path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(ROOT).as_posix()} {'.'.join(keys[1:])}", text
    yield from _own(words("sv").table, "words.sv.yaml")


def _own(table: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _own(value, f"{place} {key}" if place.endswith("yaml") else f"{place}.{key}")
        else:
            yield f"{place}.{key}", re.sub(r"\{\w+\}", "X", str(value))


SHOWN = list(_shown())


def _begins(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{word})", re.IGNORECASE)


def test_there_is_something_to_read() -> None:
    places = " ".join(place for place, _ in SHOWN)
    assert len(SHOWN) > 500
    for kind in (
        ".findings.",
        ".sentence",
        ".why",
        "contracts/requirements",
        "mocks/faults",
        "words.sv.yaml",
    ):
        assert kind in places


@pytest.mark.parametrize("word", RULES["never"])
def test_no_words_of_those_who_build_it(word: str) -> None:
    assert [(place, text) for place, text in SHOWN if _begins(word).search(GIVEN.sub("", text))] == []


def test_plain_words() -> None:
    found = [
        f"{place}: {text!r}: rather {plain!r} than {word!r}"
        for word, plain in RULES["rather"].items()
        for place, text in SHOWN
        if _begins(re.escape(word)).search(GIVEN.sub("", text))
    ]
    assert found == []


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+(?=[A-ZÅÄÖ])", text)


def test_short_sentences() -> None:
    found = []
    for place, text in SHOWN:
        limit = RULES["longest_finding" if place.endswith(".says") else "longest_sentence"]
        lengths = [len(sentence.split()) for sentence in _sentences(text)]
        if max(lengths, default=0) > limit:
            found.append(f"{place}: {max(lengths)} words, at most {limit}: {text!r}")
    assert found == []


def test_a_finding_can_be_read_aloud() -> None:
    """No names of fields, codes or paths: those stand in what was expected and seen, and in the remedy."""
    parts = (".says", ".sentence", ".why")
    headings = ("words.sv.yaml column", "words.sv.yaml finding")
    said = [
        (place, text) for place, text in SHOWN if place.endswith(parts) and not place.startswith(headings)
    ]
    assert [(place, text, TECHNICAL.findall(text)) for place, text in said if TECHNICAL.search(text)] == []
    assert [(place, text) for place, text in said if not text.rstrip('"').endswith((".", "?"))] == []


def test_every_abbreviation_stands_in_the_word_list() -> None:
    terms = " ".join(entry["term"] for entry in words("sv").table["glossary"].values())
    known = {*ABBREVIATION.findall(terms), *RULES["known"]}
    found: dict[str, str] = {}
    for place, text in SHOWN:
        if place.endswith(".remedy"):
            continue  # for the supplier's developers, in their own words
        for short in ABBREVIATION.findall(text):
            if not {short, re.sub(r"[- ]?\d.*", "", short)} & known:
                found.setdefault(short, place)
    assert found == {}
