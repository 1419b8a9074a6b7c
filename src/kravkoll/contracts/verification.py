"""Which checks verify which requirements: by the requirement's id, by what it equals, or by its own word."""

from collections.abc import Mapping

from kravkoll.contracts.cards import CheckCard
from kravkoll.contracts.model import Requirement
from kravkoll.contracts.workspace import Workspace


def verifies(check: CheckCard, requirement: Requirement) -> bool:
    """Whether the check verifies the requirement.

    A city's own number says nothing of what is demanded, so it is `like` or `checks` that ties the two.
    """
    named = {requirement.id, *requirement.like}
    return check.id in requirement.checks or not named.isdisjoint(check.verifies)


def requirements_of(workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
    """Check id to the requirements of this workspace that it verifies, in the order of its card."""
    return {check.id: _of(check, workspace.requirements) for check in workspace.checks.values()}


def checks_of(workspace: Workspace, requirement: Requirement) -> tuple[CheckCard, ...]:
    """The checks that verify a requirement."""
    return tuple(check for check in workspace.checks.values() if verifies(check, requirement))


def _of(check: CheckCard, requirements: Mapping[str, Requirement]) -> tuple[str, ...]:
    order = {identity: place for place, identity in enumerate(check.verifies)}
    found = [identity for identity, requirement in requirements.items() if verifies(check, requirement)]
    return tuple(sorted(found, key=lambda identity: order.get(identity, len(order))))
