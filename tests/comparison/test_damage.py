"""One side damaged: what is known is told, and the rest is unknown, never equal."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgforensics import DirectoryTree, ProblemCode, Severity, diff, open_image
from imgforensics.comparison import Verdict
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    directory,
    file,
    oci_layout,
    tar,
    whiteout,
)
from tests.comparison.building import image_of, opened, shown

BASE = LayerSpec([directory("etc"), file("etc/passwd", b"root"), file("etc/hosts", b"::1")])
MIDDLE = LayerSpec([file("etc/passwd", b"toor"), file("opt", b"1")])
TOP = LayerSpec([whiteout("opt"), file("new", b"n")])


def test_an_absent_layer_leaves_open_all_that_no_upper_layer_brought() -> None:
    absent = LayerSpec(MIDDLE.members, absent=True)
    with image_of(BASE, MIDDLE, TOP) as a, image_of(BASE, absent, TOP) as b:
        answer = diff(a, b)
    assert not answer.is_complete
    assert not answer.is_same
    assert shown(answer) == dict.fromkeys(("etc", "etc/hosts", "etc/passwd"), "unknown")
    assert "layer 1" in answer.files[0].doubt
    assert [problem.code for problem in answer.problems] == [ProblemCode.BLOB_MISSING]
    with image_of(BASE, MIDDLE, absent) as image:
        assert diff(image, 0, 1).is_complete


def test_the_order_of_the_sides_does_not_matter() -> None:
    absent = LayerSpec(MIDDLE.members, absent=True)
    with image_of(BASE, absent, TOP) as a, image_of(BASE, MIDDLE, TOP) as b:
        assert set(shown(diff(a, b)).values()) == {"unknown"}


def test_a_layer_cut_short() -> None:
    """What was read of it is known; what may follow is not."""
    members = [file("a", b"1"), file("b", b"2" * 5_000), file("c", b"3")]
    whole = tar(members)
    with image_of(BASE, members, packing=Packing.NONE) as a:
        damaged = LayerSpec(members, blob=whole[:4_000], packing=Packing.NONE)
        with opened(ImageBuilder([BASE, damaged])) as b:
            answer = diff(a, b)
    told = shown(answer)
    assert "a" not in told
    assert told["b"] == told["c"] == told["etc/passwd"] == "unknown"
    assert not answer.is_complete


def test_of_a_layer_with_other_bytes_than_declared_what_was_found_is_told() -> None:
    lying = LayerSpec([file("etc/passwd", b"evil")], diff_id="sha256:" + "0" * 64)
    with image_of(BASE, MIDDLE) as a, image_of(BASE, lying) as b:
        answer = diff(a, b)
    assert shown(answer) == {
        "etc": "unknown",
        "etc/hosts": "unknown",
        "etc/passwd": "changed content",
        "opt": "unknown",
    }
    assert not answer.is_complete


def test_a_shared_layer_that_is_damaged_on_one_side_is_not_taken_for_shared() -> None:
    """Both images declare the same digests; the bytes of one are not those."""
    builder = ImageBuilder([BASE, MIDDLE])
    sound = archive(oci_layout(builder, packing=Packing.NONE))
    assert sound.count(b"toor") == 1
    forged = sound.replace(b"toor", b"evil")
    with open_image(io.BytesIO(sound)) as a, open_image(io.BytesIO(forged)) as b:
        answer = diff(a, b)
        assert answer.shared_layers == 1
    assert shown(answer) == {
        "etc": "unknown",
        "etc/hosts": "unknown",
        "etc/passwd": "changed content",
    }
    errors = {p.code.label for p in answer.problems if p.severity is Severity.ERROR}
    assert "digest-mismatch" in errors


def test_a_directory_that_cannot_be_read() -> None:
    members = [directory("closed"), file("closed/x", b"1"), file("file", b"22"), file("gone")]
    with tempfile.TemporaryDirectory() as name, image_of(members) as image:
        place = Path(name)
        place.chmod(0o755)
        (place / "closed").mkdir(mode=0)
        (place / "file").write_bytes(b"22")
        with nobody():
            tree = DirectoryTree(place)
        answer = diff(image, tree)
        tree.close()
    verdicts = {change.path: change.verdict for change in answer.files}
    assert verdicts[b"closed"] is verdicts[b"closed/x"] is Verdict.UNKNOWN
    assert verdicts[b"gone"] is Verdict.REMOVED
    assert [problem.code for problem in answer.problems] == [ProblemCode.NOT_READ]
    assert not answer.is_complete


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's rights, where we are root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)
