"""Packages of images, from every database that is known, sound or not."""

import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgforensics import ProblemCode, open_image
from imgforensics.scanners.packages import (
    Ecosystem,
    Inventory,
    Package,
    PackageVerdict,
    compare_packages,
    compare_versions,
    package_changes,
    packages_of,
)
from imgforensics.testing import Entry, ImageBuilder, archive, docker_layout, file, symlink
from tests.scanners.rpm_databases import (
    bdb_database,
    has_db_load,
    header,
    ndb_database,
    sqlite_database,
)

STATUS = b"""Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
Description: add
 Version: 9

Package: gone
Status: deinstall ok config-files
Version: 1.0
Architecture: amd64

Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u4
"""
INSTALLED = (
    b"P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\nF:lib\n\nP:ssl_client\nV:1.36-r5\nA:x86_64\no:busybox\n"
)
HEADERS = [
    header("bash", "5.1.8", "6.el9", size=9_000),
    header("gpg-pubkey", "1", "1"),
    header("shadow", "4.9", "8", epoch=2, size=20_000),
]
RPMS = [("bash", "5.1.8-6.el9"), ("shadow", "2:4.9-8")]


def inventory(tmp_path: Path, *layers: Sequence[Entry]) -> Inventory:
    path = tmp_path / "image.tar"
    path.write_bytes(archive(docker_layout(ImageBuilder(list(layers)))))
    with open_image(path) as image:
        return packages_of(image)


def names(found: Inventory) -> list[tuple[str, str]]:
    return [(package.name, package.version) for package in found.packages]


def test_dpkg(tmp_path: Path) -> None:
    found = inventory(tmp_path, [file("var/lib/dpkg/status", STATUS)])
    assert names(found) == [("adduser", "3.134"), ("libc6", "2.36-9+deb12u4")]
    libc = found.packages[1]
    assert (libc.source, libc.architecture, libc.path) == ("glibc", "amd64", b"var/lib/dpkg/status")
    assert str(libc) == "libc6:amd64 2.36-9+deb12u4"


