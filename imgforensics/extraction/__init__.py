"""Extraction: the filesystem that a container would see, written safely."""

from imgforensics.extraction.extract import extract, extract_layers
from imgforensics.extraction.record import Deviation, ExtractionRecord, Form, Reason
from imgforensics.extraction.selection import EVERYTHING, Selection
from imgforensics.extraction.tarball import write_tar
from imgforensics.extraction.target import ArchiveTarget, DirectoryTarget, RecordFile
from imgforensics.extraction.trees import extract_trees

__all__ = [
    "EVERYTHING",
    "ArchiveTarget",
    "Deviation",
    "DirectoryTarget",
    "ExtractionRecord",
    "Form",
    "Reason",
    "RecordFile",
    "Selection",
    "extract",
    "extract_layers",
    "extract_trees",
    "write_tar",
]
