"""How much of anything a hostile image may make us do."""

from dataclasses import dataclass

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on work and memory; generous for real images, each one raisable.

    All sizes are bytes. Passing a limit raises
    :class:`~imgforensics.errors.LimitExceededError`, which names it.
    """

    document_bytes: int = 64 << 20
    """All JSON documents of one source together: indexes, manifests, configs."""
    documents: int = 20_000
    """Manifests and indexes read while looking for the images of one source."""
    json_depth: int = 200
    """Nesting of one JSON document, and of indexes in each other."""
    json_values: int = 1_000_000
    """Values in all JSON documents of one source together: each takes more memory than bytes."""
    archive_members: int = 1_000_000
    """Members of the archive that holds the image."""
    layers: int = 2_000
    """Layers of one image."""
    layer_entries: int = 5_000_000
    """Members of all layers of one image together."""
    entry_bytes: int = 512 << 20
    """What the entries of all layers of one image hold beyond the ordinary: long names, PAX
    records, xattrs, sparse maps, and directories that no entry stands for. As much again for
    names and sparse maps of the archive's own members."""
    pax_bytes: int = 16 << 20
    """PAX records (with their xattrs) or a GNU long name ahead of one member."""
    sparse_extents: int = 1_000_000
    """Extents in one sparse file's map."""
    name_bytes: int = 65_536
    """Length of one path."""
    path_depth: int = 4_096
    """Directories above one path."""
    layer_bytes: int = 1024 * _GIB
    """Uncompressed size of one layer."""
    ratio: float = 200.0
    """Uncompressed to compressed size, of one blob and of all layers of one image together;
    looked at past `ratio_floor_bytes`. (Nothing in gzip comes to more than 1,032.)"""
    ratio_floor_bytes: int = 4 * _GIB
    """Uncompressed bytes that pass at any ratio: layers of zeros are made in earnest, too."""
    hole_bytes: int = 4 * _GIB
    """Zeros made up for the holes of one file, where its content is searched or hashed, or is a
    blob of a source."""
    output_bytes: int = 1024 * _GIB
    """All file content written by one extraction (holes not counted)."""
    output_entries: int = 5_000_000
    """Paths written by one extraction."""
    spool_bytes: int = 256 * _GIB
    """Temporary copy of a source that cannot be read twice or at random."""
    decoder_window_bytes: int = 128 << 20
    """Memory that a zstd or xz stream may demand for its window."""


DEFAULT_LIMITS = Limits()
