"""`ls`: the merged filesystem after a layer, or every entry of every layer."""

import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Annotated

import typer

from imgforensics.errors import PathError, PathNotFoundError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.resolve import resolve
from imgforensics.filesystem.tree import FileTree, walk
from imgforensics.image import Image
from imgforensics.layer import EntryKind, LayerEntry, normalise_path
from imgforensics.opening import Need
from imgforensics.problems import display
from imgforensics.serialise import (
    bytes_to_json,
    entry_to_json,
    identity_to_json,
    node_to_json,
    problem_to_json,
)
from imgforensics_cli.failures import Status, message_of
from imgforensics_cli.options import LayerNumber
from imgforensics_cli.output import say, write_document, write_lines
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics ls suspect.tar /etc",
    "imgforensics ls -l -R --layer 0 suspect.tar",
    "imgforensics ls -l -R --all-layers suspect.tar | grep '\\.wh\\.'",
    "imgforensics ls -R -0 suspect.tar | xargs -0 -n1",
)
