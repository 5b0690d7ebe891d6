"""The system at the bottom of an image, and the names its image goes by.

Sources: each distribution's os-release (https://www.freedesktop.org/software/systemd/man/os-release.html),
the rows and labels of its own image, and the names under which it publishes that.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from imgforensics.dockerfile.base.clues import Clues, SystemFacts
from imgforensics.dockerfile.base.releases import (
    ALPINE,
    DEBIAN,
    UBUNTU,
    WINDOWS_TAGS,
    codename_of,
    in_use,
    number_of,
)

_CERTAIN, _NAMED_BY_COMMANDS, _BY_DAY = 1.0, 0.6, 0.4


class Distribution(NamedTuple):
    """A system, its image's names, and what tags of images built on it append."""

    reason: str = ""
    """What tells of it."""
    names: tuple[str, ...] = ()
    """Best first."""
    suffixes: tuple[str, ...] = ("",)
    """`-alpine3.21`, `-bookworm`; best first."""
    is_debian: bool = False
    weight: float = _CERTAIN
    """From 0 to 1: what the reason is worth."""


_DEBUERREOTYPE = re.compile(r"# debian\.sh .*'(\w+)' '@(\d{1,11})'")
_MINIROOT = re.compile(r"ADD \S*alpine-minirootfs-(\d+\.\d+)((?:\.\d+)?)\S*\.tar\S* / .*")
_WINDOWS = re.compile(r"(?:Apply image|Install update) (?P<version>10\.0\.(?P<build>\d+)\.\d+)")
_ROOT_FILESYSTEM = re.compile(r"(?:/bin/sh -c #\(nop\) )?ADD file:[0-9a-f]{64} in / ?")
_NAMES = {
    "almalinux": ("almalinux:{version}", "almalinux:{major}", "almalinux"),
    "amzn": ("amazonlinux:{version}", "amazonlinux"),
    "arch": ("archlinux",),
    "azurelinux": ("mcr.microsoft.com/azurelinux/base/core:{version}",),
    "centos": ("centos:{version}", "quay.io/centos/centos:stream{version}"),
    "fedora": ("fedora:{version}", "registry.fedoraproject.org/fedora:{version}", "fedora"),
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
_BUSYBOX = re.compile(r'(?:/bin/sh -c #\(nop\)  )?CMD \["sh"\]')
_UNIVERSAL = re.compile(r"ubi(\d+)(?:/ubi)?(-minimal|-micro|-init)?")
_PHOTON = re.compile(r"Photon OS \S+/(\d+\.\d+) Base Image")
_REFERENCE = "org.opensuse.base.reference"
_UBUNTU = "org.opencontainers.image.ref.name"
_VERSION = "org.opencontainers.image.version"
TELLING_LABELS = frozenset({_REFERENCE, _UBUNTU, _VERSION, "name", "vendor", "version", "release"})
"""The labels that tell of a distribution."""
_SLIM_SINCE = date(2017, 3, 1)
"""When Debian's images without documentation were first published."""
_SLIM_MANAGER = "microdnf "


def distributions_of(clues: Clues) -> list[Distribution]:
    """The systems that a base may hold, the likeliest first; never none."""
    found = [each for each in _told(clues) if each.names or each.suffixes != ("",)]
    return found or [Distribution()]


def _told(clues: Clues) -> Iterator[Distribution]:
    readers = (_by_first_row, _by_labels, _by_release, _by_busybox)
    certain = next((found for reader in readers if (found := reader(clues))), None)
    if certain is not None:
        yield certain
        # Commands may name another release of the system, and mean no other system.
        yield from (each for each in _by_commands(clues) if _image(each) == _image(certain))
        return
    yield from _by_commands(clues)
    yield from _by_day(clues)


def _image(distribution: Distribution) -> str:
    return distribution.names[0].partition(":")[0] if distribution.names else ""


# What says it outright.


def _by_first_row(clues: Clues) -> Distribution | None:
    first = clues.texts[0] if clues.texts else ""
    if match := _DEBUERREOTYPE.fullmatch(first):
        serial = f"{datetime.fromtimestamp(int(match[2]), UTC):%Y%m%d}"
        reason = "the row of its root filesystem names release and day"
        return _debian(match[1], clues.facts, reason, serial=serial)
    if match := _MINIROOT.fullmatch(first):
        return _alpine(match[1] + match[2], "the row of its root filesystem names the version")
    if _WINDOWS.fullmatch(first):
        return _windows(clues.texts)
    return None


def _by_labels(clues: Clues) -> Distribution | None:
    labels = clues.labels
    version = labels.get(_VERSION, "")
    if labels.get(_UBUNTU) == "ubuntu" and version:
        return _ubuntu(version, "its labels name the version")
    if reference := labels.get(_REFERENCE):
        short = reference.removeprefix("registry.opensuse.org/")
        names = tuple(dict.fromkeys((reference, short, short.partition(":")[0])))
        return Distribution(f"the label {_REFERENCE} names it", names)
    if match := _PHOTON.fullmatch(labels.get("name", "")):
        return Distribution("its labels name it", (f"photon:{match[1]}",))
    return _universal_base(labels)


def _universal_base(labels: Mapping[str, str]) -> Distribution | None:
    """Red Hat's: the same image under its registry's two spellings, and under Docker's."""
    match = _UNIVERSAL.fullmatch(labels.get("name", ""))
    if not match or not labels.get("vendor", "").startswith("Red Hat"):
        return None
    major, variant = match[1], match[2] or ""
    registry = "registry.access.redhat.com"
    version = labels.get("version", "")
    tags = (f"{version}-{labels.get('release', '')}".strip("-"), version, "")
    images = (
        f"{registry}/ubi{major}/ubi{variant}",
        f"{registry}/ubi{major}{variant}",
        f"redhat/ubi{major}{variant}",
    )
    names = (f"{image}:{tag}".rstrip(":") for tag in tags for image in images)
    return Distribution("its labels name it", tuple(dict.fromkeys(names)))


def _by_release(clues: Clues) -> Distribution | None:
    release = clues.facts.release
    identity, version = release.get("ID", ""), release.get("VERSION_ID", "")
    codename = release.get("VERSION_CODENAME") or _codename(release.get("VERSION", ""))
    reason = "its os-release names it"
    if not identity:
        return None
    if identity == "alpine" and version:
        return _alpine(version, reason)
    if identity == "debian" and codename:
        return _debian(codename, clues.facts, reason)
    if identity == "ubuntu" and version:
        return _ubuntu(version, reason)
    suffixes = (f"-{codename}", "") if codename else ("",)
    return Distribution(reason, _published(identity, version, codename), suffixes)


def _by_busybox(clues: Clues) -> Distribution | None:
    """BusyBox alone, with the shell that no other image calls so."""
    if len(clues.texts) < 2 or not _BUSYBOX.fullmatch(clues.texts[1]):
        return None
    version = clues.facts.busybox_version
    parts = version.split(".") if version else []
    tags = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    reason = f"its program says BusyBox {version}" if version else "its last row is BusyBox's own"
    return Distribution(reason, (*(f"busybox:{tag}" for tag in tags), "busybox"))


def _published(identity: str, version: str, codename: str = "") -> tuple[str, ...]:
    parts = {"version": version, "major": version.partition(".")[0], "codename": codename}
    forms = (_filled(form, parts) for form in _NAMES.get(identity, ()))
    return tuple(dict.fromkeys(form for form in forms if form))


def _filled(form: str, parts: Mapping[str, str]) -> str:
    """A name with its parts filled in; empty where one of them is not known."""
    needed = re.findall(r"\{(\w+)\}", form)
    return form.format(**parts) if all(parts[name] for name in needed) else ""


def _codename(version: str) -> str:
    match = re.search(r"\((\w+)\)", version)
    return match[1].lower() if match else ""


# What commands name on the way.


def _by_commands(clues: Clues) -> Iterator[Distribution]:
    """Systems whose releases commands name, as those of package sources do."""
    weight = _NAMED_BY_COMMANDS
    for codename in clues.commands.codenames:
        reason = f"commands name {codename}"
        number = number_of(codename) or ""
        if "." in number:
            yield _ubuntu(number, reason)._replace(weight=weight)
        else:
            yield _debian(codename, clues.facts, reason)._replace(weight=weight)
    for version in clues.commands.alpine_versions:
        yield _alpine(version, f"commands name Alpine's branch {version}")._replace(weight=weight)
    for version in clues.commands.enterprise_versions:
        yield from _enterprise(version, clues)
    for version in clues.commands.fedora_versions:
        reason = f"commands name Fedora {version}"
        yield Distribution(reason, _published("fedora", version), weight=weight)


def _enterprise(version: str, clues: Clues) -> Iterator[Distribution]:
    """Enterprise Linux of whoever the base's rows name."""
    text = "\n".join(clues.texts)
    reason = f"commands name Enterprise Linux {version}"
    weight = _NAMED_BY_COMMANDS
    if "Oracle Linux" in text:
        names = [f"oraclelinux:{version}", f"oraclelinux:{version}-slim"]
        if clues.commands.have(_SLIM_MANAGER):
            names.reverse()
        yield Distribution(f"its rows name Oracle Linux, {reason}", tuple(names), weight=weight)
    elif "CentOS" in text:
        names = [f"centos:{version}", f"quay.io/centos/centos:stream{version}"]
        yield Distribution(f"its rows name CentOS, {reason}", tuple(names), weight=weight)


# What was in use on the day.


def _by_day(clues: Clues) -> Iterator[Distribution]:
    """The releases that were in use when a root filesystem was made whose kind alone is told."""
    day = clues.day
    if day is None or not any(map(_ROOT_FILESYSTEM.fullmatch, clues.texts[:3])):
        return
    text = "\n".join(clues.texts[:12])
    reason = f"in use on {day.isoformat()}, when the root filesystem was made"
    if "policy-rc.d" in text or "/run/systemd" in text:
        found = [_ubuntu(each.number, reason) for each in in_use(UBUNTU, day)]
    elif clues.commands.have("apt-get ") or 'CMD ["bash"]' in text:
        found = [_debian(each.codename, clues.facts, reason) for each in in_use(DEBIAN, day)]
        found = [_without_slim(each) for each in found] if day < _SLIM_SINCE else found
    elif clues.commands.have("apk "):
        found = [_alpine(each.number, reason) for each in in_use(ALPINE, day)]
    else:
        found = []
    for place, each in enumerate(found):
        yield each._replace(weight=_BY_DAY / (place + 1))


# Names.


def _debian(codename: str, facts: SystemFacts, reason: str, *, serial: str = "") -> Distribution:
    """Debian's tags: each release by name and number, and the image of one day."""
    variants = ("", "-slim") if facts.is_slim is False else ("-slim", "")
    dated = f"{codename}-{serial}" if serial else ""
    parts = (codename, number_of(codename), facts.debian_version, dated)
    names = [f"debian:{part}{variant}" for part in parts if part for variant in variants]
    return Distribution(reason, (*names, "debian"), (f"-{codename}", ""), is_debian=True)


def _without_slim(debian: Distribution) -> Distribution:
    names = tuple(name for name in debian.names if not name.endswith("-slim"))
    return debian._replace(names=names)


def _ubuntu(version: str, reason: str) -> Distribution:
    codename = codename_of(version)
    names = (f"ubuntu:{version}", *((f"ubuntu:{codename}",) if codename else ()), "ubuntu")
    return Distribution(reason, names, (f"-{codename}", "") if codename else ("",))


def _alpine(version: str, reason: str) -> Distribution:
    branch = ".".join(version.split(".")[:2])
    major = version.partition(".")[0]
    names = dict.fromkeys((f"alpine:{version}", f"alpine:{branch}", f"alpine:{major}", "alpine"))
    return Distribution(reason, tuple(names), (f"-alpine{branch}", "-alpine"))


def _windows(texts: Sequence[str]) -> Distribution:
    """Windows by its build number; a Server Core takes an update after its first layer."""
    layers = [match for text in texts if (match := _WINDOWS.fullmatch(text))]
    tag = WINDOWS_TAGS.get(layers[0]["build"])
    has_update = any(text.startswith("Install update ") for text in texts)
    edition = "servercore" if has_update else "nanoserver"
    name = f"mcr.microsoft.com/windows/{edition}"
    version = f"{name}:{layers[-1]['version']}"
    reason = "the row of its root filesystem names the build"
    if tag is None:
        return Distribution(reason, (version,))
    suffixes = (f"-windows{edition}-{tag}", f"-{edition}-{tag}", f"-windows{edition}")
    return Distribution(reason, (f"{name}:{tag}", version, f"{name}:{tag}-amd64"), suffixes)
