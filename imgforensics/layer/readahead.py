"""Produce a stream of bytes in a thread of its own, ahead of its consumer."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator

PIECE_BYTES = 512 << 10
"""Handing over costs a switch of threads: small chunks are joined up to about this size."""
DEPTH = 4
"""Pieces that wait at most."""


def read_ahead(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of `chunks`, produced in another thread.

    What `chunks` raises is raised to the consumer, after all that came before it. Closing
    this iterator ends the thread.
    """
    handed_over: queue.Queue[bytes | None] = queue.Queue(DEPTH)
    stopped = threading.Event()
    failures: list[BaseException] = []

    def produce() -> None:
        try:
            for piece in _joined(chunks):
                if stopped.is_set():
                    break
                handed_over.put(piece)
        except BaseException as failure:
            failures.append(failure)
        finally:
            # A traceback may keep them alive; what reads ahead for them must end all the same.
            if isinstance(chunks, Generator):
                chunks.close()
            handed_over.put(None)

    thread = threading.Thread(target=produce, name="read-ahead", daemon=True)
    thread.start()
    piece: bytes | None = b""
    try:
        while (piece := handed_over.get()) is not None:
            yield piece
    finally:
        stopped.set()
        while piece is not None:
            piece = handed_over.get()
        thread.join()
    if failures:
        raise failures[0]


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
