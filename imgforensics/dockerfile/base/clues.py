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


class Clues(NamedTuple):
    """All that may tell a base's system, surest first."""

    texts: Sequence[str]
    """The base's rows."""
    labels: Mapping[str, str]
    """The base's labels."""
    facts: SystemFacts
    commands: str = ""
    """The texts of all rows, the image's own among them, one to a line."""
    day: date | None = None
    """When the base's first layer was made."""

    def says(self, *words: str) -> bool:
        """Whether some command has one of the words."""
        return any(word in self.commands for word in words)

    def codenames(self) -> list[str]:
        """Releases of Debian and Ubuntu that commands name, the one they name most first."""
        return _by_count(_CODENAME, self.commands)

    def enterprise_versions(self) -> list[str]:
        """Major versions of Enterprise Linux that commands name, as in `.el9`."""
        return _by_count(_ENTERPRISE, self.commands)

    def fedora_versions(self) -> list[str]:
        """Versions of Fedora that commands name, as in `.fc40`."""
        return _by_count(_FEDORA, self.commands)

    def alpine_versions(self) -> list[str]:
        """Branches of Alpine whose repositories commands name."""
        return _by_count(_ALPINE, self.commands)


def commands_text(texts: Sequence[str]) -> str:
    """Rows' texts as one; too much is cut off."""
    return "\n".join(texts)[:_MOST_TEXT]


def _by_count(pattern: re.Pattern[str], text: str) -> list[str]:
    return [found for found, _ in Counter(pattern.findall(text)).most_common()]
