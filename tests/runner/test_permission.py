"""A simulated system is judged in simulated environments only, however the environment file is written."""

from datetime import UTC, datetime

import pytest

from kravkoll.contracts.model import Deployment, Environment, EnvironmentKind
from kravkoll.record.outcome import NotExercised
from kravkoll.record.rows import Row
from kravkoll.runner import permission

ROW = Row(
    check="ENC-TLS-02",
    supplier="tempus",
    kind="interface",
    place="tempus",
    part="api",
    system="tempus",
    requirements=("ENC-01",),
    needs=(),
)


def _require(kind: EnvironmentKind, **deployments: Deployment) -> None:
    environment = Environment(id="e", kind=kind, register="ber", systems=deployments)
    permission.require(ROW, environment, (), {}, datetime.now(UTC))


@pytest.mark.parametrize("kind", ["test", "production"])
def test_a_simulated_system_in_a_real_environment_is_not_judged(kind: EnvironmentKind) -> None:
    with pytest.raises(NotExercised) as refused:
        _require(kind, tempus=Deployment(standin="tempus"))
    assert refused.value.reason.code == "environment.simulated"


def test_a_simulated_system_is_judged_where_all_is_simulated() -> None:
    _require("simulated", tempus=Deployment(standin="tempus"))


def test_a_simulated_register_beside_a_real_system_hinders_nothing() -> None:
    _require("test", ber=Deployment(standin="ber"), tempus=Deployment())
