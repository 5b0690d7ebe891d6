"""Offline forensics of container images.

::

    from imgforensics import open_image

    with open_image("suspect.tar") as image:
        image.path("/etc/passwd").read_text()
        image.history_of("/root/.aws/credentials")

Nothing is run, nothing is written unless asked for, and the source is opened read-only.
"""

from imgforensics.digests import Digest
from imgforensics.errors import ImageForensicsError
from imgforensics.extract import ExtractionRecord, Selection, extract
from imgforensics.filesystem import ApplyRules, FileTree, ImagePath, Node, PathEvent
from imgforensics.image import Image
from imgforensics.layer import EntryKind, Layer, LayerEntry
from imgforensics.limits import Limits
from imgforensics.opening import list_images, open_image
from imgforensics.problems import Problem, ProblemCode, Severity
from imgforensics.verify import Verification, verify

__version__ = "0.1.0"

__all__ = [
    "ApplyRules",
    "Digest",
    "EntryKind",
    "ExtractionRecord",
    "FileTree",
    "Image",
    "ImageForensicsError",
    "ImagePath",
    "Layer",
    "LayerEntry",
    "Limits",
    "Node",
    "PathEvent",
    "Problem",
    "ProblemCode",
    "Selection",
    "Severity",
    "Verification",
    "__version__",
    "extract",
    "list_images",
    "open_image",
    "verify",
]
