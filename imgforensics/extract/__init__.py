"""Extraction: the filesystem that a container would see, written safely."""

from imgforensics.extract.extraction import extract
from imgforensics.extract.record import Deviation, ExtractionRecord, Form, Reason
from imgforensics.extract.selection import Selection

__all__ = ["Deviation", "ExtractionRecord", "Form", "Reason", "Selection", "extract"]
