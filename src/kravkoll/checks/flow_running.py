"""Judges whether a flow runs: what is due is sent, and what was sent is shown by whoever fetched it."""

from collections.abc import Collection, Iterable

from kravkoll.record.outcome import Finding, Inconclusive

MOST_CASES = 50


def sender_findings(requests: int, sent: Collection[str], due: Collection[str]) -> list[Finding]:
    """FLO-RUN.withheld: children (ids) in the register and cleared for the flow, who were not sent."""
    if not requests:
        raise Inconclusive("flow.silent", "the receiver asked for nothing")
    if not due:
        if sent:
            return []
        raise Inconclusive("subject.no-data", "the register shows nobody who is cleared for the flow")
    return _finding("FLO-RUN.withheld", "sent", sorted(set(due) - set(sent)), len(due))


def receiver_findings(
    requests: int, sent: Collection[str], shown: Collection[str] | None, due: Collection[str]
) -> list[Finding]:
    """FLO-RUN.nothing, FLO-RUN.not-shown: whether the receiver asked, and shows the children it was sent."""
    if not requests:
        return [Finding("FLO-RUN.nothing", "requests to the register", "none")]
    came = sorted(set(sent) & set(due)) if due else sorted(sent)
    if not came:
        raise Inconclusive("flow.empty", "the sender sent nobody who is cleared for the flow")
    if shown is None:
        raise Inconclusive("receiver.unreadable", "the receiver's own interface shows no persons")
    return _finding("FLO-RUN.not-shown", "shown", [one for one in came if one not in shown], len(came))


def _finding(code: str, expected: str, failing: Iterable[str], tried: int) -> list[Finding]:
    cases = tuple({"resource": "persons", "record": one} for one in failing)
    return [Finding(code, expected, cases[0], cases[:MOST_CASES], len(cases), tried)] if cases else []
