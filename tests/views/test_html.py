"""The page: complete, honest about what it is, safe with what a subject sends, readable by all."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import html as markup
from tests.views.records import TEMPLATES, Run, typical

from kravkoll import views
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Text
from kravkoll.record.journal import read
from kravkoll.record.outcome import Finding, Outcome, Reason
from kravkoll.views.report import Untellable, tell

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;{{7*7}}\x1b[31m\u202e\ud800\x00"


def page(run: Run, folder: Path, language: str = "sv", **how: Any) -> Any:
    run.write(folder, **how)
    written = views.write_all(folder, templates=TEMPLATES)
    return _document(written[f"html.{language}"].read_text(encoding="utf-8"))


def _document(source: str) -> Any:
    return markup.document_fromstring(source)


def text(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def test_every_requirement_has_its_verdict_basis_level_and_source(tmp_path: Path) -> None:
    run = typical()
    document = page(run, tmp_path / "run")
    verdicts = {
        section.get("id"): text(section.find_class("chip")[0])
        for section in document.find_class("requirement")
    }
    assert verdicts == {
        "ENC-01": "✗ Ej uppfyllt",
        "ENC-02": "? Ej prövat",
        "ENC-05": "✗ Ej uppfyllt",
        "LOG-01": "? Ej prövat",
        "LOG-02": "§ Beviljat avsteg",
        "SCH-01": "? Ej prövat",
        "SEC-01": "✗ Ej uppfyllt",
        "ROU-01": "D Styrkt med dokument",
        "ROU-02": "– Ej tillämpligt",
    }
    first = text(document.get_element_by_id("ENC-01"))
    for fact in (
        "ska (avgörande)",
        "avtal",
        "enligt branschpraxis",
        "tls-2026 från 2026-01-01",
        "2026-11-23",
    ):
        assert fact in first


def test_a_finding_is_told_in_full_once(tmp_path: Path) -> None:
    document = page(typical(), tmp_path / "run", "en")
    row = text(document.get_element_by_id("ENC-TLS-02@tempus/api"))
    for fact in (
        "The defect proto.tls10 is there.",
        "Expected TLS 1.2",
        "Actual TLS 1.0, TLS 1.1",
        "2 of 4",
        '{"port": 443}',
        "Mend proto.tls10.",
        "kravkoll run --env demo --supplier tempus --as-of 2026-11-23 --row ENC-TLS-02@tempus/api",
        "sha256:bbbb",
    ):
        assert fact in row
    assert "Described under ENC-01" in text(document.get_element_by_id("SEC-01"))


def test_headline_counts_gating_requirements_alone(tmp_path: Path) -> None:
    figures = text(page(typical(), tmp_path / "run").find_class("figures")[0])
    assert figures == "2 av 7 avgörande krav är inte uppfyllda 3 avgörande krav kunde inte prövas"


def test_headline_follows_the_phase(tmp_path: Path) -> None:
    run = typical()
    run.header["gate"] = {
        "phase": "tender",
        "gating": "listed",
        "requirements": ["ROU-01"],
        "untested_blocks": "all",
        "must_be_tested": [],
        "decides": "Upphandlingsansvarig",
    }
    document = page(run, tmp_path / "run")
    assert "0 av 1 avgörande krav" in text(document.find_class("figures")[0])
    assert text(document.find_class("conclusion")[0]) == "Godkännanderegeln är uppfylld."


def test_verdicts_add_up_to_all_requirements(tmp_path: Path) -> None:
    counts = page(typical(), tmp_path / "run").find_class("counts")[0]
    numbers = [int(cell.text_content()) for cell in counts.xpath(".//tbody//td[1]")]
    assert sum(numbers) == int(counts.xpath(".//tfoot//td[1]")[0].text_content()) == 9


def test_a_simulated_run_says_so_everywhere(tmp_path: Path) -> None:
    run = typical()
    run.write(tmp_path / "run")
    written = views.write_all(tmp_path / "run", templates=TEMPLATES)
    for path in written.values():
        assert path.name.startswith("SIMULERING-tempus")
    for language in ("sv", "en"):
        document = _document(written[f"html.{language}"].read_text(encoding="utf-8"))
        assert "SIMULERING" in document.findtext(".//title")
        assert "SIMULERING" in text(document.find_class("mark")[0])
    assert "utgör inte godkännande enligt avtalet" in written["html.sv"].read_text(encoding="utf-8")


def test_a_real_run_is_not_called_simulated(tmp_path: Path) -> None:
    typical("test").write(tmp_path / "run")
    written = views.write_all(tmp_path / "run", templates=TEMPLATES)
    assert {path.name for key, path in written.items() if key.startswith("html")} == {
        "report-tempus.sv.html",
        "report-tempus.en.html",
    }
    for path in written.values():
        if path.is_file():
            assert "SIMULERING" not in path.read_text(encoding="utf-8")


def test_a_partial_run_accepts_nothing(tmp_path: Path) -> None:
    run = Run(kind="test", header={"partial": {"selection": "-k ENC-"}})
    run.need("ENC-01")
    run.need("LOG-01")
    run.row("ENC-TLS-02", ("ENC-01",), Outcome.MET)
    document = page(run, tmp_path / "run")
    assert "Delkörning med urvalet -k ENC-. Den utgör inte godkännande enligt avtalet." in text(document)
    assert "0 av 1 avgörande krav" in text(document.find_class("figures")[0])
    assert "Besluta enligt" not in text(document)


def test_next_steps_name_an_owner_and_end_with_who_decides(tmp_path: Path) -> None:
    steps = [text(step) for step in page(typical("test"), tmp_path / "run").xpath("//ol[@class='steps']/li")]
    assert steps[0].startswith("Leverantören: Rätta bristerna i 2 avgörande krav")
    assert any(step.startswith("Den som förvaltar Kravkoll: Bygg en kontroll") for step in steps)
    assert steps[-1].startswith("Avdelningschefen: Vänta med beslut")


def test_run_by_the_supplier_is_marked(tmp_path: Path) -> None:
    run = typical("test")
    run.header["ran_by"] = {"side": "supplier", "who": "Tempus"}
    assert "Leverantören körde prövningen själv" in text(page(run, tmp_path / "run"))


def test_a_waiver_is_told_in_full(tmp_path: Path) -> None:
    waiver = text(page(typical(), tmp_path / "run").find_class("waiver")[0])
    for fact in (
        "Ny inloggning införs i mars.",
        "Fler lösenord.",
        "1.2-345/2026",
        "2027-03-31",
        "Avdelningschefen",
    ):
        assert fact in waiver


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        (None, "Det finns inget resultat för just den här versionen"),
        ({"digest": "c" * 64, "holds": True, "caught": {"ENC-TLS-02": ["tls.tls10"]}}, "1 kontroller, 1 fel"),
        ({"digest": "c" * 64, "holds": False, "caught": {}}, "Lita inte på resultatet"),
    ],
)
def test_the_page_says_how_far_the_checks_can_be_trusted(tmp_path: Path, proof: object, said: str) -> None:
    run = typical()
    run.header |= {"proof": proof, "catalogue": {"encryption": {"rows": 41, "covered": 9}}}
    checks = text(page(run, tmp_path / "run").get_element_by_id("checks"))
    assert said in checks
    assert "Kryptering 41 9" in checks


def test_a_supplier_that_nothing_looks_at_is_not_called_incomplete(tmp_path: Path) -> None:
    run = Run()
    run.need("ENC-01")
    run.no_rows["ENC-01"] = "interface.none"
    document = page(run, tmp_path / "run")
    assert "OFULLSTÄNDIGT" not in text(document)
    assert "1 avgörande krav kunde inte prövas" in text(document)
    assert "Inget krav kunde prövas." in text(document.get_element_by_id("unmet"))


@pytest.mark.parametrize("cut", [1, 40, 4000])
def test_a_record_cut_off_anywhere_after_its_header_is_told_and_marked(tmp_path: Path, cut: int) -> None:
    folder = typical().write(tmp_path / "run", finish=False, results=3)
    file = folder / "results.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    written = views.write_all(folder, templates=TEMPLATES)
    document = _document(written["html.sv"].read_text(encoding="utf-8"))
    alarm = text(document.find_class("alarm")[0])
    assert "OFULLSTÄNDIGT" in alarm
    assert "no footer" in alarm
    assert text(document.find_class("conclusion")[0]).startswith("Körningen blev inte klar.")


def test_a_record_without_header_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_bytes(b'{"type": "hea')
    with pytest.raises(Untellable, match="no header"):
        views.write_all(tmp_path, templates=TEMPLATES)


def test_a_changed_record_is_marked(tmp_path: Path) -> None:
    folder = typical().write(tmp_path / "run")
    file = folder / "results.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace('"not-met"', '"met"', 1), encoding="utf-8")
    document = _document(views.write_all(folder, templates=TEMPLATES)["html.sv"].read_text(encoding="utf-8"))
    assert "OFULLSTÄNDIGT" in text(document)


def hostile() -> Run:
    """A subject that answers with markup, control characters and text that runs backwards."""
    run = Run(name=HOSTILE.rstrip("\ud800\x00"), header={"started": "2026-11-23T10:00:00+01:00"})
    run.need("ENC-01")
    run.need("LOG-01")
    bad = Finding(
        "x.y",
        expected=HOSTILE,
        actual={"a": [HOSTILE, "y" * 9000]},
        cases=(HOSTILE,) * 60,
        failed=60,
        tried=60,
    )
    run.row(
        "ENC-TLS-02", ("ENC-01",), Outcome.NOT_MET, findings=(bad,), observation=HOSTILE, beside=(HOSTILE,)
    )
    run.row("LOG-API-01", ("LOG-01",), Outcome.INCONCLUSIVE, reason=Reason("subject.garbage", HOSTILE))
    return run


def test_hostile_values_are_text_and_nothing_else(tmp_path: Path) -> None:
    document = page(_surrogates_as_escapes(hostile()), tmp_path / "run")
    assert document.xpath("//script | //img | //@onerror | //iframe") == []
    assert r"\x1b[31m\u202e" in text(document)
    raw = (tmp_path / "run" / "SIMULERING-tempus.sv.html").read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", raw)
    assert "{{7*7}}" in text(document)
    assert "y" * 4100 not in raw
    assert "40 fall till" in text(document)


def _surrogates_as_escapes(run: Run) -> Run:
    """A journal cannot encode a lone surrogate; a record from elsewhere can hold one as a JSON escape."""
    original = run.write

    def write(folder: Path, **_: object) -> Path:
        for index, result in enumerate(run.results):
            run.results[index] = _replaced(result)
        original(folder)
        file = folder / "results.jsonl"
        file.write_bytes(file.read_bytes().replace(b"SURROGATE", b"\\ud800"))
        return folder

    run.write = write  # type: ignore[method-assign]
    return run


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\ud800", "SURROGATE")
    if isinstance(value, dict):
        return {key: _replaced(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_replaced(item) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        return type(value)(**{name: _replaced(getattr(value, name)) for name in value.__dataclass_fields__})
    return value


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_page_is_built_so_that_all_can_read_it(tmp_path: Path, language: str) -> None:
    document = page(typical(), tmp_path / "run", language)
    assert document.get("lang") == language
    assert [element.tag for element in document.xpath("//body/header | //body/main | //body/footer")] == [
        "header",
        "main",
        "footer",
    ]
    assert document.xpath("//body/*[1]/@href") == ["#main"]
    assert len(document.xpath("//h1")) == 1
    levels = [int(heading.tag[1]) for heading in document.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert document.xpath("//th[not(@scope)]") == []
    assert document.xpath("//table[not(caption)]") == []
    assert document.xpath("//nav[not(@aria-labelledby)]") == []


@pytest.mark.parametrize("language", ["sv", "en"])
def test_links_lead_somewhere_and_nothing_is_fetched(tmp_path: Path, language: str) -> None:
    document = page(typical(), tmp_path / "run", language)
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids))
    for link in document.xpath("//a/@href"):
        target = link.removeprefix("#")
        assert target in ids if link.startswith("#") else (tmp_path / "run" / link).is_file()
    assert (
        document.xpath("//@src | //script | //iframe | //object | //form | //style[contains(., 'url(')]")
        == []
    )
    assert document.xpath("//link/@href") == ["data:,"]
    assert "default-src 'none'" in document.xpath("//meta[@http-equiv]/@content")[0]


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _schemes() -> Iterator[dict[str, str]]:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    for block in re.findall(r":root \{([^}]*--ground[^}]*)\}", style):
        yield dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


@pytest.mark.parametrize("scheme", list(_schemes()), ids=["light", "dark", "print"])
def test_contrast(scheme: dict[str, str]) -> None:
    grounds = ("ground", "raised")
    pairs = [(ink, ground) for ink in ("text", "quiet", "link") for ground in grounds]
    pairs += [(ink, f"{ink}-ground") for ink in ("met", "bad", "open", "calm", "paper", "mark")]
    pairs += [("text", "calm-ground"), ("ground", "text")]
    for ink, ground in pairs:
        dark, light = sorted((_luminance(scheme[ink]), _luminance(scheme[ground])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def test_a_page_of_sixty_requirements_with_many_rows_is_small(tmp_path: Path) -> None:
    run = Run()
    found = Finding("proto.tls10", "x" * 3000, ["y" * 900] * 9, ({"id": "z" * 200},) * 60, 60, 60)
    for number in range(62):
        identity = f"{('ENC', 'LOG', 'SCH', 'SEC')[number % 4]}-{number + 10}"
        run.need(identity)
        for check in range(2):
            check_id = f"{identity[:3]}-TLS-{number * 2 + check + 10}"
            for part in ("api", "login", "web", "export"):
                fails = number % 6 == 0 and part == "api"
                outcome = Outcome.NOT_MET if fails else Outcome.MET
                run.row(check_id, (identity,), outcome, findings=(found,) if fails else (), part=part)
    run.write(tmp_path)
    written = views.write_all(tmp_path, templates=TEMPLATES)
    assert written["html.sv"].stat().st_size < 300_000


def test_the_first_page_says_what_where_and_what_to_do(tmp_path: Path) -> None:
    document = page(typical(), tmp_path / "run")
    unmet = text(document.get_element_by_id("unmet"))
    for said in (
        "Kravet ENC-01 ska hållas.",
        "Bristen proto.tls10 finns. ( Tempus, gränssnittet för andra system )",
        "Rätta proto.tls10.",
    ):
        assert said in unmet
    headline = text(document.get_element_by_id("headline"))
    for said in (
        "utgör inte godkännande enligt avtalet",
        "Avdelningschefen",
        "tls-2026 från 2026-01-01",
        "4.2.1",
    ):
        assert said in headline
    unseen = text(document.get_element_by_id("unseen"))
    assert (
        "Systemet svarade inte i tid (after 10 s). Leverantören: Kontrollera systemets svarstider" in unseen
    )


def test_each_check_says_what_it_has_been_shown_to_notice(tmp_path: Path) -> None:
    run = typical()
    run.header["proof"] = {
        "digest": "c" * 64,
        "holds": True,
        "caught": {"ENC-TLS-02": ["tls.tls10"]},
        "faults": {"tls.tls10": {"sv": "Servern tar emot gammal kryptering.", "en": "Old encryption."}},
    }
    document = page(run, tmp_path / "run")
    check = text(document.get_element_by_id("check-ENC-TLS-02"))
    assert "Servern tar emot gammal kryptering." in check
    assert "RFC 8996" in check
    assert "visad upptäcka 1 slags fel" in text(document.get_element_by_id("ENC-TLS-02@tempus/api"))


def test_technical_words_are_explained_where_they_are_used(tmp_path: Path) -> None:
    run = typical()
    run.need("ENC-09", text=Text(sv="Certifikatet ska gälla.", en="The certificate shall be valid."))
    terms = [text(term) for term in page(run, tmp_path / "run").xpath("//section[@id='glossary']//dt")]
    assert "certifikat" in terms
    assert "EGIL" not in terms
    assert len(terms) == len(set(terms))


def test_english_stands_marked_in_a_swedish_page_and_the_reverse(tmp_path: Path) -> None:
    swedish, english = (page(typical(), tmp_path / language, language) for language in ("sv", "en"))
    assert swedish.xpath("//dd[@lang='en']//code[contains(., 'TLS 1.2')]")
    assert english.xpath("//q[@lang='sv']")
    assert english.xpath("//span[@lang='sv'][. = 'Avdelningschefen']")


def test_index_parts_what_may_be_decided_from_what_may_not_and_never_ranks(tmp_path: Path) -> None:
    for supplier, name, finding in (
        ("z", "Ö", ()),
        ("a", "Zeta", (Finding("proto.tls10"),)),
        ("b", "Alfa", ()),
    ):
        run = Run(kind="test", supplier=supplier, name=name)
        run.need("ENC-01")
        outcome = Outcome.NOT_MET if finding else Outcome.MET
        run.row("ENC-TLS-02", ("ENC-01",), outcome, findings=finding, grade="B")
        run.write(tmp_path / supplier)
        views.write_all(tmp_path / supplier, templates=TEMPLATES)
    places = [tmp_path / name for name in ("z", "a", "b")]
    document = _document(
        views.write_index(tmp_path, places, templates=TEMPLATES)["index.sv"].read_text("utf-8")
    )
    sections = {text(section.find("h2")): section for section in document.xpath("//main/section")}
    ready = sections["Kan beslutas nu"].xpath(".//th[@scope='row']")
    assert [text(row) for row in ready] == ["Alfa", "Ö"]
    later = sections["Kan inte beslutas än"].xpath(".//tbody/tr")
    assert [text(cell) for cell in later[0]][:7] == ["Zeta", "1", "0", "0", "0", "0", "1"]


def test_index_shows_every_supplier_and_what_could_not_be_read(tmp_path: Path) -> None:
    typical().write(tmp_path / "tempus")
    empty = Run(supplier="unikum", name="Unikum", header={"procured": False})
    empty.need("ENC-01")
    empty.write(tmp_path / "unikum")
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "results.jsonl").write_bytes(b"")
    for name in ("tempus", "unikum"):
        views.write_all(tmp_path / name, templates=TEMPLATES)
    places = [tmp_path / name for name in ("tempus", "unikum", "dead")]
    written = views.write_index(tmp_path, places, templates=TEMPLATES)
    assert written["index.sv"].name == "SIMULERING-index.sv.html"
    document = _document(written["index.sv"].read_text(encoding="utf-8"))
    assert [
        text(row) for row in document.xpath("//table[contains(@class, 'suppliers')]//th[@scope='row']")
    ] == [
        "Tempus AB",
        "Unikum",
    ]
    assert "inte upphandlat" in text(document)
    assert "dead" in text(document.find_class("alarm")[0])
    for link in document.xpath("//a/@href[not(starts-with(., '#'))]"):
        assert (tmp_path / link.partition("#")[0]).is_file()


def test_an_index_never_mixes_simulated_and_real_runs(tmp_path: Path) -> None:
    typical().write(tmp_path / "one")
    typical("test", "unikum", "Unikum").write(tmp_path / "two")
    with pytest.raises(ConfigurationError, match="simulated and real"):
        views.write_index(tmp_path, [tmp_path / "one", tmp_path / "two"], templates=TEMPLATES)


def test_a_record_tells_the_same_however_often_it_is_told(tmp_path: Path) -> None:
    folder = typical().write(tmp_path / "run")
    first = views.write_all(folder, templates=TEMPLATES)["html.sv"].read_bytes()
    assert views.write_all(folder, templates=TEMPLATES)["html.sv"].read_bytes() == first
    assert tell(read(folder)).stem == "SIMULERING-tempus"
