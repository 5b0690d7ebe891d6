"""Every attack: how it is made, at which sizes, and how the commands are to end."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.attacks import archives, documents, layers, streams

Maker = Callable[[Path, int], Path]
Ending = int | str
"""An exit status; or a limit's name, for the refusal (5) that names it."""

_GIB = 1 << 30


class Attack(NamedTuple):
    """One attack."""

    make: Maker
    """Writes it into an empty directory, at a size; what is to be opened."""
    full: int
    """Size at which the report makes it."""
    quick: int | None
    """Size at which the tests make it; None for one that is much like another."""
    endings: Mapping[str, Ending]
    """Command to how it ends at the full size; the tests run the first one."""
    limits: tuple[str, ...] = ()
    """`NAME=VALUE` for the tests, where the limit as it is would take the full size."""
    quick_ending: Ending | None = None
    """How the first command ends at the quick size, where that is another way."""


def _reading(ending: Ending) -> dict[str, Ending]:
    """Commands that read layers, and one that does not need to."""
    return {"extract": ending, "ls": ending, "tree": ending, "verify": ending, "inspect": 0}


def _opening(ending: Ending) -> dict[str, Ending]:
    """Commands that open the source, all the same way."""
    return {"inspect": ending, "ls": ending, "extract": ending}


LAYERS = {
    "empty-files": Attack(
        layers.empty_files,
        3_000_000,
        20_000,
        {**_reading(0)},
        ("layer_entries=19999",),
        "layer_entries",
    ),
    "long-names": Attack(
        layers.long_names, 20_000, 100, _reading("entry_bytes"), ("entry_bytes=50M",)
    ),
    "sparse-map": Attack(layers.sparse_map, 1_000_000, None, _reading(0)),
    "sparse-map-larger": Attack(
        layers.sparse_map, 1_000_001, 1_001, _reading("sparse_extents"), ("sparse_extents=1000",)
    ),
    "sparse-maps": Attack(
        layers.sparse_maps, 100_000, 1_000, _reading("entry_bytes"), ("entry_bytes=10M",)
    ),
    "pax-size": Attack(layers.pax_size, 8 * _GIB - 1, 8 * _GIB - 1, _reading("pax_bytes")),
    "pax-headers": Attack(layers.pax_headers, 1_000_000, 40_000, _reading(0)),
    "global-headers": Attack(
        layers.global_headers, 1_000_000, 3_000, _reading("entry_bytes"), ("entry_bytes=10M",)
    ),
    "deep-directory": Attack(layers.deep_directory, 100_000, 100_000, _reading("name_bytes")),
    "deep-directory-short": Attack(layers.deep_directory, 30_000, None, _reading("path_depth")),
    "implied-directories": Attack(
        layers.implied_directories, 1_000_000, 500, _reading("entry_bytes"), ("entry_bytes=5M",)
    ),
    "deep-and-opaque": Attack(layers.deep_and_opaque, 4_000, 500, _reading(0)),
    "hard-link-chain": Attack(layers.hard_link_chain, 1_000_000, None, _reading(0)),
    "hard-link-chain-backwards": Attack(
        layers.hard_link_chain_backwards, 1_000_000, 5_000, _reading(0)
    ),
    "symlink-farm": Attack(layers.symlink_farm, 100_000, 1_000, _reading(0)),
    "symlink-loops": Attack(layers.symlink_loops, 300_000, 1_000, _reading(0)),
    "whiteout-farm": Attack(layers.whiteout_farm, 1_000_000, 5_000, _reading(0)),
    "same-name": Attack(layers.same_name, 1_000_000, 10_000, _reading(0)),
    "climbing-names": Attack(layers.climbing_names, 1_000_000, None, _reading(0)),
    "damaged-headers": Attack(layers.damaged_headers, 1_000_000, 10_000, _reading(4)),
    "impossible-sizes": Attack(layers.impossible_sizes, 1_000_000, None, _reading(4)),
    "tiny-layers": Attack(layers.tiny_layers, 2_000, None, _reading(0)),
    "one-layer-often": Attack(
        layers.one_layer_often, 1_000, 20, _reading("layer_entries"), ("layer_entries=100000",)
    ),
    "wide-directory": Attack(layers.wide_directory, 1_000, 20, _reading(0)),
    "pattern": Attack(layers.matching_names, 10_000, 200, {"extract-pattern": 0}),
}

DOCUMENTS = {
    "long-document": Attack(
        documents.long_document, 500 << 20, 500 << 20, _opening("document_bytes")
    ),
    "deep-document": Attack(documents.deep_document, 100_000, 100_000, _opening("json_depth")),
    "many-numbers": Attack(documents.many_numbers, 10_000_000, 10_000_000, _opening("json_values")),
    "many-values": Attack(documents.many_values, 100, 4, _opening("json_values")),
    "long-number": Attack(documents.long_number, 10_000_000, 10_000_000, _opening(3)),
    "odd-document": Attack(documents.odd_document, 300_000, None, _opening(0)),
    "no-numbers": Attack(documents.no_numbers, 100_000, None, _opening(3)),
    "own-parent": Attack(documents.own_parent, 1_000, 1_000, _opening(3)),
    "doubling-indexes": Attack(documents.doubling_indexes, 100, 100, _opening("documents")),
    "nested-indexes": Attack(
        documents.nested_indexes, 199, 20, _opening("documents"), ("documents=1000",)
    ),
    "many-manifests": Attack(
        documents.many_manifests, 128_000, 2_000, _opening("documents"), ("documents=1000",)
    ),
    "many-layers": Attack(documents.many_layers, 100_000, 10_000, _opening("layers")),
    "absent-layers": Attack(documents.absent_layers, 60, 3, {"inspect": 4}),
    "long-history": Attack(documents.long_history, 1_000_000, None, _opening("json_values")),
    "long-instruction": Attack(documents.long_instruction, 10_000_000, None, _opening(0)),
    "docker-entries": Attack(
        documents.docker_entries, 1_000_000, 1_001, _opening("documents"), ("documents=1000",)
    ),
    "docker-tags": Attack(documents.docker_tags, 400_000, 100_000, _opening(0)),
    "docker-layers": Attack(documents.docker_layers, 450, None, {"inspect": 4}),
    "conflicting-names": Attack(documents.conflicting_names, 600, 50, {"inspect": 0}),
    "shared-config": Attack(documents.shared_config, 9_000, 300, {"inspect": 0}),
    "legacy-tags": Attack(documents.legacy_tags, 900_000, None, {"inspect": 4}),
    "legacy-chain": Attack(documents.legacy_chain, 100_000, 3_000, _opening("layers")),
}

