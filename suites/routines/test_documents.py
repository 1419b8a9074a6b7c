"""Documents that the supplier has handed in."""

from datetime import date

from kravkoll.checks import check
from kravkoll.checks.routines import expires, judge_document
from kravkoll.checks.subject import Subject
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.document_file import confirm


def judge(subject: Subject, workspace: Workspace, as_of: date) -> None:
    """The verdict of the reviewer and the dates decide; the file must be the one that was reviewed."""
    document = judge_document(subject.document, as_of)
    folder = workspace.layout.root / "contracts" / "evidence"
    confirmed = document.file is not None and confirm(document.file, folder)
    end = expires(document)
    subject.note(
        {
            "document": document.id,
            "assurance": document.assurance,
            "valid_until": end.isoformat() if end else None,
            "digest_confirmed": confirmed,
        }
    )


@check("ROU-DOC-01")
def test_secure_development_routine(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-02")
def test_crisis_plan(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-03")
def test_data_protection_routine(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-04")
def test_development_order_terms(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-05")
def test_secure_development_is_applied(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-06")
def test_crisis_management_is_exercised(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-07")
def test_data_protection_is_applied(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-08")
def test_terms_leave_data_free(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-09")
def test_exit_plan(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-10")
def test_switching_charges(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-11")
def test_retention_plan(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-12")
def test_recipient_list(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)


@check("ROU-DOC-13")
def test_login_monitoring_routine(subject: Subject, workspace: Workspace, as_of: date) -> None:
    judge(subject, workspace, as_of)
