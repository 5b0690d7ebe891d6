"""Lists of hashes: plain, as `sha256sum` or BSD's `sha256` write them, hashdeep, NSRL RDS.

Sources: https://md5deep.sourceforge.net/start-hashdeep.html (format of hashdeep's files), NIST's
"Data Formats of the NSRL Reference Data Set" (NSRLFile.txt).
"""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imgforensics.errors import QuestionError, SourceUnreadableError
from imgforensics.frozen import FrozenMapping

LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
_NAMES = {"md5": "md5", "sha1": "sha1", "sha-1": "sha1", "sha256": "sha256", "sha-256": "sha256"}
_BY_LENGTH = {length: name for name, length in LENGTHS.items()}
_HEX = re.compile(r"[0-9a-fA-F]+")
_BSD = re.compile(r"([A-Za-z0-9-]+) ?\(.*\) ?= ?([0-9a-fA-F]+)\s*")
_BAD_LINES_NAMED = 5


@dataclass(frozen=True, slots=True)
class HashList:
    """Hashes of contents, by algorithm."""

    hashes: Mapping[str, frozenset[bytes]]
    """By `hashlib`'s name of the algorithm: raw digests."""
    source: str = ""
    """The file that it was read from."""
    bad_lines: int = 0
    """Lines that hold no hash and are no comment."""
    first_bad_lines: tuple[int, ...] = field(default=())
    """Numbers of the first of them, from 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashes", FrozenMapping(self.hashes))

    @classmethod
    def of(cls, text: str, algorithm: str) -> "HashList":
        """One hash, or else the file of that name; hashes of other algorithms are left out.

        Raises `QuestionError` where it is neither, or the algorithm none of md5, sha1, sha256;
        `SourceUnreadableError` where the file cannot be read.
        """
        if algorithm not in LENGTHS:
            raise QuestionError(f"{algorithm!r}: hashes are of {', '.join(LENGTHS)}")
        if len(text) == LENGTHS[algorithm] and _HEX.fullmatch(text):
            return cls({algorithm: frozenset((bytes.fromhex(text),))})
        if _HEX.fullmatch(text) and not os.path.exists(text):  # noqa: PTH110 - raises for no name
            raise QuestionError(
                f"{text}: a {algorithm} hash has {LENGTHS[algorithm]} hex digits, this has "
                f"{len(text)}, and no file is called so"
            )
        return cls.read(Path(text), (algorithm,))

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], algorithms: Iterable[str] = tuple(LENGTHS)
    ) -> "HashList":
        """A file in any of the forms; raises `SourceUnreadableError`, `QuestionError`."""
        if "\0" in os.fspath(path):
            raise QuestionError(f"{path!r} is neither a hash nor the name of a file")
        try:
            with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
                return _read(file, frozenset(algorithms), str(path))
        except OSError as error:
            raise SourceUnreadableError(f"{path}: {error.strerror}") from error


def _read(lines: Iterable[str], algorithms: frozenset[str], source: str) -> HashList:
    found: dict[str, set[bytes]] = {name: set() for name in algorithms}
    bad: list[int] = []
    count = 0
    for number, hashes in _hashes(lines):
        if not hashes:
            count += 1
            if count <= _BAD_LINES_NAMED:
                bad.append(number)
        for name, value in hashes.items():
            if name in found:
                found[name].add(bytes.fromhex(value))
    kept = {name: frozenset(values) for name, values in found.items() if values}
    if not kept:
        raise QuestionError(f"{source}: holds no {' or '.join(sorted(algorithms))} hash")
    return HashList(kept, source, count, tuple(bad))


def _hashes(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and the hashes of each line that is no comment; none for a bad one."""
    columns: list[str | None] | None = None
    for number, line in enumerate(lines, 1):
        text = line.strip().lstrip("\ufeff")
        if not text or text.startswith(("#", "%%%% HASHDEEP")):
            continue
        if text.startswith("%%%% "):
            columns = _columns(text[5:].split(","))
        elif text.startswith('"') and columns is None and (named := _columns(_cells(text))):
            columns = named if any(named) else None
        elif columns is not None:
            yield number, _by_column(text, columns)
        else:
            yield number, _plain(text)


def _cells(text: str) -> list[str]:
    """Of a quoted line; none of one that no writer of such lists makes."""
    try:
        return next(csv.reader([text]))
    except csv.Error:
        return []


def _columns(heads: list[str]) -> list[str | None]:
    return [_NAMES.get(head.strip().lower()) for head in heads]


def _by_column(text: str, columns: list[str | None]) -> dict[str, str]:
    cells = _cells(text) if text.startswith('"') else text.split(",")
    return {
        name: cell.strip()
        for name, cell in zip(columns, cells, strict=False)
        if name is not None and _is_hash(name, cell.strip())
    }


def _plain(text: str) -> dict[str, str]:
    if bsd := _BSD.fullmatch(text):
        name = _NAMES.get(bsd[1].lower())
        return {name: bsd[2]} if name and _is_hash(name, bsd[2]) else {}
    # sha256sum puts a backslash ahead of a line whose name it escaped.
    word = text.split(maxsplit=1)[0].lstrip("\\")
    name = _BY_LENGTH.get(len(word))
    return {name: word} if name and _is_hash(name, word) else {}


def _is_hash(name: str, value: str) -> bool:
    return len(value) == LENGTHS[name] and _HEX.fullmatch(value) is not None
