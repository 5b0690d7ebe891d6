"""Whatever two images hold: their diff, applied to the one, gives the other."""

import hashlib
import io
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from imgforensics import FileTree, Image, ImageDiff, diff, open_image
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    device,
    directory,
    fifo,
    file,
    hard_link,
    oci_layout,
    opaque,
    symlink,
    tar,
    whiteout,
)
from imgforensics.testing.entries import Attributes
from tests.comparison.stating import applied, inverse, states, told

NAMES = st.sampled_from([b"a", b"b", b"\xff", b"x.pyc"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
PYC = b"\xa7\r\r\n\0\0\0\0"
CONTENTS = st.sampled_from(
    [
        b"",
        b"one\n",
        b"two\n",
        b"1\n2\n3\n4\n",
        b"1\n2\n3\n5\n",
        PYC + b"12345678code",
        PYC + b"87654321code",
    ]
)
TARGETS = st.sampled_from([b"a", b"b", b"/a/b"])
ATTRIBUTES: st.SearchStrategy[Attributes] = st.fixed_dictionaries(  # type: ignore[assignment]
    {
        "mode": st.sampled_from([0o644, 0o644, 0o4755]),
        "uid": st.sampled_from([0, 0, 1000]),
        "mtime": st.sampled_from([0, 0, 1_700_000_000, 0.5]),
        "xattrs": st.sampled_from([{}, {}, {"user.a": b"1"}]),
    }
)


MAKERS: list[tuple[int, Callable[[bytes, Attributes, st.DrawFn], Entry]]] = [
    (5, lambda path, facts, draw: file(path, draw(CONTENTS), **facts)),
    (3, lambda path, facts, _: directory(path, **facts)),
    (2, lambda path, facts, draw: symlink(path, draw(TARGETS), **facts)),
    (2, lambda path, facts, draw: hard_link(path, draw(PATHS), **facts)),
    (1, lambda path, facts, _: fifo(path, **facts)),
    (1, lambda path, facts, draw: device(path, 1, draw(st.integers(3, 4)), **facts)),
    (2, lambda path, _, __: whiteout(path)),
    (1, lambda path, _, __: opaque(path)),
]


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    make = draw(st.sampled_from([make for share, make in MAKERS for _ in range(share)]))
    return make(draw(PATHS), draw(ATTRIBUTES), draw)


LAYERS = st.lists(st.lists(entries(), max_size=8), min_size=1, max_size=3)
Built = Sequence[Sequence[Entry]]


def opened(built: Built, packing: Packing = Packing.NONE) -> Image:
    layers = [LayerSpec(members) for members in built]
    return open_image(io.BytesIO(archive(oci_layout(ImageBuilder(layers), packing=packing))))


@given(LAYERS, LAYERS, LAYERS)
def test_applied_to_the_one_it_gives_the_other(shared: Built, one: Built, other: Built) -> None:
    with opened([*shared, *one]) as a, opened([*shared, *other], Packing.GZIP) as b:
        forward, backward = diff(a, b), diff(b, a)
        assert applied(states(a, a.filesystem), forward, b) == states(b, b.filesystem)
        assert applied(states(b, b.filesystem), backward, a) == states(a, a.filesystem)
        assert inverse(forward) == told(backward)


@given(LAYERS)
def test_an_image_does_not_differ_from_itself(built: Built) -> None:
    with opened(built) as a, opened(built, Packing.GZIP) as b:
        for answer in (diff(a, a), diff(a, b), diff(a, a.top, a.top)):
            assert answer.files == ()
            assert answer.is_same


@given(LAYERS)
def test_what_shared_snapshots_say_is_what_images_of_their_own_say(built: Built) -> None:
    """Two moments share subtrees and nodes; two images opened one after the other share none."""
    with opened(built) as image:
        for layer in range(len(built)):
            with opened(built[:layer]) as a, opened(built[: layer + 1]) as b:
                apart = diff(a, b)
            together = diff(image, layer - 1, layer)
            assert told(together) == told(apart)


FLAT = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.sampled_from("fdw"), CONTENTS),
    unique_by=lambda drawn: drawn[0],
    max_size=4,
)
"""Members of which none stands in the way of another: what was read of them stays so."""


@given(LAYERS, LAYERS, FLAT, LAYERS, st.floats(0, 1))
def test_nothing_that_differs_is_passed_over_when_a_layer_is_cut_or_absent(
    one: Built, lower: Built, flat: Sequence[tuple[bytes, str, bytes]], upper: Built, share: float
) -> None:
    # No other layer has this file, so no blob of another one stands in for the absent one.
    members = [
        file("own", b"own"),
        *(
            {"f": file(path, content), "d": directory(path), "w": whiteout(path)}[kind]
            for path, kind, content in flat
        ),
    ]
    whole = tar(members)
    digest = f"sha256:{hashlib.sha256(whole).hexdigest()}"
    cut = LayerSpec(
        members,
        blob=whole[: 1 + int(share * (len(whole) - 2))],
        packing=Packing.NONE,
        digest=digest,
        diff_id=digest,
        size=len(whole),
    )
    absent = LayerSpec(members, absent=True)
    with opened(one) as a, opened([*lower, members, *upper]) as sound:
        differing = told_paths(diff(a, sound))
        for damaged in (cut, absent):
            with open_damaged([*lower, damaged, *upper]) as b:
                answer, backward = diff(a, b), diff(b, a)
                visible = paths_of(answer.before.tree) | paths_of(answer.after.tree)
                assert differing & visible <= told_paths(answer)
                assert differing & visible <= told_paths(backward)
                assert not answer.is_complete


def paths_of(tree: FileTree) -> set[bytes]:
    return {path for path, _ in tree.walk()}


def told_paths(answer: ImageDiff) -> set[bytes]:
    moved = {change.moved_from for change in answer.files if change.moved_from is not None}
    return moved | {change.path for change in answer.files}


def open_damaged(layers: Sequence[LayerSpec | Sequence[Entry]]) -> Image:
    specs = [layer if isinstance(layer, LayerSpec) else LayerSpec(layer) for layer in layers]
    return open_image(io.BytesIO(archive(oci_layout(ImageBuilder(specs), packing=Packing.NONE))))
