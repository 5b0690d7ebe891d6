"""What images a source holds, and which of them is meant.

::

    BlobSource ──> DocumentStore ──> oci_layout ┐
                   (bounds, digests) docker     ├──> records ──> merging ──> Catalogue ──> choose
                                     legacy     ┘

Only documents are read here; no byte of a layer is.
"""

from imgforensics.catalogue.choosing import answering, choose
from imgforensics.catalogue.reading import read_catalogue
from imgforensics.catalogue.records import (
    Catalogue,
    ImageKind,
    ImageRecord,
    LayerRecord,
    Layout,
)

__all__ = [
    "Catalogue",
    "ImageKind",
    "ImageRecord",
    "LayerRecord",
    "Layout",
    "answering",
    "choose",
    "read_catalogue",
]
