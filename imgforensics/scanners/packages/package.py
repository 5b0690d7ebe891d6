"""A package that an image has installed, as one of its databases says."""

from dataclasses import dataclass
from enum import StrEnum

from imgforensics.problems import Problem, display


class Ecosystem(StrEnum):
    """Whose database it is."""

    DPKG = "dpkg"
    APK = "apk"
    RPM = "rpm"
    PYTHON = "python"
    NPM = "npm"


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One installed package; text as the database has it, undecodable bytes escaped."""

    ecosystem: Ecosystem
    name: str
    version: str
    """With epoch and release, where the ecosystem has them: `1:2.36-9+deb12u4`."""
    architecture: str = ""
    """Empty where the ecosystem has none."""
    source: str = ""
    """The source package, where the database names another one than `name`."""
    path: bytes = b""
    """The file that says so, relative to the image's root."""

    def __str__(self) -> str:
        architecture = f":{self.architecture}" if self.architecture else ""
        return display(f"{self.name}{architecture} {self.version}")


@dataclass(frozen=True, slots=True)
class Inventory:
    """All packages of a filesystem, and the databases that could not be read."""

    packages: tuple[Package, ...]
    """In order of ecosystem, name and version."""
    problems: tuple[Problem, ...] = ()


class InvalidDatabaseError(ValueError):
    """A database is not what its name says; the message says where and how."""
