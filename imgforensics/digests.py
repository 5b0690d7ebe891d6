"""Content digests, as the OCI image specification writes them."""

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_PATTERN = re.compile(r"([a-z0-9]+(?:[.+_-][a-z0-9]+)*):([A-Za-z0-9=_-]+)")
_HEX = re.compile(r"[0-9a-f]+")


class Hasher(Protocol):
    """What `hashlib` objects have in common."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """The digest of all bytes so far."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """An algorithm and a lower-case hex value: `sha256:e3b0…`.

    Which of a layer's two digests one holds (the blob as stored, or its uncompressed tar)
    is told by the name of the field that holds it: `digest` or `diff_id`.
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read `algorithm:hex`; `ValueError` when it is malformed or of an unknown algorithm.

        Source: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a digest: {text[:100]!r}")
        algorithm, value = match.groups()
        length = _HEX_LENGTHS.get(algorithm)
        if length is None:
            raise ValueError(f"digest algorithm {algorithm!r} is not one of {sorted(_HEX_LENGTHS)}")
        if len(value) != length or not _HEX.fullmatch(value):
            raise ValueError(f"a {algorithm} digest has {length} lower-case hex digits: {text!r}")
        return cls(algorithm, value)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> "Digest":
        """The digest of `data`."""
        return cls(algorithm, hashlib.new(algorithm, data).hexdigest())

    def hasher(self) -> Hasher:
        """A fresh hasher of this digest's algorithm."""
        return hashlib.new(self.algorithm)

    @property
    def short(self) -> str:
        """The first twelve hex digits, as engines print them."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
