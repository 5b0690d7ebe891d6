"""One layer: its blob, the one pass that reads and checks it, its entries, their content."""

from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.layer.layer import Layer, LayerScan
from imgforensics.layer.stream import LayerFacts, LayerPass
from imgforensics.tarstream.member import EntryKind

__all__ = [
    "EntryKind",
    "Layer",
    "LayerEntry",
    "LayerFacts",
    "LayerPass",
    "LayerScan",
    "normalise_path",
]
