"""Names: bytes of any value, of any length, and alike but for their case."""

import subprocess
from pathlib import Path

import pytest

from imgforensics import extract, write_tar
from imgforensics.errors import OutputFailedError
from imgforensics.testing import LayerSpec, TarFormat, file, hard_link, symlink
from tests.extraction.building import mounted, needs_root
from tests.faults.folding import fold_names
from tests.filesystem.building import codes_of, image_of
from tests.pitfalls.building import merged

NOT_UTF8 = b"caf\xe9/\xff\xfe\x80"


def test_names_that_are_not_utf8_come_back_as_they_were(tmp_path: Path) -> None:
    """Pitfall 28: a name that is no UTF-8 was replaced, or ended the reading of its layer.

    https://github.com/quay/claircore/pull/985
    https://github.com/goldmann/docker-squash/pull/78
    """
    layer = [
        file(NOT_UTF8, b"1"),
        symlink(b"link\xff", NOT_UTF8),
        hard_link(b"hard\xff", NOT_UTF8),
        file(b"long\xff" * 30, b"2"),
        file("pax", b"3", pax=[("path", b"by-record\xff")]),
    ]
    with image_of(layer) as image:
        (found,) = image.path("/").rglob(b"\xff*")
        assert bytes(found) == b"/" + NOT_UTF8
        assert image.path(str(found)).read_bytes() == b"1"
        assert image.filesystem.get(NOT_UTF8) is not None
        assert codes_of(image) == []
        listed = {path for path, _ in image.filesystem.walk()} - {b""}
        extract(image, tmp_path / "out")
        write_tar(image, tmp_path / "out.tar")
    root = bytes(tmp_path / "out") + b"/"
    written = {bytes(path)[len(root) :] for path in (tmp_path / "out").rglob("*")}
    assert written == listed
    assert (tmp_path / "out.tar").read_bytes().count(NOT_UTF8) >= 2


@pytest.mark.parametrize("name", ["a:b", "C:\\windows", "aux", "a*?<>|", "\u202egpj.exe", "\u00e9"])
def test_names_that_another_system_would_not_take(name: str, tmp_path: Path) -> None:
    """Pitfall 28: a name was cut at its colon, or altered for the sake of another system.

    https://github.com/anchore/stereoscope/issues/705
    """
    assert merged(tmp_path, [file(name, b"1")]) == {name: "file 1"}


PAM = [file("man/PAM.7.gz", b"upper"), file("man/pam.7.gz", b"lower")]


def test_names_that_differ_by_case_are_two(tmp_path: Path) -> None:
    """Pitfall 28: of PAM.7.gz and pam.7.gz, both in python:3.12, one overwrote the other.

    https://github.com/tinylabscom/mvm/issues/2028
    """
    assert merged(tmp_path, PAM) == {
        "man": "dir",
        "man/PAM.7.gz": "file upper",
        "man/pam.7.gz": "file lower",
    }


def test_what_looks_like_a_filesystem_that_folds_case_is_told_and_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 28: where letter case does not count, the second file replaced the first, silently.

    https://github.com/tinylabscom/mvm/issues/2028
    https://github.com/bootc-dev/bootc/pull/2073
    """
    with image_of(PAM) as image:
        fold_names(monkeypatch)
        with pytest.raises(OutputFailedError, match="another spelling"):
            extract(image, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@needs_root[0]
@needs_root[1]
def test_a_filesystem_that_folds_case_is_told_and_not_written_over(tmp_path: Path) -> None:
    """Pitfall 28: where letter case does not count, the second file replaced the first, silently.

    https://github.com/tinylabscom/mvm/issues/2028
    https://github.com/bootc-dev/bootc/pull/2073
    """
    disk, target = tmp_path / "disk", tmp_path / "mounted"
    target.mkdir()
    with disk.open("wb") as made:
        made.truncate(20 << 20)
    try:
        subprocess.run(["mkfs.vfat", disk], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mkfs.vfat does not work here")
    with mounted("-o", "loop", str(disk), str(target)), image_of(PAM) as image:
        with pytest.raises(OutputFailedError, match="another spelling"):
            extract(image, target / "out")
        assert not (target / "out").exists()


@pytest.mark.parametrize("name", [b"n" * 4_000, b"/".join([b"d"] * 2_000), b"n" * 255 + b"/m"])
def test_long_names_and_deep_paths(name: bytes) -> None:
    """Pitfall 28: names beyond a header's 100 bytes were cut, and then they collided.

    https://github.com/google/go-containerregistry/pull/1414
    """
    with image_of([file(name, b"1")], [file(name + b"2", b"2")]) as image:
        assert image.path(name).read_bytes() == b"1"
        assert image.path(name + b"2").read_bytes() == b"2"
        assert sum(1 for _, node in image.filesystem.walk() if not node.is_directory) == 2


@pytest.mark.parametrize("length", [99, 100, 101, 155, 156, 255])
@pytest.mark.parametrize("tar_format", [TarFormat.USTAR, TarFormat.GNU, TarFormat.PAX])
def test_names_longer_than_a_headers_field(
    tar_format: TarFormat, length: int, tmp_path: Path
) -> None:
    """Next in line: names of more than 100 bytes were read from the one field, in some formats.

    https://github.com/google/go-containerregistry/pull/1414
    """
    name = "d/" * ((length - 60) // 2)
    name += "f" * (length - len(name))
    answer = merged(tmp_path, LayerSpec([file(name, b"1")], tar_format=tar_format))
    assert answer[name] == "file 1"
    assert len(answer) == 1 + name.count("/")
