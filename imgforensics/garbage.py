"""Keep Python's search for reference cycles out of work that makes objects by the million."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_cycle_search() -> Iterator[None]:
    """Do without the cyclic garbage collector for a while.

    Entries and nodes hold no cycles, yet each search would go through all that were made so
    far; so would the next one after this, unless they were counted among the old objects then.
    Whoever finds it switched off leaves it so; threads that overlap may search early.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            _let_all_be_old()
            gc.enable()


def _let_all_be_old() -> None:
    """Put every object into the oldest generation, unless somebody holds objects frozen."""
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