def test_dpkg_says_the_same_of_its_own_format(tmp_path: Path) -> None:
    if not shutil.which("dpkg-query"):
        pytest.skip("no dpkg-query")
    (tmp_path / "status").write_bytes(STATUS)
    told = subprocess.run(
        [
            "dpkg-query",
            f"--admindir={tmp_path}",
            "-W",
            "-f",
            "${db:Status-Status} ${Package} ${Version}\n",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split() for line in told.splitlines()]
    installed = [(name, version) for status, name, version in rows if status == "installed"]
    assert names(inventory(tmp_path, [file("var/lib/dpkg/status", STATUS)])) == installed


def test_status_d_of_images_without_dpkg(tmp_path: Path) -> None:
    members = [
        file("var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 12.4\n"),
        file("var/lib/dpkg/status.d/base.md5sums", b"00  etc/x\n"),
    ]
    assert names(inventory(tmp_path, members)) == [("base-files", "12.4")]


@pytest.mark.parametrize("place", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_apk(tmp_path: Path, place: str) -> None:
    found = inventory(tmp_path, [file(place, INSTALLED)])
    assert names(found) == [("musl", "1.2.4-r2"), ("ssl_client", "1.36-r5")]
    assert [package.source for package in found.packages] == ["", "busybox"]


def test_a_database_behind_a_link_is_read_once(tmp_path: Path) -> None:
    members = [file("usr/lib/apk/db/installed", INSTALLED), symlink("lib", "usr/lib")]
    assert len(inventory(tmp_path, members).packages) == 2


@pytest.mark.parametrize("ahead", [False, True])
def test_rpm_in_sqlite(tmp_path: Path, ahead: bool) -> None:
    content = sqlite_database(tmp_path / "db", HEADERS, ahead=ahead)
    assert names(inventory(tmp_path, [file("var/lib/rpm/rpmdb.sqlite", content)])) == RPMS


def test_rpm_in_ndb(tmp_path: Path) -> None:
    member = file("usr/lib/sysimage/rpm/Packages.db", ndb_database(HEADERS))
    assert names(inventory(tmp_path, [member])) == RPMS


def test_rpm_in_berkeley_db(tmp_path: Path) -> None:
    if not has_db_load():
        pytest.skip("no db_load")
    many = [header(f"package{n}", "1", "2", size=300 * n + 5_000) for n in range(200)]
    content = bdb_database(tmp_path / "db", [*HEADERS, *many])
    found = names(inventory(tmp_path, [file("var/lib/rpm/Packages", content)]))
    assert set(RPMS) < set(found)
    assert len(found) == 202


def test_rpms_own_database(tmp_path: Path) -> None:
    if not shutil.which("rpmbuild"):
        pytest.skip("no rpmbuild")
    (tmp_path / "t.spec").write_text(
        "Name: tiny\nVersion: 1.2\nRelease: 3\nEpoch: 4\nSummary: t\nLicense: MIT\n"
        "BuildArch: noarch\n%description\nt\n%files\n"
    )
    top = ["--define", f"_topdir {tmp_path}/top", "--define", f"_rpmdir {tmp_path}"]
    subprocess.run(["rpmbuild", "-bb", *top, tmp_path / "t.spec"], capture_output=True, check=True)
    database = tmp_path / "db"
    install = ["rpm", "--define", "_db_backend sqlite", "--dbpath", str(database), "-i"]
    install += ["--justdb", "--nodeps", str(tmp_path / "noarch" / "tiny-1.2-3.noarch.rpm")]
    if Path("/etc/debian_version").exists():
        install.append("--force-debian")
    subprocess.run(install, capture_output=True, check=True)
    content = (database / "rpmdb.sqlite").read_bytes()
    found = inventory(tmp_path, [file("var/lib/rpm/rpmdb.sqlite", content)])
    assert names(found) == [("tiny", "4:1.2-3")]
    assert found.packages[0].source == "tiny-1.2-3.src.rpm"


def test_python_and_npm(tmp_path: Path) -> None:
    site = "usr/lib/python3/dist-packages"
    members = [
        file(f"{site}/Foo_Bar-2.1.dist-info/METADATA", b"Name: Foo_Bar\nVersion: 2.1\n\nName: x\n"),
        file(f"{site}/old-1.egg-info/PKG-INFO", b"Name: old\r\nVersion: 1\r\n"),
        file(f"{site}/lone-3.egg-info", b"Name: lone\nVersion: 3\n"),
        file("app/node_modules/left/package.json", b'{"name": "left", "version": "1.0.0"}'),
        file("app/node_modules/@a/b/package.json", b'{"name": "@a/b", "version": "2.0.0"}'),
        file("app/node_modules/left/test/package.json", b'{"name": "no", "version": "1"}'),
        file("app/package.json", b'{"name": "app", "version": "1"}'),
    ]
    found = inventory(tmp_path, members)
    python = [("Foo_Bar", "2.1"), ("lone", "3"), ("old", "1")]
    assert sorted(names(found)) == sorted([("@a/b", "2.0.0"), ("left", "1.0.0"), *python])
    assert found.problems == ()


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("var/lib/rpm/rpmdb.sqlite", b"nothing"),
        ("var/lib/rpm/rpmdb.sqlite", b"SQLite format 3\0" + b"\xff" * 600),
        ("var/lib/rpm/Packages", b"nothing"),
        ("var/lib/rpm/Packages.db", b"RpmP" + b"\xff" * 100),
        ("var/lib/rpm/Packages.db", ndb_database([b"\xff" * 40])),
        ("var/lib/rpm/Packages.db", ndb_database(HEADERS)[:9_000]),
        ("a/node_modules/b/package.json", b"{"),
        ("a/node_modules/b/package.json", b"[" * 100_000),
        ("a.egg-info", b"Name: a\n"),
    ],
)
def test_a_bad_database_is_a_problem_and_the_others_are_read(
    tmp_path: Path, place: str, content: bytes
) -> None:
    found = inventory(tmp_path, [file(place, content), file("lib/apk/db/installed", INSTALLED)])
    assert ("musl", "1.2.4-r2") in names(found)
    (problem,) = found.problems
    assert problem.code is ProblemCode.PACKAGE_DATABASE_INVALID
    assert problem.where.path == place.encode()


def test_a_view_in_place_of_the_table_does_not_run(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "db")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i blob FROM n"
    database.execute(f"CREATE VIEW Packages AS {endless}")
    database.commit()
    database.close()
    member = file("var/lib/rpm/rpmdb.sqlite", (tmp_path / "db").read_bytes())
    found = inventory(tmp_path, [member])
    assert found.packages == ()
    assert [problem.code.label for problem in found.problems] == ["package-database-invalid"]


