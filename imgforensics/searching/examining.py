"""What a file's whole content says of it: hashes, libmagic's verdict, entropy."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imgforensics.contents import Content
from imgforensics.errors import EnvironmentProblemError
from imgforensics.filesystem.globs import glob_matcher
from imgforensics.filetype import describe, mime_type
from imgforensics.frozen import FrozenMapping
from imgforensics.searching.criteria import comparison
from imgforensics.searching.query import Query, raw, several
from imgforensics.searching.regex import Regex

_HEAD_BYTES = 1 << 20
"""What libmagic is given, as `file` gives it."""
ENTROPY_BYTES = 8 << 20
"""Entropy is that of as many bytes from the start."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about a content that was examined."""

    hashes: Mapping[str, str]
    """Hexadecimal, by algorithm."""
    mime: str | None = None
    magic: str | None = None
    entropy: float | None = None
    """Bits for each byte."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashes", FrozenMapping(self.hashes))


NOTHING_FOUND = Findings({})


class Examination:
    """The criteria of a query that need a file's bytes, but for what its lines hold."""

    def __init__(self, query: Query) -> None:
        self._lists = several(query.hashes)
        self.algorithms = tuple(sorted({name for each in self._lists for name in each.hashes}))
        self._mime = None if query.mime is None else glob_matcher(raw(query.mime))
        self._magic: Regex | None = None
        if query.magic is not None:
            self._magic = Regex(raw(query.magic), ignore_case=query.ignore_case)
        self._entropy: Callable[[float], bool] | None = None
        if query.entropy is not None:
            self._entropy = comparison(query.entropy, "entropy")

    @property
    def is_needed(self) -> bool:
        """Whether any of them was asked for."""
        return bool(self._lists or self._mime or self._magic or self._entropy)

    def examine(self, content: Content) -> Findings | None:
        """Read a content, which computes `algorithms`; None where it does not match."""
        head = bytearray()
        counts: Counter[int] = Counter()
        counted = 0
        for piece in content.pieces:
            if len(head) < _HEAD_BYTES:
                head += piece[: _HEAD_BYTES - len(head)]
            if self._entropy and counted < ENTROPY_BYTES:
                counts.update(piece[: ENTROPY_BYTES - counted])
                counted += len(piece)
        hashes = (content.digests() or {}) if self.algorithms else {}
        findings = Findings(
            hashes,
            _told(mime_type(bytes(head))) if self._mime else None,
            (describe(bytes(head)) or "data") if self._magic else None,
            entropy(counts) if self._entropy else None,
        )
        return findings if self._fits(findings) else None

    def _fits(self, findings: Findings) -> bool:
        if self._lists and not self._is_listed(findings.hashes):
            return False
        if self._mime and not self._mime((findings.mime or "").encode()):
            return False
        if self._magic and not _occurs(self._magic, (findings.magic or "").encode()):
            return False
        return not self._entropy or self._entropy(findings.entropy or 0.0)

    def _is_listed(self, hashes: Mapping[str, str]) -> bool:
        return any(
            bytes.fromhex(value) in each.hashes.get(name, ())
            for each in self._lists
            for name, value in hashes.items()
        )


def entropy(counts: Counter[int]) -> float:
    """Shannon's entropy of bytes that occur so often, in bits for each; 0 for none."""
    total = counts.total()
    return -sum(n / total * math.log2(n / total) for n in counts.values()) + 0.0


def _told(mime: str | None) -> str:
    if mime is None:
        raise EnvironmentProblemError(
            "libmagic cannot be loaded: pip install python-magic pylibmagic"
        )
    return mime


def _occurs(regex: Regex, text: bytes) -> bool:
    return regex.search(text, 0, len(text)) is not None
