"""What ends a command early: one line on standard error, and its exit status."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum

import typer

from imgforensics.errors import (
    DamagedDocumentError,
    DamagedImageError,
    EnvironmentProblemError,
    ImageChoiceError,
    ImageForensicsError,
    LimitExceededError,
    NotAnImageError,
    PathError,
    QuestionError,
    UnsafeOutputError,
)
from imgforensics_cli.output import safe_lines, say

DEBUG = "IMGFORENSICS_DEBUG"
"""Set in the environment, it shows tracebacks."""


class Status(IntEnum):
    """Exit statuses, the same for every command (docs/cli.md)."""

    DONE = 0
    NO = 1
    """The command ran well, and its answer is no: not verified, no such path."""
    USAGE = 2
    """The options are wrong, or leave open which image is meant."""
    NOT_AN_IMAGE = 3
    DAMAGED = 4
    """Bytes are absent or wrong: there is no answer, or not the whole of it."""
    REFUSED = 5
    """A limit, or an output that must not be written."""
    ENVIRONMENT = 6
    """Permission, space, a source that is not there."""
    DEFECT = 70
    """An error of this program."""
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    """Whoever read our output has gone."""
    TERMINATED = 143


class Terminated(BaseException):
    """SIGTERM: ends work the way Ctrl-C does, and is told from it by whoever catches that."""


_STATUSES: tuple[tuple[type[BaseException], Status], ...] = (
    (Terminated, Status.TERMINATED),
    (KeyboardInterrupt, Status.INTERRUPTED),
    (ImageChoiceError, Status.USAGE),
    (QuestionError, Status.USAGE),
    (NotAnImageError, Status.NOT_AN_IMAGE),
    (DamagedDocumentError, Status.NOT_AN_IMAGE),
    (DamagedImageError, Status.DAMAGED),
    (LimitExceededError, Status.REFUSED),
    (UnsafeOutputError, Status.REFUSED),
    (EnvironmentProblemError, Status.ENVIRONMENT),
    (PathError, Status.NO),
    (BrokenPipeError, Status.PIPE_CLOSED),
    (OSError, Status.ENVIRONMENT),
    (MemoryError, Status.ENVIRONMENT),
)
"""The first class that fits decides."""


_WORDS: dict[type[BaseException], str] = {
    BrokenPipeError: "",
    Terminated: "terminated",
    KeyboardInterrupt: "interrupted",
    MemoryError: "out of memory",
}


def status_of(error: BaseException) -> Status:
    """The exit status that an error ends the command with."""
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return Status.DEFECT


def message_of(error: BaseException) -> str:
    """What is said of it, safe for a terminal; empty where there is nothing to say."""
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return safe_lines(reason if error.filename is None else f"{error.filename}: {reason}")
    if status_of(error) is Status.DEFECT:
        return safe_lines(
            f"an error of imgforensics itself: {type(error).__name__}: {error} "
            f"(set {DEBUG}=1 to see where, and report it)"
        )
    return safe_lines(str(error))


class Failures:
    """What failed for some paths, told one line each while the others are served."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.status = Status.DONE

    def add(self, error: ImageForensicsError) -> None:
        """Tell one; the worst decides the status."""
        self.messages.append(message_of(error))
        self.status = max(self.status, status_of(error))
        sys.stdout.flush()
        say(f"error: {self.messages[-1]}")


def run_and_exit(work: Callable[[], int]) -> None:
    """Do a command's work; end the process with its status, or with that of its failure."""
    try:
        status = work()
        sys.stdout.flush()
    except (typer.Exit, typer.BadParameter):
        raise
    except BaseException as error:  # every failure becomes a status here, and nowhere else
        status = tell(error)
    raise typer.Exit(int(status))


def tell(error: BaseException) -> Status:
    """Say what failed, if there is somebody to hear it; the exit status that it means."""
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error)
    message = message_of(error)
    if message:
        with suppress(OSError):
            say(f"error: {message}")
    _abandon_output(error)
    return status_of(error)


def _abandon_output(error: BaseException) -> None:
    """Let what is still buffered go where it fails nothing, when output itself failed."""
    if not isinstance(error, OSError):
        return
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
