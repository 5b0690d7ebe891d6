"""Proves by the classic builder's hashes what was copied, while layers pass by once.

Every guess at a source's name takes hashing the content again, since the name is hashed ahead of
it. So guesses are tried side by side, likeliest first, and the larger the content the fewer.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple, Protocol

from imgforensics.dockerfile.layers.classic_hash import (
    Form,
    HashKind,
    Proof,
    forms_of,
    hash_of_several,
    header_end,
    header_of,
    header_start,
    is_hashed,
    orders,
)
from imgforensics.dockerfile.layers.source_names import folders_for, names_for, words_of
from imgforensics.filesystem.whiteout import PREFIX
from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import EntryKind

_ALL_GUESSES = 1_000_000
"""At one image's sources, all together."""
_ORDERED_NAMES = 100_000
"""In all orders of several sources together: of a few names, all orders there are."""
_MOST_SOURCES = 1_000
"""Of one instruction, patterns taken apart."""
_MOST_TRIALS = 100
"""Rows that are looked into for one layer; mostly there is one."""
_HASHED_BYTES = 1 << 30
"""Content hashed for one row, all guesses together."""
_HASHES_HELD = 100_000
"""Of one row's entries, all guesses together."""
_KEPT_BYTES = 1 << 20
"""Of small files, for one row."""
_MOST_FILES = 16
"""Looked at for a single source: where there are more, it was an archive."""
_MOST_GUESSES = 20_000
"""Names tried for one file."""
_TREE_FORMS = (
    Form(True),
    Form(False),
    Form(False, b"root"),
    Form(True, b"root"),
    Form(True, keeps_owner=True),
)
_DIRECTORY_MODES = (0o755, 0o775, 0o700, 0o777, 0o2755, 0o2775, 0o750, 0o711)


class Hasher(Protocol):
    """What takes in one file's content."""

    def update(self, piece: memoryview, /) -> None:
        """Take in more."""

    def finish(self) -> None:
        """It was all there was."""


class Declared(NamedTuple):
    """What a row of the history says by a hash that it copied."""

    kind: HashKind
    hash: str
    """SHA-256 in hexadecimal."""
    destination: bytes
    """Normalised, from the image's root; empty for the root."""
    layer: int | None
    """The layer it made; None where it is not known which, and every one may be it."""


class Prover:
    """Tries names for the sources of rows, each with what it declares, against layers' files."""

    def __init__(self, copies: Iterable[tuple[int, Declared]], words: Sequence[bytes]) -> None:
        self._trials: dict[int | None, list[_Trial]] = {}
        self._rows: dict[Declared, list[int]] = {}
        budget = _Budget()
        for row, copy in copies:
            rows = self._rows.setdefault(copy, [])
            rows.append(row)
            trials = self._trials.setdefault(copy.layer, [])
            if len(rows) == 1 and len(trials) < _MOST_TRIALS:
                kind = _FileTrial if copy.kind is HashKind.FILE else _TreeTrial
                trials.append(kind(copy, words, budget))

    def wants(self, entry: LayerEntry) -> bool:
        """Whether some row may have copied the entry."""
        return PREFIX not in entry.path and any(self._about(entry))

    def hashers(self, entry: LayerEntry) -> Iterator[Hasher]:
        """What takes in the entry's content; for all that no row copied, nothing."""
        if not self.wants(entry):
            return
        for trial in self._about(entry):
            hasher = trial.begin(entry)
            if hasher is not None:
                yield hasher

    def _about(self, entry: LayerEntry) -> Iterator["_Trial"]:
        for layer in (entry.layer_index, None):
            yield from (one for one in self._trials.get(layer, ()) if one.is_about(entry))

    def proofs(self) -> dict[int, Proof]:
        """What is proven, by row, when all layers have passed."""
        trials = list(chain.from_iterable(self._trials.values()))
        words = words_of(text for trial in trials for text in trial.texts)
        concluded = ((trial.copy, trial.conclude(words)) for trial in trials)
        return {
            row: proof for copy, proof in concluded if proof is not None for row in self._rows[copy]
        }


@dataclass(slots=True)
class _Budget:
    """What all trials of one image may still do."""

    guesses: int = _ALL_GUESSES


