"""Layers with a table of contents for lazy pulling, honest or lying.

Sources: https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md and
https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go.
"""

import struct
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from imgforensics.digests import Digest
from imgforensics.testing.entries import file
from imgforensics.testing.image import Json, LayerSpec, to_json
from imgforensics.testing.packing import Packing, estargz_footer, pack, skippable_frame
from imgforensics.testing.tarball import END, Entry, Member, TarFormat, member_bytes, padded

Row = dict[str, Any]
"""One entry, or one more chunk of a file, as the table's JSON has it."""

_TYPES = {
    b"0": "reg",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}
_CHUNKED = "io.github.containers.zstd-chunked."


@dataclass(frozen=True, slots=True)
class ContentsTable:
    """How a table is to be written; without arguments, an honest one."""

    rows: Callable[[list[Row]], Iterable[Row]] = list
    """Given the honest rows, returns those to be written."""
    document: Json = field(default_factory=dict)
    """Keys of the document that override what fits."""
    text: Callable[[bytes], bytes] = bytes
    """Given the JSON, returns what is to be stored for it."""
    chunk_bytes: int = 0
    """Larger files are divided into chunks of so many bytes; 0 for none."""
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    """Of the layer's descriptor, overriding those that fit; None for one to be left out."""


def estargz_layer(
    members: Sequence[Member],
    table: ContentsTable | None = None,
    *,
    legacy: bool = False,
    offset: int | None = None,
    end: bytes = END,
) -> LayerSpec:
    """Describe an eStargz layer: gzip, the table as last member of its tar, and a footer.

    `legacy` writes stargz's footer, and no annotation; `offset` is where the footer says that
    the table is, if not where it is.
    """
    table = table or ContentsTable()
    stored, rows = _stored(_parts(members), Packing.GZIP, table.chunk_bytes)
    text = table.text(_document(table, rows))
    index = file("stargz.index.json", text, mode=0)
    last = pack([member_bytes(index, TarFormat.PAX) + end], Packing.GZIP)
    footer = estargz_footer(len(stored) if offset is None else offset, legacy=legacy)
    annotations = {} if legacy else {"containerd.io/snapshot/stargz/toc.digest": _digest(text)}
    return LayerSpec(
        [*members, index],
        Packing.GZIP,
        end=end,
        blob=stored + last + footer,
        descriptor=_annotated(annotations, table),
    )


def zstd_chunked_layer(
    members: Sequence[Member],
    table: ContentsTable | None = None,
    *,
    tar_split: Callable[[list[Row]], Iterable[Row]] | None = list,
    footer: bool = True,
) -> LayerSpec:
    """Describe a zstd:chunked layer: zstd, with table, tar-split and footer in skippable frames.

    `tar_split`, given the honest steps, returns those to be written; None is for no tar-split,
    as skopeo wrote before 2023.
    """
    table = table or ContentsTable()
    parts = _parts(members, END)
    data, rows = _stored(parts, Packing.ZSTD, table.chunk_bytes)
    split, named = b"", {}
    if tar_split is not None:
        split = b"".join(to_json(step) + b"\n" for step in tar_split(_steps(parts)))
        named = {"tarSplitDigest": _digest(pack([split], Packing.ZSTD))}
    text = table.text(_document(table, rows, named))
    blob, place = _with_frame(data, text)
    numbers = [*place, 1]
    annotations = {
        "manifest-checksum": _digest(pack([text], Packing.ZSTD)),
        "manifest-position": _colons(numbers),
    }
    if tar_split is not None:
        blob, place = _with_frame(blob, split)
        numbers += place
        annotations["tarsplit-position"] = _colons(place)
    if footer:
        blob += skippable_frame(struct.pack(f"<{len(numbers)}Q", *numbers) + b"GNUlInUx")
    keys = {_CHUNKED + key: value for key, value in annotations.items()}
    return LayerSpec(members, Packing.ZSTD, blob=blob, descriptor=_annotated(keys, table))


