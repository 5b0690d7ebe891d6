"""How layers are applied, as a value: engines disagree on some images.

Each preset says what one engine shows. What they agree on is not a rule and stands in
:mod:`imgforensics.filesystem.apply`.
"""

from dataclasses import dataclass
from enum import Enum


class SymlinkParents(Enum):
    """When an entry's parent is a symbolic link, whose links lead to another directory."""

    SAME_LAYER = "same-layer"
    """Links that the entry's own layer added before it. A lower layer's link is hidden by a
    real directory: overlayfs sees layers side by side, not each other's links."""
    EVERY_LAYER = "every-layer"
    """Links of any layer: the engine unpacks all layers into one directory."""
    NEVER = "never"
    """None: paths are taken as text."""


class Precedence(Enum):
    """What counts where several entries are about one path."""

    LAYERS = "layers"
    """Each layer lies over those below: its whiteouts first, then what it adds, in order."""
    NAMES = "names"
    """The first entry or whiteout of a name, layers taken from the top down; opaque markers
    hide nothing (:mod:`imgforensics.filesystem.flatten`)."""


@dataclass(frozen=True, slots=True)
class ApplyRules:
    """What engines disagree on."""

    name: str
    symlink_parents: SymlinkParents = SymlinkParents.SAME_LAYER
    precedence: Precedence = Precedence.LAYERS
    whiteouts: bool = True
    """Whether names with the whiteout prefix delete; without, they are names like others."""
    device_whiteouts: bool = False
    """Whether a character device 0/0 deletes as well: on overlayfs it is what a whiteout is.

    Source: https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories
    """
    whiteouts_are_files: bool = False
    """Whether each whiteout becomes a file of its layer, in its turn, as overlayfs has it. Then
    it needs a directory to stand in, and makes one where none is or a lower link stands; a
    directory of its name that follows it takes its place, and what is below shows again; and
    an opaque root deletes nothing. The image specification knows none of this."""


OVERLAYFS = ApplyRules("overlayfs", device_whiteouts=True)
"""What a container sees: Docker, containerd and podman on the kernel's overlayfs, of any layer
that an engine wrote; of others `DOCKER` knows more."""

UMOCI = ApplyRules("umoci", symlink_parents=SymlinkParents.EVERY_LAYER)
"""`umoci unpack`: every layer into one directory, parents resolved inside it.

Source: umoci, oci/layer/tar_extract.go (`SecureJoin` of the parent; `upperPaths`).
"""

DOCKER = ApplyRules("docker", device_whiteouts=True, whiteouts_are_files=True)
"""What Docker and podman unpack for overlayfs: they take a layer's whiteouts at their word.

Source: moby, pkg/archive/archive_linux.go (`overlayWhiteoutConverter.ConvertRead`), and the
trees of Docker 20.10 and podman 4.3. What they refuse (a whiteout of what the layer has just
added, a path twice) is applied here all the same.
"""

GO_CONTAINERREGISTRY = ApplyRules(
    "go-containerregistry",
    symlink_parents=SymlinkParents.NEVER,
    precedence=Precedence.NAMES,
)
"""`crane export` and the scanners built on `mutate.Extract`: names only, top layer first.

Source: go-containerregistry, pkg/v1/mutate/mutate.go (`extract`, `inWhiteoutDir`).
"""

RAW = ApplyRules("raw", whiteouts=False)
"""One layer as its archive has it, whiteout files and all. No engine: a way to look."""

PRESETS = {rules.name: rules for rules in (OVERLAYFS, DOCKER, UMOCI, GO_CONTAINERREGISTRY)}
