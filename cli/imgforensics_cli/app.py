"""`imgforensics`: the commands, and where a process begins and ends."""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from types import FrameType
from typing import Annotated, NoReturn

import typer

from imgforensics import __version__
from imgforensics_cli.failures import Status, Terminated, tell
from imgforensics_cli.options import add_command

COMMANDS = {
    "inspect": "Images, configuration and layers that a source holds.",
    "ls": "List files, as a container sees them or layer by layer.",
    "tree": "Draw the filesystem, with totals.",
    "cat": "Write the contents of files, of any version.",
    "search": "Find files by path, facts or content, deleted ones too.",
    "history": "How the image was made, or what happened to a path.",
    "deleted": "What layers still hold and a container does not see.",
    "diff": "What differs between two images, or two moments of one.",
    "verify": "Check every digest, size and diff_id.",
    "extract": "Write the filesystem as files, or as one tar.",
    "dockerfile": "Recover the Dockerfile that an image was built from.",
}
"""Each one is a module of `imgforensics_cli.commands`, with `run` and `EXAMPLES`; and in a line
what it does."""

_COLLECT_AFTER = 500_000
"""Objects made between two searches for cycles: entries come by the million and have none."""

_SECONDS_OF_A_TURN = 0.0002
"""For which a thread keeps Python's lock when another one asks for it: the one that reads ahead
needs it often and briefly, and with Python's own 5 ms the others soon wait for it."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process; `arguments` are `sys.argv`'s if not given."""
    gc.set_threshold(_COLLECT_AFTER, 50, 100)
    sys.setswitchinterval(_SECONDS_OF_A_TURN)
    given = sys.argv[1:] if arguments is None else list(arguments)
    with suppress(ValueError):  # only the main thread may: elsewhere, SIGTERM stays as it is
        signal.signal(signal.SIGTERM, _terminate)
    _stand_in_for_closed_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        application(given)(args=given, prog_name="imgforensics")
    except Terminated:
        sys.exit(Status.TERMINATED)
    except KeyboardInterrupt:
        sys.exit(Status.INTERRUPTED)
    except OSError as error:
        sys.exit(tell(error))
    except SystemExit as end:
        # The framework says 1 where the reader of a help text has gone.
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(Status.PIPE_CLOSED)
        raise
    finally:
        # The process ends: nobody needs the last search, which goes through all there is.
        gc.freeze()
    sys.exit(Status.DONE)


def _stand_in_for_closed_streams() -> None:
    """What is closed fails when it is used; only a standard error that is says nothing.

    Their descriptors are taken, so that no file that is opened later stands in for them.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_WRONLY), "r")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def application(arguments: Sequence[str] = ()) -> typer.Typer:
    """The application; with only the command that the arguments begin with, where they do.

    Loading all of them for one would take as long as most of their work.
    """
    app = typer.Typer(
        help="Open any container image, see inside it, extract it. Nothing is run, nothing of "
        "the source is altered, and every byte is checked against what the image declares.",
        epilog="Exit status: 0 done, 1 the answer is no, 2 usage, 3 not an image, 4 damaged, "
        "5 refused, 6 this machine. `imgforensics COMMAND --help` tells more.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        callback=_options,
    )
    named = [name for name in COMMANDS if arguments and arguments[0] == name]
    for name in named or COMMANDS:
        module = import_module(f"imgforensics_cli.commands.{name}")
        add_command(app, name, module.run, module.EXAMPLES, COMMANDS[name])
    return app


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"imgforensics {__version__}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
