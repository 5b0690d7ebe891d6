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


class Duplicates(Enum):
    """Which of a layer's entries with one path counts."""

    LAST = "last"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class ApplyRules:
    """What engines disagree on."""

    name: str
    symlink_parents: SymlinkParents = SymlinkParents.SAME_LAYER
    opaque_directories: bool = True
    """Whether `.wh..wh..opq` hides what lower layers hold in its directory."""
    duplicates: Duplicates = Duplicates.LAST
    whiteouts_hide_own_layer: bool = False
    """Whether a whiteout also hides what its own layer adds at or below that path after it,
    and does nothing to a path that its own layer added before it."""
    whiteouts: bool = True
    """Whether names with the whiteout prefix delete; without, they are names like others."""


OVERLAYFS = ApplyRules("overlayfs")
"""What a container sees: Docker, containerd and podman on the kernel's overlayfs."""

UMOCI = ApplyRules("umoci", symlink_parents=SymlinkParents.EVERY_LAYER)
"""`umoci unpack`: every layer into one directory, parents resolved inside it.

Source: umoci, oci/layer/tar_extract.go (`SecureJoin` of the parent; `upperPaths`).
"""

GO_CONTAINERREGISTRY = ApplyRules(
    "go-containerregistry",
    symlink_parents=SymlinkParents.NEVER,
    opaque_directories=False,
    duplicates=Duplicates.FIRST,
    whiteouts_hide_own_layer=True,
)
"""`crane export` and the scanners built on `mutate.Extract`: names only, top layer first.

Layers are applied from the bottom all the same, so two things differ: what a layer holds below
its own non-directory, and what a layer both deletes and adds below a directory listed above it.

Source: go-containerregistry, pkg/v1/mutate/mutate.go (`extract`, `inWhiteoutDir`).
"""

RAW = ApplyRules("raw", whiteouts=False)
"""One layer as its archive has it, whiteout files and all. No engine: a way to look."""

PRESETS = {rules.name: rules for rules in (OVERLAYFS, UMOCI, GO_CONTAINERREGISTRY)}
