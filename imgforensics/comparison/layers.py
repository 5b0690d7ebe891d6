"""Which layers two images share, and by what: digest, diff_id, chain ID."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imgforensics.catalogue import LayerRecord
from imgforensics.comparison.lines import segments
from imgforensics.digests import Digest


class SharedBy(StrEnum):
    """What two layers have in common, as the images declare it."""

    DIGEST = "digest"
    """The blob as stored."""
    DIFF_ID = "diff-id"
    """The uncompressed tar."""
    CHAIN_ID = "chain-id"
    """The tar, and those of all layers below."""


@dataclass(frozen=True, slots=True)
class LayerMatch:
    """A layer of either image, or one of each that are the same tar."""

    before: LayerRecord | None
    after: LayerRecord | None
    shared_by: tuple[SharedBy, ...] = ()


def chain_ids(layers: Iterable[LayerRecord]) -> Iterator[Digest | None]:
    """The chain ID of each layer, lowest first; None from an undeclared diff_id on.

    Source: https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
    """
    chain: Digest | None = None
    for position, layer in enumerate(layers):
        diff_id = layer.diff_id
        if diff_id is None or (position and chain is None):
            chain = None
        else:
            text = f"{chain} {diff_id}".encode()
            chain = Digest.of(text, diff_id.algorithm) if chain else diff_id
        yield chain


def match_layers(
    before: Sequence[LayerRecord], after: Sequence[LayerRecord]
) -> tuple[LayerMatch, ...]:
    """All layers of both images in order; those that hold the same tar side by side."""
    return tuple(_matched(before, after))


def _matched(before: Sequence[LayerRecord], after: Sequence[LayerRecord]) -> Iterator[LayerMatch]:
    chains, chains_after = list(chain_ids(before)), list(chain_ids(after))
    keys = [_key(layer, 0) for layer in before]
    keys_after = [_key(layer, 1) for layer in after]
    for segment in segments(keys, keys_after):
        if segment.is_common:
            for old, new in zip(segment.before, segment.after, strict=True):
                has_chain = chains[old] is not None and chains[old] == chains_after[new]
                shared = _shared_by(before[old], after[new], has_chain=has_chain)
                yield LayerMatch(before[old], after[new], shared)
        else:
            yield from (LayerMatch(before[old], None) for old in segment.before)
            yield from (LayerMatch(None, after[new]) for new in segment.after)


def _key(layer: LayerRecord, side: int) -> Hashable:
    """Layers with one key are the same; one without any digest is like no other."""
    digest = layer.descriptor.digest if layer.descriptor else None
    return layer.diff_id or digest or (side, layer.index)


def _shared_by(layer: LayerRecord, other: LayerRecord, *, has_chain: bool) -> tuple[SharedBy, ...]:
    digests = [each.descriptor.digest if each.descriptor else None for each in (layer, other)]
    has_digest = digests[0] is not None and digests[0] == digests[1]
    has_diff_id = layer.diff_id is not None and layer.diff_id == other.diff_id
    found = {
        SharedBy.DIGEST: has_digest,
        SharedBy.DIFF_ID: has_diff_id,
        SharedBy.CHAIN_ID: has_chain,
    }
    return tuple(shared for shared, holds in found.items() if holds)
