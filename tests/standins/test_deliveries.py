import json
import subprocess
import sys
from pathlib import Path

import pytest

from kravkoll.standins import StandIn

from .conftest import TEMPUS_RESOURCES, House


def bandit(folder: Path, *options: str) -> dict[str, object]:
    command = [sys.executable, "-m", "bandit", "-q", "-r", str(folder), "-f", "json", *options]
    ended = subprocess.run(command, capture_output=True, check=False, text=True)
    return dict(json.loads(ended.stdout))


def found(report: dict[str, object]) -> set[str]:
    results = report["results"]
    assert isinstance(results, list)
    return {one["test_id"] for one in results}


def delivered(house: House, fault: str | None) -> Path:
    folder = house.start("tempus", fault).delivery
    assert folder is not None
    return folder


def run(folder: Path, settings: dict[str, str], into: Path) -> subprocess.CompletedProcess[str]:
    """The delivered program, with these settings."""
    (into / "settings.json").write_text(json.dumps(settings))
    options = ["--settings", str(into / "settings.json"), "--into", str(into)]
    command = [sys.executable, "-m", "tempus_connector", *options]
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, env=environment)


def test_the_delivery_is_clean_and_works(house: House, ber: StandIn, tmp_path: Path) -> None:
    folder = delivered(house, None)
    report = bandit(folder, "--ignore-nosec")
    assert found(report) == set()
    assert report["errors"] == []
    token, trust = tmp_path / "token", tmp_path / "trust.pem"
    token.write_text(house.token(ber, "tempus", "ss12000.read"))
    trust.write_bytes(house.installation.trust)
    settings = {"register": ber.addresses["api"], "token_file": str(token), "trust": str(trust)}
    assert run(folder, settings, tmp_path).returncode == 0
    for resource in TEMPUS_RESOURCES:
        lines = (tmp_path / f"{resource}.ndjson").read_text().splitlines()
        assert [json.loads(line) for line in lines] == house.walk(ber, resource, "tempus")


def test_the_delivery_says_what_went_wrong(house: House, tmp_path: Path) -> None:
    settings = {"register": "http://x", "token_file": "x", "trust": "x"}
    ended = run(delivered(house, None), settings, tmp_path)
    assert ended.returncode == 2
    assert "https only" in ended.stderr


def test_unsafe_calls(house: House) -> None:
    assert {"B501", "B602"} <= found(bandit(delivered(house, "delivery.dirty")))


def test_silenced_calls(house: House) -> None:
    folder = delivered(house, "delivery.nosec")
    assert found(bandit(folder)) == set()
    assert {"B501", "B602"} <= found(bandit(folder, "--ignore-nosec", "-x", "", "--ini", "/dev/null"))


def test_what_does_not_parse(house: House) -> None:
    assert bandit(delivered(house, "delivery.broken"))["errors"]


@pytest.mark.parametrize("fault", ["delivery.dirty", "delivery.nosec", "delivery.broken"])
def test_a_spoiled_copy_goes_away_and_the_original_stays(house: House, fault: str) -> None:
    honest = delivered(house, None)
    before = {path: path.read_bytes() for path in honest.rglob("*.py")}
    system = house.start("tempus", fault)
    folder = system.delivery
    assert folder is not None
    assert folder != honest
    assert folder.name == honest.name
    system.close()
    assert not folder.exists()
    assert {path: path.read_bytes() for path in honest.rglob("*.py")} == before
