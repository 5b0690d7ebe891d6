"""Produce a stream of bytes in a thread of its own, ahead of its consumer."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress

DEPTH = 2
"""Chunks that wait at most."""

OtherWork = Callable[[], bool]
"""Does a small piece of other work; False if there is none to do."""


def read_ahead(chunks: Iterable[bytes], other_work: OtherWork) -> Iterator[bytes]:
    """Yield the bytes of `chunks`, produced in another thread.

    Whichever side would have to wait for the other does `other_work` instead, so both must be
    able to do it at any time. What `chunks` raises is raised to the consumer, after all that
    came before it. Closing this iterator ends the thread and closes `chunks`.
    """
    producer = _Producer(chunks, other_work)
    try:
        producer.start()
        yield from producer.received()
    finally:
        producer.stop()
    if producer.failure is not None:
        raise producer.failure


class _Producer(threading.Thread):
    def __init__(self, chunks: Iterable[bytes], other_work: OtherWork) -> None:
        super().__init__(name="read-ahead", daemon=True)
        self._chunks = chunks
        self._other_work = other_work
        self._queue: queue.Queue[bytes | None] = queue.Queue(DEPTH)
        self._stopped = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for chunk in self._chunks:
                while self._queue.full() and self._other_work():
                    pass
                if self._stopped.is_set():
                    break
                self._queue.put(chunk)
        except BaseException as failure:
            self.failure = failure
        finally:
            # A traceback may keep them alive; what reads ahead for them must end all the same.
            if isinstance(self._chunks, Generator):
                self._chunks.close()
            self._queue.put(None)

    def received(self) -> Iterator[bytes]:
        while True:
            while self._queue.empty() and self._other_work():
                pass
            chunk = self._queue.get()
            if chunk is None:
                return
            yield chunk

    def stop(self) -> None:
        """End the thread wherever it is, making room for what it is about to put."""
        self._stopped.set()
        while self.is_alive():
            with suppress(queue.Empty):
                self._queue.get_nowait()
            self.join(0.01)
