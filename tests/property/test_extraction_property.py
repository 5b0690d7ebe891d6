"""Whatever the layers hold: the files written, and the tar, are what the `FileTree` says."""

import fnmatch
import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from imgforensics import Selection, extract, extract_layers, write_tar
from imgforensics.extraction import ExtractionRecord
from imgforensics.testing import (
    Entry,
    SparseFormat,
    device,
    directory,
    fifo,
    file,
    hard_link,
    opaque,
    sparse_file,
    symlink,
    tar,
    whiteout,
)
from imgforensics.testing.entries import Attributes
from tests.conformance.tree_facts import Tree, compare, walk
from tests.extraction.building import ancestors, expected_tree, image_of, needs_root, unpack

pytestmark = needs_root

Layers = Sequence[Sequence[Entry]]

NAMES = st.sampled_from([b"a", b"b", b"c", b".imgforensics-0", b"\xff", "é".encode()])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
SPELLINGS = st.sampled_from([b"%s", b"./%s", b"/%s", b"a/../%s", b"../%s"])
TARGETS = PATHS | st.sampled_from([b"/", b".", b"..", b"/a", b"../a", b"/a/b", b"../../b", b"a/"])
CONTENTS = st.sampled_from([b"", b"one", b"two" * 300, b"three" * 30_000])
EXTENTS = st.sampled_from(
    [
        [],
        [(0, b"x")],
        [(8192, b"y" * 4096), (65_536, b"z")],
        [(100, b"x" * 600), (900, b"y"), (1_500, b"z" * 40), (1_540, b"w"), (99_999, b"v")],
    ]
)
SLASHES = st.sampled_from([b"", b"/"])
NANOSECONDS = st.integers(-(10**18), 10**18).map(lambda number: Decimal(number) / 10**9)
ATTRIBUTES: st.SearchStrategy[Attributes] = st.fixed_dictionaries(  # type: ignore[assignment]
    {
        "mode": st.sampled_from([0o644, 0o755, 0o4755, 0, 0o2711, 0o1604]),
        "uid": st.sampled_from([0, 0, 1000, 3_000_000]),
        "gid": st.sampled_from([0, 0, 50, 65_534]),
        # What ext4 can hold.
        "mtime": st.integers(-(1 << 31), 1 << 33) | NANOSECONDS,
        "xattrs": st.sampled_from([{}, {}, {"trusted.a": b"1"}, {"trusted.b": b"\xff\n="}]),
    }
)
PATTERNS = st.lists(
    st.sampled_from(["a", "b", "?", "a/*", "*/b", "/c", "b/a/c", "*/*/a", ".img*", "[!a]"]),
    max_size=2,
).map(tuple)


Make = Callable[[st.DrawFn, bytes, Attributes], Entry]


def draw_sparse_file(draw: st.DrawFn, path: bytes, facts: Attributes) -> Entry:
    form = draw(st.sampled_from(SparseFormat))
    return sparse_file(path, 100_000, draw(EXTENTS), sparse_format=form, **facts)


MAKERS: list[tuple[int, Make]] = [
    (5, lambda draw, path, facts: file(path, draw(CONTENTS), **facts)),
    (1, draw_sparse_file),
    (3, lambda draw, path, facts: directory(path + draw(SLASHES), **facts)),
    (3, lambda draw, path, facts: symlink(path, draw(TARGETS), **facts)),
    (3, lambda draw, path, facts: hard_link(path, draw(PATHS), **facts)),
    (2, lambda _draw, path, facts: whiteout(path, **facts)),
    (1, lambda draw, _path, facts: opaque(draw(PATHS | st.just(b"")), **facts)),
    (1, lambda _draw, path, facts: fifo(path, **facts)),
    (1, lambda _draw, path, facts: device(path, 1, 3, **facts)),
    (1, lambda _draw, path, facts: device(path, 7, 9, block=True, **facts)),
]
MAKER = st.sampled_from([make for weight, make in MAKERS for _ in range(weight)])


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    path = draw(SPELLINGS) % draw(PATHS)
    return draw(MAKER)(draw, path, draw(ATTRIBUTES))


LAYERS = st.lists(st.lists(entries(), max_size=9), min_size=1, max_size=4)


def assert_equal(expected: Tree, actual: Tree) -> None:
    differences = compare(expected, actual)
    assert not differences, "\n".join(map(str, differences))


def assert_written_in_full(record: ExtractionRecord) -> None:
    reasons = {deviation.reason.value for deviation in record.deviations}
    assert reasons <= {"hard-link-broken", "link-to-withheld"}
    assert record.is_complete


