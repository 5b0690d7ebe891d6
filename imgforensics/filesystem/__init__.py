"""Layers' entries → one immutable tree per layer → paths, resolutions, history."""

from imgforensics.filesystem.apply import apply_layer
from imgforensics.filesystem.history import Change, PathEvent
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.path import ImagePath
from imgforensics.filesystem.resolve import Resolution, resolve
from imgforensics.filesystem.rules import (
    DOCKER,
    GO_CONTAINERREGISTRY,
    OVERLAYFS,
    PRESETS,
    UMOCI,
    ApplyRules,
    Precedence,
    SymlinkParents,
)
from imgforensics.filesystem.tree import EMPTY_TREE, FileTree

__all__ = [
    "DOCKER",
    "EMPTY_TREE",
    "GO_CONTAINERREGISTRY",
    "OVERLAYFS",
    "PRESETS",
    "UMOCI",
    "ApplyRules",
    "Change",
    "FileTree",
    "ImagePath",
    "Node",
    "PathEvent",
    "Precedence",
    "Resolution",
    "SymlinkParents",
    "apply_layer",
    "resolve",
]
