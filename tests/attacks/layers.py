"""Attacks by what the layers' tars hold."""

from collections.abc import Iterator
from pathlib import Path

from imgforensics.testing.tarball import pax_records
from tests.attacks.writing import Layout, header, member, with_records, zeros

_GIB = 1 << 30


def empty_files(directory: Path, count: int) -> Path:
    """Names that weigh next to nothing stored, and are all held to be listed."""
    layout = Layout(directory)
    return layout.image(
        layout.layer(header(b"d%04d/f%03d" % divmod(n, 1_000)) for n in range(count))
    )


def long_names(directory: Path, count: int) -> Path:
    """GNU long names of 64,000 bytes, alike enough to be stored in a few."""
    layout = Layout(directory)
    return layout.image(layout.layer(_long_names(count)))


def _long_names(count: int) -> Iterator[bytes]:
    for number in range(count):
        name = b"%d/" % number + (b"n" * 199 + b"/") * 320
        yield member(b"././@LongLink", name[:64_000], b"L") + header(b"cut")


def sparse_map(directory: Path, count: int) -> Path:
    """One file of so many runs, as old GNU headers tell it."""
    layout = Layout(directory)
    return layout.image(layout.layer([holed_file(b"holes", count)]))


def sparse_maps(directory: Path, count: int) -> Path:
    """A hundred files, each with a map that is allowed for one."""
    layout = Layout(directory)
    return layout.image(layout.layer(holed_file(b"holes%d" % n, count) for n in range(100)))


def holed_file(name: bytes, count: int) -> bytes:
    numbers = b"%d\n" % count + b"".join(b"%d\n1\n" % (2 * n) for n in range(count))
    stored = numbers + bytes(-len(numbers) % 512) + b"x" * count
    records = with_records(
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", name),
        ("GNU.sparse.realsize", b"%d" % (2 * count)),
    )
    return records + member(b"GNUSparseFile.0/" + name, stored)


def pax_size(directory: Path, size: int) -> Path:
    """An extended header that claims to be so many bytes."""
    layout = Layout(directory)
    return layout.image(layout.layer([header(b"PaxHeaders/0", b"x", size=size), header(b"f")]))


def pax_headers(directory: Path, count: int) -> Path:
    """Extended headers, each with a record of its own, all ahead of one member."""
    layout = Layout(directory)
    records = (with_records((f"k{number}", b"v")) for number in range(count))
    return layout.image(layout.layer(_then(records, header(b"f"))))


def global_headers(directory: Path, count: int) -> Path:
    """Global headers, each of which changes what holds for all members behind it."""
    layout = Layout(directory)
    pairs = (
        member(b"g", pax_records([(f"k{n % 100}", b"%d" % n)]), b"g") + header(b"f%07d" % n)
        for n in range(count)
    )
    return layout.image(layout.layer(pairs))


def _then(pieces: Iterator[bytes], last: bytes) -> Iterator[bytes]:
    yield from pieces
    yield last


def deep_directory(directory: Path, levels: int) -> Path:
    """One path of so many levels."""
    layout = Layout(directory)
    name = with_records(("path", b"d/" * levels + b"f"))
    return layout.image(layout.layer([name + header(b"f")]))


def implied_directories(directory: Path, count: int) -> Path:
    """Files of short names, each below forty directories that are its own."""
    layout = Layout(directory)
    return layout.image(
        layout.layer(header(b"%07d" % n + b"/d" * 39 + b"/f") for n in range(count))
    )


def deep_and_opaque(directory: Path, levels: int) -> Path:
    """A tree as deep as is allowed; a second layer empties every level of it, the lowest first."""
    layout = Layout(directory)
    paths = [b"d/" * level for level in range(levels)]
    below = (with_records(("path", path + b"f")) + header(b"f") for path in paths)
    above = (with_records(("path", path + b".wh..wh..opq")) + header(b"f") for path in paths[::-1])
    return layout.image(layout.layer(below), layout.layer(above))


def hard_link_chain(directory: Path, count: int) -> Path:
    """Each link leads to the one before it."""
    layout = Layout(directory)
    links = (header(b"l%07d" % n, b"1", link=b"l%07d" % (n - 1)) for n in range(1, count))
    return layout.image(layout.layer(_first(member(b"l0000000", b"content"), links)))


