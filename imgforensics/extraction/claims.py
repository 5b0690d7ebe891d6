"""What upper layers claim of the filesystem, while layers are read from the top down."""

from imgforensics.filesystem.whiteout import Whiteout, WhiteoutKind


class Claims:
    """Decides, before a lower layer is read, which of its files can still survive.

    A file survives unless an upper layer holds something at its path, deletes it, or
    hides a directory above it. What a layer claims binds the layers below it only, so
    claims are collected while a layer is read and take effect with :meth:`settle`.
    """

    def __init__(self) -> None:
        self._taken: set[bytes] = set()
        self._directories: set[bytes] = set()
        self._opaque: set[bytes] = set()
        self._hidden: dict[bytes, bool] = {b"": False}
        self._arriving: list[bytes] = []
        self._arriving_directories: list[bytes] = []
        self._arriving_opaque: list[bytes] = []

    def add(self, path: bytes) -> None:
        """The layer being read holds something other than a directory at `path`."""
        self._arriving.append(path)

    def add_directory(self, path: bytes) -> None:
        """The layer being read holds a directory at `path`."""
        self._arriving_directories.append(path)

    def add_whiteout(self, whiteout: Whiteout) -> None:
        """The layer being read deletes."""
        if whiteout.kind is WhiteoutKind.PLAIN:
            self._arriving.append(whiteout.path)
        elif whiteout.kind is WhiteoutKind.OPAQUE:
            self._arriving_opaque.append(whiteout.path)

    def is_free(self, path: bytes) -> bool:
        """Whether a file at `path` survives all layers above the one being read."""
        if path in self._taken or path in self._directories:
            return False
        directory = path.rpartition(b"/")[0]
        hidden = self._hidden.get(directory)
        return not (self._is_hidden(directory) if hidden is None else hidden)

    def settle(self) -> None:
        """The layer has been read: from now on its claims hold."""
        self._taken.update(self._arriving)
        self._opaque.update(self._arriving_opaque)
        for path in self._arriving:
            self._add_directories_to(path.rpartition(b"/")[0])
        for path in self._arriving_directories:
            self._add_directories_to(path)
        for arriving in (self._arriving, self._arriving_directories, self._arriving_opaque):
            arriving.clear()
        self._hidden = {b"": b"" in self._opaque}

    def _add_directories_to(self, path: bytes) -> None:
        while path and path not in self._directories:
            self._directories.add(path)
            path = path.rpartition(b"/")[0]

    def _is_hidden(self, directory: bytes) -> bool:
        above = []
        hidden = self._hidden
        while directory not in hidden:
            above.append(directory)
            directory = directory.rpartition(b"/")[0]
        answer = hidden[directory]
        for path in reversed(above):
            answer = answer or path in self._taken or path in self._opaque
            hidden[path] = answer
        return answer
