"""Describe an image as values, get an archive: for tests of this library and of its users.

::

    image = ImageBuilder(
        layers=[
            [directory("etc"), file("etc/passwd", b"root", mode=0o600)],
            Instruction("ENV A=1"),
            LayerSpec([whiteout("etc/passwd")], created_by="RUN rm /etc/passwd"),
        ],
        tags=["example:1"],
        config={"Env": ["A=1"]},
    )
    Path("image.tar").write_bytes(archive(docker_layout(image)))
    write_layout(oci_layout(image), Path("layout"))

Whatever is given is written: names are not normalised, numbers not checked, and `LayerSpec`,
`ImageBuilder` and `IndexSpec` declare wrong digests and sizes where told to. What they have
no word for is altered in the bytes (`raw`) or in the layout, which is a plain dictionary.
The same values always give the same bytes.
"""

from imgforensics.testing.contents_tables import (
    ContentsTable,
    estargz_layer,
    zstd_chunked_layer,
)
from imgforensics.testing.entries import (
    SparseFormat,
    device,
    directory,
    fifo,
    file,
    global_records,
    hard_link,
    opaque,
    raw,
    sparse_file,
    symlink,
    whiteout,
)
from imgforensics.testing.image import (
    OMIT,
    BuiltImage,
    BuiltIndex,
    BuiltLayer,
    ImageBuilder,
    IndexSpec,
    Instruction,
    LayerSpec,
    attestation,
    to_json,
)
from imgforensics.testing.layouts import (
    Layout,
    Link,
    archive,
    directory_layout,
    docker_layout,
    docker_legacy_layout,
    oci_layout,
    write_layout,
)
from imgforensics.testing.packing import Packing, gzip_member, pack, skippable_frame
from imgforensics.testing.tarball import END, Entry, Member, Raw, TarFormat, tar

__all__ = [
    "END",
    "OMIT",
    "BuiltImage",
    "BuiltIndex",
    "BuiltLayer",
    "ContentsTable",
    "Entry",
    "ImageBuilder",
    "IndexSpec",
    "Instruction",
    "LayerSpec",
    "Layout",
    "Link",
    "Member",
    "Packing",
    "Raw",
    "SparseFormat",
    "TarFormat",
    "archive",
    "attestation",
    "device",
    "directory",
    "directory_layout",
    "docker_layout",
    "docker_legacy_layout",
    "estargz_layer",
    "fifo",
    "file",
    "global_records",
    "gzip_member",
    "hard_link",
    "oci_layout",
    "opaque",
    "pack",
    "raw",
    "skippable_frame",
    "sparse_file",
    "symlink",
    "tar",
    "to_json",
    "whiteout",
    "write_layout",
    "zstd_chunked_layer",
]