class _SideBySide:
    """One content hashed under many headers."""

    def __init__(self, headers: Sequence[bytes], done: Callable[[Sequence[bytes]], None]) -> None:
        self._states = [hashlib.sha256(header) for header in headers]
        self._done = done

    def update(self, piece: memoryview, /) -> None:
        for state in self._states:
            state.update(piece)

    def finish(self) -> None:
        self._done([state.hexdigest().encode() for state in self._states])


class _Trial:
    """The guesses at one row's sources."""

    def __init__(self, copy: Declared, words: Sequence[bytes], budget: _Budget) -> None:
        self.copy = copy
        self._words = words
        self._budget = budget
        self._bytes_left = _HASHED_BYTES

    @property
    def texts(self) -> Iterator[bytes]:
        """What small files say that may name others."""
        return iter(())

    def is_about(self, entry: LayerEntry) -> bool:
        """Whether the row may have copied this entry."""
        copy = self.copy
        below = copy.destination + b"/" if copy.destination else b""
        return entry.path == copy.destination or entry.path.startswith(below)

    def begin(self, entry: LayerEntry) -> Hasher | None:
        """What takes in the entry's content, or None where it has none or it is not needed."""
        raise NotImplementedError

    def conclude(self, words: Sequence[bytes], /) -> Proof | None:
        """What has been proven; `words` are those of the small files that were copied."""
        raise NotImplementedError

    def _affordable(self, size: int, guesses: int, least: int) -> int:
        """How many guesses are tried on so much content; it is charged for them."""
        affordable = min(guesses, self._bytes_left // (4 * size + 1), self._budget.guesses)
        allowed = max(least, affordable)
        self._bytes_left -= allowed * size
        self._budget.guesses -= allowed
        return allowed


class _FileTrial(_Trial):
    """A single file: any file below the destination, under any name.

    Small ones are kept until all layers have passed: what they say themselves may name another.
    """

    def __init__(self, copy: Declared, words: Sequence[bytes], budget: _Budget) -> None:
        super().__init__(copy, words, budget)
        self._kept: list[_Kept] = []
        self._room = _KEPT_BYTES
        self._files_left = _MOST_FILES
        self._proof: Proof | None = None

    @property
    def texts(self) -> Iterator[bytes]:
        """What the small files say."""
        return (bytes(kept.content) for kept in self._kept)

    def begin(self, entry: LayerEntry) -> Hasher | None:
        if entry.kind is not EntryKind.FILE or self._proof is not None or not self._files_left:
            return None
        self._files_left -= 1
        if entry.size <= self._room:
            self._room -= entry.size
            self._kept.append(_Kept(entry))
            return self._kept[-1]
        guesses = list(self._guesses(entry, self._words))

        def done(hashes: Sequence[bytes], /) -> None:
            wanted = self.copy.hash.encode()
            if wanted in hashes:
                guess = guesses[hashes.index(wanted)]
                self._proof = Proof((guess.name,), guess.form)

        return _SideBySide([guess.header for guess in guesses], done)

    def conclude(self, words: Sequence[bytes], /) -> Proof | None:
        tried = (proof for kept in self._kept for proof in self._tried(kept, words))
        return self._proof or next(tried, None)

    def _tried(self, kept: "_Kept", words: Sequence[bytes]) -> Iterator[Proof]:
        for guess in self._guesses(kept.entry, (*self._words, *words)):
            if hashlib.sha256(guess.header + kept.content).hexdigest() == self.copy.hash:
                yield Proof((guess.name,), guess.form)

    def _guesses(self, entry: LayerEntry, words: Sequence[bytes]) -> Iterator["_NameGuess"]:
        ends = [(form, header_end(entry, form)) for form in forms_of(entry)]
        guesses = (
            _NameGuess(name, form, header_start(entry, name) + end)
            for name in names_for(entry.path, words)
            for form, end in ends
        )
        return islice(guesses, self._affordable(entry.size, _MOST_GUESSES, 2))


class _NameGuess(NamedTuple):
    name: bytes
    form: Form
    header: bytes


class _Kept:
    """A small file, whole."""

    def __init__(self, entry: LayerEntry) -> None:
        self.entry = entry
        self.content = bytearray()

    def update(self, piece: memoryview, /) -> None:
        self.content += piece

    def finish(self) -> None:
        """Nothing more to do."""


class _FolderGuess(NamedTuple):
    """Where a tree came from, and how its headers were written."""

    folder: bytes
    """Ahead of every name; empty, or ends in a slash."""
    form: Form


@dataclass(slots=True)
class _Hashed:
    """One entry below the destination, hashed under every guess that is left."""

    entry: LayerEntry
    name: bytes
    """From the destination."""
    hashes: Sequence[bytes] = field(default=())


class _TreeTrial(_Trial):
    """A directory, or several files: everything below the destination, in one folder."""

    def __init__(self, copy: Declared, words: Sequence[bytes], budget: _Budget) -> None:
        super().__init__(copy, words, budget)
        folders = list(folders_for(copy.destination))
        self._guesses = [
            *(_FolderGuess(folder, form) for form in _TREE_FORMS for folder in folders[:4]),
            *(_FolderGuess(folder, form) for folder in folders[4:] for form in _TREE_FORMS[:2]),
        ]
        self._found: list[_Hashed] = []
        self._top: LayerEntry | None = None
        self._is_complete = True

    def begin(self, entry: LayerEntry) -> Hasher | None:
        if entry.path == self.copy.destination:
            self._top = entry
            return None
        several = self.copy.kind is HashKind.SEVERAL
        if not is_hashed(entry) or (several and len(self._found) >= _MOST_SOURCES):
            self._is_complete = False
        if not self._is_complete or (several and entry.kind is EntryKind.DIRECTORY):
            return None
        self._narrow(entry)
        found = _Hashed(entry, entry.path[len(self.copy.destination) :].lstrip(b"/"))
        ends = {form: header_end(entry, form) for form in _TREE_FORMS}
        headers = [
            header_start(entry, guess.folder + found.name) + ends[guess.form]
            for guess in self._guesses
        ]
        self._found.append(found)

        def done(hashes: Sequence[bytes], /) -> None:
            found.hashes = hashes

        return _SideBySide(headers, done)

    def _narrow(self, entry: LayerEntry) -> None:
        """Leave out the guesses that are too much for a tree of this size."""
        affordable = self._affordable(entry.size, len(self._guesses), 2)
        held = _HASHES_HELD // (len(self._found) + 1)
        del self._guesses[max(2, min(affordable, held)) :]

    def conclude(self, _words: Sequence[bytes], /) -> Proof | None:
        if not self._is_complete or not self._found:
            return None
        several = self.copy.kind is HashKind.SEVERAL
        tried = self._several() if several else self._directory()
        return next(tried, None)

    def _directory(self) -> Iterator[Proof]:
        for position, guess in enumerate(self._guesses):
            hashes = [found.hashes[position] for found in self._found]
            for own in self._own_hashes(guess):
                if hash_of_several(HashKind.DIRECTORY, [*hashes, *own]) == self.copy.hash:
                    yield Proof((guess.folder.rstrip(b"/") or b".",), guess.form)

    def _own_hashes(self, guess: _FolderGuess) -> Iterator[list[bytes]]:
        """What the directory itself may have given; the context's root gives nothing."""
        if not guess.folder:
            yield []
            return
        if self._top is None:
            return
        modes = dict.fromkeys((self._top.mode, *_DIRECTORY_MODES))
        for mode in modes:
            entry = self._top._replace(member=self._top.member._replace(mode=mode))
            header = header_of(entry, guess.folder.rstrip(b"/"), guess.form)
            yield [hashlib.sha256(header).hexdigest().encode()]

    def _several(self) -> Iterator[Proof]:
        names = [found.name for found in self._found]
        if any(b"/" in name for name in names):
            return
        tried = list(islice(orders(names), max(1, _ORDERED_NAMES // len(names))))
        for position, guess in enumerate(self._guesses):
            # All orders for the likeliest folders only: there are a great many of them.
            for order in tried if position < 4 * len(_TREE_FORMS) else tried[:1]:
                hashes = (b"file:" + self._found[one].hashes[position] for one in order)
                if hash_of_several(HashKind.SEVERAL, hashes) == self.copy.hash:
                    yield Proof(tuple(guess.folder + names[one] for one in order), guess.form)
