"""A bar on standard error while something takes longer than a second; only for terminals."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DELAY_SECONDS = 1.0
"""Work that is done sooner shows no bar."""

Advance = Callable[[int], None]


@contextmanager
def counting(total: int, unit: str, *, shown: bool = True) -> Iterator[Advance]:
    """Yield a function to be told how much more is done of `total`.

    Bytes (`unit` is `B`) are shown in decimal units.
    """
    if not (shown and sys.stderr.isatty()):
        yield _nothing
        return
    from tqdm import tqdm  # noqa: PLC0415 - costs time, and most runs show no bar

    tqdm.monitor_interval = 0
    with tqdm(
        total=total,
        unit=unit if unit == "B" else f" {unit}",
        unit_scale=unit == "B",
        delay=DELAY_SECONDS,
        leave=False,
        dynamic_ncols=True,
        file=sys.stderr,
    ) as bar:

        def advance(amount: int) -> None:
            bar.update(amount)

        yield advance


def _nothing(_amount: int) -> None:
    pass