def selects(selection: Selection, path: bytes) -> bool:
    """What the documentation of `Selection` says, by `fnmatch`."""
    tested = [*ancestors(path), path] if path else []
    included = not selection.include or any(
        matches(pattern, each) for pattern in selection.include for each in tested
    )
    return included and not any(
        matches(pattern, each) for pattern in selection.exclude for each in tested
    )


def matches(pattern: str, path: bytes) -> bool:
    names = path.split(b"/")
    parts = pattern.encode().strip(b"/").split(b"/")
    if "/" not in pattern:
        return fnmatch.fnmatchcase(names[-1], parts[0])
    return len(parts) == len(names) and all(map(fnmatch.fnmatchcase, names, parts))


@given(layers=LAYERS, data=st.data())
def test_the_files_are_the_snapshot(layers: Layers, data: st.DataObject) -> None:
    top = data.draw(st.integers(0, len(layers) - 1))
    with tempfile.TemporaryDirectory() as folder, image_of(Path(folder), *layers) as image:
        output = Path(folder) / "out"
        record = extract(image, output, layer=top, special=True)
        expected = expected_tree(image, image.filesystem_at(top))
        assert_equal(expected, walk(output))
        assert_written_in_full(record)
        assert sum(record.counts.values()) == len(expected) - 1


@given(layers=LAYERS, include=PATTERNS, exclude=PATTERNS)
def test_the_files_are_what_was_selected(
    layers: Layers, include: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    selection = Selection(include, exclude)
    with tempfile.TemporaryDirectory() as folder, image_of(Path(folder), *layers) as image:
        output = Path(folder) / "out"
        record = extract(image, output, selection=selection, special=True)
        tree = image.filesystem
        assert_equal(expected_tree(image, tree, lambda p: selects(selection, p)), walk(output))
        assert_written_in_full(record)


@given(layers=LAYERS, include=PATTERNS, data=st.data())
def test_the_tar_unpacks_to_the_snapshot(
    layers: Layers, include: tuple[str, ...], data: st.DataObject
) -> None:
    top = data.draw(st.integers(0, len(layers) - 1))
    selection = Selection(include)
    with tempfile.TemporaryDirectory() as folder, image_of(Path(folder), *layers) as image:
        archive, output = Path(folder) / "out.tar", Path(folder) / "out"
        record = write_tar(image, archive, layer=top, selection=selection)
        output.mkdir()
        unpack(archive, output)
        tree = image.filesystem_at(top)
        expected = expected_tree(image, tree, lambda path: selects(selection, path))
        assert_equal(expected, walk(output))
        assert_written_in_full(record)
        assert sum(record.counts.values()) == len(expected) - 1


@st.composite
def plain_layers(draw: st.DrawFn) -> list[Entry]:
    """A layer on which tools agree: each path once, parents first, links to what precedes."""
    folders = [b""]
    files: dict[bytes, Attributes] = {}
    members = [directory("./", **draw(ATTRIBUTES))]
    for path in sorted(draw(st.lists(PATHS, max_size=10, unique=True))):
        facts = draw(ATTRIBUTES)
        if path.rpartition(b"/")[0] not in folders:
            continue
        kind = draw(st.sampled_from("ffddhxxx"))
        if kind == "d":
            folders.append(path)
            members.append(directory(path + b"/", **facts))
        elif kind == "f":
            files[path] = facts
            members.append(file(path, draw(CONTENTS), **facts))
        elif kind == "h" and files:
            target = draw(st.sampled_from(sorted(files)))
            members.append(hard_link(path, target, **files[target]))
        else:
            members.append(draw(PLAIN_MAKER)(draw, path, facts))
    return members


PLAIN_MAKER: st.SearchStrategy[Make] = st.sampled_from(
    [
        lambda draw, path, facts: symlink(path, draw(TARGETS), **facts),
        lambda _draw, path, facts: whiteout(path, **facts),
        lambda _draw, path, facts: opaque(path.rpartition(b"/")[0], **facts),
        lambda _draw, path, facts: fifo(path, **facts),
    ]
)


@given(layers=st.lists(plain_layers(), min_size=1, max_size=3))
def test_raw_layers_are_what_tar_makes_of_them(layers: Layers) -> None:
    with tempfile.TemporaryDirectory() as folder, image_of(Path(folder), *layers) as image:
        output = Path(folder) / "out"
        record = extract_layers(image, output, special=True)
        assert record.is_complete
        for index, members in enumerate(layers):
            archive, unpacked = Path(folder) / "layer.tar", Path(folder) / f"unpacked-{index}"
            archive.write_bytes(tar(members))
            unpacked.mkdir()
            unpack(archive, unpacked)
            assert_equal(walk(unpacked), walk(output / f"layer-{index:03d}"))
