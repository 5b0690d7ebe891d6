"""`deleted_files`: every version that a layer holds and the final filesystem does not show."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imgforensics.filesystem.path import file_entry
from imgforensics.image import Image
from imgforensics.layer import EntryKind, Layer
from imgforensics.problems import Problem, display
from imgforensics.versions import Ending, Fate, Version, Versions, read_all_layers


@dataclass(frozen=True, slots=True)
class DeletedFile:
    """One version that a container does not see; its content is still in its layer."""

    image: Image
    version: Version
    fate: Fate
    layer: Layer
    """The layer that put it at its path."""
    by: Layer | None
    """The layer that deleted, overwrote or hid it; None for what was never shown."""

    @property
    def path(self) -> bytes:
        """Relative to the root."""
        return self.version.path

    @property
    def size(self) -> int:
        """Of its content, in bytes; 0 for all but files, which have none."""
        node = self.version.node
        return node.size if node.kind is EntryKind.FILE else 0

    def read_bytes(self) -> bytes:
        """The whole content; raises `PathError` for what has none, and `DamagedBlobError`."""
        with self.image.open_content(file_entry(self.path, self.version.node)) as file:
            return file.read()

    def __str__(self) -> str:
        by = "" if self.by is None else f" by layer {self.by.index}"
        held = f"layer {self.layer.index}"
        return f"{display(b'/' + self.path)}, held by {held}: {self.fate}{by}"

    def __repr__(self) -> str:
        return f"<DeletedFile {self}>"


def deleted_files(
    image: Image,
    *,
    selected: Callable[[bytes], bool] | None = None,
    problems: list[Problem] | None = None,
) -> Iterator[DeletedFile]:
    """Every version that a lower layer still holds and the top does not show.

    Files, links and devices, and directories where no directory stands any more; `selected`
    chooses by path. They come in the order of the layers that ended them. Where a layer is
    absent, only what layers below it ended themselves, or above it, is known; that, and
    layers that reach a limit, is added to `problems`.
    """
    read_all_layers(image, [] if problems is None else problems)
    for ending in Versions(image).deleted():
        if selected is None or selected(ending.version.path):
            yield _deleted_file(image, ending)


def _deleted_file(image: Image, ending: Ending) -> DeletedFile:
    version = ending.version
    # A directory that only what was below it implied has no layer of its own.
    layer = version.layer if version.layer is not None else ending.by
    by = None if ending.by is None else image.layers[ending.by]
    return DeletedFile(image, version, ending.fate, image.layers[layer or 0], by)
