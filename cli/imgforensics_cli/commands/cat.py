"""`cat`: contents of files, as bytes."""

import base64
import codecs
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, BinaryIO

import typer

from imgforensics.errors import DamagedBlobError, PathError
from imgforensics.filesystem.resolve import Resolution, resolve
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics_cli.failures import Failures
from imgforensics_cli.options import LayerNumber
from imgforensics_cli.output import safe_lines
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics cat suspect.tar /etc/passwd /etc/group",
    "imgforensics cat --layer 3 suspect.tar /root/.aws/credentials",
    "imgforensics cat suspect.tar /usr/bin/env > env",
)
