"""Offline forensics of container images.

::

    from imgforensics import open_image

    with open_image("suspect.tar") as image:
        image.path("/etc/passwd").read_text()
        image.history_of("/root/.aws/credentials")

Nothing is run, nothing is written unless asked for, and the source is opened read-only.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgforensics.comparison import DirectoryTree, ImageDiff, diff
    from imgforensics.deleted import (
        DeletedFile,
        deleted_files,
        extract_deleted,
        wasted_bytes,
    )
    from imgforensics.digests import Digest
    from imgforensics.dockerfile import RecoveredDockerfile, recover_dockerfile
    from imgforensics.dockerfile.output.writing import write_dockerfile
    from imgforensics.errors import ImageForensicsError
    from imgforensics.extraction import (
        ExtractionRecord,
        Selection,
        extract,
        extract_layers,
        write_tar,
    )
    from imgforensics.filesystem import ApplyRules, FileTree, ImagePath, Node, PathEvent
    from imgforensics.image import Image
    from imgforensics.layer import EntryKind, Layer, LayerEntry
    from imgforensics.limits import Limits
    from imgforensics.opening import list_images, open_image
    from imgforensics.problems import Problem, ProblemCode, Severity
    from imgforensics.searching import HashList, Match, Query, search
    from imgforensics.verification import Verification, verify

__version__ = "0.1.0"

__all__ = [
    "ApplyRules",
    "DeletedFile",
    "Digest",
    "DirectoryTree",
    "EntryKind",
    "ExtractionRecord",
    "FileTree",
    "HashList",
    "Image",
    "ImageDiff",
    "ImageForensicsError",
    "ImagePath",
    "Layer",
    "LayerEntry",
    "Limits",
    "Match",
    "Node",
    "PathEvent",
    "Problem",
    "ProblemCode",
    "Query",
    "RecoveredDockerfile",
    "Selection",
    "Severity",
    "Verification",
    "__version__",
    "deleted_files",
    "diff",
    "extract",
    "extract_deleted",
    "extract_layers",
    "list_images",
    "open_image",
    "recover_dockerfile",
    "search",
    "verify",
    "wasted_bytes",
    "write_dockerfile",
    "write_tar",
]

_HOMES = {
    "ApplyRules": "imgforensics.filesystem",
    "DeletedFile": "imgforensics.deleted",
    "Digest": "imgforensics.digests",
    "DirectoryTree": "imgforensics.comparison",
    "EntryKind": "imgforensics.layer",
    "ExtractionRecord": "imgforensics.extraction",
    "FileTree": "imgforensics.filesystem",
    "HashList": "imgforensics.searching",
    "Image": "imgforensics.image",
    "ImageDiff": "imgforensics.comparison",
    "ImageForensicsError": "imgforensics.errors",
    "ImagePath": "imgforensics.filesystem",
    "Layer": "imgforensics.layer",
    "LayerEntry": "imgforensics.layer",
    "Limits": "imgforensics.limits",
    "Match": "imgforensics.searching",
    "Node": "imgforensics.filesystem",
    "PathEvent": "imgforensics.filesystem",
    "Problem": "imgforensics.problems",
    "ProblemCode": "imgforensics.problems",
    "Query": "imgforensics.searching",
    "RecoveredDockerfile": "imgforensics.dockerfile",
    "Selection": "imgforensics.extraction",
    "Severity": "imgforensics.problems",
    "Verification": "imgforensics.verification",
    "deleted_files": "imgforensics.deleted",
    "diff": "imgforensics.comparison",
    "extract": "imgforensics.extraction",
    "extract_deleted": "imgforensics.deleted",
    "extract_layers": "imgforensics.extraction",
    "list_images": "imgforensics.opening",
    "open_image": "imgforensics.opening",
    "recover_dockerfile": "imgforensics.dockerfile",
    "search": "imgforensics.searching",
    "verify": "imgforensics.verification",
    "wasted_bytes": "imgforensics.deleted",
    "write_dockerfile": "imgforensics.dockerfile.output.writing",
    "write_tar": "imgforensics.extraction",
}
"""Where each public name is defined: loaded when first used, so that importing costs nothing."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
