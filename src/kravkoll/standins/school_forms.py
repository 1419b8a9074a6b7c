"""The school form of a record: its own, or that of what its references lead to."""

from kravkoll.standins.records import Record, Records, reference

LEADS = (
    ("activity", "activities"),
    ("calendarEvent", "calendarEvents"),
    ("placement", "placements"),
    ("group", "groups"),
    ("student", "persons"),
    ("person", "persons"),
    ("organisation", "organisations"),
    ("offeredAt", "organisations"),
    ("owner", "organisations"),
)
"""Field -> resource that it leads to; those that say more about the form come first."""


def forms_of(record: Record, resource: str, records: Records) -> frozenset[str] | None:
    """School forms in the codes of SS 12000; None where nothing says any, as for most adults."""
    if "schoolType" in record:
        return frozenset({record["schoolType"]})
    if "schoolTypes" in record:
        return frozenset(record["schoolTypes"])
    if resource == "persons":
        return frozenset(one["schoolType"] for one in record.get("enrolments", ())) or None
    if resource == "activities":
        taught = _forms_of_groups(record, records)
        if taught:
            return taught
    for field, leads_to in LEADS:
        row = records.get(leads_to, reference(record.get(field)))
        forms = forms_of(row.record, leads_to, records) if row else None
        if forms:
            return forms
    return None


def _forms_of_groups(activity: Record, records: Records) -> frozenset[str]:
    rows = [records.get("groups", reference(group)) for group in activity.get("groups", ())]
    return frozenset(row.record["schoolType"] for row in rows if row and "schoolType" in row.record)
