"""An image, opened: documents at once, layers when asked for."""

import html
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from imgforensics.catalogue import ImageRecord
from imgforensics.closing import Closing
from imgforensics.digests import Digest
from imgforensics.filesystem.ambiguity import Ambiguity, differences
from imgforensics.filesystem.flatten import flatten
from imgforensics.filesystem.history import PathEvent, followed, path_events
from imgforensics.filesystem.path import ImagePath
from imgforensics.filesystem.rules import OVERLAYFS, PRESETS, ApplyRules, Precedence
from imgforensics.filesystem.snapshots import Snapshots
from imgforensics.filesystem.tree import FileTree
from imgforensics.garbage import no_cycle_search
from imgforensics.layer.budget import EntryBudget
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.layer.layer import Layer, LayerScan
from imgforensics.layer.pairing import mispaired
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.manifest import Manifest
from imgforensics.problems import Problem, display
from imgforensics.side_by_side import Check, in_order
from imgforensics.sources.base import BlobSource

_SCANNING_THREADS = 4


class Image(Closing):
    """One image of a source. Closing it closes the source.

    Use it in `with`, or as long as you like: what it holds open is given back at the latest
    when nobody holds the image any more. Documents have been read when it exists; layers are
    read when something needs them, once, and what was found stays with the :class:`Layer`.
    Several threads may ask one image; another process opens its own.
    """

    def __init__(
        self,
        record: ImageRecord,
        source: BlobSource,
        limits: Limits = DEFAULT_LIMITS,
        *,
        scans: Mapping[int, LayerScan] = MappingProxyType({}),
        problems: tuple[Problem, ...] = (),
        spool_directory: Path | None = None,
    ) -> None:
        self.record = record
        self.source = source
        self.limits = limits
        self.spool_directory = spool_directory
        """Where temporary copies of contents go; the system's place if None."""
        budget = EntryBudget(limits)
        self.layers = tuple(
            Layer(
                layer,
                source,
                limits,
                scanned=scans.get(layer.index),
                budget=budget,
                spool_directory=spool_directory,
            )
            for layer in record.layers
        )
        self._source_problems = problems
        self._snapshots = Snapshots(self.layers, OVERLAYFS)

    # What it is.

    @property
    def names(self) -> tuple[str, ...]:
        """Tags and other names the source gives it."""
        return self.record.names

    @property
    def digest(self) -> Digest | None:
        """Of its manifest; None where the archive holds no manifest of its own."""
        return self.record.manifest_digest

    @property
    def image_id(self) -> Digest | None:
        """Of its config, which engines show as the image's ID."""
        return self.record.config_digest

    @property
    def manifest(self) -> Manifest | None:
        """The OCI or Docker schema 2 manifest, where there is one."""
        return self.record.manifest

    @property
    def config(self) -> ImageConfig | None:
        """Platform, environment, command, history; None for a root filesystem."""
        return self.record.config

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is odd or damaged, as far as the image has been read."""
        layers = (layer.problems for layer in self.layers if layer.is_scanned)
        documents = chain(self.source.problems, self._source_problems, self.record.problems)
        found = chain(documents, *layers, mispaired(self.layers), self._snapshots.problems)
        return tuple(dict.fromkeys(found))

    def problems_up_to(self, layer: int) -> tuple[Problem, ...]:
        """The problems that concern an answer about the filesystem after `layer`.

        Those of layers above it are left out; those of documents and of the source are not.
        """
        return tuple(
            problem
            for problem in self.problems
            if problem.where.layer is None or problem.where.layer <= layer
        )

    # What it holds.

    @property
    def filesystem(self) -> FileTree:
        """The filesystem that a container would see."""
        return self.filesystem_at(self.top)

    @property
    def top(self) -> int:
        """Index of the top layer; -1 for an image without layers."""
        return len(self.layers) - 1

    def filesystem_at(self, layer: int) -> FileTree:
        """The filesystem after layer number `layer`, from 0; -1 is the empty one below all.

        Raises `IndexError` past the last layer and `MissingBlobError` where one is absent.
        """
        return self._snapshots.at(layer)

    @cached_property
    def entries(self) -> tuple[LayerEntry, ...]:
        """Every member of every layer, bottom layer first, duplicates and whiteouts too."""
        self.scan_layers()
        return tuple(chain.from_iterable(layer.entries for layer in self.layers))

    def path(self, path: str | bytes | os.PathLike[str], layer: int | None = None) -> ImagePath:
        """A path in the filesystem after `layer`, the top one if not given."""
        tree = self.filesystem if layer is None else self.filesystem_at(layer)
        return ImagePath(tree, b"", self.open_content).joinpath(path)

    def open_content(self, entry: LayerEntry) -> BinaryIO:
        """The content of a file entry of any layer, be it hidden or deleted above; seekable."""
        return self.layers[entry.layer_index].open_content(entry)

    def history_of(
        self, path: str | bytes | os.PathLike[str], *, contents: bool = True, follow: bool = False
    ) -> tuple[PathEvent, ...]:
        """What each layer did to a path, oldest first; symbolic links are not followed.

        Hashes of all versions, and where content came from or went to, are told unless
        `contents` is false. Then, too, two files of one size are told apart by their contents,
        so this raises what :meth:`open_content` raises. With `follow`, what is known of the file
        under the names that it had before comes first: those that its content came from, and
        the one that a hard link was made to.
        """
        wanted = normalise_path(os.fsencode(path))
        events = self._events(wanted, contents=contents)
        return followed(events, self._events) if follow else events

    def _events(self, path: bytes, *, contents: bool = True) -> tuple[PathEvent, ...]:
        trees = self._snapshots.all()
        return path_events(path, trees, self.layers, self.open_content, contents=contents)

    def ambiguities(
        self, *others: ApplyRules, rules: ApplyRules = OVERLAYFS
    ) -> tuple[Ambiguity, ...]:
        """Where other rules show another filesystem: what a scanner sees, what a runtime runs.

        Without `others`, every preset is compared with `rules`.
        """
        ours = self.filesystem_by(rules)
        compared = others or tuple(preset for preset in PRESETS.values() if preset != rules)
        return tuple(
            chain.from_iterable(
                differences(ours, rules, self.filesystem_by(other), other) for other in compared
            )
        )

    def filesystem_by(self, rules: ApplyRules) -> FileTree:
        """The filesystem of all layers as an engine with these rules shows it."""
        if rules.precedence is Precedence.NAMES:
            return flatten([layer.entries for layer in self.layers], rules)
        snapshots = self._snapshots if rules == OVERLAYFS else Snapshots(self.layers, rules)
        return snapshots.at(self.top)

    def share_snapshots_of(self, other: "Image", layers: int) -> None:
        """Use another image's snapshots after the lowest `layers` layers.

        Those layers must hold the same entries in both; without effect when snapshots of
        this image have been asked for before.
        """
        self._snapshots.share(other._snapshots, layers)

    def scan_layers(
        self,
        progress: Callable[[Layer], None] | None = None,
        layers: Sequence[Layer] | None = None,
    ) -> None:
        """Read every present layer that has not been read yet, several at a time.

        `progress` is told each layer when it is done, in order; `layers` are all if not given.
        Raises `LimitExceededError`.
        """
        chosen = self.layers if layers is None else layers
        todo = [layer for layer in chosen if layer.is_present and not layer.is_scanned]
        workers = min(_SCANNING_THREADS, os.cpu_count() or 1, len(todo))

        def scan(layer: Layer, check: Check) -> LayerScan:
            return layer.scan(lambda _: check())

        with no_cycle_search(), closing(in_order(todo, scan, workers)) as scanned:
            for layer, _ in scanned:
                if progress:
                    progress(layer)

    # How it is used.

    def close(self) -> None:
        """Close the source: what has not been read by now raises `ValueError` when asked for."""
        for layer in self.layers:
            layer.close()
        self.source.close()

    def __repr__(self) -> str:
        name = ", ".join(self.names) or str(self.digest or self.image_id or "unnamed")
        return f"<Image {display(name)} in {self.source.description}: {len(self.layers)} layers>"

    def _repr_html_(self) -> str:
        facts = {
            "names": ", ".join(self.names) or "none",
            "digest": self.digest or "none",
            "image ID": self.image_id or "none",
            "platform": self.record.platform or "unknown",
            "problems": "; ".join(str(problem) for problem in self.problems) or "none so far",
        }
        rows = [_row(name, str(value)) for name, value in facts.items()]
        rows += [
            _row(
                f"layer {layer.index}", f"{layer.digest or layer.diff_id} {layer.created_by or ''}"
            )
            for layer in self.layers
        ]
        caption = html.escape(self.source.description)
        return f"<table><caption>{caption}</caption>{''.join(rows)}</table>"


def _row(name: str, value: str) -> str:
    return f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
