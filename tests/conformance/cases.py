"""The images that conformance is tried on: those of ``fixtures/`` and those of a corpus."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.layers import SkopeoImage, images_in

FIXTURES = Path(__file__).parents[2] / "fixtures" / "images"
CORPUS_VARIABLE = "IMGFORENSICS_CORPUS"
PROGRAMS = ("skopeo", "umoci", "tar", "gzip", "zstd", "bzip2", "xz", "mount")
_TRUTH_PLATFORM = "linux/amd64"


@dataclass(frozen=True, slots=True)
class Case:
    """One image; `truth` is the file that tells its merged tree, where there is one."""

    name: str
    image: SkopeoImage
    truth: Path | None


def oracles_are_here() -> bool:
    """Whether we are root and every program is installed."""
    return os.geteuid() == 0 and all(shutil.which(program) for program in PROGRAMS)


def all_cases() -> list[Case]:
    """Return the cases of the fixtures and, where the environment names one, of the corpus."""
    if not oracles_are_here():
        return []
    corpus = os.environ.get(CORPUS_VARIABLE)
    return [*cases_in(FIXTURES), *(cases_in(Path(corpus)) if corpus else [])]


def cases_in(directory: Path) -> list[Case]:
    """Return a case for each image of each archive below `directory`, in order of their names.

    The truth of ``FOLDER/FILE`` is ``directory/../truth/FOLDER_FILE.jsonl``; of an archive of
    several images ``FOLDER_FILE@NAME_TAG.jsonl``, of one of several platforms
    ``FOLDER_FILE@OS_ARCH.jsonl`` or, for linux/amd64, the first form.
    """
    return [case for source in _sources(directory) for case in _cases_of(directory, source)]


def _sources(directory: Path) -> Iterator[Path]:
    """Files, and directories that are an OCI layout or skopeo's ``dir:``; others are folders."""
    for source in sorted(directory.iterdir()):
        if source.is_file() or any((source / mark).exists() for mark in ("oci-layout", "version")):
            yield source
        else:
            yield from _sources(source)


def _cases_of(directory: Path, source: Path) -> Iterator[Case]:
    name = source.relative_to(directory).as_posix()
    for image in images_in(source):
        stem = directory.parent / "truth" / name.replace("/", "_")
        truths = (stem.with_name(f"{stem.name}{end}.jsonl") for end in _truth_endings(image))
        truth = next((file for file in truths if file.exists()), None)
        which = image.suffix + (f"[{image.platform}]" if image.platform else "")
        yield Case(name + which, image, truth)


def _truth_endings(image: SkopeoImage) -> list[str]:
    if image.choice is not None:
        return ["@" + image.choice.rpartition("/")[2].replace(":", "_")]
    if image.platform is None:
        return [""]
    own = "@" + image.platform.replace("/", "_")
    return [own, ""] if image.platform == _TRUTH_PLATFORM else [own]
