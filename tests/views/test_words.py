"""The words: the same in both languages, complete, and without the words that only developers use."""

import ast
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import jinja2
import pytest
from tests.views.records import TEMPLATES

from kravkoll.contracts import model
from kravkoll.record.outcome import Grade, Outcome, Verdict
from kravkoll.record.rollup import Exit
from kravkoll.views.words import LANGUAGES, words

ROOT = TEMPLATES.parents[1]
DEVELOPERS_WORDS = re.compile(
    r"\b(duel|canar|kanarie|cast\b|probe|stand-?in|persona\b|personas|fixture|mock|oracle|orakel|harness|"
    r"exit code|roll-?up|payload|snapshot|traceback|assert\b|pytest|attrapp)",
    re.IGNORECASE,
)
REASONS = {"Inconclusive", "NotExercised", "Reason"}


def _flat(table: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def test_both_languages_have_the_same_keys_and_the_same_blanks() -> None:
    swedish, english = (dict(_flat(words(language).table)) for language in LANGUAGES)
    assert swedish.keys() == english.keys()

    def blanks(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert [key for key in swedish if blanks(swedish[key]) != blanks(english[key])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_the_model_has_a_word(language: str) -> None:
    codes: dict[str, Iterable[object]] = {
        "verdict": list(Verdict),
        "verdict_meaning": list(Verdict),
        "outcome": list(Outcome),
        "outcome_meaning": list(Outcome),
        "grade": list(Grade),
        "conclusion": [one.name.lower().replace("_", "-") for one in Exit],
        "level": get_args(model.Level.__value__),
        "basis": get_args(model.Basis.__value__),
        "verify": get_args(model.Verification.__value__),
        "area": get_args(model.Area.__value__),
        "phase": get_args(model.Phase.__value__),
        "status": get_args(model.AgreementStatus.__value__),
        "environment": get_args(model.EnvironmentKind.__value__),
        "school_form": get_args(model.SchoolForm.__value__),
        "capability": get_args(model.Capability.__value__),
    }
    table = words(language).table
    assert [
        (section, code) for section, known in codes.items() for code in known if code not in table[section]
    ] == []


def test_every_reason_that_code_can_give_has_a_sentence() -> None:
    told = words("sv")
    assert {code: place for code, place in _reason_codes() if not told.knows(code)} == {}


def _reason_codes() -> Iterator[tuple[str, str]]:
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "suites").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in REASONS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value.partition(":")[0], f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_developers_words_in_sentences(language: str) -> None:
    found = {key: text for key, text in _flat(words(language).table) if DEVELOPERS_WORDS.search(text)}
    assert found == {}


def test_no_words_in_templates_at_all() -> None:
    """A sentence in a template would be in one language only."""
    for path in TEMPLATES.glob("*.jinja"):
        text = re.sub(
            r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL
        )
        plain = re.sub(r"<[^>]*>", " ", text)
        assert re.findall(r"[a-zåäö]{3,}", plain, re.IGNORECASE) == [], path.name


def test_templates_name_only_sentences_that_exist() -> None:
    known = words("sv").table
    for path in TEMPLATES.glob("*.jinja"):
        jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
        for section, key in re.findall(r'say\("(\w+)\.([\w-]+)"[,)]', path.read_text(encoding="utf-8")):
            assert key in known[section], f"{path.name}: {section}.{key}"


def test_grounds_say_of_what() -> None:
    grounds = words("en").grounds("capability.missing:login.start")
    assert grounds.sentence.endswith("(login.start: page where login starts).")
    assert grounds.owner == "The supplier"


def test_an_unknown_reason_is_shown_as_it_stands() -> None:
    assert "brand.new:thing" in words("sv").grounds("brand.new:thing").sentence


def test_a_citys_own_words_replace_the_packages(tmp_path: Path) -> None:
    own = (TEMPLATES / "words.sv.yaml").read_text(encoding="utf-8").replace("Ej uppfyllt", "Brister")
    (tmp_path / "words.sv.yaml").write_text(own, encoding="utf-8")
    assert words("sv", tmp_path).name("verdict", "not-met") == "Brister"
    assert words("en", tmp_path).name("verdict", "not-met") == "Not met"
