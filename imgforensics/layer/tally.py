"""Count and hash what flows by; the hashing may lag behind and be done by any thread."""

from collections import deque
from collections.abc import Iterable, Iterator
from threading import Lock

from imgforensics.digests import Digest


class Tally:
    """The size and digest of all chunks that went through :meth:`over`.

    Up to `lag` chunks wait to be hashed: a thread that would have to wait for another one does
    that meanwhile, with :meth:`hash_one`.
    """

    def __init__(self, expected: Digest, *, lag: int = 0) -> None:
        self.algorithm = expected.algorithm
        self.size = 0
        self._hasher = expected.hasher()
        self._lag = lag
        self._waiting: deque[bytes] = deque()
        self._lock = Lock()

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what `chunks` yields."""
        for chunk in chunks:
            self.size += len(chunk)
            self._waiting.append(chunk)
            while len(self._waiting) > self._lag:
                with self._lock:
                    self._hash_first()
            yield chunk

    def hash_one(self) -> bool:
        """Hash what waits longest; False if nothing waits or another thread is at it."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return self._hash_first()
        finally:
            self._lock.release()

    def _hash_first(self) -> bool:
        if not self._waiting:
            return False
        self._hasher.update(self._waiting.popleft())
        return True

    def digest(self) -> Digest:
        """Of everything, to be asked for when all chunks have gone through."""
        with self._lock:
            while self._hash_first():
                pass
        return Digest(self.algorithm, self._hasher.hexdigest())
