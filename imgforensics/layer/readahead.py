"""Produce a stream of bytes in a thread of its own, ahead of its consumer."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress

PIECE_BYTES = 512 << 10
"""Handing over costs a switch of threads: small chunks are joined up to about this size."""
DEPTH = 4
"""Pieces that wait at most."""


def read_ahead(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of `chunks`, produced in another thread.

    What `chunks` raises is raised to the consumer, after all that came before it. Closing
    this iterator ends the thread and closes `chunks`.
    """
    producer = _Producer(chunks)
    producer.start()
    try:
        yield from producer.pieces()
    finally:
        producer.stop()
    if producer.failure is not None:
        raise producer.failure


class _Producer(threading.Thread):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__(name="read-ahead", daemon=True)
        self._chunks = chunks
        self._queue: queue.Queue[bytes | None] = queue.Queue(DEPTH)
        self._stopped = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for piece in _joined(self._chunks):
                if self._stopped.is_set():
                    break
                self._queue.put(piece)
        except BaseException as failure:
            self.failure = failure
        finally:
            # A traceback may keep them alive; what reads ahead for them must end all the same.
            if isinstance(self._chunks, Generator):
                self._chunks.close()
            self._queue.put(None)

    def pieces(self) -> Iterator[bytes]:
        while (piece := self._queue.get()) is not None:
            yield piece

    def stop(self) -> None:
        """End the thread wherever it is, making room for what it is about to put."""
        self._stopped.set()
        while self.is_alive():
            with suppress(queue.Empty):
                self._queue.get_nowait()
            self.join(0.01)


def _joined(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            waiting.append(chunk)
            size += len(chunk)
            if size >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting.clear()
                size = 0
    except Exception:
        yield b"".join(waiting)
        raise
    yield b"".join(waiting)
