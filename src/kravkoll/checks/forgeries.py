"""What it means that a system believed something forged."""

from collections.abc import Mapping

from kravkoll.record.outcome import Finding


def findings_by_row(
    rows: Mapping[str, str],
    cases: Mapping[str, object],
    expected: str,
    actual: Mapping[str, object] | None = None,
) -> tuple[Finding, ...]:
    """One a row of the catalogue, with each forgery that was believed as a case.

    `rows`: of every forgery that was tried, by its name; `cases`: of those that were believed. `actual`: what
    else is told of each, or the cases once more.
    """
    told = cases if actual is None else actual
    believed: dict[str, list[str]] = {}
    for name in cases:
        believed.setdefault(rows[name], []).append(name)
    return tuple(
        Finding(
            row,
            expected,
            [told[name] for name in names],
            cases=tuple(cases[name] for name in names),
            failed=len(names),
            tried=sum(one == row for one in rows.values()),
        )
        for row, names in believed.items()
    )
