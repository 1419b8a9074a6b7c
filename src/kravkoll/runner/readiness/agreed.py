"""What the environment file says: permission, addresses, secrets by name, accounts, hooks."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kravkoll.cast import Cast
from kravkoll.contracts.errors import near
from kravkoll.contracts.model import Deployment, Environment, Place, System
from kravkoll.record.outcome import NotExercised
from kravkoll.runner import permission
from kravkoll.runner.readiness.condition import Condition, not_ready, noted, ready

SOON = timedelta(days=14)
ADDRESSED = frozenset({"api", "login", "web", "export"})
HOOKED = {"seed": "seed", "client.trigger": "sync", "clock": "clock", "restart": "restart"}
"""Capabilities that are used by a hook, and the hook's name where the supplier file gives none."""


def authorisation(environment: Environment, moment: datetime) -> Iterator[Condition]:
    """The permission as a whole; which hosts it lacks is told host by host."""
    permitted = environment.authorisation
    if permitted is None:
        return
    if not permitted.valid_from <= moment <= permitted.until:
        yield not_ready(
            "authorisation.time", "configuration", first=permitted.valid_from, last=permitted.until
        )
    elif permitted.until - moment < SOON:
        yield noted("authorisation.ending", "configuration", last=permitted.until)
    else:
        yield ready(
            "authorisation", "configuration", last=permitted.until, contacts=_listed(permitted.contacts)
        )


def hosts(environment: Environment, systems: Mapping[str, System], moment: datetime) -> Iterator[Condition]:
    """Declared addresses that nobody has permitted to contact."""
    told: set[str] = set()
    for name in systems:
        for url in permission.places_of(environment, name):
            try:
                permission.contact(environment, url, moment)
            except NotExercised as refused:
                if refused.reason.code != "authorisation.time" and refused.reason.detail not in told:
                    told.add(refused.reason.detail)
                    yield not_ready("host.permitted", "configuration", host=refused.reason.detail)


def places(
    environment: Environment, systems: Mapping[str, System], folder: Path, cast: Cast
) -> Iterator[Condition]:
    """Each system's addresses, secrets, accounts and hooks; `folder` is where environment files stand."""
    for name, system in systems.items():
        deployment = environment.systems.get(name)
        if deployment is None:
            yield not_ready("system.absent", "configuration", system=name, environment=environment.id)
        elif deployment.standin:
            yield from _simulated(environment, name, deployment.standin)
        else:
            yield from _real(system, deployment, folder, cast)


def _simulated(environment: Environment, name: str, standin: str) -> Iterator[Condition]:
    if environment.kind == "simulated" or name == environment.register:
        yield ready("system.simulated", "harness", system=name, standin=standin)
    else:
        yield not_ready("system.simulated", "configuration", system=name, standin=standin)


def _real(system: System, deployment: Deployment, folder: Path, cast: Cast) -> Iterator[Condition]:
    for interface in system.interfaces:
        place = deployment.interfaces.get(interface.id) or Place()
        shown = f"{system.id}/{interface.id}"
        if interface.kind in ADDRESSED and not place.url:
            yield not_ready("address", "configuration", place=shown)
        if interface.kind == "delivery":
            yield _delivery(shown, place, folder)
        if place.secret:
            yield secret(place.secret, folder)
        settings = {**interface.capabilities, **place.capabilities}
        if "accounts" in settings:
            yield _accounts(shown, settings["accounts"], cast)
        yield from _hooks_of(shown, settings, deployment)
    for hook, command in deployment.hooks.items():
        yield _command(system.id, hook, command)


def _delivery(shown: str, place: Place, folder: Path) -> Condition:
    if place.path and (folder / place.path).exists():
        return ready("delivery", "configuration", place=shown, path=place.path)
    return not_ready("delivery", "configuration", place=shown, path=place.path or "-")


def secret(reference: str, folder: Path) -> Condition:
    """Whether a secret is there, and for its owner alone; its value is never told."""
    try:
        permission.secret(reference, folder)
    except NotExercised:
        return not_ready("secret.missing", "configuration", reference=reference)
    except (OSError, UnicodeDecodeError) as error:
        return not_ready("secret.unreadable", "configuration", reference=reference, why=type(error).__name__)
    kind, _, name = reference.partition(":")
    if kind == "file" and os.name == "posix" and stat.S_IMODE((folder / name).stat().st_mode) & 0o077:
        return not_ready("secret.open", "configuration", reference=reference)
    return ready("secret", "configuration", reference=reference)


def _accounts(shown: str, settings: Mapping[str, Any], cast: Cast) -> Condition:
    unknown = sorted(set(settings) - set(cast.people))
    if unknown:
        meant = near(unknown[0], cast.people)
        return not_ready(
            "accounts.unknown", "configuration", place=shown, names=_listed(unknown), meant=meant
        )
    if not settings:
        return noted("accounts.none", "configuration", place=shown)
    return ready("accounts", "configuration", place=shown, number=len(settings))


def _hooks_of(
    shown: str, settings: Mapping[Any, Mapping[str, Any]], deployment: Deployment
) -> Iterator[Condition]:
    """Hooks that the supplier's file promises and the environment does not have."""
    for capability, usual in HOOKED.items():
        if capability in settings:
            hook = str(settings[capability].get("hook", usual))
            if hook not in deployment.hooks:
                yield not_ready("hook.absent", "configuration", place=shown, hook=hook, capability=capability)


def _command(system: str, hook: str, command: tuple[str, ...]) -> Condition:
    """That the command could be run; it is not."""
    found = shutil.which(command[0]) if command else None
    if found is None:
        program = command[0] if command else "-"
        return not_ready("hook.command", "configuration", system=system, hook=hook, program=program)
    return ready("hook", "configuration", system=system, hook=hook, program=found)


def _listed(names: Any) -> str:
    return ", ".join(map(str, names))
