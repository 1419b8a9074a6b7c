"""The tour: what to look at after a demonstration; nothing is named that is not there."""

from pathlib import Path

from tests.views.records import TEMPLATES, Run, typical

from kravkoll import views
from kravkoll.views.tour import tour
from kravkoll.views.words import words


def stops(run: Run, folder: Path, fault: str = "tls.tls10") -> list[str]:
    report = views.told(run.write(folder))
    views.write_all(report, templates=TEMPLATES)
    return [stop.look for stop in tour([report], words("sv"), folder / "index.html", fault)]


def test_the_tour_names_a_finding_its_command_what_is_not_tested_and_a_proof(tmp_path: Path) -> None:
    looks = stops(typical(), tmp_path)
    assert looks[0] == str(tmp_path / "index.html")
    assert looks[1] == f"{tmp_path / 'SIMULERING-tempus.sv.html'}#ENC-01"
    assert (
        looks[2] == "kravkoll run --env demo --supplier tempus --as-of 2026-11-23 --row ENC-TLS-02@tempus/api"
    )
    assert looks[3] == f"{tmp_path / 'SIMULERING-tempus.sv.html'}#unseen"
    assert looks[4] == "kravkoll prove --fault tls.tls10"
    page = Path(looks[1].partition("#")[0]).read_text(encoding="utf-8")
    assert 'id="ENC-01"' in page
    assert 'id="unseen"' in page


def test_evidence_is_named_where_it_is_at_hand(tmp_path: Path) -> None:
    kept = tmp_path / "evidence" / "bb" / ("b" * 64)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"{}")
    assert str(kept) in stops(typical(), tmp_path)


def test_what_is_not_there_is_not_named(tmp_path: Path) -> None:
    empty = Run()
    assert stops(empty, tmp_path, fault="") == [str(tmp_path / "index.html")]
