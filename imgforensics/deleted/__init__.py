"""What layers still hold and a container does not see: found, written, counted."""

from imgforensics.deleted.finding import DeletedFile, deleted_files
from imgforensics.deleted.waste import LayerWaste, Waste, wasted_bytes
from imgforensics.deleted.writing import extract_deleted

__all__ = [
    "DeletedFile",
    "LayerWaste",
    "Waste",
    "deleted_files",
    "extract_deleted",
    "wasted_bytes",
]
