"""Filters filter."""

from kravkoll.checks import Inconclusive, NotMet, Subject, check
from kravkoll.checks.schema import FilterAnswer, FilterCase, filter_cases, filter_findings
from kravkoll.probes.conformance import Contract, curl
from kravkoll.probes.ss12000 import Ss12000, UnusableAnswer


def ask(api: Ss12000, case: FilterCase) -> FilterAnswer:
    """What a filter leaves; a refusal of the token or the rate is no answer."""
    try:
        walk = api.explore(case.resource, where=case.parameters)
    except UnusableAnswer as error:
        if error.reason.code == "subject.refused":
            raise
        url = error.answer.exchange.url
        return FilterAnswer(case, error.answer.status, frozenset(), curl("GET", url))
    return FilterAnswer(case, 200, frozenset(walk.ids), curl("GET", walk.pages[0].exchange.url))


@check("SCH-FIL-01")
def test_filters_filter(subject: Subject, api: Ss12000, contract: Contract) -> None:
    cases = [
        case
        for operation in contract.lists
        if operation.resource != "deletedEntities"
        for case in filter_cases(
            operation.resource,
            contract.use.parameters[operation.identity],
            api.walk(operation.resource),
        )
    ]
    if not cases:
        raise Inconclusive("subject.empty", "no list holds records that a filter could tell apart")
    answers = [ask(api, case) for case in cases]
    subject.note({"filters": [f"{case.resource}: {', '.join(case.parameters)}" for case in cases]})
    findings = filter_findings(answers)
    if findings:
        raise NotMet(findings=findings)
