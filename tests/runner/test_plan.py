"""The plan: from data alone, the same every time, nothing twice, nothing forgotten."""

from datetime import date

import pytest

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import Workspace, load
from kravkoll.runner.plan import Plan, plan
from kravkoll.runner.selecting import narrowed

DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load(Layout(packaged()))


@pytest.fixture(scope="module")
def tempus(workspace: Workspace) -> Plan:
    return plan(workspace, "tempus", DAY)


def test_rows_are_unique_and_their_controls_are_planned(workspace: Workspace) -> None:
    for supplier in workspace.suppliers:
        rows = plan(workspace, supplier, DAY).rows
        ids = [row.id for row in rows]
        assert len(ids) == len(set(ids))
        assert {row.control for row in rows if row.control} <= set(ids)


def test_the_same_plan_has_the_same_digest(workspace: Workspace, tempus: Plan) -> None:
    assert plan(workspace, "tempus", DAY).digest == tempus.digest
    assert plan(workspace, "ber-supplier", DAY).digest != tempus.digest


def test_every_requirement_has_a_row_or_a_reason(workspace: Workspace) -> None:
    for supplier in workspace.suppliers:
        made = plan(workspace, supplier, DAY)
        covered = {requirement for row in made.rows for requirement in row.requirements}
        assert covered | set(made.no_rows) | set(made.not_applicable) == set(workspace.requirements)
        assert not covered & set(made.no_rows)


def test_each_end_of_a_flow_answers_in_its_own_plan(workspace: Workspace, tempus: Plan) -> None:
    ber = plan(workspace, "ber-supplier", DAY)
    assert "SEC-MIN-01@ber-tempus/receiver" in {row.id for row in tempus.rows}
    assert "SEC-MIN-01@ber-tempus/sender" in {row.id for row in ber.rows}
    assert not {row.id for row in tempus.rows} & {row.id for row in ber.rows}


def test_a_slot_that_nobody_has_won_is_planned_but_not_procured(workspace: Workspace) -> None:
    slot = plan(workspace, "adult-learning-platform-supplier", DAY)
    assert not slot.procured
    assert set(slot.no_rows.values()) == {"supplier.not-procured"}


def test_rules_are_read_on_the_day(workspace: Workspace) -> None:
    before = plan(workspace, "tempus", date(2027, 1, 11)).not_applicable
    after = plan(workspace, "tempus", date(2027, 1, 12)).not_applicable
    assert "DAT-16" in before
    assert "DAT-16" not in after


def test_narrowing_keeps_controls(tempus: Plan) -> None:
    part, asked = narrowed(tempus, (), "LOG-API-04", None)
    assert {row.check for row in part.rows} == {"LOG-API-01", "LOG-API-04"}
    assert asked == "-k LOG-API-04"


def test_one_row_by_its_id(tempus: Plan) -> None:
    part, _ = narrowed(tempus, ("ENC-TLS-02@tempus/api",), "", None)
    assert [row.id for row in part.rows] == ["ENC-TLS-02@tempus/api"]


def test_a_mistyped_row_names_the_nearest(tempus: Plan) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'ENC-TLS-02@tempus/api'"):
        narrowed(tempus, ("ENC-TLS-02@tempus/apo",), "", None)


def test_a_mistyped_supplier_names_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match="no supplier 'skola42'; did you mean 'skola24'"):
        plan(workspace, "skola42", DAY)


def test_what_is_kept_apart_is_looked_for_only_at_those_who_are_kept_apart(workspace: Workspace) -> None:
    checked = {
        row.system
        for supplier in workspace.suppliers
        for row in plan(workspace, supplier, DAY).rows
        if row.check.startswith("FLO-ABS-")
    }
    assert checked == {"tempus", "infomentor"}
