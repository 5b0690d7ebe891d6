"""What is looked for: one value that says it all, checked before anything is read."""

import os
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from imgforensics.errors import QuestionError
from imgforensics.searching.hash_list import HashList

Words = tuple[str | bytes, ...]
"""One string or several; several mean any of them."""

_SEVERAL = frozenset(("name", "path", "regex", "size", "content", "hashes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Criteria; a version matches if all that are given hold.

    Text is taken as UTF-8, names and contents are bytes. Where several values are allowed, one
    may be given by itself, and any of them is enough (of sizes: all of them).
    """

    name: Words = ()
    """Globs for the last part of the path."""
    path: Words = ()
    """Globs for the whole path, `**` for any directories; below the root, with `/` or without."""
    regex: Words = ()
    """Regular expressions for the whole path, `/` at its beginning."""
    ignore_case: bool = False
    """In names, paths and contents; of ASCII letters."""
    kinds: str = ""
    """Letters of `f d l h c b p`, as `find -type` has them; `h`: a further name of a file."""
    size: Words = ()
    """`+10M`, `-4k`, `100`: more, less or exactly, in units rounded up, as `find -size`; without
    a unit, bytes."""
    newer: str | datetime | None = None
    """Modified after a date (ISO 8601, UTC unless it says otherwise; `@` and seconds) or after
    what stands at a path of the final filesystem (it begins with `/`)."""
    older: str | datetime | None = None
    """Modified before; as `newer`."""
    mode: str | None = None
    """Octal: `0644` exactly, `-0644` all of these bits, `/6000` any of them."""
    owner: str | None = None
    """`USER`, `USER:GROUP` or `:GROUP`, numbers or names (of the archive, or of the image's own
    `/etc/passwd` and `/etc/group`)."""
    xattr: str | bytes | None = None
    """A glob for the name of an extended attribute."""
    executable: bool = False
    """Regular files that somebody may execute."""
    hashes: tuple[HashList, ...] = ()
    """Files whose content is in one of the lists."""
    mime: str | None = None
    """A glob for the MIME type that libmagic tells."""
    magic: str | bytes | None = None
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
            value = getattr(self, name)
            if isinstance(value, str | bytes | HashList):
                object.__setattr__(self, name, (value,))
            elif not isinstance(value, tuple):
                object.__setattr__(self, name, tuple(value))
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
        return bool(self.content or self.hashes or self.mime or self.magic or self.entropy)

    @property
    def asks_only_for_text(self) -> bool:
        """Whether nothing but `content` decides which versions match."""
        deciding = {field.name for field in fields(self)} - _NOT_DECIDING - {"content"}
        return bool(self.content) and not any(getattr(self, name) for name in deciding)


_NOT_DECIDING = frozenset(("ignore_case", "fixed", "context", "text", "max_size"))
"""What alone chooses no version, or can be told from its size before it is read."""


def raw(text: str | bytes) -> bytes:
    """A word of a query as bytes."""
    return os.fsencode(text)
