"""`imgforensics`: the commands, and where a process begins and ends."""

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Annotated, NoReturn

import typer

from imgforensics import __version__
from imgforensics_cli.commands import cat, extract, history, inspect, ls, tree, verify
from imgforensics_cli.failures import Status, Terminated
from imgforensics_cli.options import add_command

app = typer.Typer(
    name="imgforensics",
    help="Open any container image, see inside it, extract it. Nothing is run, nothing of the "
    "source is altered, and every byte is checked against what the image declares.",
    epilog="Exit status: 0 done, 1 the answer is no, 2 usage, 3 not an image, 4 damaged, "
    "5 refused, 6 this machine. `imgforensics COMMAND --help` tells more.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"imgforensics {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


for _name, _module in {
    "inspect": inspect,
    "ls": ls,
    "tree": tree,
    "cat": cat,
    "history": history,
    "verify": verify,
    "extract": extract,
}.items():
    add_command(app, _name, _module.run, _module.EXAMPLES)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process; `arguments` are `sys.argv`'s if not given."""
    with suppress(ValueError):  # not in the main thread: tests, embedding
        signal.signal(signal.SIGTERM, _terminate)
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(args=arguments, prog_name="imgforensics")
    except KeyboardInterrupt:
        sys.exit(Status.INTERRUPTED)
    sys.exit(Status.DONE)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
