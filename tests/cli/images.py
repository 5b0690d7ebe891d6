"""Images that the tests of the command line share."""

from collections.abc import Sequence
from pathlib import Path

from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    archive,
    device,
    directory,
    docker_layout,
    file,
    hard_link,
    oci_layout,
    symlink,
    whiteout,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "images"

ROOT = b"root:x:0:0::/root:/bin/sh\n"
HOSTILE = b"evil\x1b[2J"
LATIN = b"caf\xe9"

SHOP = ImageBuilder(
    layers=[
        LayerSpec(
            [
                directory("etc"),
                file("etc/passwd", b"old"),
                file("etc/shadow", b"secret", mode=0o600),
                directory("bin"),
                file("bin/busybox", b"\x7fELF\0\xff", mode=0o4755),
                symlink("bin/sh", "busybox"),
                hard_link("bin/ls", "bin/busybox", mode=0o4755),
                symlink("lost", "/nowhere"),
                device("null", 1, 3, mode=0o666),
                file(HOSTILE, b"text\x1b[2J\n\ttab"),
                file(LATIN, b"", mtime=1_700_000_000),
            ],
            created_by="COPY rootfs /",
        ),
        Instruction("ENV A=\x1b]0;title\x07"),
        LayerSpec(
            [whiteout("etc/shadow"), file("etc/passwd", ROOT, uid=1000, gid=1001)],
            created_by="RUN rm /etc/shadow",
        ),
    ],
    tags=["shop:1"],
    config={"Env": ["A=1"], "Entrypoint": ["/bin/sh", "-c"], "Labels": {"role": "shop"}},
)
"""Two layers, and names that a terminal or a decoder would stumble over."""

OTHER = ImageBuilder(layers=[[file("other", b"other")]], tags=["other:2"], platform="linux/arm64")


def save(directory_: Path, *images: ImageBuilder, name: str = "image.tar") -> str:
    """Write images as `docker save` does; the path."""
    path = directory_ / name
    path.write_bytes(archive(docker_layout(*images)))
    return str(path)


def save_layout(directory_: Path, *images: ImageBuilder) -> str:
    """Write images as an OCI archive; the path."""
    path = directory_ / "layout.tar"
    path.write_bytes(archive(oci_layout(*images)))
    return str(path)


def damaged() -> ImageBuilder:
    """An image whose upper layer is not what it is declared to be."""
    upper = LayerSpec([file("new", b"new")], diff_id="sha256:" + "0" * 64)
    return ImageBuilder([SHOP.layers[0], upper], tags=["bad:1"])


def incomplete() -> ImageBuilder:
    """An image whose upper layer is not there."""
    return ImageBuilder([SHOP.layers[0], LayerSpec([file("new")], absent=True)], tags=["half:1"])


def tangled(members: Sequence[str] = ("lib", "usr/lib")) -> ImageBuilder:
    """An image that engines show differently: a file below what was a link in a lower layer."""
    link, target = members
    return ImageBuilder(
        [[directory(target), symlink(link, target)], [file(f"{link}/new", b"new")]], tags=["odd:1"]
    )
