"""What is looked for: one value that says it all, checked before anything is read."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, TypeVar

from imgforensics.errors import QuestionError
from imgforensics.searching.hash_list import HashList

Value = TypeVar("Value")

Word = str | bytes
Words = Word | Iterable[Word]
"""One string or several; several mean any of them."""

_TEXT = ((str, bytes), "text or bytes")
_COUNT = (int, "a whole number")
_TIME = ((str, date), "a date, or text like '2024-02-29' or '/etc/passwd'")
_TAKEN: dict[str, tuple[type | tuple[type, ...], str]] = {
    **dict.fromkeys(("name", "path", "regex", "xattr", "mime", "magic", "content"), _TEXT),
    **dict.fromkeys(("context", "max_size", "decompress"), _COUNT),
    **dict.fromkeys(("newer", "older"), _TIME),
    "kinds": (str, "letters of f d l h c b p"),
    "size": ((str, bytes, int), "text like '+10M' or '-4k', or a number of bytes"),
    "mode": ((str, int), "text like '0644', '-0022' or '/6000', or a number"),
    "owner": ((str, int), "text like 'root', '0:0' or ':adm', or a number"),
    "hashes": (HashList, "what HashList.of or HashList.read gives"),
    "entropy": (str, "text like '>7.5' or '<=1'"),
}
"""What a criterion may be, or each of several, and how to say so."""

_SEVERAL = frozenset(("name", "path", "regex", "kinds", "size", "content", "hashes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Criteria; a version matches if all that are given hold.

    Text is taken as UTF-8, names and contents are bytes. Where several values are allowed, one
    may be given by itself, and any of them is enough (of sizes: all of them); they are kept as
    a tuple. Raises `QuestionError` for what a criterion cannot be.
    """

    name: Words = ()
    """Globs for the last part of the path."""
    path: Words = ()
    """Globs for the whole path, `**` for any directories; below the root, with `/` or without."""
    regex: Words = ()
    """Regular expressions for the whole path, `/` at its beginning."""
    ignore_case: bool = False
    """In names, paths and contents; of ASCII letters."""
    kinds: str | Iterable[str] = ""
    """Letters of `f d l h c b p`, as `find -type` has them; `h`: a further name of a file."""
    size: Word | int | Iterable[Word | int] = ()
    """`+10M`, `-4k`, `100`: more, less or exactly, in units rounded up, as `find -size`; without
    a unit, bytes."""
    newer: str | date | None = None
    """Modified after a date (ISO 8601, UTC unless it says otherwise; `@` and seconds) or after
    what stands at a path of the final filesystem (it begins with `/`)."""
    older: str | date | None = None
    """Modified before; as `newer`."""
    mode: str | int | None = None
    """Octal: `0644` (or the number 0o644) exactly, `-0644` all of these bits, `/6000` any."""
    owner: str | int | None = None
    """`USER`, `USER:GROUP` or `:GROUP`, numbers or names (of the archive, or of the image's own
    `/etc/passwd` and `/etc/group`)."""
    xattr: Word | None = None
    """A glob for the name of an extended attribute."""
    executable: bool = False
    """Regular files that somebody may execute."""
    hashes: HashList | Iterable[HashList] = ()
    """Files whose content is in one of the lists."""
    mime: Word | None = None
    """A glob for the MIME type that libmagic tells."""
    magic: Word | None = None
    """A regular expression for libmagic's description."""
    entropy: str | None = None
    """`>7.5`, `<1`: bits for each byte, of the first 8 MiB."""
    content: Words = ()
    """Regular expressions (RE2, line by line), or fixed strings."""
    fixed: bool = False
    """Take `content` as fixed strings."""
    context: int = 0
    """Lines to give before and after each that matches."""
    text: bool = False
    """Give the lines of binary files, too, instead of naming the file once."""
    max_size: int | None = None
    """Contents of more bytes are not read."""
    decompress: int = 0
    """Levels of compressed files and archives inside files to look into for `content`."""

    def __post_init__(self) -> None:
        for name in _SEVERAL:
            object.__setattr__(self, name, several(getattr(self, name)))
        for field in fields(self):
            value = getattr(self, field.name)
            types, said = _TAKEN.get(field.name, (object, ""))
            values = value if field.name in _SEVERAL else (value,)
            if value != field.default and not all(isinstance(one, types) for one in values):
                raise QuestionError(f"{field.name}: {said}, not {value!r}")
        object.__setattr__(self, "kinds", "".join(self.kinds))
        if self.context < 0 or self.decompress < 0:
            raise QuestionError("context and decompress are counts: zero or more")

    @classmethod
    def of(cls, criteria: dict[str, Any]) -> "Query":
        """A query of criteria by name; raises `QuestionError` for one that does not exist."""
        known = {field.name for field in fields(cls)}
        if unknown := criteria.keys() - known:
            raise QuestionError(
                f"no criterion is called {', '.join(sorted(unknown))}; there are "
                f"{', '.join(sorted(known))}"
            )
        return cls(**criteria)

    @property
    def asks_for_contents(self) -> bool:
        """Whether files have to be read to answer it."""
        return any((self.content, self.hashes, self.mime, self.magic, self.entropy))

    @property
    def asks_only_for_text(self) -> bool:
        """Whether nothing but `content` decides which versions match."""
        deciding = {field.name for field in fields(self)} - _NOT_DECIDING - {"content"}
        return bool(self.content) and not any(getattr(self, name) for name in deciding)


_NOT_DECIDING = frozenset(("ignore_case", "fixed", "context", "text", "max_size"))
"""What alone chooses no version, or can be told from its size before it is read."""


def several(given: Value | Iterable[Value]) -> tuple[Value, ...]:
    """The values of a criterion; a string is one, and so is whatever cannot be gone through."""
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return tuple(given)
    return (given,)


def words(given: Words) -> tuple[bytes, ...]:
    """One or several words, as bytes."""
    return (raw(given),) if isinstance(given, str | bytes) else tuple(map(raw, given))


def raw(text: Word) -> bytes:
    """A word of a query as bytes; raises `QuestionError` for half a character."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        raise QuestionError(f"{text!r} is no text: it holds a lone surrogate") from None
