"""Somebody prepared the place where the output goes: links under every name that is written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imgforensics.errors import UnsafeOutputError
from imgforensics.testing import ImageBuilder, directory, file, symlink
from tests.break_outs.sentinel import ENDINGS, EVIL, Place
from tests.cli.images import save
from tests.cli.running import run
from tests.extraction.building import EVERY_FORM, Extraction, image_of

MEMBERS = [directory("d", mode=0o777), file("d/secret", EVIL), file("secret", EVIL)]
Preparation = Callable[[Path, Path], None]
PREPARED: dict[str, Preparation] = {
    "link-to-a-directory": lambda name, outside: name.symlink_to(outside),
    "link-to-a-file": lambda name, outside: name.symlink_to(outside / "secret"),
    "link-to-what-could-be-made": lambda name, outside: name.symlink_to(outside / "new"),
    "hard-link": lambda name, outside: name.hardlink_to(outside / "secret"),
    "directory-of-links": lambda name, outside: _make_links(name, outside),  # noqa: PLW0108
}


def _make_links(name: Path, outside: Path) -> None:
    name.mkdir()
    for link in ("d", "secret", "layer-000", ".probe", ".imgforensics-0", "beside"):
        (name / link).symlink_to(outside / "directory")


@EVERY_FORM
@pytest.mark.parametrize("kind", PREPARED)
@pytest.mark.parametrize("ending", ENDINGS)
def test_no_prepared_name_is_followed(
    form: Extraction, kind: str, ending: str, place: Place, tmp_path: Path
) -> None:
    with image_of(tmp_path, MEMBERS) as image:
        PREPARED[kind](place.target.with_name("out" + ending), place.folder / "outside")
        before = _without_link_counts(place)
        with pytest.raises(UnsafeOutputError):
            form(image, place.target)
        assert _without_link_counts(place) == before
        if kind == "directory-of-links" and ending in ("", ".extraction.json"):
            return  # no directory of others is ever replaced
        form(image, place.target, force=True)
        assert _without_link_counts(place) == before


def _without_link_counts(place: Place) -> dict[str, object]:
    """A name of ours that goes may be another name of the secret: its links and ctime change."""
    facts = place.watched()
    secret = str(place.folder / "outside" / "secret")
    mode, uid, gid, inode, _, size, mtime, _, *rest = facts.pop(secret)
    return {**facts, secret: (mode, uid, gid, inode, size, mtime, *rest)}


@EVERY_FORM
def test_a_parent_that_is_a_link_is_where_the_output_goes(
    form: Extraction, place: Place, tmp_path: Path
) -> None:
    """Whoever names a target means what its parents lead to; what is beside stays as it is."""
    (place.folder / "work" / "way").symlink_to("real")
    (place.folder / "work" / "real").mkdir()
    before = {path: facts for path, facts in place.watched().items() if "real" not in path}
    with image_of(tmp_path, MEMBERS) as image:
        form(image, place.folder / "work" / "way" / "out")
    assert (place.folder / "work" / "real" / "out").exists()
    assert {p: facts for p, facts in place.watched().items() if "real" not in p} == before


# The record that is asked for.

LINKS = [symlink("record.json", "../../outside/new"), symlink("d", "../../outside")]


@pytest.mark.parametrize("name", ["record.json", "d/record.json", "new.json"])
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("ending", ["", ".partial"])
def test_no_record_is_written_into_the_output(
    name: str, force: bool, ending: str, place: Place, tmp_path: Path
) -> None:
    """Whatever stands there by then, the image has put it there."""
    source = save(tmp_path, ImageBuilder([LINKS]))
    before = place.watched()
    record = place.target.with_name("out" + ending) / name
    options = ["--record", str(record), *(["--force"] if force else [])]
    done = run("extract", source, "-o", str(place.target), *options)
    assert (done.status, "inside the output" in done.said) == (5, True)
    assert place.watched() == before


@pytest.mark.parametrize("kind", ["link-to-a-file", "link-to-what-could-be-made", "hard-link"])
@pytest.mark.parametrize("force", [False, True])
def test_no_link_is_followed_to_write_a_record(
    kind: str, force: bool, place: Place, tmp_path: Path
) -> None:
    source = save(tmp_path, ImageBuilder([MEMBERS]))
    record = tmp_path / "record.json"
    PREPARED[kind](record, place.folder / "outside")
    before = _without_link_counts(place)
    options = ["--record", str(record), *(["--force"] if force else [])]
    done = run("extract", source, "-o", str(place.target), *options)
    assert done.status == (0 if force else 5)
    assert record.is_symlink() != force or kind == "hard-link"
    assert _without_link_counts(place) == before


@pytest.mark.parametrize("target", ["source", "out", "out.extraction.json"])
def test_no_record_replaces_the_source_or_the_output(
    target: str, place: Place, tmp_path: Path
) -> None:
    source = Path(save(tmp_path, ImageBuilder([MEMBERS])))
    content = source.read_bytes()
    record = source if target == "source" else place.target.with_name(target)
    for form in (("-o", str(place.target)), ("--tar", str(place.target))):
        done = run("extract", str(source), *form, "--record", str(record), "--force")
        assert done.status == 5, done.said
        assert source.read_bytes() == content
        assert not place.target.exists()
