"""The images that are measured: built here, from a seed, and kept for the next run.

Nothing is downloaded. The same parameters give the same members and contents on every
machine; the stored bytes, and so the digests, also depend on the versions of zlib and zstd.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.content import POOL_BYTES, Pools
from benchmarks.documents import write_docker_archive, write_oci_documents
from benchmarks.history import plan_history
from benchmarks.layers import StoredLayer, write_layer
from benchmarks.many import (
    plan_large_file,
    plan_layers,
    plan_members,
    plan_small_files,
)
from benchmarks.plan import History

RECIPE = 2
"""Part of every cache key: raise it whenever the same parameters give another image."""
_SEED = 20_240_229
_READ_BYTES = 1 << 22
_SHARES = (50, 5, 1)
"""Members are counted up in three steps: a fiftieth, a fifth, and all of them."""
_LAYER_SHARES = (40, 4, 1)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the inputs are."""

    image_mb: int
    """Raw size of the ten-layer image, in millions of bytes."""
    files: int
    """Regular files of the layer of small files."""
    members: int
    """Members of the largest image without content."""
    layers: int
    """Layers of the image with the most of them."""

    def of_image(self, image_mb: int) -> "Sizes":
        """The same, with a ten-layer image of another size."""
        return replace(self, image_mb=image_mb)


@dataclass(frozen=True, slots=True)
class ImageInput:
    """One image on disk, and what is known of it."""

    directory: Path
    title: str
    members: int
    tree_paths: int
    """What an extraction must write: paths below the root."""
    tree_file_bytes: int
    """The sum of the sizes of the regular files among them, at each of their names."""
    raw_bytes: int
    stored_bytes: int
    image: str
    """The OCI layout or archive, relative to `directory`."""
    layers: tuple[str, ...]
    """The layers as files, the lowest first, relative to `directory`."""

    @property
    def path(self) -> Path:
        """What is given to a command that knows images."""
        return self.directory / self.image

    @property
    def layer_files(self) -> list[Path]:
        """What is given to a command that knows tars, the lowest layer first."""
        return [self.directory / layer for layer in self.layers]

    def warm(self) -> None:
        """Read everything once, so that no timed run waits for the disk."""
        for file in self.directory.rglob("*"):
            if file.is_file():
                with file.open("rb") as stream:
                    while stream.read(_READ_BYTES):
                        pass

    def facts(self) -> dict[str, object]:
        """Tell what a result file says of it."""
        facts = asdict(self)
        facts["layers"] = len(self.layers)
        del facts["directory"], facts["image"]
        return facts


