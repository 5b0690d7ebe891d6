"""Package databases of an image: dpkg, apk, rpm, Python, npm; read from their files alone."""

from imgforensics.scanners.packages.changes import PackageChange, PackageVerdict, compare_packages
from imgforensics.scanners.packages.inventory import package_changes, packages_in, packages_of
from imgforensics.scanners.packages.package import Ecosystem, Inventory, Package
from imgforensics.scanners.packages.versions import compare_versions

__all__ = [
    "Ecosystem",
    "Inventory",
    "Package",
    "PackageChange",
    "PackageVerdict",
    "compare_packages",
    "compare_versions",
    "package_changes",
    "packages_in",
    "packages_of",
]
