"""Judges whether a flow runs: what is due is sent, and what was sent is shown by whoever fetched it."""

from collections.abc import Collection, Iterable

from kravkoll.record.outcome import Finding, Inconclusive

MOST_CASES = 50


def sender_findings(
    requests: int, sent: Collection[str], due: Collection[str], resource: str = "persons"
) -> list[Finding]:
    """FLO-RUN.withheld: records (ids) that the sender has, cleared for the flow, that were not sent."""
    if not requests:
        raise Inconclusive("flow.silent", "the receiver asked for nothing")
    if not due:
        if sent:
            return []
        raise Inconclusive("subject.no-data", f"the sender shows no {resource} that are cleared for the flow")
    return _finding("FLO-RUN.withheld", "sent", resource, sorted(set(due) - set(sent)), len(due))


def receiver_findings(
    requests: int,
    sent: Collection[str],
    shown: Collection[str] | None,
    due: Collection[str],
    resource: str = "persons",
) -> list[Finding]:
    """FLO-RUN.nothing, FLO-RUN.not-shown: whether the receiver asked, and shows what it was sent."""
    if not requests:
        return [Finding("FLO-RUN.nothing", "requests to the sender", "none")]
    came = sorted(set(sent) & set(due)) if due else sorted(sent)
    if not came:
        raise Inconclusive("flow.empty", f"the sender sent no {resource} that are cleared for the flow")
    if shown is None:
        raise Inconclusive("receiver.unreadable", f"the receiver's own interface shows no {resource}")
    return _finding(
        "FLO-RUN.not-shown", "shown", resource, [one for one in came if one not in shown], len(came)
    )


def _finding(code: str, expected: str, resource: str, failing: Iterable[str], tried: int) -> list[Finding]:
    cases = tuple({"resource": resource, "record": one} for one in failing)
    return [Finding(code, expected, cases[0], cases[:MOST_CASES], len(cases), tried)] if cases else []