@dataclass(frozen=True, slots=True)
class Inputs:
    """Finds each image in `cache`, or builds it there."""

    cache: Path
    sizes: Sizes

    def ten_layers(self, compression: str) -> ImageInput:
        """Like an image of Debian with an application; gzip or zstd, or `none`: `docker save`."""
        raw_bytes = self.sizes.image_mb * 1_000_000
        return self._find(
            f"ten-layers-{self.sizes.image_mb}mb-{compression}",
            _Recipe(
                f"ten layers, {'docker save' if compression == 'none' else compression}",
                partial(plan_history, raw_bytes, _SEED),
                compression,
                pool_bytes=min(POOL_BYTES, raw_bytes // 8),
                docker=compression == "none",
            ),
        )

    def ten_layers_with_another_top(self) -> ImageInput:
        """The gzip image of ten layers, the top one replaced."""
        return self._another_of_ten("another-top", _SEED, other_top=True)

    def ten_other_layers(self) -> ImageInput:
        """A gzip image of ten layers that has none in common with the others."""
        return self._another_of_ten("unrelated", _SEED + 1, other_top=False)

    def _another_of_ten(self, name: str, seed: int, *, other_top: bool) -> ImageInput:
        raw_bytes = self.sizes.image_mb * 1_000_000
        return self._find(
            f"ten-layers-{self.sizes.image_mb}mb-gzip-{name}",
            _Recipe(
                f"ten layers, gzip, {name}",
                partial(plan_history, raw_bytes, seed, other_top=other_top),
                "gzip",
                pool_bytes=min(POOL_BYTES, raw_bytes // 8),
            ),
        )

    def small_files(self, *, pax: bool = False) -> ImageInput:
        """One uncompressed layer of small files; with `pax`, a PAX header ahead of each member."""
        kind = "small files with PAX headers" if pax else "small files"
        return self._find(
            f"{kind.replace(' ', '-')}-{self.sizes.files}",
            _Recipe(kind, partial(plan_small_files, self.sizes.files, _SEED), pax=pax),
        )

    def large_file(self) -> ImageInput:
        """One zstd layer of 60,000 files at the full size, and among them one of 4 GB.

        Its content repeats within zstd's window, so that it takes next to no room.
        """
        files, size = self.sizes.files * 3 // 5, self.sizes.files * 40_000
        return self._find(
            f"large-file-{files}",
            _Recipe(
                f"{files:,} small files and one of {size / 1e9:g} GB",
                partial(plan_large_file, files, size, _SEED),
                "zstd",
                pool_bytes=1_000_000,
            ),
        )

    def without_content(self) -> list[ImageInput]:
        """One uncompressed layer of members without content, in three sizes."""
        return [self._members(self.sizes.members // share) for share in _SHARES]

    def many_layers(self) -> list[ImageInput]:
        """Uncompressed layers of members without content, three numbers of layers."""
        counts = sorted({max(1, self.sizes.layers // share) for share in _LAYER_SHARES})
        return [
            self._find(
                f"layers-{count}", _Recipe(f"{count} layers", partial(plan_layers, count, _SEED))
            )
            for count in counts
        ]

    def next_to_nothing(self) -> ImageInput:
        """An image of one file: what is measured with it is the start."""
        return self._find(
            "next-to-nothing", _Recipe("next to nothing", partial(plan_members, 1, _SEED))
        )

    def _members(self, count: int) -> ImageInput:
        return self._find(
            f"members-{count}", _Recipe(f"{count:,} members", partial(plan_members, count, _SEED))
        )

    def _find(self, name: str, recipe: "_Recipe") -> ImageInput:
        directory = self.cache / f"{name}-recipe{RECIPE}"
        facts = directory / "facts.json"
        if not facts.exists():
            print(f"building {directory.name} ...", flush=True)
            recipe.build(directory)
        known = json.loads(facts.read_text())
        return ImageInput(directory, **{**known, "layers": tuple(known["layers"])})


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How one image is made."""

    title: str
    plan: Callable[[], History]
    compression: str = "none"
    pool_bytes: int = POOL_BYTES // 8
    pax: bool = False
    docker: bool = False

    def build(self, directory: Path) -> None:
        """Build under another name first: what bears the right name is whole."""
        unfinished = directory.with_suffix(".partial")
        shutil.rmtree(unfinished, ignore_errors=True)
        blobs = unfinished / ("layers" if self.docker else "layout/blobs/sha256")
        blobs.mkdir(parents=True)
        pools = Pools(_SEED, self.pool_bytes)
        history = self.plan()
        layers = [
            write_layer(blobs, plan, pools, self.compression, pax=self.pax)
            for plan in history.layers
        ]
        if self.docker:
            write_docker_archive(unfinished / "image.tar", history.layers, layers)
        else:
            write_oci_documents(unfinished / "layout", history.layers, layers, self.compression)
        facts = self._facts(unfinished, history, layers)
        (unfinished / "facts.json").write_text(json.dumps(facts, indent=1))
        shutil.rmtree(directory, ignore_errors=True)
        unfinished.rename(directory)

    def _facts(self, root: Path, history: History, layers: list[StoredLayer]) -> dict[str, object]:
        return {
            "title": self.title,
            "members": sum(len(plan.members) for plan in history.layers),
            "tree_paths": history.tree_paths,
            "tree_file_bytes": history.tree_file_bytes,
            "raw_bytes": sum(layer.raw_bytes for layer in layers),
            "stored_bytes": sum(layer.stored_bytes for layer in layers),
            "image": "image.tar" if self.docker else "layout",
            "layers": [str(layer.path.relative_to(root)) for layer in layers],
        }
