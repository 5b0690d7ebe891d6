"""Work on several layers at a time, with results in order and bounded memory."""

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WAITING = 256
"""Results of one item that wait at most."""
_MOST_WORKERS = 4
_CORES_FOR_ONE = 2
"""Reading a layer takes two threads already: one inflates, the other parses and looks."""
_PATIENCE_SECONDS = 0.05


def worker_count(items: int) -> int:
    """How many items to work on at a time on this machine."""
    return max(1, min((os.cpu_count() or 1) // _CORES_FOR_ONE, _MOST_WORKERS, items))


Check = Callable[[], None]
"""Raises where the work is not wanted any more; to be called now and then between results."""


def side_by_side(
    items: Sequence[T], work: Callable[[T, Check], Iterable[R]]
) -> Generator[tuple[T, Iterator[R]], None, None]:
    """Each item with the results of its work, in order, while work on later ones goes on.

    With cores for one worker only, work is done when its results are asked for. Each item's
    results are to be gone through before the next item is asked for. What work raises comes in
    its place among the results. Closing this ends all work at its next result or check.
    """
    workers = worker_count(len(items))
    if workers == 1:
        for item in items:
            yield item, iter(work(item, _go_on))
        return
    stopped = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="layer")
    try:
        runs = [_Run(work, item, stopped) for item in items]
        futures = [pool.submit(run.run) for run in runs]
        for item, run, future in zip(items, runs, futures, strict=True):
            yield item, run.results(future)
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def in_order(
    items: Sequence[T], work: Callable[[T, Check], R], workers: int
) -> Generator[tuple[T, R], None, None]:
    """Each item with what its work gives, in order, while work on later ones goes on.

    Closing this early ends all work at its next check; what has not begun never does.
    """
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise CancelledError

    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="layer")
    try:
        yield from zip(items, pool.map(lambda item: work(item, check), items), strict=True)
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def _go_on() -> None:
    """Work in the thread of whoever wants it is ended by not asking for more."""


class _Run(Generic[T, R]):
    """Work on one item, in a thread."""

    def __init__(
        self, work: Callable[[T, Check], Iterable[R]], item: T, stopped: threading.Event
    ) -> None:
        self._work = work
        self._item = item
        self._stopped = stopped
        self._queue: queue.Queue[tuple[R] | None] = queue.Queue(_WAITING)

    def run(self) -> None:
        try:
            for result in self._work(self._item, self._check):
                if not self._put((result,)):
                    return
        finally:
            self._put(None)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise CancelledError

    def _put(self, result: tuple[R] | None) -> bool:
        """Hand a result on; False where nobody wants it any more."""
        while not self._stopped.is_set():
            try:
                self._queue.put(result, timeout=_PATIENCE_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def results(self, future: "Future[None]") -> Iterator[R]:
        while (result := self._queue.get()) is not None:
            yield result[0]
        future.result()
