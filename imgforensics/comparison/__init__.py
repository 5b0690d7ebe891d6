"""What differs between two images, two moments of one, or an image and a directory."""

from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.changes import FileChange, Totals, Verdict
from imgforensics.comparison.compare import diff
from imgforensics.comparison.config import ConfigChange
from imgforensics.comparison.directory import DirectoryTree
from imgforensics.comparison.history import HistoryStep, StepVerdict
from imgforensics.comparison.layers import LayerMatch, SharedBy
from imgforensics.comparison.provenance import Origin
from imgforensics.comparison.result import ImageDiff
from imgforensics.comparison.rules import REPRODUCIBLE, Rule, parse_attributes, parse_rules
from imgforensics.comparison.texts import ContentDiff, Form, Hunk

__all__ = [
    "REPRODUCIBLE",
    "Attribute",
    "ConfigChange",
    "ContentDiff",
    "DirectoryTree",
    "FileChange",
    "Form",
    "HistoryStep",
    "Hunk",
    "ImageDiff",
    "LayerMatch",
    "Origin",
    "Rule",
    "SharedBy",
    "StepVerdict",
    "Totals",
    "Verdict",
    "diff",
    "parse_attributes",
    "parse_rules",
]
