"""The hash that the classic builder wrote of what it copied: computed again, it proves a source.

A row such as `COPY file:HEX in /dest` holds the SHA-256 of a header and the content; a directory's
(`dir:`) and several sources' (`multi:`) are hashes of such hashes. The header has the source's
name, so that a name which gives the same hash is the one that stood there, and the content is
what was copied. Source: https://github.com/moby/moby, `builder/remotecontext/filehash.go`,
`builder/dockerfile/copy.go` and `pkg/tarsum/versioning.go` (version 1), read at v20.10.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice, permutations
from typing import NamedTuple

from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import EntryKind

_TYPES = {
    EntryKind.FILE: (0o100000, b"0"),
    EntryKind.DIRECTORY: (0o040000, b"5"),
    EntryKind.SYMLINK: (0o120000, b"2"),
}
_TRIED_ORDERS = 6_000


class HashKind(StrEnum):
    """What was copied."""

    FILE = "file"
    DIRECTORY = "dir"
    SEVERAL = "multi"


class Form(NamedTuple):
    """How a builder wrote a header: what differs between engines and kinds of context."""

    has_type_bits: bool
    """With the type in the mode, as for a context sent by Docker's command line or a stage;
    without, as for a context that is a tar."""
    owner_name: bytes = b""
    """Empty; `root` for Docker up to 1.12."""
    keeps_owner: bool = False
    """Whether the owner's numbers are the file's, as in another image, and not root's."""


class Proof(NamedTuple):
    """Sources that give the very hash that the history has."""

    sources: tuple[bytes, ...]
    """Names from the root of where they came from, in the order of the instruction; `.` for
    all of it. What a pattern stood for is listed, as the pattern itself is in no hash."""
    form: Form

    @property
    def is_from_image(self) -> bool:
        """Whether they came from another stage or image.

        Only there do headers name owners beside the type, or number others than root.
        """
        return self.form.keeps_owner or (self.form.has_type_bits and bool(self.form.owner_name))


def forms_of(entry: LayerEntry) -> Iterator[Form]:
    """Ways in which a header of this entry may have been written, likeliest first."""
    for keeps_owner in (False, True) if entry.uid or entry.gid else (False,):
        yield Form(True, keeps_owner=keeps_owner)
        yield Form(False, keeps_owner=keeps_owner)
        yield Form(False, b"root", keeps_owner)
        yield Form(True, b"root", keeps_owner)


def header_of(entry: LayerEntry, name: bytes, form: Form) -> bytes:
    """What is hashed ahead of the content of what :func:`is_hashed` says yes to."""
    return header_start(entry, name) + header_end(entry, form)


def is_hashed(entry: LayerEntry) -> bool:
    """Whether it is of a kind that builders copy out of a context."""
    return entry.kind in _TYPES


def header_start(entry: LayerEntry, name: bytes) -> bytes:
    """The part of a header that has the name."""
    return b"name" + name + (b"/" if entry.kind is EntryKind.DIRECTORY else b"")


def header_end(entry: LayerEntry, form: Form) -> bytes:
    """The part of a header that is the same under every name."""
    type_bits, flag = _TYPES[entry.kind]
    mode = entry.mode | (type_bits if form.has_type_bits else 0)
    uid, gid = (entry.uid, entry.gid) if form.keeps_owner else (0, 0)
    fields = (
        b"mode%d" % mode,
        b"uid%d" % uid,
        b"gid%d" % gid,
        b"size%d" % entry.size,
        b"typeflag%b" % flag,
        b"linkname%b" % (entry.link_name if entry.kind is EntryKind.SYMLINK else b""),
        b"uname%b" % form.owner_name,
        b"gname%b" % form.owner_name,
        b"devmajor0devminor0",
    )
    attributes = (
        key + value for key, value in sorted(entry.xattrs.items()) if key == b"security.capability"
    )
    return b"".join((*fields, *attributes))


def hash_of_several(kind: HashKind, hashes: Iterable[bytes]) -> str:
    """The hash of hashes, each in hexadecimal; those of a directory are sorted first."""
    ordered = sorted(hashes) if kind is HashKind.DIRECTORY else hashes
    return hashlib.sha256(b",".join(ordered)).hexdigest()


def orders(names: Sequence[bytes]) -> Iterator[tuple[int, ...]]:
    """Orders in which several sources may have stood, likeliest first, as positions in `names`.

    What one pattern stands for is in lexical order; patterns often go by suffix.
    """
    everything = range(len(names))
    lexical = sorted(everything, key=names.__getitem__)
    yield tuple(lexical)
    suffixes = sorted({_suffix(name) for name in names})
    if len(suffixes) < len(names):
        for order in islice(permutations(suffixes), _TRIED_ORDERS):
            rank = {suffix: position for position, suffix in enumerate(order)}
            yield tuple(sorted(lexical, key=lambda one: rank[_suffix(names[one])]))
    yield from islice(permutations(lexical), _TRIED_ORDERS)


def _suffix(name: bytes) -> bytes:
    return name.rpartition(b"/")[2].rpartition(b".")[2]
