"""The proof says so when a check is blind, a fault toothless, a control broken or a reason wrong."""

import subprocess
from pathlib import Path

import pytest
from tests.runner.workspaces import AS_OF, Workspace, copied

from kravkoll.standins.faults import fault

TOKENS = "suites/login/test_api_tokens.py"
LOGIN_FAULTS = "mocks/faults/login.yaml"
EXPIRED = '    _demand_refusal("RS-09", subject, ask, ask.with_expired_token())'


def proven(workspace: Workspace, *faults: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    named = [word for name in faults for word in ("--fault", name)]
    variables = {"PYTHONPATH": str(path)} if path else None
    return workspace.kravkoll("prove", "--as-of", str(AS_OF), "--workers", "1", *named, variables=variables)


def test_an_honest_check_wins(tmp_path: Path) -> None:
    done = proven(copied(tmp_path), "api.token.expired")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "holds" in done.stdout


def test_a_check_made_blind(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "suites/login")
    workspace.edit(TOKENS, EXPIRED, "    return")
    done = proven(workspace, "api.token.expired")
    assert done.returncode == 1
    assert "LOG-API-03 should say RS-09, but said met" in done.stdout
    assert "does NOT hold" in done.stdout


def test_a_check_that_always_says_no(tmp_path: Path) -> None:
    """It would catch every fault; at the honest system it says the same."""
    workspace = copied(tmp_path, "suites/login")
    workspace.edit(TOKENS, EXPIRED, '    raise NotMet("RS-09")')
    done = proven(workspace, "api.token.expired")
    assert done.returncode == 1
    assert "LOG-API-03@tempus/api is not-met without the fault too" in done.stdout


def test_a_control_that_is_broken(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "suites/login")
    workspace.edit(TOKENS, "    answer = ask.with_good_token()\n", '    raise NotMet("RS-02")\n')
    done = proven(workspace, "api.token.expired")
    assert done.returncode == 1
    assert "LOG-API-01@tempus/api is not-met without the fault too" in done.stdout
    assert "LOG-API-03 should say RS-09, but said not-exercised" in done.stdout


def test_a_check_that_says_no_for_another_reason(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "mocks")
    workspace.edit(
        "mocks/faults/encryption.yaml", "{ENC-TLS-01: cert.expired}", "{ENC-TLS-01: cert.self_signed}"
    )
    done = proven(workspace, "tls.expired")
    assert done.returncode == 1
    assert "ENC-TLS-01 should say cert.self_signed, but said cert.expired" in done.stdout


def test_a_fault_without_teeth(tmp_path: Path) -> None:
    """The stand-in goes on as before: what takes the place of the honest function does the same."""
    workspace = copied(tmp_path / "copy")
    toothless = """
    import kravkoll.standins
    from kravkoll.standins.faults import FAULTS
    FAULTS["api.token.expired"] = {honest: honest for honest in FAULTS["api.token.expired"]}
    """
    lines = "\n".join(line.strip() for line in toothless.splitlines())
    (tmp_path / "sitecustomize.py").write_text(lines, encoding="utf-8")
    done = proven(workspace, "api.token.expired", path=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "LOG-API-03 should say RS-09, but said met" in done.stdout


def test_a_fault_that_replaces_nothing_is_refused() -> None:
    def honest() -> int:
        return 1

    with pytest.raises(ValueError, match="by itself"):
        fault("tests.nothing", replaces=honest)(honest)


# -- what `validate` names -----------------------------------------------------------------------------------

CARD = """- id: api.token.forgotten
  applies_to: [tempus]
  sentence: {sv: "Ett fel som ingen har skrivit.", en: "A defect that nobody wrote."}
  expect: {LOG-API-02: RS-01}
"""


def named(workspace: Workspace, *words: str) -> None:
    """`validate` names one fault, with these words."""
    done = workspace.kravkoll("validate")
    assert done.returncode == 4, done.stdout
    (line,) = done.stdout.splitlines()
    for word in words:
        assert word in line


def test_a_card_without_function(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "suites/login")
    workspace.edit(TOKENS, '@check("LOG-API-03")\n', "")
    named(workspace, "suites/login/checks.yaml", "LOG-API-03", "function")


def test_a_function_without_card(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "suites/login")
    text = (workspace.root / TOKENS).read_text(encoding="utf-8")
    workspace.write(TOKENS, text + '\n\n@check("LOG-API-09")\ndef test_more() -> None:\n    pass\n')
    named(workspace, TOKENS, "LOG-API-09", "card")


def test_one_card_on_two_functions_of_one_file(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "suites/login")
    text = (workspace.root / TOKENS).read_text(encoding="utf-8")
    workspace.write(TOKENS, text + '\n\n@check("LOG-API-03")\ndef test_again() -> None:\n    pass\n')
    named(workspace, TOKENS, "LOG-API-03", "more than one function")


def test_a_fault_card_that_no_simulated_system_has(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "mocks")
    text = (workspace.root / LOGIN_FAULTS).read_text(encoding="utf-8")
    workspace.write(LOGIN_FAULTS, text + CARD)
    named(workspace, LOGIN_FAULTS, "api.token.forgotten", "no simulated system has this fault")
    assert proven(workspace, "api.token.none").returncode == 4


def test_a_fault_of_a_simulated_system_without_card(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "mocks")
    workspace.edit(LOGIN_FAULTS, "- id: api.token.audience", "- id: api.token.audiences")
    done = workspace.kravkoll("validate")
    assert done.returncode == 4
    assert "no simulated system has this fault; did you mean 'api.token.audience'?" in done.stdout
    assert "api.token.audience: has no card" in done.stdout


def test_a_control_that_does_not_look_there(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "suites/login")
    workspace.edit("suites/login/checks.yaml", "control: LOG-API-01", "control: LOG-SSO-01")
    named(workspace, "suites/login/checks.yaml", "LOG-SSO-01", "does not look at api")
