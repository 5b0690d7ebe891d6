"""Extraction: the filesystem that a container would see, written safely."""

from imgforensics.extraction.extract import extract
from imgforensics.extraction.record import Deviation, ExtractionRecord, Form, Reason
from imgforensics.extraction.selection import Selection

__all__ = ["Deviation", "ExtractionRecord", "Form", "Reason", "Selection", "extract"]
