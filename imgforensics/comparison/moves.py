"""What was removed at one path and added at another: the same content, or similar text."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

Path = bytes

LARGEST_SIMILAR = 256 << 10
"""Bytes of a file that may count as similar to another."""
_MOST_COMPARED = 16 << 20
"""Bytes of all files together that are read to find similar ones."""
_LEAST_SIMILAR = 50
"""Percent in common that make a file the same one in another place, as for git."""
_COMMON_LINE = 20
"""Files that hold a line; one that more hold says nothing about any two of them."""


class Move(NamedTuple):
    """Where a file was, where it is, and how much of it is the same, in percent."""

    before: Path
    after: Path
    similarity: int


def same_content(
    removed: Iterable[tuple[Path, str]], added: Iterable[tuple[Path, str]]
) -> Iterator[Move]:
    """Pair files by their hashes; those that keep their name first, then in byte order."""
    old, new = _by_hash(removed), _by_hash(added)
    for digest in sorted(old.keys() & new.keys()):
        for before, after in _paired(sorted(old[digest]), sorted(new[digest])):
            yield Move(before, after, 100)


def _by_hash(files: Iterable[tuple[Path, str]]) -> dict[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path, digest in files:
        found[digest].append(path)
    return found


def _paired(old: Sequence[Path], new: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    by_name: defaultdict[bytes, list[Path]] = defaultdict(list)
    for path in reversed(old):
        by_name[_name(path)].append(path)
    left_new = []
    taken = set()
    for path in new:
        candidates = by_name.get(_name(path))
        if candidates:
            taken.add(candidates[-1])
            yield candidates.pop(), path
        else:
            left_new.append(path)
    yield from zip([path for path in old if path not in taken], left_new, strict=False)


def _name(path: Path) -> bytes:
    return path.rpartition(b"/")[2]


# Similar text.


def worth_comparing(
    removed: Sequence[tuple[Path, int]], added: Sequence[tuple[Path, int]]
) -> set[Path]:
    """Of files with their sizes, those that may be similar to one on the other side.

    That is one of the same name, or of the same suffix in the same directory, neither more
    than twice as large as the other. All others would have to be read for next to nothing.
    """
    keys, keys_other = _keys(removed), _keys(added)
    found: set[Path] = set()
    left = _MOST_COMPARED
    for key in sorted(keys.keys() & keys_other.keys()):
        for path, size in (*keys[key], *keys_other[key]):
            if path not in found and size <= left:
                left -= size
                found.add(path)
    return found


_Key = tuple[bytes, bytes, int]


def _keys(files: Iterable[tuple[Path, int]]) -> dict[_Key, list[tuple[Path, int]]]:
    """Files by what two that are similar have in common, sizes to the power of two."""
    found: defaultdict[_Key, list[tuple[Path, int]]] = defaultdict(list)
    for path, size in files:
        if 0 < size <= LARGEST_SIMILAR:
            directory, _, name = path.rpartition(b"/")
            suffix = name[name.rfind(b".") :] if b"." in name else b""
            for power in (size.bit_length(), size.bit_length() + 1):
                found[b"", name, power].append((path, size))
                found[directory + b"/", suffix, power].append((path, size))
    return found


def similar_content(
    removed: Sequence[Path], added: Sequence[Path], content: Callable[[Path], bytes | None]
) -> Iterator[Move]:
    """Pair files that share at least half of their text, most similar first.

    Similarity is the share of bytes in lines that both have, of the larger file.
    """
    old = {path: lines for path in removed if (lines := _lines(content(path)))}
    new = {path: lines for path in added if (lines := _lines(content(path)))}
    scores = _scores(old, new)
    order = sorted(scores, key=lambda pair: (-scores[pair], _name(pair[0]) != _name(pair[1]), pair))
    taken_old: set[Path] = set()
    taken_new: set[Path] = set()
    for before, after in order:
        if before not in taken_old and after not in taken_new:
            taken_old.add(before)
            taken_new.add(after)
            yield Move(before, after, scores[before, after])


_Lines = Counter[bytes]


def _lines(content: bytes | None) -> _Lines | None:
    """Hashes of a text's lines, each with the bytes it makes up; None for what is no text."""
    if not content or b"\0" in content:
        return None
    counted: _Lines = Counter()
    for line in content.splitlines(keepends=True):
        counted[hashlib.blake2b(line, digest_size=8).digest()] += len(line)
    return counted


def _scores(old: dict[Path, _Lines], new: dict[Path, _Lines]) -> dict[tuple[Path, Path], int]:
    holders: defaultdict[bytes, list[Path]] = defaultdict(list)
    for path, lines in old.items():
        for line in lines:
            holders[line].append(path)
    holders_new: Counter[bytes] = Counter(line for lines in new.values() for line in lines)
    common: Counter[tuple[Path, Path]] = Counter()
    for after, lines in new.items():
        for line, size in lines.items():
            paths = holders.get(line, ())
            if max(len(paths), holders_new[line]) <= _COMMON_LINE:
                for before in paths:
                    common[before, after] += min(size, old[before][line])
    sizes = {path: lines.total() for path, lines in (*old.items(), *new.items())}
    scores = {
        (before, after): 100 * shared // max(sizes[before], sizes[after])
        for (before, after), shared in common.items()
    }
    return {pair: score for pair, score in scores.items() if score >= _LEAST_SIMILAR}
