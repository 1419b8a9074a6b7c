"""Options that several commands share."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from kravkoll.contracts.layout import Layout


def workspace_option[F: Callable[..., Any]](function: F) -> F:
    """`--workspace DIR`, handed over as a Layout."""
    return click.option(
        "--workspace",
        "layout",
        type=click.Path(path_type=Path),
        callback=lambda _ctx, _parameter, value: Layout.find(value),
        help="Folder with contracts/; the nearest one upwards if silent, else the demo's.",
    )(function)


def as_of_option[F: Callable[..., Any]](function: F) -> F:
    """`--as-of DAY`, handed over as a date."""
    return click.option("--as-of", callback=_day, help="Day that dated rules are read on; today if silent.")(
        function
    )


def _day(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> date:
    if value is None:
        return date.today()  # noqa: DTZ011  # the day where the person sits
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a date; write one such as 2026-11-23") from error
