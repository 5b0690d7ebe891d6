"""Whatever the layers hold: the files written, and the tar, are what the `FileTree` says."""

import fnmatch
import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from imgforensics import Selection, extract, extract_layers, write_tar
from imgforensics.extraction import Reason
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
from tests.conformance.tree_facts import Difference, compare, walk
from tests.extraction.building import (
    ancestors,
    expected_tree,
    image_of,
    needs_root,
    unpack,
)

pytestmark = needs_root
Layers = Sequence[Sequence[Entry]]

NAMES = st.sampled_from([b"a", b"b", b"c", b".imgforensics-0", b"\xff", "é".encode()])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
SPELLINGS = st.sampled_from([b"%s", b"./%s", b"/%s", b"a/../%s", b"../%s"])
TARGETS = PATHS | st.sampled_from([b"/", b".", b"..", b"/a", b"../a", b"/a/b", b"../../b", b"a/"])
CONTENTS = st.sampled_from([b"", b"one", b"two" * 300, b"three" * 30_000])
MTIMES = (
    st.integers(-(1 << 31), (1 << 33)) | st.integers(-(10**18), 10**18).map(lambda n: Decimal(n) / 10**9)
)


@st.composite
def attributes(draw: st.DrawFn, modes: Sequence[int] = (0o644, 0o4755, 0, 0o2711, 0o1604)) -> dict[str, object]:
    return {
        "mode": draw(st.sampled_from(modes)),
        "uid": draw(st.sampled_from([0, 0, 1000, 3_000_000])),
        "gid": draw(st.sampled_from([0, 0, 50, 65_534])),
        "mtime": draw(MTIMES),
        "xattrs": draw(st.sampled_from([{}, {}, {"trusted.a": b"1"}, {"trusted.b": b"\xff\n="}])),
    }


@st.composite
def entries(draw: st.DrawFn, paths: st.SearchStrategy[bytes] = PATHS) -> Entry:
    path = draw(SPELLINGS) % draw(paths)
    facts = draw(attributes())
    match draw(st.sampled_from("ffffdddllhhhwwospcb")):
        case "f":
            return file(path, draw(CONTENTS), **facts)
        case "d":
            return directory(path + draw(st.sampled_from([b"", b"/"])), **facts)
        case "l":
            return symlink(path, draw(TARGETS), **facts)
        case "h":
            return hard_link(path, draw(paths), **facts)
        case "w":
            return whiteout(path)
        case "o":
            return opaque(draw(paths | st.just(b"")))
        case "s":
            extents = draw(st.sampled_from([[], [(0, b"x")], [(8192, b"y" * 4096), (65536, b"z")]]))
            return sparse_file(path, 100_000, extents, sparse_format=draw(st.sampled_from(SparseFormat)), **facts)
        case "p":
            return fifo(path, **facts)
        case kind:
            return device(path, 1, 3, block=kind == "b", **facts)
