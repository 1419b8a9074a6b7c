"""Code that the supplier has delivered."""

from pathlib import Path

from kravkoll.checks import check
from kravkoll.checks.routines import Threshold, judge_delivery
from kravkoll.checks.subject import Subject
from kravkoll.probes.delivery import examine
from kravkoll.record.outcome import NotExercised


@check("ROU-DEL-01")
def test_delivered_code_has_no_known_weaknesses(subject: Subject) -> None:
    settings = subject.capability("delivery")
    if not subject.delivery:
        raise NotExercised("environment.no-delivery", f"{subject.system}/{subject.interface}")
    seen = examine(Path(subject.delivery))
    subject.note({"tool": seen.tool, "files": len(seen.files), "lines_of_code": seen.lines_of_code})
    agreed = {
        name: settings[f"lowest_{name}"]
        for name in ("severity", "confidence")
        if f"lowest_{name}" in settings
    }
    judge_delivery(seen, Threshold(**agreed))
