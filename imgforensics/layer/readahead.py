"""Run an iterator ahead of its consumer in a thread of its own."""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def read_ahead(items: Iterator[Item], depth: int = 4) -> Iterator[Item]:
    """Yield what `items` yields, produced in another thread up to `depth` items ahead.

    What `items` raises is raised to the consumer, after all that came before it. Closing
    this iterator ends the thread and drops `items`.
    """
    handed_over: queue.Queue[object] = queue.Queue(depth)
    stopped = threading.Event()
    failures: list[BaseException] = []

    def produce() -> None:
        try:
            for item in items:
                if stopped.is_set():
                    break
                handed_over.put(item)
        except BaseException as failure:
            failures.append(failure)
        finally:
            handed_over.put(_END)

    thread = threading.Thread(target=produce, name="read-ahead", daemon=True)
    thread.start()
    item: object = None
    try:
        while (item := handed_over.get()) is not _END:
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        while item is not _END:
            item = handed_over.get()
        thread.join()
    if failures:
        raise failures[0]
