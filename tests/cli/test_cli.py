"""The command line: what it says when asked rightly and wrongly, and its exit codes."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import load
from kravkoll.runner.plan import plan


def kravkoll(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kravkoll", *arguments],
        cwd=folder or packaged(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_help_names_every_command_and_exit_code() -> None:
    shown = kravkoll("--help").stdout
    for word in ("demo", "run", "plan", "list", "explain", "validate", "prove", "report", "5 something"):
        assert word in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lst",), "did you mean 'list'?"),
        (("explain", "ENC-TLS-99"), "did you mean 'ENC-TLS-0"),
        (("run", "--env", "demoo", "--supplier", "tempus"), "did you mean 'demo'?"),
        (("run", "--env", "demo", "--supplier", "tempsu"), "did you mean 'tempus'?"),
        (("run", "--env", "demo", "--supplier", "tempus", "-k", "XYZ-"), "selects no row"),
        (
            ("run", "--env", "demo", "--supplier", "tempus", "--phase", "acceptence"),
            "did you mean 'acceptance'?",
        ),
        (("prove", "--fault", "api.paging.ofset"), "did you mean 'api.paging.offset'?"),
        (("plan", "--as-of", "yesterday"), "is not a date"),
        (("report", "nowhere"), "holds no results.jsonl"),
        (("validate", "--workspace", "src"), "is no workspace"),
    ],
)
def test_wrong_words_name_the_likely_fix_and_exit_with_4(arguments: tuple[str, ...], said: str) -> None:
    ended = kravkoll(*arguments)
    assert ended.returncode == 4
    assert said in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_list_and_explain_and_plan_never_import_pytest() -> None:
    program = (
        "import sys; sys.argv = ['kravkoll', *{arguments!r}]\n"
        "from kravkoll.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {{'pytest', 'hypothesis', 'schemathesis', 'mitmproxy'}} & set(sys.modules)\n"
    )
    for arguments in (["list", "checks"], ["explain", "ENC-TLS-02"], ["plan"], ["--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program.format(arguments=arguments)],
            cwd=packaged(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_list_speaks_both_languages_and_json() -> None:
    assert "krypter" in kravkoll("list", "requirements", "--language", "sv").stdout
    rows = json.loads(kravkoll("list", "checks", "--format", "json").stdout)
    assert {"id", "says"} == set(rows[0])


def test_explain_tells_a_finding_its_remedy() -> None:
    shown = kravkoll("explain", "SP-17.sent").stdout
    assert "remedy:" in shown
    assert "SEC-MIN-01" in shown


def test_what_is_asked_of_all_suppliers_reaches_each() -> None:
    ended = kravkoll("run", "--env", "demo", "-k", "FLO-RUN-", "--language", "sv", "--phase", "test-delivery")
    assert ended.returncode == 0
    workspace = load(Layout(packaged()))
    ends = {
        name
        for name in workspace.suppliers
        if any(row.check == "FLO-RUN-01" for row in plan(workspace, name, date(2026, 11, 23)).rows)
    }
    assert ended.stdout.count("-k FLO-RUN-") == len(ends) > 2  # those at an end of a flow, and nobody else
    assert "tempus: exit 0" in ended.stderr
    assert "ber-supplier: exit 0" in ended.stderr
    assert "Nästa steg" in ended.stdout


def test_a_keyword_that_selects_nothing_of_any_supplier_is_a_mistake() -> None:
    ended = kravkoll("run", "--env", "demo", "-k", "XYZ-")
    assert ended.returncode == 4
    assert "selects no row" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "nowhere.xlsx"), "nowhere.xlsx: finns inte; kontrollera sökvägen"),
        (("import", "README.md"), "är ingen Excelfil (.xlsx)"),
        (("import", "README.md", "--columns", "nr"), "'nr' kan inte läsas; skriv till exempel nr=A,text=B"),
        (("export", "requirements.csv"), "must end with .xlsx"),
        (("plan", "--freeze", "plan.json"), "--freeze needs --supplier and --environment"),
        (("plan", "--preview", "nowhere.json"), "cannot be read"),
        (
            ("cast", "export", "--format", "csv", "--out", "nowhere", "--for", "tempsu"),
            "did you mean 'tempus'?",
        ),
        (("cast", "accounts", "accounts.csv", "--for", "tempus"), "must end with .xlsx"),
        (("cast", "check", "--env", "demoo", "--supplier", "tempus"), "did you mean 'demo'?"),
    ],
)
def test_papers_name_the_likely_fix_too(arguments: tuple[str, ...], said: str) -> None:
    ended = kravkoll(*arguments)
    assert ended.returncode == 4
    assert said in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_cast_check_and_cleanup_tell_and_exit() -> None:
    seen = kravkoll("cast", "check", "--env", "demo", "--supplier", "tempus", "--language", "sv")
    assert (seen.returncode, "alla testpersoner finns" in seen.stdout) == (0, True)
    told = kravkoll("cast", "cleanup", "--env", "demo", "--supplier", "tempus", "--language", "en")
    assert (told.returncode, "nothing was removed" in told.stdout) == (0, True)
    none = kravkoll("cast", "check", "--env", "demo", "--supplier", "third-party", "--language", "en")
    assert (none.returncode, "no interface to read" in none.stdout) == (5, True)
