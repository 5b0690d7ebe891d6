"""What is mutated: the fixtures, and small images of every form and compression."""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path

from imgforensics import Image, list_images, open_image
from imgforensics.catalogue import ImageKind
from imgforensics.testing import (
    ImageBuilder,
    IndexSpec,
    Instruction,
    LayerSpec,
    Layout,
    Packing,
    SparseFormat,
    TarFormat,
    archive,
    attestation,
    device,
    directory,
    directory_layout,
    docker_layout,
    docker_legacy_layout,
    fifo,
    file,
    hard_link,
    oci_layout,
    opaque,
    pack,
    sparse_file,
    symlink,
    tar,
    whiteout,
)

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "images"
_NO_IMAGES = ("artifact.oras.oci", "whiteouts.docker-20.export.tar")
_LARGE = 200_000
"""Bytes from which a fixture is drawn seldom."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One source in its sound form."""

    name: str
    files: dict[str, bytes]
    """Of a directory; of an archive, the archive alone under the empty name."""
    layers: tuple[LayerSpec, ...]
    """Of its first image: the tar as `end`, the packing that it has, and what is stored."""
    weight: int
    """How often it is drawn."""

    @property
    def is_archive(self) -> bool:
        """Whether it is one file."""
        return "" in self.files


@cache
def subjects() -> tuple[Subject, ...]:
    """All of them, in an order that does not change."""
    return (*_fixtures(), *_built())


def _fixtures() -> Iterator[Subject]:
    for path in sorted(_FIXTURES.iterdir()):
        if path.name in _NO_IMAGES:
            continue
        files = {"": path.read_bytes()} if path.is_file() else _files_below(path)
        weight = 1 if sum(map(len, files.values())) > _LARGE else 10
        yield Subject(path.name, files, _layers_of(path), weight)


def _files_below(path: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(path)): one.read_bytes()
        for one in sorted(path.rglob("*"))
        if one.is_file()
    }


def _layers_of(path: Path) -> tuple[LayerSpec, ...]:
    number = next(one.number for one in list_images(path) if one.kind is ImageKind.IMAGE)
    with open_image(path, image=number) as image:
        return tuple(_specs(image))


def _specs(image: Image) -> Iterator[LayerSpec]:
    for layer in image.layers:
        with layer.open_uncompressed() as content:
            yield layer_of(content.read(), Packing(layer.compression.value))


def layer_of(tar: bytes, packing: Packing, created_by: str = "") -> LayerSpec:
    """A layer of this tar."""
    return LayerSpec(end=tar, packing=packing, blob=stored(tar, packing), created_by=created_by)


def stored(tar: bytes, packing: Packing) -> bytes:
    """The tar compressed; in xz by the fastest way, for the best one takes a hundred times."""
    if packing.compression != "xz":
        return pack([tar], packing)
    middle = len(tar) // 2 if packing is Packing.XZ_STREAMS else len(tar)
    streams = (tar[:middle], tar[middle:])
    return b"".join(lzma.compress(stream, preset=0) for stream in streams if stream)


def _built() -> Iterator[Subject]:
    """Each packing in each layout, once as an archive and once compressed as a whole."""
    whole = cycle((Packing.NONE, Packing.GZIP, Packing.NONE, Packing.ZSTD, Packing.XZ))
    for packing in Packing:
        for name, layout in _layouts(packing).items():
            outer = next(whole)
            files = {"": archive(layout, packing=outer)}
            layers = (_lower(packing), _upper(packing))
            yield Subject(f"{name} of {packing} in {outer}", files, layers, 6)


def _layouts(packing: Packing) -> dict[str, Layout]:
    image = _image(packing)
    other = ImageBuilder([[file("only", b"here")]], tags=["other:1"], platform="linux/arm64")
    index = IndexSpec([image, attestation(image, packing=packing), other], tags=["several"])
    return {
        "docker": docker_layout(image, other, packing=packing),
        "legacy": docker_legacy_layout(image, other, packing=packing),
        "oci": oci_layout(index, packing=packing),
        "dir": directory_layout(image, packing=packing),
    }


def _image(packing: Packing) -> ImageBuilder:
    layers = (_lower(packing), Instruction("ENV A=1"), _upper(packing))
    return ImageBuilder(layers, tags=[f"{packing}:1"])


@cache
def _lower(packing: Packing) -> LayerSpec:
    members = [
        directory("etc/"),
        file("etc/passwd", b"root:x:0:0\n" * 60, mode=0o600, uid=7, mtime=1.5),
        symlink("etc/mtab", "../proc/mounts"),
        hard_link("etc/shadow", "etc/passwd"),
        device("dev/null", 1, 3),
        file("n" * 120, b"x" * 700, xattrs={"user.a": b"\0b"}),
        sparse_file("holes", 40_000, [(4_096, b"run"), (30_000, b"end")]),
    ]
    return layer_of(tar(members), packing, "ADD a")


@cache
def _upper(packing: Packing) -> LayerSpec:
    members = [
        whiteout("etc/mtab"),
        opaque("dev"),
        fifo("run/pipe"),
        file("etc/new", b"new" * 300),
        symlink("long", "t" * 150),
        sparse_file("old", 9_000, [(512, b"run")], sparse_format=SparseFormat.OLD_GNU),
    ]
    return layer_of(tar(members, tar_format=TarFormat.GNU), packing, "RUN b")
