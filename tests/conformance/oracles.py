"""All that the oracles say of one image."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tests.conformance.cases import Case
from tests.conformance.commands import EngineAbsentError, OracleError
from tests.conformance.containers_storage import Storage, stored
from tests.conformance.docker import docker_tree
from tests.conformance.documents import Documents, skopeo_documents
from tests.conformance.implied import Implied, implied_directories
from tests.conformance.known_differences import OracleName
from tests.conformance.layers import copy_to_docker_archive, copy_to_layout, layer_tars
from tests.conformance.members import listing
from tests.conformance.overlay import overlay_tree
from tests.conformance.tree_facts import Tree, read_truth
from tests.conformance.umoci import umoci_tree

PLAIN: tuple[OracleName, ...] = ("overlay", "umoci", "truth")
"""Quick, and there wherever the programs are."""
ENGINES: tuple[OracleName, ...] = ("docker", "buildah", "podman")
"""They take their time, and do not start everywhere."""


@dataclass(frozen=True, slots=True)
class Oracles:
    """What those that were asked answered, each by its name."""

    trees: Mapping[OracleName, Tree]
    absent: Mapping[OracleName, str]
    """Engines that cannot be asked here, and why."""
    refusals: Mapping[OracleName, str]
    """Engines that do not take this image, and what they said."""
    documents: Documents
    listings: tuple[bytes, ...]
    """Each layer's members, as GNU tar prints them."""
    implied: Implied
    """The directories that the layers only imply."""


@cache
def ask_oracles(case: Case, names: tuple[OracleName, ...] = PLAIN) -> Oracles:
    """Ask those of `names` that can speak about `case`, once; nothing stays on disk.

    Raises:
        OracleError: skopeo could not read the image.
    """
    with tempfile.TemporaryDirectory(prefix="conformance-") as work, ExitStack() as stack:
        sources = _Sources(case, Path(work), stack)
        trees: dict[OracleName, Tree] = {}
        absent: dict[OracleName, str] = {}
        refusals: dict[OracleName, str] = {}
        for name in names:
            if name == "truth" and case.truth is None:
                continue
            try:
                trees[name] = sources.tree(name)
            except EngineAbsentError as error:
                absent[name] = str(error)
            except OracleError as error:
                refusals[name] = str(error)
        return Oracles(
            trees,
            absent,
            refusals,
            documents=skopeo_documents(case.image, Path(work)),
            listings=tuple(listing(tar) for tar in sources.tars),
            implied=implied_directories(sources.tars),
        )


class _Sources:
    """One image in the forms that oracles read, each made when first asked for."""

    def __init__(self, case: Case, place: Path, stack: ExitStack) -> None:
        self._case = case
        self._place = place
        self._stack = stack
        self._layout = copy_to_layout(case.image, place / "layout")
        self.tars = layer_tars(place / "layout", place / "tars")

    def tree(self, name: OracleName) -> Tree:
        place = self._place / name
        ask: Mapping[OracleName, Callable[[], Tree]] = {
            "overlay": lambda: overlay_tree(self.tars, place),
            "umoci": lambda: umoci_tree(self._layout, place),
            "docker": lambda: docker_tree(self._docker_archive, place),
            "buildah": lambda: self._storage.tree("buildah"),
            "podman": lambda: self._storage.tree("podman"),
            "truth": self._truth,
        }
        return ask[name]()

    @cached_property
    def _docker_archive(self) -> Path:
        archive = self._place / "docker.tar"
        copy_to_docker_archive(self._layout, archive)
        return archive

    @cached_property
    def _storage(self) -> Storage:
        return self._stack.enter_context(stored(self._layout, self._place / "storage"))

    def _truth(self) -> Tree:
        assert self._case.truth is not None
        return read_truth(self._case.truth)
