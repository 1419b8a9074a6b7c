"""The command line: one file a command, imported when it is called."""

import gc
import importlib
import sys
import traceback

import click

import kravkoll

COMMANDS = {
    "demo": "Assess every supplier of the demo against simulated systems, and check each verdict.",
    "run": "Assess one supplier, or all, in an environment.",
    "plan": "Show every row that would be run, and what it needs.",
    "list": "List requirements, checks, suppliers, faults and more.",
    "explain": "Tell all about one requirement, check, finding code or fault.",
    "init": "Write a workspace for another city, that validates and runs at once.",
    "city": "Answer as the city for a supplier's developer; hand over and take in what is registered.",
    "doctor": "Tell what is ready for a run, what is not, and who must do what.",
    "mock": "Start one simulated system, honest or with one fault, and tell where everything is.",
    "validate": "Name every fault of the workspace at once.",
    "prove": "Break the simulated systems on purpose and see that each check notices.",
    "import": "Read requirements from a specification in Excel.",
    "export": "Write the requirements to Excel, with verdicts beside them.",
    "cast": "Hand test people to a supplier: files, accounts, are they there, and away again.",
    "report": "Write the reports of a record again, also of one that was cut off.",
}

FILES = {"import": "import_requirements", "export": "export_requirements"}
"""Commands whose file has another name: `import` is a word of Python's."""


class LazyGroup(click.Group):
    """Knows the commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Every command, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kravkoll.cli.{FILES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where one is mistyped."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from kravkoll.contracts.errors import near  # noqa: PLC0415  # only for the mistyped

            ctx.fail(f"no command {args[0]!r}; {near(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's
        """The commands with their helps, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(kravkoll.__version__, prog_name="kravkoll")
def group() -> None:
    """Prove that what was bought is what is delivered.

    Exit codes: 0 the acceptance rule holds; 1 a gating requirement is not met; 2 interrupted; 3 our fault;
    4 usage or configuration; 5 something that the rule demands could not be tested.
    """


def main() -> None:
    """Entry point; a wrong command line or workspace exits with 4."""
    try:
        code = group.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(4)
    except Exception as error:
        from kravkoll.contracts.errors import ConfigurationError  # noqa: PLC0415  # pydantic-free, but lazy all the same

        if not isinstance(error, ConfigurationError):
            traceback.print_exc()  # Python's own code would be 1, which says that something is not met
            sys.exit(3)
        click.echo(str(error), err=True)
        sys.exit(4)
    gc.freeze()  # looking for cycles among a run's 170,000 objects takes 0.6 s at exit
    sys.exit(code if isinstance(code, int) else 0)
