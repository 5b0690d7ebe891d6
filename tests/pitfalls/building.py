"""What an image shows, however one asks: the library, its files on a disk, its tar."""

import os
import tarfile
import tempfile
from pathlib import Path

from imgforensics import extract, write_tar
from tests.filesystem.building import Layer, image_of, shown


def merged(folder: Path, *layers: Layer) -> dict[str, str]:
    """Every path of an image with these layers: `dir`, `file CONTENT` or `link TARGET`.

    The snapshot, the extracted tree and the tar (read by the standard library) must agree.
    """
    scratch = Path(tempfile.mkdtemp(dir=folder))
    with image_of(*layers) as image:
        answer = shown(image)
        extract(image, scratch / "out")
        write_tar(image, scratch / "out.tar")
    assert _on_disk(scratch / "out") == answer
    assert _in_tar(scratch / "out.tar") == answer
    return answer


def _on_disk(root: Path) -> dict[str, str]:
    found = {}
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(folder, name)
            found[str(path.relative_to(root))] = _told(path)
    return found


def _told(path: Path) -> str:
    if path.is_symlink():
        return f"link {os.readlink(path)}"  # noqa: PTH115 - as it stands, slashes too
    return "dir" if path.is_dir() else f"file {path.read_text()}"


def _in_tar(path: Path) -> dict[str, str]:
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if member.issym():
                found[name] = f"link {member.linkname}"
            elif member.isdir():
                found[name] = "dir"
            else:
                content = archive.extractfile(member)
                assert content is not None
                found[name] = f"file {content.read().decode()}"
    return {name: told for name, told in found.items() if name not in ("", ".")}
