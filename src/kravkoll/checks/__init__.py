"""The words that suites are written in, and judgements shared with `examine`."""

from kravkoll.checks.subject import FlowEnd, Party, Subject
from kravkoll.checks.words import CHECK_ID, check
from kravkoll.record.outcome import Finding, Inconclusive, NotExercised, NotMet

__all__ = [
    "CHECK_ID",
    "Finding",
    "FlowEnd",
    "Inconclusive",
    "NotExercised",
    "NotMet",
    "Party",
    "Subject",
    "check",
]
