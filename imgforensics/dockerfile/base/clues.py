"""What an image tells of the system its base holds."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from imgforensics.dockerfile.base.releases import DEBIAN, UBUNTU

_MOST_TEXT = 4 << 20
"""Characters of commands that are looked through."""
_NAMES = "|".join(each.codename for each in (*DEBIAN, *UBUNTU))
_CODENAME = re.compile(rf"[~/ \t'\"=]({_NAMES})(?=[-/ \t'\";|)]|$)")
_ENTERPRISE = re.compile(r"(?:\.el|/el/|epel-release-latest-)([0-9]{1,2})(?![0-9])")
_FEDORA = re.compile(r"(?:\.fc|DISTTAG=f)([0-9]{2})(?![0-9])")
_ALPINE = re.compile(r"alpine/v([0-9]+\.[0-9]+)/")


class SystemFacts(NamedTuple):
    """What a base's own files tell of its system; empty where they were not read."""

    release: Mapping[str, str]
    """Its os-release."""
    is_slim: bool | None = None
    """Whether Debian's package manager is told to leave documentation out."""
    debian_version: str = ""
    """The point release, `12.5`."""
    busybox_version: str = ""
    """Of BusyBox, in an image that has no os-release."""


class Commands:
    """The texts of all rows of an image, its own among them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._text = "\n".join(texts)[:_MOST_TEXT]
        self.codenames = _by_count(_CODENAME, self._text)
        """Releases of Debian and Ubuntu that they name, the one they name most first."""
        self.enterprise_versions = _by_count(_ENTERPRISE, self._text)
        """Major versions of Enterprise Linux, as in `.el9`."""
        self.fedora_versions = _by_count(_FEDORA, self._text)
        """Versions of Fedora, as in `.fc40`."""
        self.alpine_versions = _by_count(_ALPINE, self._text)
        """Branches of Alpine whose repositories they name."""

    def have(self, text: str) -> bool:
        """Whether some command has this text."""
        return text in self._text


class Clues(NamedTuple):
    """All that may tell a base's system, surest first."""

    texts: Sequence[str]
    """The base's lowest rows."""
    labels: Mapping[str, str]
    """The base's labels."""
    facts: SystemFacts
    commands: Commands
    day: date | None = None
    """When the base's first layer was made."""


def _by_count(pattern: re.Pattern[str], text: str) -> list[str]:
    return [found for found, _ in Counter(pattern.findall(text)).most_common()]
