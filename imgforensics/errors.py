"""The errors that end a question.

Damage that one can get past is a :class:`~imgforensics.problems.Problem`, returned beside
the answer. What is here means that there is no answer::

    ImageForensicsError
    ├── NotAnImageError              the source is something else
    │   ├── RootFilesystemError      ... a plain root filesystem (`docker export`)
    │   └── UnsupportedImageError    ... a format we name and do not read
    ├── ImageChoiceError             which image is meant is not settled
    │   ├── AmbiguousImageError      several are possible
    │   └── ImageNotFoundError       none answers to that name, digest, number or platform
    ├── DamagedImageError            it is an image, and bytes it needs are absent or wrong
    │   ├── DamagedDocumentError     an index, manifest or config does not parse
    │   ├── MissingBlobError         a blob is not in the source
    │   └── DamagedBlobError         a blob's bytes are not what the image declares
    ├── QuestionError                what was asked makes no sense: a pattern, a size, a date
    ├── LimitExceededError           a limit stopped the work; the message says how to raise it
    ├── UnsafeOutputError            writing would alter something it must not
    ├── EnvironmentProblemError      this machine: permission, space, a missing extra
    │   ├── MissingExtraError        an optional dependency is not installed
    │   ├── SourceUnreadableError    the source itself cannot be opened or read
    │   └── OutputFailedError        the target cannot take what is written
    └── PathError                    a path inside an image; each is also the matching OSError
        ├── PathNotFoundError        (FileNotFoundError)
        ├── PathNotADirectoryError   (NotADirectoryError)
        ├── PathIsADirectoryError    (IsADirectoryError)
        ├── NotAFileError            a device, FIFO or the like has no content to read
        ├── NotASymlinkError         readlink of something else
        ├── SymlinkLoopError         too many links while resolving
        └── BrokenHardLinkError      its target is in no layer (FileNotFoundError)
"""

import errno
import os


class ImageForensicsError(Exception):
    """Base of everything this library raises on purpose."""


class NotAnImageError(ImageForensicsError):
    """The source is readable, and is no container image."""


class RootFilesystemError(NotAnImageError):
    """The source is a plain root filesystem archive, as `docker export` writes."""


class UnsupportedImageError(NotAnImageError):
    """The source is an image in a form that is named and not read (schema 1, encrypted)."""


class ImageChoiceError(ImageForensicsError):
    """Which image of the source is meant is not settled."""


class AmbiguousImageError(ImageChoiceError):
    """Several images are possible and none was chosen; the message lists them."""


class ImageNotFoundError(ImageChoiceError):
    """No image of the source answers to the given name, digest, number or platform."""


class DamagedImageError(ImageForensicsError):
    """The source is an image, and bytes that the question needs are absent or wrong."""


class DamagedDocumentError(DamagedImageError):
    """An index, manifest, config or list does not parse into what it should be."""


class MissingBlobError(DamagedImageError):
    """A blob that the question needs is not in the source."""


class DamagedBlobError(DamagedImageError):
    """A blob's bytes are not those that the image declares."""


class QuestionError(ImageForensicsError, ValueError):
    """What was asked makes no sense: a pattern that does not compile, a size that is none."""


class LimitExceededError(ImageForensicsError):
    """A limit of :class:`~imgforensics.limits.Limits` stopped the work."""

    def __init__(
        self, name: str, limit: int | float, detail: str, place: object | None = None
    ) -> None:
        self.name = name
        self.limit = limit
        self.explanation = (
            f"{detail}: over the limit {name}={limit}; "
            f"raise it with Limits({name}=...) or --limit {name}=... if the image is to be trusted "
            "so far"
        )
        """All of the message but the place."""
        super().__init__(self.explanation if place is None else f"{place}: {self.explanation}")
        self._detail = detail

    def at(self, place: object) -> "LimitExceededError":
        """The same, met at a place that whoever raised it did not know."""
        return LimitExceededError(self.name, self.limit, self._detail, place)


class UnsafeOutputError(ImageForensicsError):
    """Writing would alter something that is not ours to alter."""


class EnvironmentProblemError(ImageForensicsError):
    """The image may be sound; this machine stands in the way."""


class MissingExtraError(EnvironmentProblemError):
    """An optional dependency is not installed; the message is the line that installs it."""


class SourceUnreadableError(EnvironmentProblemError):
    """The source cannot be opened or read: it does not exist, or permission is denied."""


class OutputFailedError(EnvironmentProblemError):
    """The target cannot take what is written: full, read-only, case-folding, denied."""


class PathError(ImageForensicsError, OSError):
    """A path inside an image does not allow what was asked."""

    code = errno.EIO

    def __init__(self, path: str, detail: str | None = None) -> None:
        OSError.__init__(self, self.code, detail or os.strerror(self.code), path)


class PathNotFoundError(PathError, FileNotFoundError):
    """Nothing has this path in the image's filesystem."""

    code = errno.ENOENT


class PathNotADirectoryError(PathError, NotADirectoryError):
    """A directory was asked for, or needed on the way, and something else is there."""

    code = errno.ENOTDIR


class PathIsADirectoryError(PathError, IsADirectoryError):
    """A file was asked for and a directory is there."""

    code = errno.EISDIR


class NotAFileError(PathError):
    """A device, FIFO or socket has no content to read."""

    code = errno.ENXIO


class NotASymlinkError(PathError):
    """`readlink` of something that is no symbolic link."""

    code = errno.EINVAL


class SymlinkLoopError(PathError):
    """More symbolic links on the way than the kernel would follow (40)."""

    code = errno.ELOOP


class BrokenHardLinkError(PathError, FileNotFoundError):
    """A hard link whose target no layer holds."""

    code = errno.ENOENT
