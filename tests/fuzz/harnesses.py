"""The harnesses by name."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

# All of the reader, so that what it imports only when needed is instrumented too.
import imgforensics.compression.gzip
import imgforensics.compression.xz
import imgforensics.compression.zstd
import imgforensics.extraction
import imgforensics.verification  # noqa: F401
from tests.fuzz import documents, history, opener, pax, tar_stream


class Harness(NamedTuple):
    """What is called with each input, and the inputs to begin with."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    largest: int
    """Bytes of one input."""
    words: tuple[str, ...] = ()
    """What inputs are made of, for libFuzzer's dictionary."""


_TAR_WORDS = (r"ustar\x0000", r"ustar  \x00", r"././@LongLink", r"PaxHeaders/0", r"\x00")
_PAX_WORDS = tuple(
    f" {key}="
    for key in (
        *("path", "linkpath", "size", "uid", "gid", "mtime", "hdrcharset", "SCHILY.devmajor"),
        *("SCHILY.xattr.user.", "LIBARCHIVE.xattr.user.", "GNU.sparse.major", "GNU.sparse.minor"),
        *("GNU.sparse.realsize", "GNU.sparse.size", "GNU.sparse.map", "GNU.sparse.numblocks"),
        *("GNU.sparse.offset", "GNU.sparse.numbytes", "GNU.sparse.name"),
    )
)
_JSON_WORDS = (
    *("null", "true", "{}", "[]", "1e9", "-1", r"\\ud800", r"\x00", "sha256:", "linux", "amd64"),
    *("manifests", "layers", "config", "digest", "size", "mediaType", "platform", "annotations"),
    *("rootfs", "diff_ids", "history", "empty_layer", "created_by", "Config", "RepoTags", "Layers"),
    *("LayerSources", "schemaVersion", "fsLayers", "subject", "artifactType", "parent", "id"),
)
HARNESSES = {
    "opener": Harness(opener.check, opener.seeds, 96 << 10, _TAR_WORDS),
    "tar": Harness(tar_stream.check, tar_stream.seeds, 24 << 10, _TAR_WORDS + _PAX_WORDS),
    "pax": Harness(pax.check, pax.seeds, 4 << 10, _PAX_WORDS),
    "documents": Harness(documents.check, documents.seeds, 8 << 10, _JSON_WORDS),
    "history": Harness(history.check, history.seeds, 180),
}