class _Part(NamedTuple):
    """One member's share of the tar; the last part has no member."""

    before: bytes
    """All that stands between the content before and this one."""
    member: Entry | None
    content: bytes


def _parts(members: Iterable[Member], end: bytes = b"") -> list[_Part]:
    parts, before = [], b""
    for member in members:
        data = member_bytes(member, TarFormat.PAX)
        if isinstance(member, Entry) and member.type_flag in _TYPES:
            body = padded(member.content)
            parts.append(_Part(before + data[: len(data) - len(body)], member, member.content))
            before = body[len(member.content) :]
        else:
            before += data
    return [*parts, _Part(before + end, None, b"")]


def _stored(parts: Iterable[_Part], packing: Packing, chunk_bytes: int) -> tuple[bytes, list[Row]]:
    """Compress each chunk by itself, and all that is between contents; with the honest rows."""
    stored, waiting = b"", b""
    rows: list[Row] = []
    for part in parts:
        waiting += part.before
        if part.member is not None:
            rows.append(_row(part.member))
        if part.content:
            stored += pack([waiting], packing)
            waiting = b""
            for row, chunk in _chunks(rows[-1], part.content, chunk_bytes or len(part.content)):
                row.update(offset=len(stored), chunkDigest=_digest(chunk))
                stored += pack([chunk], packing)
                if row is not rows[-1]:
                    rows.append(row)
    return stored + (pack([waiting], packing) if waiting else b""), rows


def _chunks(first: Row, content: bytes, size: int) -> Iterator[tuple[Row, bytes]]:
    """Each chunk with its row: the file's own, which is completed, and further ones."""
    first.update(size=len(content), digest=_digest(content))
    for start in range(0, len(content), size):
        chunk = content[start : start + size]
        row = {"name": first["name"], "type": "chunk", "chunkOffset": start} if start else first
        if len(content) > size:
            row["chunkSize"] = len(chunk)
        yield row, chunk


def _row(member: Entry) -> Row:
    """Describe a member, as Go's encoder does: what is zero or empty is left out."""
    row: Row = {
        "name": member.name.decode(errors="replace"),
        "type": _TYPES[member.type_flag],
        "linkName": member.link_name.decode(errors="replace"),
        "mode": member.mode,
        "uid": member.uid,
        "gid": member.gid,
        "devMajor": member.device[0],
        "devMinor": member.device[1],
        "xattrs": {name: b64encode(value).decode() for name, value in member.xattrs.items()},
    }
    if member.mtime:
        row["modtime"] = f"{datetime.fromtimestamp(float(member.mtime), UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {key: value for key, value in row.items() if value}


def _steps(parts: Iterable[_Part]) -> list[Row]:
    """Take the tar apart as tar-split does: segments of it, and places for contents."""
    steps: list[Row] = []
    for part in parts:
        steps.append({"type": 2, "payload": b64encode(part.before).decode()})
        if part.member is not None:
            name = part.member.name.decode(errors="replace")
            steps.append({"type": 1, "name": name, "size": len(part.content), "payload": None})
    return steps


def _document(table: ContentsTable, rows: list[Row], others: Json | None = None) -> bytes:
    document = {"version": 1, "entries": list(table.rows(rows)), **(others or {})}
    return to_json({**document, **table.document})


def _with_frame(blob: bytes, plain: bytes) -> tuple[bytes, tuple[int, int, int]]:
    """Append a skippable frame of something compressed; offset, length and plain length."""
    stored = pack([plain], Packing.ZSTD)
    return blob + skippable_frame(stored), (len(blob) + 8, len(stored), len(plain))


def _colons(numbers: Iterable[int]) -> str:
    return ":".join(map(str, numbers))


def _annotated(annotations: Mapping[str, str], table: ContentsTable) -> Json:
    found = {**annotations, **table.annotations}
    return {"annotations": {key: value for key, value in found.items() if value is not None}}


def _digest(data: bytes) -> str:
    return str(Digest.of(data))
