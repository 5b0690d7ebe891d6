"""A bound on the time of one input: on the processor, so that a stopped process is no hang."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WAITING_SECONDS = 1_800
"""Without an end or use of the processor: threads that wait for one another."""


class HangError(BaseException):
    """One input has taken too long."""


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise HangError in the block after `seconds` of processor time."""
    signal.signal(signal.SIGPROF, _interrupt)
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WAITING_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise HangError(f"over the time limit: {signal.Signals(number).name}")
