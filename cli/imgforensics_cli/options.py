"""The options that all commands share, and how a function becomes a command."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics_cli.failures import run_and_exit
from imgforensics_cli.request import Request

LayerNumber = Annotated[
    int | None,
    typer.Option("--layer", metavar="N", min=0, help="The filesystem after layer N, from 0."),
]

_SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

_SOURCE = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        show_default=False,
        help="A directory or archive, perhaps with skopeo's prefix (oci:DIR:TAG), or - for "
        "standard input.",
    ),
]

_SHARED_OPTIONS: dict[str, tuple[Any, Any]] = {
    "image": (
        Annotated[
            str | None,
            typer.Option(
                "--image", metavar="NAME|DIGEST|N", help="Which image, where there are several."
            ),
        ],
        None,
    ),
    "platform": (
        Annotated[
            str | None,
            typer.Option(
                "--platform", metavar="OS/ARCH[/VARIANT]", help="Which platform of the image."
            ),
        ],
        None,
    ),
    "as_rootfs": (
        Annotated[
            bool,
            typer.Option(
                "--as-rootfs",
                help="Open a plain root filesystem tar (docker export) as an image of one layer.",
            ),
        ],
        False,
    ),
    "json": (
        Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")],
        False,
    ),
    "quiet": (
        Annotated[
            bool,
            typer.Option("--quiet", "-q", help="No progress, no summary, only errors."),
        ],
        False,
    ),
    "verbose": (
        Annotated[
            bool, typer.Option("--verbose", "-v", help="Show notes, too; cut nothing short.")
        ],
        False,
    ),
    "limit": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--limit",
                metavar="NAME=VALUE",
                help="Change a limit on work and memory; repeatable; sizes may end in K, M, G, T.",
            ),
        ],
        None,
    ),
    "tmpdir": (
        Annotated[
            Path | None,
            typer.Option(
                "--tmpdir",
                metavar="DIR",
                file_okay=False,
                exists=True,
                help="Where a temporary copy goes, if one is needed.",
            ),
        ],
        None,
    ),
}


def add_command(
    app: typer.Typer,
    name: str,
    function: Callable[..., int],
    examples: Sequence[str],
    in_a_line: str,
) -> None:
    """Make a function of a request, and of options of its own, a command of `app`.

    Its docstring is the help, what it returns the exit status. Every failure is told in one
    line and becomes an exit status.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

    def run(**values: Any) -> None:  # noqa: ANN401 - whatever the options are
        request = _request(values)
        run_and_exit(lambda: function(request, **values))

    signature = _signature(own)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    run.__doc__ = function.__doc__
    epilog = "\n".join(("\b", "Examples:", *(f"  {e}" for e in examples)))
    app.command(name, epilog=epilog, short_help=in_a_line)(run)


def _signature(own: Sequence[Parameter]) -> Signature:
    """SOURCE, a command's own parameters, and those that all share."""
    keyword = Parameter.KEYWORD_ONLY
    source = Parameter("source", keyword, annotation=_SOURCE)
    shared = [
        Parameter(name, keyword, annotation=annotation, default=default)
        for name, (annotation, default) in _SHARED_OPTIONS.items()
    ]
    return Signature([source, *(p.replace(kind=keyword) for p in own), *shared])


def _request(values: dict[str, Any]) -> Request:
    """Take what makes a request out of a command's values."""
    shared = {name: values.pop(name) for name in ("source", *_SHARED_OPTIONS)}
    limits = limits_of(shared.pop("limit") or ())
    return Request(**shared, limits=limits)


def refuse_without(what: str, given: Mapping[str, bool]) -> None:
    """A usage error for the first given option, where none means anything without `what`."""
    for option, is_given in given.items():
        if is_given:
            raise typer.BadParameter(f"needs {what}", param_hint=option)


def limits_of(settings: Sequence[str]) -> Limits:
    """The default limits with changes, each `NAME=VALUE`; a usage error for what is neither."""
    defaults = {field.name: getattr(DEFAULT_LIMITS, field.name) for field in fields(Limits)}
    changes: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in defaults:
            raise typer.BadParameter(
                f"no limit is called {name!r}; there are {', '.join(defaults)}",
                param_hint="--limit",
            )
        changes[name] = _limit(name, value, type(defaults[name]))
    return Limits(**{**defaults, **changes})


def _limit(name: str, text: str, kind: type[int | float]) -> int | float:
    return _number(text, kind, f"{name}={text}", "--limit")


def size_of(text: str, option: str) -> int:
    """A number of bytes, perhaps with a suffix; a usage error, which names the option."""
    return int(_number(text, int, text, option))


def _number(text: str, kind: type[int | float], shown: str, option: str) -> int | float:
    factor = _SUFFIXES.get(text[-1:].upper(), 1)
    try:
        value = kind(text if factor == 1 else text[:-1]) * factor
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise typer.BadParameter(
            f"{shown}: not a number that is zero or more, perhaps with K, M, G or T",
            param_hint=option,
        )
    return value