@given(st.binary(max_size=400), st.integers(0, 9_000), st.sampled_from(["ndb", "header"]))
@settings(max_examples=60, deadline=None)
def test_altered_bytes_never_escape_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, bytes_: bytes, offset: int, form: str
) -> None:
    sound = ndb_database(HEADERS)
    offset = offset if form == "ndb" else 4_096 + offset % 200
    content = sound[:offset] + bytes_ + sound[offset + len(bytes_) :]
    member = file("var/lib/rpm/Packages.db", content)
    inventory(tmp_path_factory.mktemp("rpm"), [member])


# Changes.


def package(
    name: str, version: str, path: bytes = b"", kind: Ecosystem = Ecosystem.DPKG
) -> Package:
    return Package(kind, name, version, path=path)


def test_what_a_layer_did_to_the_packages(tmp_path: Path) -> None:
    upgraded = STATUS.replace(b"3.134", b"3.137").replace(b"Package: libc6", b"Package: libc7")
    path = tmp_path / "image.tar"
    site = "usr/lib/python3/dist-packages/six-1.dist-info/METADATA"
    layers = [
        [file("var/lib/dpkg/status", STATUS), file(site, b"Name: six\nVersion: 1\n")],
        [file("etc/motd", b"hello")],
        [file("var/lib/dpkg/status", upgraded)],
    ]
    path.write_bytes(archive(docker_layout(ImageBuilder(layers))))
    with open_image(path) as image:
        assert [change.verdict for change in package_changes(image, 0)] == ["added"] * 3
        assert package_changes(image, 1) == ()
        told = [(change.package.name, change.verdict.value) for change in package_changes(image, 2)]
    assert told == [("adduser", "upgraded"), ("libc6", "removed"), ("libc7", "added")]


def test_several_versions_in_several_places() -> None:
    npm = Ecosystem.NPM
    before = [
        package("a", "1", b"x", npm),
        package("a", "2", b"y", npm),
        package("a", "3", b"z", npm),
    ]
    after = [
        package("a", "1", b"x", npm),
        package("a", "3", b"y", npm),
        package("a", "2", b"w", npm),
    ]
    changes = compare_packages(before, after)
    told = [
        (c.before and c.before.version, c.after and c.after.version, c.verdict) for c in changes
    ]
    assert told == [("2", "3", "upgraded"), ("3", "2", "downgraded")]


def test_a_python_package_is_one_under_any_spelling_and_place() -> None:
    python = Ecosystem.PYTHON
    before = [package("Foo.Bar", "1", b"lib/python3.11/Foo.Bar-1.dist-info/METADATA", python)]
    after = [package("foo_bar", "1", b"lib/python3.12/foo_bar-1.dist-info/METADATA", python)]
    (change,) = compare_packages(before, after)
    assert change.verdict is PackageVerdict.CHANGED
    assert compare_packages(before, before) == ()


VERSIONS = st.from_regex(r"([0-9]:)?[0-9][0-9a-z.+~]{0,6}(-[0-9a-z.+~]{1,4})?", fullmatch=True)


@given(VERSIONS, VERSIONS)
@settings(max_examples=60, deadline=None)
def test_dpkg_orders_versions_the_same_way(one: str, other: str) -> None:
    if not shutil.which("dpkg"):
        pytest.skip("no dpkg")
    done = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False)
    assert (compare_versions(Ecosystem.DPKG, one, other) < 0) is (done.returncode == 0)


@pytest.mark.parametrize(
    ("ecosystem", "rising"),
    [
        (Ecosystem.RPM, "1.0~rc1 1.0 1.0^a 1.0a 1.0.1 1.1-1 1.1-2 1.1-10 1:0.1"),
        (Ecosystem.PYTHON, "1.0.dev1 1.0a1 1.0b2 1.0rc1 1.0 1.0.post1 1.0.1 1.10"),
        (Ecosystem.NPM, "1.0.0-alpha.1 1.0.0-beta.2 1.0.0-rc.1 1.0.0 1.0.1 2.0.0"),
        (Ecosystem.APK, "1.2_alpha1 1.2_rc1 1.2 1.2-r0 1.2-r1 1.2.1 1.10"),
    ],
)
def test_other_ecosystems(ecosystem: Ecosystem, rising: str) -> None:
    for older, newer in pairwise(rising.split()):
        assert compare_versions(ecosystem, older, newer) < 0, (older, newer)
        assert compare_versions(ecosystem, newer, older) > 0, (older, newer)
        assert compare_versions(ecosystem, older, older) == 0
