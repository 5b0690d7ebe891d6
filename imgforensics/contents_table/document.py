"""The JSON of a table of contents: read row by row, for it may be larger than memory.

eStargz and zstd:chunked have one document with few different keys. Readers are written in Go,
whose rules are kept: the last of repeated keys counts, null is nothing, and one value of a wrong
type makes the whole document unreadable.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

CHUNK = "chunk"
"""The type of a row that goes on with the file of the row before."""

_LARGEST_VALUE = 4 << 20
"""Characters of one row. Its longest parts are a path and xattrs, which the kernel bounds."""
_PIECE = 128 << 10
_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST_NUMBER = (1 << 63) - 1

_decode = json.JSONDecoder().raw_decode


class DamagedTableError(Exception):
    """The table cannot be found, or cannot be read from here on."""


class TableRow(NamedTuple):
    """One row: an entry, or one more chunk of the file of the row before."""

    type: str
    """`reg`, `dir`, `symlink`, `hardlink`, `char`, `block`, `fifo` or `chunk`."""
    name: str
    link_name: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: str
    """As written: RFC 3339, or nothing."""
    device: tuple[int, int]
    xattrs: Mapping[str, str]
    """Values in base64."""
    digest: str
    """Of a file's content."""
    offset: int
    """Of a file's or chunk's compressed bytes in the blob."""
    chunk_offset: int
    """Of a chunk in its file."""
    chunk_size: int
    """0 for a chunk that goes on to the end of its file."""
    chunk_digest: str
    is_hole: bool
    """Whether a chunk is zeros, for which nothing is fetched (zstd:chunked)."""


_KEYS = frozenset(
    (
        *("type", "name", "linkName", "mode", "uid", "gid", "size", "modtime"),
        *("devMajor", "devMinor", "xattrs", "digest", "offset"),
        *("chunkOffset", "chunkSize", "chunkDigest", "chunkType"),
    )
)
_LOWER_KEYS = frozenset(key.lower() for key in _KEYS)


class TableDocument:
    """One table's document, from its text in pieces. Iterate `rows` once, to its end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._text = _Text(chunks)
        self.tar_split_digest = ""
        """Of the compressed tar-split, where zstd:chunked names one; known after the rows."""

    def rows(self) -> Iterator[TableRow]:
        """Every row in order; raises DamagedTableError where the document is none."""
        text = self._text
        text.expect("{")
        seen: set[str] = set()
        while (key := self._key()) is not None:
            if key in seen:
                raise DamagedTableError(f"the key {key[:40]!r} is repeated")
            seen.add(key)
            if key == "entries":
                yield from self._entries()
            else:
                self._other(key, text.value())
            if text.peek() != "}":
                text.expect(",")
        if text.peek():
            raise DamagedTableError("something follows its end")
        if "entries" not in seen:
            raise DamagedTableError("it has no entries")

    def _key(self) -> str | None:
        text = self._text
        if text.peek() == "}":
            text.expect("}")
            return None
        key = text.value()
        if not isinstance(key, str):
            raise DamagedTableError("a key is no string")
        text.expect(":")
        return key.lower()

    def _entries(self) -> Iterator[TableRow]:
        text = self._text
        if text.peek() == "n":
            text.value()
            return
        text.expect("[")
        while text.peek() != "]":
            yield row_of(text.value())
            if text.peek() != "]":
                text.expect(",")
        text.expect("]")

    def _other(self, key: str, value: object) -> None:
        if key == "version" and value != 1:
            raise DamagedTableError(f"its version is {str(value)[:40]}, and only 1 is known")
        if key == "tarsplitdigest" and isinstance(value, str):
            self.tar_split_digest = value


class _Text:
    """A window that moves over the text; what was passed is forgotten."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._position = 0
        self._passed = 0
        self._has_ended = False

    def peek(self) -> str:
        """The next character that is no space; nothing at the end."""
        while True:
            space = _SPACE.match(self._text, self._position)
            self._position = space.end() if space else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_more():
                return ""

    def expect(self, mark: str) -> None:
        """Pass over one character, or raise DamagedTableError."""
        found = self.peek()
        if found != mark:
            found_there = repr(found) if found else "its end"
            raise self._damaged(f"expected {mark!r}, found {found_there}")
        self._position += 1

    def value(self) -> object:
        """Pass over one value and return it; raises DamagedTableError."""
        self.peek()
        while True:
            error = ""
            try:
                value, end = _decode(self._text, self._position)
                if end < len(self._text) or self._has_ended:
                    self._position = end
                    return value
            except RecursionError:
                raise self._damaged("a value is nested too deep") from None
            except ValueError as failure:
                error = str(failure).partition(":")[0]
            if len(self._text) - self._position > _LARGEST_VALUE:
                raise self._damaged(f"no value ends within {_LARGEST_VALUE} characters")
            if not self._read_more():
                raise self._damaged(error)

    def _read_more(self) -> bool:
        """Read at least as much again as is left over, so that values cost no more than once."""
        if self._has_ended:
            return False
        left = self._text[self._position :]
        pieces, size, wanted = [left], 0, max(_PIECE, len(left))
        while size < wanted and not self._has_ended:
            chunk = next(self._chunks, None)
            self._has_ended = chunk is None
            pieces.append(self._decoder.decode(chunk or b"", final=chunk is None))
            size += len(pieces[-1])
        self._passed += self._position
        self._text, self._position = "".join(pieces), 0
        return True

    def _damaged(self, detail: str) -> DamagedTableError:
        return DamagedTableError(f"at character {self._passed + self._position}: {detail}")


def row_of(value: object) -> TableRow:
    """Read one row; raises DamagedTableError."""
    if not isinstance(value, dict):
        raise DamagedTableError("a row is no object")
    if not value.keys() <= _KEYS:
        _refuse_misspelt(value)
    return TableRow(
        _text(value, "type"),
        _text(value, "name"),
        _text(value, "linkName"),
        _number(value, "mode"),
        _number(value, "uid"),
        _number(value, "gid"),
        _number(value, "size"),
        _text(value, "modtime"),
        (_number(value, "devMajor"), _number(value, "devMinor")),
        _xattrs(value.get("xattrs")),
        _text(value, "digest"),
        _number(value, "offset"),
        _number(value, "chunkOffset"),
        _number(value, "chunkSize"),
        _text(value, "chunkDigest"),
        _text(value, "chunkType") == "zeros",
    )


def _refuse_misspelt(fields: Mapping[str, object]) -> None:
    """Go takes `NAME` for `name`; which of the two counts is not for us to guess."""
    for key in fields.keys() - _KEYS:
        if key.lower() in _LOWER_KEYS:
            raise DamagedTableError(f"a row spells the key {key[:40]!r} in other letters")


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DamagedTableError(f"a row's {key} is no string")
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def _number(fields: Mapping[str, object], key: str) -> int:
    value = fields.get(key)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= _LARGEST_NUMBER:
        raise DamagedTableError(f"a row's {key} is no number from 0 to 2^63-1")
    return value


def _xattrs(value: object) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise DamagedTableError("a row's xattrs are no object of strings")
    return value
