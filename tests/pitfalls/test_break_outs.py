"""Names and links that lead out of where an image is extracted to."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgforensics import Digest, ProblemCode, extract, extract_layers, open_image, write_tar
from imgforensics.errors import NotAnImageError
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    LayerSpec,
    archive,
    directory,
    file,
    hard_link,
    oci_layout,
    symlink,
)
from tests.break_outs.sentinel import EVIL, Place, make_place
from tests.extraction.building import EVERY_FORM, Extraction, names
from tests.filesystem.building import codes_of, image_of, shown
from tests.pitfalls.building import merged

FILES = pytest.mark.parametrize("form", [extract, extract_layers])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "place").mkdir()
    return make_place(tmp_path / "place")


@FILES
def test_a_file_behind_a_link_of_its_own_layer(form: Extraction, place: Place) -> None:
    """Pitfall 13: a link was extracted, and then the next file was written through it.

    https://github.com/crazy-max/undock/issues/460
    """
    before = place.watched()
    layer = [symlink("pwn", place.outside), file("pwn/secret", EVIL), file("pwn/new", EVIL)]
    with image_of(layer) as image:
        form(image, place.target)
    assert place.watched() == before


@FILES
def test_a_file_behind_a_link_of_a_lower_layer(form: Extraction, place: Place) -> None:
    """Pitfall 13: the link of one layer was a parent when the next layer was written.

    https://github.com/google/osv-scalibr/tree/main/artifact/image/unpack/testdata (escape.tar)
    """
    before = place.watched()
    layers = ([symlink("pwn", place.outside)], [file("pwn/secret", EVIL), file("pwn/new", EVIL)])
    with image_of(*layers) as image:
        form(image, place.target)
    assert place.watched() == before


def test_what_is_kept_inside_is_shown_where_a_container_has_it(
    place: Place, tmp_path: Path
) -> None:
    """Pitfall 13: the file that would break out is evidence, and is not to be lost either.

    https://github.com/crazy-max/undock/issues/460
    """
    outside = place.outside.decode()
    link, new = symlink("pwn", outside), file("pwn/new", EVIL)
    content = f"file {EVIL.decode()}"
    one = merged(tmp_path, [directory(outside.lstrip("/")), link, new])
    assert (one["pwn"], one[f"{outside.lstrip('/')}/new"]) == (f"link {outside}", content)
    two = merged(tmp_path, [link], [new])
    assert two == {"pwn": "dir", "pwn/new": content}


@pytest.mark.parametrize("name", [".", "/", "./", "a/..", ""])
def test_a_root_that_would_be_a_link_is_refused(name: str, place: Place) -> None:
    """Pitfall 14: a link named `.` took the place of the target, and layers went where it led.

    https://github.com/golang/vulndb/issues/1351 (CVE-2021-29136)
    """
    before = place.watched()
    with image_of([symlink(name, place.outside), file("a", b"1")], [file("b", b"2")]) as image:
        assert shown(image) == {"a": "file 1", "b": "file 2"}
        assert image.filesystem.root.is_directory
        assert codes_of(image) == [ProblemCode.ROOT_NOT_A_DIRECTORY]
        extract(image, place.target)
    assert names(place.target) == ["a", "b"]
    assert not place.target.is_symlink()
    assert place.watched() == before


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x", "../../../x"])
def test_a_name_that_climbs_is_kept_inside_and_reported(name: str, place: Place) -> None:
    """Pitfall 15: a name with `..` was written above the directory that was meant.

    https://github.com/anchore/syft/pull/2570 (GHSA-hpxr-w9w7-g4gv)
    """
    before = place.watched()
    with image_of([file(name, b"1")]) as image:
        assert shown(image) == {"x": "file 1"}
        assert codes_of(image) == [ProblemCode.ENTRY_OUTSIDE_ROOT]
        extract(image, place.target)
    assert names(place.target) == ["x"]
    assert place.watched() == before


@pytest.mark.parametrize("name", ["x", "./x", "/x", "//x", "././x", "a/../x", "/./x"])
def test_harmless_spellings_are_accepted_without_a_word(name: str, tmp_path: Path) -> None:
    """Pitfall 15: the check against `..` refused harmless names, as `./x` and `/x` are.

    https://github.com/anchore/syft/issues/2678
    https://github.com/superradcompany/microsandbox/pull/513
    """
    assert merged(tmp_path, [file(name, b"1")]) == {"x": "file 1"}
    with image_of([file(name, b"1")]) as image:
        assert codes_of(image) == []


@pytest.mark.parametrize("name", [".", "/", "./"])
def test_a_root_that_is_listed_gives_it_its_attributes(name: str) -> None:
    """Pitfall 15: an entry for the root itself was refused, and the image with it.

    https://github.com/google/go-containerregistry/issues/2399
    """
    with image_of([file("a")], [directory(name, mode=0o700, uid=5)]) as image:
        assert shown(image) == {"a": "file "}
        root = image.path("/").stat()
        assert (root.st_mode & 0o7777, root.st_uid) == (0o700, 5)
        assert codes_of(image) == []


@pytest.mark.oracle
def test_what_tar_makes_of_a_directory_passes_unchanged(tmp_path: Path) -> None:
    """Pitfall 15: an archive as `tar -c .` makes it, with `./` before all, was refused.

    https://github.com/anchore/syft/issues/2678
    """
    tree = tmp_path / "tree"
    (tree / "d").mkdir(parents=True)
    (tree / "d" / "f").write_bytes(b"1")
    (tree / "l").symlink_to("../d/f")
    command = ["tar", "-c", "-C", str(tree), "-f", "-", "."]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    spec = LayerSpec(blob=made, diff_id=str(Digest.of(made)))
    answer = merged(tmp_path, spec)
    assert answer == {"d": "dir", "d/f": "file 1", "l": "link ../d/f"}
    with image_of(spec) as image:
        assert codes_of(image) == []


def test_a_backslash_is_a_letter(tmp_path: Path) -> None:
    """Pitfall 15: a backslash was taken for a slash, so that `..` behind one climbed.

    https://github.com/anchore/syft/pull/2570
    """
    assert merged(tmp_path, [file("a\\..\\..\\b", b"1")]) == {"a\\..\\..\\b": "file 1"}


def test_a_name_with_a_zero_byte_is_listed_and_not_applied(tmp_path: Path) -> None:
    """Pitfall 15: what was checked was the name before its zero byte, or behind it.

    https://github.com/anchore/syft/pull/2570
    """
    layer = [file("short", b"1", pax=[("path", b"a\0b")]), file("c")]
    assert merged(tmp_path, layer) == {"c": "file "}
    with image_of(layer) as image:
        assert ProblemCode.ENTRY_NAME_INVALID in codes_of(image)
        assert [entry.path for entry in image.layers[0].entries] == [b"a\0b", b"c"]


def _past_path_max() -> Iterator[Entry]:
    """Sixteen short links to long directories, and one that climbs all of them again."""
    folder, way = b"", b""
    for number in range(16):
        step = b"%x" % number
        yield directory(folder + b"d" * 247)
        yield symlink(folder + step, b"d" * 247)
        folder += b"d" * 247 + b"/"
        way += step + b"/"
    yield symlink(way + b"l" * 254, b"../" * 16)
    yield symlink("escape", way + b"l" * 254 + b"/../../outside")


CPYTHON = {
    # CVE-2025-4517: a path that grows past PATH_MAX as it resolves is checked up to there.
    "path-max-chain": [*_past_path_max(), file("escape/secret", EVIL)],
    "path-max-chain-and-hard-link": [
        *_past_path_max(),
        hard_link("flag", "escape/secret", mode=0o777, uid=9, mtime=5),
        file("flag", EVIL),
    ],
    # python/cpython#149486
    "links-without-names": [
        symlink("", ".."),
        symlink("./", "../../outside"),
        symlink("", "../../outside"),
        file("secret", EVIL),
    ],
    # python/cpython#151558: where no link can be made, the member is extracted in its place.
    "hard-link-to-a-link-from-deeper": [
        directory("a/b"),
        symlink("a/b/link", "../../outside"),
        hard_link("link", "a/b/link"),
        file("link/secret", EVIL),
    ],
    # python/cpython#157190
    "hard-link-to-a-link": [
        symlink("link", "../../outside/secret"),
        hard_link("hard", "link", mode=0o777, uid=9, gid=9, mtime=5),
        file("hard", EVIL),
    ],
    "attributes-by-a-hard-link-to-a-link": [
        symlink("link", "../../outside/secret"),
        hard_link("hard", "link", mode=0o4777, uid=9, gid=9, mtime=5, xattrs={"user.a": b"1"}),
    ],
}


@FILES
@pytest.mark.parametrize("case", CPYTHON)
def test_archives_that_got_past_the_filters_of_tarfile(
    case: str, form: Extraction, place: Place
) -> None:
    """Pitfall 17: a check of each member before it is extracted is no sandbox.

    https://github.com/python/cpython/issues/135034 (CVE-2025-4517, CVE-2025-4330,
    CVE-2025-4138, CVE-2024-12718, CVE-2025-4435)
    https://github.com/python/cpython/issues/149486
    https://github.com/python/cpython/issues/151558
    https://github.com/python/cpython/issues/157190
    """
    before = place.watched()
    with image_of(CPYTHON[case]) as image:
        form(image, place.target, special=True)
    assert place.watched() == before


@pytest.mark.oracle
@pytest.mark.parametrize("case", CPYTHON)
def test_the_tar_of_such_an_image_stays_inside_where_tar_unpacks_it(
    case: str, place: Place
) -> None:
    """Pitfall 17: what one tool keeps in, the next may let out of the archive it is handed.

    https://github.com/python/cpython/issues/135034
    """
    before = place.watched()
    made = place.target.with_name("out.tar")
    with image_of(CPYTHON[case]) as image:
        write_tar(image, made)
    place.target.mkdir()
    command = ["tar", "-xp", "-f", str(made), "-C", str(place.target)]
    subprocess.run(command, check=False, capture_output=True)
    assert place.watched() == before


@EVERY_FORM
def test_a_hard_link_to_a_name_that_stands_where_the_command_was_started(
    form: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 18: a hard link's target was looked for in the directory the process was in.

    https://github.com/openshift/console/pull/17017 (oras-go before 2.6.2)
    """
    here = tmp_path / "here"
    here.mkdir()
    secret = here / "secret"
    secret.write_bytes(b"secret")
    monkeypatch.chdir(here)
    with image_of([hard_link("stolen", "secret"), file("other", b"1")]) as image:
        form(image, Path("../out"))
    assert secret.stat().st_nlink == 1
    kept = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    for path in kept:
        assert path.is_dir() or b"secret" not in path.read_bytes().replace(b"stolen", b"")
    assert secret.read_bytes() == b"secret"


CLIMBING_TITLE = {"annotations": {"org.opencontainers.image.title": "../../outside/secret"}}


def test_a_layers_title_names_no_file(place: Place) -> None:
    """Pitfall 18: the annotation with a file's title was taken for a path to write to.

    https://github.com/goharbor/harbor/pull/14092
    https://github.com/oras-project/oras-py/pull/46
    """
    before = place.watched()
    with image_of(LayerSpec([file("f", EVIL)], descriptor=CLIMBING_TITLE)) as image:
        extract_layers(image, place.target)
    assert names(place.target) == ["layer-000"]
    assert place.watched() == before


def test_files_kept_as_an_artifact_are_named_as_what_they_are(tmp_path: Path) -> None:
    """Pitfall 18: an artifact's titles were paths to write to; it is no image, and none is made.

    https://github.com/oras-project/oras-py/pull/46
    """
    titled = LayerSpec(blob=EVIL, media_type="text/plain", descriptor=CLIMBING_TITLE)
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2}
    empty["digest"] = str(Digest.of(b"{}"))
    source = tmp_path / "artifact.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder([titled], manifest={"config": empty}))))
    with pytest.raises(NotAnImageError, match="artifact"):
        open_image(source)
    assert names(tmp_path) == ["artifact.tar"]
