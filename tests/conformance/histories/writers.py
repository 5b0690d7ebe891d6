"""Layers packed by other people's writers: Python's tarfile and GNU tar."""

import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Literal

from tests.conformance.commands import run
from tests.conformance.histories.changeset import Item
from tests.conformance.tree_facts import PathFacts

Writer = Literal[
    "tarfile pax", "tarfile gnu", "tar pax", "tar gnu", "tar pax sparse", "tar gnu sparse"
]
FINE_WRITERS: tuple[Writer, ...] = ("tarfile pax", "tar pax", "tar pax sparse")
"""They keep nanoseconds, extended attributes, and every number."""
COARSE_WRITERS: tuple[Writer, ...] = ("tarfile gnu", "tar gnu", "tar gnu sparse")
_TYPES = {
    "f": tarfile.REGTYPE,
    "d": tarfile.DIRTYPE,
    "l": tarfile.SYMTYPE,
    "c": tarfile.CHRTYPE,
    "b": tarfile.BLKTYPE,
    "p": tarfile.FIFOTYPE,
}
_GNU_TAR = (
    *("tar", "--create", "--no-recursion", "--null", "--verbatim-files-from", "--numeric-owner"),
    *("--sort=none", "--file=-"),
)
_ALL_XATTRS = ("--xattrs", "--xattrs-include=*", "--xattrs-exclude=trusted.overlay.*")
_BILLION = 10**9


def pack(writer: Writer, items: Sequence[Item], upper: Path, random: Random) -> bytes:
    """Return a tar of `items`, whose contents stand below `upper`."""
    if writer.startswith("tarfile"):
        return _by_tarfile(writer, items, upper, random)
    return _by_gnu_tar(writer, items, upper, random)


def _by_tarfile(writer: Writer, items: Sequence[Item], upper: Path, random: Random) -> bytes:
    tar_format = tarfile.PAX_FORMAT if writer == "tarfile pax" else tarfile.GNU_FORMAT
    prefix = random.choice(("", "./", "/"))
    slash = random.choice(("", "/"))
    target = io.BytesIO()
    with tarfile.open(
        fileobj=target, mode="w", format=tar_format, encoding="utf-8", errors="surrogateescape"
    ) as archive:
        for item in items:
            name = prefix + os.fsdecode(item.path[1:])
            if item.facts is None:
                archive.addfile(tarfile.TarInfo(name))
                continue
            info = _member(name or ".", item.facts)
            content = None
            if item.link_to is not None:
                info.type, info.size = tarfile.LNKTYPE, 0
                info.linkname = prefix + os.fsdecode(item.link_to[1:])
            elif item.facts.kind == "f":
                content = io.BytesIO(Path(os.fsdecode(os.fsencode(upper) + item.path)).read_bytes())
            elif item.facts.kind == "d":
                info.name += slash
            archive.addfile(info, content)
    return target.getvalue()


def _member(name: str, facts: PathFacts) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = _TYPES[facts.kind], facts.mode
    info.uid, info.gid, info.size = facts.uid, facts.gid, facts.size or 0
    info.linkname = os.fsdecode(facts.link or b"")
    info.devmajor, info.devminor = facts.device or (0, 0)
    info.mtime = facts.mtime_ns // _BILLION
    records = {f"SCHILY.xattr.{key}": os.fsdecode(value) for key, value in facts.xattrs}
    if facts.mtime_ns % _BILLION:
        records["mtime"] = _decimal(facts.mtime_ns)
    info.pax_headers = records
    return info


def _decimal(nanoseconds: int) -> str:
    sign = "-" if nanoseconds < 0 else ""
    whole, fraction = divmod(abs(nanoseconds), _BILLION)
    return f"{sign}{whole}.{fraction:09d}"


def _by_gnu_tar(writer: Writer, items: Sequence[Item], upper: Path, random: Random) -> bytes:
    """GNU tar follows its list, so whiteouts are empty files of another directory."""
    marks = upper.with_name(upper.name + ".marks")
    lists = upper.with_name(upper.name + ".lists")
    lists.mkdir()
    prefix = random.choice((b"", b"./"))
    # Without a list at all it refuses to write an empty archive.
    words: list[str | Path] = [*_GNU_TAR, *_options(writer, random), "--files-from=/dev/null"]
    for number, (is_mark, run_of) in enumerate(groupby(items, lambda item: item.facts is None)):
        names = [item.path[1:] for item in run_of]
        if is_mark:
            _touch(os.fsencode(marks), names)
        listed = lists / str(number)
        listed.write_bytes(b"".join((prefix + name or b".") + b"\0" for name in names))
        words += ["--directory", marks if is_mark else upper, "--files-from", listed]
    return run(*words)


def _options(writer: Writer, random: Random) -> Iterator[str]:
    yield "--format=gnu" if "gnu" in writer else "--format=posix"
    if "gnu" not in writer:
        yield from _ALL_XATTRS
    if "sparse" in writer:
        yield "--sparse"
        if "gnu" not in writer:
            yield "--sparse-version=" + random.choice(("0.0", "0.1", "1.0"))


def _touch(top: bytes, names: Sequence[bytes]) -> None:
    for name in names:
        place = top + b"/" + name
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - bytes
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
