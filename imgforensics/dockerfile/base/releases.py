"""Releases of the systems that most images stand on: numbers, code names, days.

Sources: https://www.debian.org/releases/, https://releases.ubuntu.com/,
https://alpinelinux.org/releases/, and for Windows
https://learn.microsoft.com/virtualization/windowscontainers/deploy-containers/version-compatibility
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple


class Release(NamedTuple):
    """One release of a system."""

    number: str
    codename: str
    day: date


DEBIAN = (
    Release("6", "squeeze", date(2011, 2, 6)),
    Release("7", "wheezy", date(2013, 5, 4)),
    Release("8", "jessie", date(2015, 4, 25)),
    Release("9", "stretch", date(2017, 6, 17)),
    Release("10", "buster", date(2019, 7, 6)),
    Release("11", "bullseye", date(2021, 8, 14)),
    Release("12", "bookworm", date(2023, 6, 10)),
    Release("13", "trixie", date(2025, 8, 9)),
)
UBUNTU = (
    Release("10.04", "lucid", date(2010, 4, 29)),
    Release("12.04", "precise", date(2012, 4, 26)),
    Release("14.04", "trusty", date(2014, 4, 17)),
    Release("16.04", "xenial", date(2016, 4, 21)),
    Release("18.04", "bionic", date(2018, 4, 26)),
    Release("20.04", "focal", date(2020, 4, 23)),
    Release("22.04", "jammy", date(2022, 4, 21)),
    Release("24.04", "noble", date(2024, 4, 25)),
    Release("26.04", "resolute", date(2026, 4, 23)),
)
"""Those with long support, as most images have."""
ALPINE = (
    Release("3.3", "", date(2015, 12, 18)),
    Release("3.4", "", date(2016, 5, 31)),
    Release("3.5", "", date(2016, 12, 22)),
    Release("3.6", "", date(2017, 5, 24)),
    Release("3.7", "", date(2017, 11, 30)),
    Release("3.8", "", date(2018, 6, 26)),
    Release("3.9", "", date(2019, 1, 29)),
    Release("3.10", "", date(2019, 6, 19)),
    Release("3.11", "", date(2019, 12, 19)),
    Release("3.12", "", date(2020, 5, 29)),
    Release("3.13", "", date(2021, 1, 14)),
    Release("3.14", "", date(2021, 6, 15)),
    Release("3.15", "", date(2021, 11, 24)),
    Release("3.16", "", date(2022, 5, 23)),
    Release("3.17", "", date(2022, 11, 22)),
    Release("3.18", "", date(2023, 5, 9)),
    Release("3.19", "", date(2023, 12, 7)),
    Release("3.20", "", date(2024, 5, 22)),
    Release("3.21", "", date(2024, 12, 5)),
    Release("3.22", "", date(2025, 5, 30)),
    Release("3.23", "", date(2025, 12, 3)),
)
WINDOWS_TAGS = {
    "14393": "ltsc2016",
    "17763": "ltsc2019",
    "20348": "ltsc2022",
    "26100": "ltsc2025",
}
"""Builds of Windows Server, and the tags of their images."""
_IN_USE = 2


def number_of(codename: str) -> str | None:
    """The number of the Debian or Ubuntu release of this name."""
    found = (each.number for each in (*DEBIAN, *UBUNTU) if each.codename == codename)
    return next(found, None)


def codename_of(number: str) -> str | None:
    """The name of the Ubuntu release of this number."""
    return next((each.codename for each in UBUNTU if each.number == number), None)


def in_use(releases: Sequence[Release], day: date) -> Iterator[Release]:
    """Those that most images of that day stand on: the newest one, and the one before it."""
    out = [each for each in releases if each.day <= day]
    yield from out[: -_IN_USE - 1 : -1]
