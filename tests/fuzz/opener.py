"""Any bytes as an image: opened, listed, verified, read.

The first byte says what the others are: bits 0 and 1 choose the form, bit 2 repairs the
checksums of tar headers, bits 3 to 5 compress the whole.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from imgforensics import Image, ImageForensicsError, Limits, list_images, open_image
from imgforensics.testing import (
    ImageBuilder,
    IndexSpec,
    LayerSpec,
    Layout,
    Packing,
    archive,
    attestation,
    directory_layout,
    docker_layout,
    docker_legacy_layout,
    file,
    oci_layout,
    pack,
    symlink,
    tar,
)
from tests.fuzz.image_facts import check_image, printable
from tests.fuzz.repair import with_checksums
from tests.fuzz.tar_stream import members

LIMITS = Limits(
    document_bytes=1 << 20,
    documents=200,
    archive_members=2_000,
    layers=100,
    layer_entries=5_000,
    entry_bytes=4 << 20,
    pax_bytes=1 << 18,
    layer_bytes=8 << 20,
    spool_bytes=8 << 20,
    output_bytes=8 << 20,
    decoder_window_bytes=8 << 20,
)
SEEKABLE, STREAM, ROOT_FILESYSTEM, LAYER = range(4)
_REPAIRED = 4
_PACKINGS = (Packing.NONE, Packing.GZIP, Packing.ZSTD, Packing.XZ, Packing.BZIP2)
_FIXTURES = Path(__file__).parents[2] / "fixtures" / "images"
_LARGEST_SEED = 80_000


def check(data: bytes) -> None:
    """Open the bytes in the form that the first one asks for, and ask all questions of it."""
    if not data:
        return
    control, source = data[0], data[1:]
    if control & _REPAIRED:
        source = with_checksums(source)
    packing = _PACKINGS[(control >> 3 & 7) % len(_PACKINGS)]
    form = control & 3
    if form == LAYER:
        source = archive(_around(source, packing))
    elif packing is not Packing.NONE:
        source = pack([source], packing)
    with as_file(source, seekable=form != STREAM) as opened:
        check_opening(opened, form)


def check_opening(opened: BinaryIO, form: int) -> None:
    """It opens, or says why not."""
    is_root = form == ROOT_FILESYSTEM
    try:
        if form == SEEKABLE:
            list_images(opened, limits=LIMITS)
        image = open_image(
            opened,
            image=None if is_root else 0,
            as_rootfs=is_root,
            contents=form != STREAM,
            limits=LIMITS,
            spool_directory=Path("/dev/shm"),
        )
    except ImageForensicsError as error:
        printable(str(error))
        return
    with image:
        check_layers_read(image) if form == STREAM else check_image(image)


def check_layers_read(image: Image) -> None:
    """All layers are read, or it is said why not."""
    try:
        image.scan_layers()
    except ImageForensicsError as error:
        printable(str(error))


def _around(blob: bytes, packing: Packing) -> Layout:
    """An image with these bytes as the tar of its upper layer, all digests right."""
    lower = LayerSpec(members()[:6])
    upper = LayerSpec([], end=blob, packing=packing)
    return docker_layout(ImageBuilder([lower, upper], tags=["a:1"]))


def as_file(content: bytes, *, seekable: bool) -> BinaryIO:
    """An unnamed file in memory; without `seekable`, something like a pipe."""
    if not seekable:
        return io.BytesIO(content)
    file = os.fdopen(os.memfd_create("source"), "w+b")
    file.write(content)
    file.seek(0)
    return file


def seeds() -> Iterator[bytes]:
    """Images in every layout and packing, and the fixtures that are small."""
    one = ImageBuilder([members()[:8], [symlink("a", "etc"), file("etc/new", b"1")]], tags=["a:1"])
    two = ImageBuilder([members()[8:]], tags=["b:1"], platform="linux/arm64", docker_types=True)
    index = IndexSpec([one, attestation(one), two], tags=["c:1"])
    layouts = [
        docker_layout(one, two),
        docker_legacy_layout(one, two),
        oci_layout(index, packing=Packing.NONE),
        directory_layout(one),
    ]
    layouts += [oci_layout(one, packing=packing) for packing in Packing]
    for number, layout in enumerate(layouts):
        for form in (SEEKABLE, STREAM):
            yield bytes((form | _REPAIRED * (number % 2) | number % 5 << 3,)) + archive(layout)
    for number, packing in enumerate(_PACKINGS):
        control = number << 3
        yield bytes((LAYER | _REPAIRED | control,)) + tar(members())
        yield bytes((ROOT_FILESYSTEM | control,)) + tar(members())
        yield bytes((ROOT_FILESYSTEM,)) + pack([tar(members())], packing)
    for path in sorted(_FIXTURES.glob("*.tar")):
        if path.stat().st_size <= _LARGEST_SEED:
            yield bytes((SEEKABLE,)) + path.read_bytes()
