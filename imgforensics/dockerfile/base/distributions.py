"""The system at the bottom of an image, and the names its image goes by.

Sources: each distribution's os-release (https://www.freedesktop.org/software/systemd/man/os-release.html)
and the names under which it publishes its image; Windows builds:
https://learn.microsoft.com/virtualization/windowscontainers/deploy-containers/version-compatibility
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class SystemFacts(NamedTuple):
    """What a base's own files tell of its system; empty where they were not read."""

    release: Mapping[str, str]
    """Its os-release."""
    is_slim: bool | None = None
    """Whether Debian's package manager is told to leave documentation out."""


class Distribution(NamedTuple):
    """A system, its image's names, and what tags of images built on it append."""

    names: tuple[str, ...] = ()
    """Best first."""
    suffixes: tuple[str, ...] = ("",)
    """`-alpine3.21`, `-bookworm`; best first."""
    is_debian: bool = False


_DEBUERREOTYPE = re.compile(r"# debian\.sh .*'(\w+)' '@\d+'")
_MINIROOT = re.compile(r"ADD \S*alpine-minirootfs-(\d+\.\d+)((?:\.\d+)?)\S*\.tar\S* / .*")
_WINDOWS = re.compile(r"Apply image (?:10\.0\.(\d+)\.\d+|.*)")
_WINDOWS_TAGS = {
    "14393": "ltsc2016",
    "17763": "ltsc2019",
    "20348": "ltsc2022",
    "26100": "ltsc2025",
}
_DEBIAN_RELEASES = {
    "jessie": "8",
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
}
_UBUNTU_CODENAMES = {
    "14.04": "trusty",
    "16.04": "xenial",
    "18.04": "bionic",
    "20.04": "focal",
    "22.04": "jammy",
    "24.04": "noble",
    "26.04": "resolute",
}
_NAMES = {
    "almalinux": ("almalinux:{version}", "almalinux:{major}"),
    "amzn": ("amazonlinux:{version}",),
    "arch": ("archlinux",),
    "azurelinux": ("mcr.microsoft.com/azurelinux/base/core:{version}",),
    "centos": ("centos:{version}", "quay.io/centos/centos:stream{version}"),
    "fedora": ("fedora:{version}",),
    "kali": ("kalilinux/kali-rolling",),
    "mariner": ("mcr.microsoft.com/cbl-mariner/base/core:{version}",),
    "ol": ("oraclelinux:{version}", "oraclelinux:{major}", "oraclelinux:{major}-slim"),
    "opensuse-leap": ("opensuse/leap:{version}",),
    "opensuse-tumbleweed": ("opensuse/tumbleweed",),
    "photon": ("photon:{version}",),
    "rocky": ("rockylinux/rockylinux:{version}", "rockylinux:{major}"),
    "sles": ("registry.suse.com/bci/bci-base:{version}",),
    "wolfi": ("cgr.dev/chainguard/wolfi-base",),
}
_LABELLED = re.compile(r"ubi(\d+)(?:/ubi)?(-minimal|-micro|-init)?")


def distribution_of(
    texts: Sequence[str], labels: Mapping[str, str], facts: SystemFacts
) -> Distribution:
    """The system of a base, from its rows' texts, the labels they set, and its files."""
    first = texts[0] if texts else ""
    if match := _DEBUERREOTYPE.fullmatch(first):
        return _debian(match[1], facts)
    if match := _MINIROOT.fullmatch(first):
        return _alpine(match[1] + match[2])
    if match := _WINDOWS.fullmatch(first):
        return _windows(match[1], texts)
    return _by_labels(labels) or _by_release(facts)


def _by_labels(labels: Mapping[str, str]) -> Distribution | None:
    version = labels.get("org.opencontainers.image.version", "")
    if labels.get("org.opencontainers.image.ref.name") == "ubuntu" and version:
        return _ubuntu(version)
    match = _LABELLED.fullmatch(labels.get("name", ""))
    if match and labels.get("vendor", "").startswith("Red Hat"):
        name = f"registry.access.redhat.com/ubi{match[1]}/ubi{match[2] or ''}"
        tag = f"{labels.get('version', '')}-{labels.get('release', '')}".strip("-")
        return Distribution((f"{name}:{tag}", name) if tag else (name,))
    return None


def _by_release(facts: SystemFacts) -> Distribution:
    release = facts.release
    identity, version = release.get("ID", ""), release.get("VERSION_ID", "")
    if identity == "alpine" and version:
        return _alpine(version)
    codename = release.get("VERSION_CODENAME") or _codename(release.get("VERSION", ""))
    if identity == "debian" and codename:
        return _debian(codename, facts)
    if identity == "ubuntu" and version:
        return _ubuntu(version)
    parts = {"version": version, "major": version.partition(".")[0], "codename": codename}
    forms = (_filled(form, parts) for form in _NAMES.get(identity, ()))
    names = tuple(dict.fromkeys(form for form in forms if form))
    return Distribution(names, (f"-{codename}", "") if codename else ("",))


def _filled(form: str, parts: Mapping[str, str]) -> str:
    """A name with its parts filled in; empty where one of them is not known."""
    needed = re.findall(r"\{(\w+)\}", form)
    return form.format(**parts) if all(parts[name] for name in needed) else ""


def _codename(version: str) -> str:
    match = re.search(r"\((\w+)\)", version)
    return match[1].lower() if match else ""


def _debian(codename: str, facts: SystemFacts) -> Distribution:
    slim, full = f"debian:{codename}-slim", f"debian:{codename}"
    names = [full, slim] if facts.is_slim is False else [slim, full]
    release = _DEBIAN_RELEASES.get(codename)
    names += [name.replace(codename, release) for name in names] if release else []
    return Distribution(tuple(names), (f"-{codename}", ""), is_debian=True)


def _ubuntu(version: str) -> Distribution:
    codename = _UBUNTU_CODENAMES.get(version)
    names = (f"ubuntu:{version}", *((f"ubuntu:{codename}",) if codename else ()))
    return Distribution(names, (f"-{codename}", "") if codename else ("",))


def _alpine(version: str) -> Distribution:
    branch = ".".join(version.split(".")[:2])
    names = tuple(dict.fromkeys((f"alpine:{version}", f"alpine:{branch}")))
    return Distribution(names, (f"-alpine{branch}", "-alpine"))


def _windows(build: str | None, texts: Sequence[str]) -> Distribution:
    """Windows by its build number; a Server Core takes an update after its first layer."""
    tag = _WINDOWS_TAGS.get(build or "")
    if tag is None:
        return Distribution()
    has_update = any(text.startswith("Install update ") for text in texts)
    edition = "servercore" if has_update else "nanoserver"
    name = f"mcr.microsoft.com/windows/{edition}:{tag}"
    return Distribution((name,), (f"-windows{edition}-{tag}", f"-{edition}-{tag}"))