def hard_link_chain_backwards(directory: Path, count: int) -> Path:
    """Each link leads to the one behind it, and the file comes last."""
    layout = Layout(directory)
    links = (header(b"l%07d" % n, b"1", link=b"l%07d" % (n - 1)) for n in range(count - 1, 0, -1))
    return layout.image(layout.layer(_then(links, member(b"l0000000", b"content"))))


def _first(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def symlink_farm(directory: Path, count: int) -> Path:
    """Files whose parents lead through forty links of 25 names each, every parent another one."""
    layout = Layout(directory)
    dots = b"x/../" * 12
    links = [header(b"x", b"5")]
    links += [header(b"l%02d" % n, b"2", link=dots + b"l%02d" % (n + 1)) for n in range(39)]
    files = (header(b"l00/d%07d/f" % n) for n in range(count))
    return layout.image(layout.layer(_first(b"".join([*links, header(b"l39", b"5")]), files)))


def symlink_loops(directory: Path, count: int) -> Path:
    """Links that lead to each other in a ring, and files and hard links behind each."""
    layout = Layout(directory)
    ring = (
        header(b"l%07d" % n, b"2", link=b"l%07d" % ((n + 1) % count))
        + header(b"l%07d/f" % n)
        + header(b"h%07d" % n, b"1", link=b"l%07d/f" % n)
        for n in range(count)
    )
    return layout.image(layout.layer(ring))


def whiteout_farm(directory: Path, count: int) -> Path:
    """As many deletions as there are files, forty levels down."""
    layout = Layout(directory)
    parent = b"d/" * 40
    below = (header(parent + b"f%07d" % n) for n in range(count))
    above = (header(parent + b".wh.f%07d" % n) for n in range(count))
    return layout.image(layout.layer(below), layout.layer(above))


def same_name(directory: Path, count: int) -> Path:
    """One path, held over and over: a problem each time."""
    layout = Layout(directory)
    return layout.image(layout.layer(header(b"f") for _ in range(count)))


def climbing_names(directory: Path, count: int) -> Path:
    """Names that lead above the root, of members of no known kind: two problems each."""
    layout = Layout(directory)
    return layout.image(layout.layer(header(b"../f%07d" % n, b"~") for n in range(count)))


def damaged_headers(directory: Path, count: int) -> Path:
    """A block that is no header ahead of every member."""
    layout = Layout(directory)
    return layout.image(layout.layer(b"?" * 512 + header(b"f%07d" % n) for n in range(count)))


def impossible_sizes(directory: Path, count: int) -> Path:
    """Members that claim 8 GiB less one byte, or a negative size; nothing follows them."""
    layout = Layout(directory)
    negative = header(b"n", size=0)
    block = bytearray(negative)
    block[124:136] = b"\xff" * 12
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    pieces = (bytes(block) + header(b"f%07d" % n) for n in range(count))
    return layout.image(layout.layer(_then(pieces, header(b"huge", size=8 * _GIB - 1))))


def tiny_layers(directory: Path, count: int) -> Path:
    """Layers of one file each."""
    layout = Layout(directory)
    return layout.image(*(layout.layer([header(b"f%07d" % n)], "none") for n in range(count)))


def one_layer_often(directory: Path, times: int) -> Path:
    """One layer of 6,000 files, listed over and over."""
    layout = Layout(directory)
    layer = layout.layer(header(b"f%07d" % n) for n in range(6_000))
    return layout.image(*([layer] * times))


def wide_directory(directory: Path, layers: int) -> Path:
    """One directory of 50,000 names, one of which every layer changes."""
    layout = Layout(directory)
    base = layout.layer(header(b"d/f%07d" % n) for n in range(50_000))
    return layout.image(base, *[layout.layer([header(b"d/f0000000")])] * layers)


def matching_names(directory: Path, count: int) -> Path:
    """Deep names of one letter, made to be tried in every way against a pattern."""
    layout = Layout(directory)
    deep = b"a/" * 1_000 + b"a" * 255
    return layout.image(
        layout.layer(
            with_records(("path", deep + b"%d" % number)) + header(b"f") for number in range(count)
        )
    )


def bomb_entry(size: int) -> Iterator[bytes]:
    """The tar of one file of zeros."""
    yield header(b"zeros", size=size % (8 * _GIB)) if size < 8 * _GIB else _huge(size)
    yield from zeros(size)
    yield bytes(-size % 512) + bytes(1024)


def _huge(size: int) -> bytes:
    return with_records(("size", b"%d" % size)) + header(b"zeros")
