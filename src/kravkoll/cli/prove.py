"""`kravkoll prove`: every fault against the checks that must catch it."""

import subprocess
from collections.abc import Iterator, Sequence
from datetime import date

import click

from kravkoll.cli.options import as_of_option, workspace_option
from kravkoll.contracts.cards import FaultCard
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace, load
from kravkoll.runner.duels import Fought


@click.command()
@click.option("--full", is_flag=True, help="Every fault; also what no option means.")
@click.option("--changed", is_flag=True, help="Only faults that uncommitted or unpushed changes touch.")
@click.option("--fault", "names", multiple=True, help="Only this fault (repeatable).")
@click.option("--env", "--environment", "env", default="demo", help="Environment with the simulated systems.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes; one a core if silent.")
@as_of_option
@workspace_option
def command(  # noqa: PLR0913  # click hands over every option
    layout: Layout,
    as_of: date,
    env: str,
    names: Sequence[str],
    workers: int | None,
    *,
    full: bool,
    changed: bool,
) -> int:
    """Break the simulated systems on purpose, and see that each check notices for the right reason."""
    from kravkoll.runner.proving import prove, save  # noqa: PLC0415  # `--help` need not load pytest

    workspace = load(layout)
    faults = _chosen(workspace, layout, names, changed=changed and not full)
    whole = len(faults) == len(workspace.faults)
    if not faults:
        click.echo("Nothing that changed is proven by a fault: nothing to do.")
        return 0
    proof = prove(
        workspace, env, faults, as_of=as_of, partial=not whole, workers=workers or 0, progress=_progress
    )
    for line in _matrix(proof.fought):
        click.echo(line)
    for identity in proof.unproven:
        click.echo(f"UNPROVEN {identity}: no fault makes it say no for the right reason")
    for worker in proof.broken:
        click.echo(f"BROKEN {worker}", err=True)
    path = save(proof, workspace, layout.output) if whole else None
    lost = sum(not fight.won for fight in proof.fought)
    verdict = "holds" if proof.holds else "does NOT hold"
    part = "" if whole else " (partial)"
    click.echo(
        f"Proof{part} {verdict}: {len(proof.fought) - lost} of {len(proof.fought)} won in {proof.seconds} s"
        + (f"; {path}" if path else "")
    )
    return 0 if proof.holds else 1


def _chosen(
    workspace: Workspace, layout: Layout, names: Sequence[str], *, changed: bool
) -> tuple[FaultCard, ...]:
    from kravkoll.runner.choosing import changed_faults, mismatched, named_faults  # noqa: PLC0415  # as above

    if faults := tuple(mismatched(workspace)):
        raise ConfigurationError(faults=faults)
    if names:
        return named_faults(workspace, names)
    if changed:
        return changed_faults(workspace, _changed_files(layout))
    return tuple(workspace.faults.values())


def _changed_files(layout: Layout) -> list[str]:
    """Files that differ from the last pushed or, where nothing was pushed, the previous commit."""
    git = ["git", "-C", str(layout.root)]
    try:
        upstream = subprocess.run(
            [*git, "rev-parse", "--verify", "-q", "@{upstream}"], capture_output=True, check=False
        )
        base = "@{upstream}" if upstream.returncode == 0 else "HEAD~1"
        differing = subprocess.run(
            [*git, "diff", "--name-only", base], capture_output=True, text=True, check=True
        )
        new = subprocess.run(
            [*git, "ls-files", "--others", "--exclude-standard"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigurationError(
            "--changed needs a git checkout with a commit; name a --fault instead"
        ) from error
    return differing.stdout.split() + new.stdout.split()


def _progress(fight: Fought) -> None:
    click.echo(f"  {_word(fight)} {fight.seconds:6.2f} s  {fight.duel}", err=True)


def _word(fight: Fought) -> str:
    return "won " if fight.won else "LOST"


def _matrix(fought: Sequence[Fought]) -> Iterator[str]:
    """One line a duel: what was broken, who noticed, and every complaint."""
    for fight in sorted(fought, key=lambda one: one.duel):
        noticed = ", ".join(f"{check} {code}" for check, code in fight.caught.items()) or "-"
        yield f"{_word(fight)}  {fight.duel:<40} {noticed}"
        for complaint in fight.complaints:
            yield f"      {complaint}"
