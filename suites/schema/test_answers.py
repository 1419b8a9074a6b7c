"""Answers follow the agreed document."""

from kravkoll.checks import Inconclusive, NotMet, Subject, check
from kravkoll.checks.schema import conformance_findings
from kravkoll.probes.conformance import Contract, examine
from kravkoll.probes.ss12000 import Ss12000

SEED = 1
EXAMPLES = 3


@check("SCH-CON-01")
def test_answers_follow_the_agreed_schema(subject: Subject, api: Ss12000, contract: Contract) -> None:
    seen = examine(api, contract, trust=subject.trust, seed=SEED, examples=EXAMPLES)
    subject.note(
        {
            "records": seen.records,
            "requests": seen.requests,
            "operations": sorted(contract.operations),
            "seed": SEED,
            "advisory": list(seen.advisory),
        }
    )
    findings = conformance_findings(seen.deviations, tried=seen.records + seen.requests)
    if findings:
        raise NotMet(findings=findings)
    if not seen.records:
        raise Inconclusive("subject.empty", "every list was empty, so no record could be validated")