STREAMS = {
    "holed-layer": Attack(archives.holed_layer, 1 << 40, 1 << 40, _opening("hole_bytes")),
    "gzip-bomb": Attack(
        streams.gzip_bomb, 10 * _GIB, _GIB // 4, _reading("ratio"), ("ratio_floor_bytes=64M",)
    ),
    "zstd-bomb": Attack(
        streams.zstd_bomb, 10 * _GIB, None, _reading("ratio"), ("ratio_floor_bytes=64M",)
    ),
    "bombs-in-layers": Attack(
        streams.bombs_in_layers, 2_000, 3, _reading("ratio"), ("ratio_floor_bytes=400M",)
    ),
    "nested-bomb": Attack(
        streams.nested_bomb,
        10 * _GIB,
        _GIB // 4,
        _reading("ratio") | {"inspect": 4},
        ("ratio_floor_bytes=64M",),
    ),
    "outer-gzip-bomb": Attack(
        streams.outer_bomb, 10 * _GIB, None, _opening("ratio"), ("ratio_floor_bytes=64M",)
    ),
    "outer-zstd-bomb": Attack(
        streams.outer_zstd_bomb, 10 * _GIB, _GIB // 4, _opening("ratio"), ("ratio_floor_bytes=64M",)
    ),
    "outer-bzip2-bomb": Attack(
        streams.outer_bzip2_bomb, 5 * _GIB, _GIB // 8, _opening("ratio"), ("ratio_floor_bytes=32M",)
    ),
    "outer-xz-bomb": Attack(
        streams.outer_xz_bomb, 5 * _GIB, None, _opening("ratio"), ("ratio_floor_bytes=32M",)
    ),
    "spool": Attack(
        streams.outer_bomb,
        10 * _GIB,
        _GIB // 4,
        {"extract": "ratio"},
        ("spool_bytes=32M",),
        "spool_bytes",
    ),
    "empty-gzip-members": Attack(streams.empty_gzip_members, 1_000_000, 10_000, _reading(4)),
    "empty-bzip2-streams": Attack(streams.empty_bzip2_streams, 1_000_000, None, _reading(4)),
    "empty-xz-streams": Attack(streams.empty_xz_streams, 1_000_000, None, _reading(4)),
    "empty-zstd-frames": Attack(streams.empty_zstd_frames, 1_000_000, None, _reading(4)),
    "skippable-zstd-frames": Attack(streams.skippable_zstd_frames, 1_000_000, 100_000, _reading(4)),
    "empty-zstd-blocks": Attack(streams.empty_zstd_blocks, 10_000_000, 100_000, _reading(4)),
    "empty-deflate-blocks": Attack(streams.empty_deflate_blocks, 10_000_000, None, _reading(4)),
    "zstd-window": Attack(
        streams.zstd_window, 2 * _GIB, 2 * _GIB, _reading("decoder_window_bytes")
    ),
    "xz-dictionary": Attack(
        streams.xz_dictionary, 2 * _GIB, 2 * _GIB, _reading("decoder_window_bytes")
    ),
}

ARCHIVES = {
    "members": Attack(
        archives.members, 1_000_000, 10_000, _opening("archive_members"), ("archive_members=1000",)
    ),
    "duplicated-members": Attack(archives.duplicated_members, 900_000, None, _opening(0)),
    "long-member-names": Attack(
        archives.long_member_names, 20_000, 200, _opening("entry_bytes"), ("entry_bytes=10M",)
    ),
    "sparse-members": Attack(
        archives.sparse_members, 100_000, 1_000, _opening("entry_bytes"), ("entry_bytes=10M",)
    ),
    "linked-members": Attack(archives.linked_members, 900_000, 10_000, _opening(0)),
    "documents-in-a-ring": Attack(archives.documents_in_a_ring, 100_000, None, _opening(3)),
    "archives-in-archives": Attack(
        archives.archives_in_archives, 1_000, 100, dict.fromkeys(("ls", "extract", "inspect"), 4)
    ),
}

ATTACKS = LAYERS | DOCUMENTS | STREAMS | ARCHIVES

_ARGUMENTS = {
    "inspect": ("inspect",),
    "ls": ("ls", "-R"),
    "tree": ("tree",),
    "verify": ("verify",),
    "extract": ("extract", "--output", "OUTPUT"),
    "extract-pattern": (
        "extract",
        "--include",
        "**/**/**/a*a*a*a*a*a*b*/**/**/x",
        "--output",
        "OUTPUT",
    ),
}


def arguments(command: str, source: Path, output: Path) -> list[str]:
    """The command line of one of the commands above."""
    words = [str(output) if word == "OUTPUT" else word for word in _ARGUMENTS[command]]
    return [words[0], str(source), *words[1:]]
