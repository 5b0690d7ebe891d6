"""Whether an image's documents can tell what its base was called."""

import json
import re
from collections.abc import Mapping
from typing import Any

_SCRATCH = "scratch"
_PART = re.compile(r"[a-z]+|[0-9]+(?:\.[0-9]+)*")
_VARIANTS = frozenset(
    {"apache", "cli", "curl", "fpm", "jdk", "jre", "latest", "lts", "scm", "slim", "v"}
)
"""Parts of tags that rows show by what they do, and no document spells out."""
_OF_WINDOWS = "mcr.microsoft.com/windows/"
_SPELT = {
    "ltsc": "apply image 10.0",
    "2016": "10.0.14393",
    "2019": "10.0.17763",
    "2022": "10.0.20348",
    "2025": "10.0.26100",
    "nanoserver": "apply image",
    "servercore": "install update",
}
"""How rows of Windows have it."""


def is_told_by(config: Mapping[str, Any], name: str) -> bool:
    """Whether history and configuration have every part of a base's name: system, version.

    Bases that were made up for a test have the rows of another version than they are called by.
    """
    if name == _SCRATCH:
        return True
    if name.startswith("sha256") or re.fullmatch(r"[0-9a-f]{64}", name):
        return False
    text = json.dumps([config.get("history"), config.get("config")]).lower()
    parts = _PART.findall(name.removeprefix(_OF_WINDOWS))
    return all(_has(text, part) for part in parts if part not in _VARIANTS)


def _has(text: str, part: str) -> bool:
    if part in _SPELT:
        return _SPELT[part] in text
    return re.search(rf"(?<![0-9.]){re.escape(part)}(?![0-9])", text) is not None
