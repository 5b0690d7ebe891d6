"""Offline forensics of container images.

::

    from imgforensics import open_image

    with open_image("suspect.tar") as image:
        image.path("/etc/passwd").read_text()
        image.history_of("/root/.aws/credentials")

Nothing is run, nothing is written unless asked for, and the source is opened read-only.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgforensics.catalogue import ImageRecord
    from imgforensics.comparison import REPRODUCIBLE, DirectoryTree, ImageDiff, Rule, diff
    from imgforensics.deleted import (
        DeletedFile,
        Waste,
        deleted_files,
        extract_deleted,
        wasted_bytes,
    )
    from imgforensics.digests import Digest
    from imgforensics.dockerfile import RecoveredDockerfile, recover_dockerfile
    from imgforensics.dockerfile.output.writing import write_dockerfile
    from imgforensics.errors import (
        AmbiguousImageError,
        BrokenHardLinkError,
        DamagedBlobError,
        DamagedDocumentError,
        DamagedImageError,
        EnvironmentProblemError,
        ImageChoiceError,
        ImageForensicsError,
        ImageNotFoundError,
        LimitExceededError,
        MissingBlobError,
        MissingExtraError,
        NotAFileError,
        NotAnImageError,
        NotASymlinkError,
        OutputFailedError,
        PathError,
        PathIsADirectoryError,
        PathNotADirectoryError,
        PathNotFoundError,
        QuestionError,
        RootFilesystemError,
        SourceUnreadableError,
        SymlinkLoopError,
        UnsafeOutputError,
        UnsupportedImageError,
    )
    from imgforensics.extraction import (
        ExtractionRecord,
        Selection,
        extract,
        extract_layers,
        write_tar,
    )
    from imgforensics.filesystem import (
        DOCKER,
        GO_CONTAINERREGISTRY,
        OVERLAYFS,
        UMOCI,
        ApplyRules,
        FileTree,
        ImagePath,
        Node,
        PathEvent,
    )
    from imgforensics.image import Image
    from imgforensics.layer import EntryKind, Layer, LayerEntry
    from imgforensics.limits import Limits
    from imgforensics.opening import list_images, open_image
    from imgforensics.problems import Problem, ProblemCode, Severity
    from imgforensics.searching import HashList, Match, Query, Search, search
    from imgforensics.verification import Verification, verify

__version__ = "0.1.0"

__all__ = [
    "DOCKER",
    "GO_CONTAINERREGISTRY",
    "OVERLAYFS",
    "REPRODUCIBLE",
    "UMOCI",
    "AmbiguousImageError",
    "ApplyRules",
    "BrokenHardLinkError",
    "DamagedBlobError",
    "DamagedDocumentError",
    "DamagedImageError",
    "DeletedFile",
    "Digest",
    "DirectoryTree",
    "EntryKind",
    "EnvironmentProblemError",
    "ExtractionRecord",
    "FileTree",
    "HashList",
    "Image",
    "ImageChoiceError",
    "ImageDiff",
    "ImageForensicsError",
    "ImageNotFoundError",
    "ImagePath",
    "ImageRecord",
    "Layer",
    "LayerEntry",
    "LimitExceededError",
    "Limits",
    "Match",
    "MissingBlobError",
    "MissingExtraError",
    "Node",
    "NotAFileError",
    "NotASymlinkError",
    "NotAnImageError",
    "OutputFailedError",
    "PathError",
    "PathEvent",
    "PathIsADirectoryError",
    "PathNotADirectoryError",
    "PathNotFoundError",
    "Problem",
    "ProblemCode",
    "Query",
    "QuestionError",
    "RecoveredDockerfile",
    "RootFilesystemError",
    "Rule",
    "Search",
    "Selection",
    "Severity",
    "SourceUnreadableError",
    "SymlinkLoopError",
    "UnsafeOutputError",
    "UnsupportedImageError",
    "Verification",
    "Waste",
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
    "DOCKER": "imgforensics.filesystem",
    "GO_CONTAINERREGISTRY": "imgforensics.filesystem",
    "OVERLAYFS": "imgforensics.filesystem",
    "REPRODUCIBLE": "imgforensics.comparison",
    "UMOCI": "imgforensics.filesystem",
    "AmbiguousImageError": "imgforensics.errors",
    "ApplyRules": "imgforensics.filesystem",
    "BrokenHardLinkError": "imgforensics.errors",
    "DamagedBlobError": "imgforensics.errors",
    "DamagedDocumentError": "imgforensics.errors",
    "DamagedImageError": "imgforensics.errors",
    "DeletedFile": "imgforensics.deleted",
    "Digest": "imgforensics.digests",
    "DirectoryTree": "imgforensics.comparison",
    "EntryKind": "imgforensics.layer",
    "EnvironmentProblemError": "imgforensics.errors",
    "ExtractionRecord": "imgforensics.extraction",
    "FileTree": "imgforensics.filesystem",
    "HashList": "imgforensics.searching",
    "Image": "imgforensics.image",
    "ImageChoiceError": "imgforensics.errors",
    "ImageDiff": "imgforensics.comparison",
    "ImageForensicsError": "imgforensics.errors",
    "ImageNotFoundError": "imgforensics.errors",
    "ImagePath": "imgforensics.filesystem",
    "ImageRecord": "imgforensics.catalogue",
    "Layer": "imgforensics.layer",
    "LayerEntry": "imgforensics.layer",
    "LimitExceededError": "imgforensics.errors",
    "Limits": "imgforensics.limits",
    "Match": "imgforensics.searching",
    "MissingBlobError": "imgforensics.errors",
    "MissingExtraError": "imgforensics.errors",
    "Node": "imgforensics.filesystem",
    "NotAFileError": "imgforensics.errors",
    "NotASymlinkError": "imgforensics.errors",
    "NotAnImageError": "imgforensics.errors",
    "OutputFailedError": "imgforensics.errors",
    "PathError": "imgforensics.errors",
    "PathEvent": "imgforensics.filesystem",
    "PathIsADirectoryError": "imgforensics.errors",
    "PathNotADirectoryError": "imgforensics.errors",
    "PathNotFoundError": "imgforensics.errors",
    "Problem": "imgforensics.problems",
    "ProblemCode": "imgforensics.problems",
    "Query": "imgforensics.searching",
    "QuestionError": "imgforensics.errors",
    "RecoveredDockerfile": "imgforensics.dockerfile",
    "RootFilesystemError": "imgforensics.errors",
    "Rule": "imgforensics.comparison",
    "Search": "imgforensics.searching",
    "Selection": "imgforensics.extraction",
    "Severity": "imgforensics.problems",
    "SourceUnreadableError": "imgforensics.errors",
    "SymlinkLoopError": "imgforensics.errors",
    "UnsafeOutputError": "imgforensics.errors",
    "UnsupportedImageError": "imgforensics.errors",
    "Verification": "imgforensics.verification",
    "Waste": "imgforensics.deleted",
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
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if not name.startswith("_") and find_spec(room := f"{__name__}.{name}"):
        return import_module(room)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
