"""JSON from a hostile source: bounded, and every error says where in the document it is."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError, LimitExceededError
from imgforensics.frozen import FrozenMapping
from imgforensics.limits import DEFAULT_LIMITS, Limits

# Possessive and with an optional end, so that an unterminated string costs one scan, not many.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[{]+|[\]}]+")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BLANKS = " \t\r\n"
_SHOWN = 60
_MAXIMUM_ODDITIES = 1_000
_LONGEST_NUMBER = 4_000

Text = Mapping[str, str]
_NO_TEXT: Text = FrozenMapping({})


def no_text() -> Text:
    """Return the empty mapping that objects without annotations or labels share."""
    return _NO_TEXT


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value inside a document, with the way to it.

    Methods named `required_...` raise :class:`~imgforensics.errors.DamagedDocumentError`;
    the others take an absent or null value for none, and note a value of another type
    among the document's `oddities` before they take it for none too.
    """

    document: str
    """What the document is called in messages: `manifest sha256:abc...`, `index.json`."""
    path: str
    """A JSON path: `$.layers[2].digest`."""
    value: object
    oddities: list[str] = field(compare=False, repr=False)
    """What was got past, in the whole document: `$.config.Env: not a list of strings`."""

    def damaged(self, detail: str) -> DamagedDocumentError:
        """The error for this place, to be raised by the caller."""
        return DamagedDocumentError(f"{self.document}: {self.path}: {detail}")

    def note(self, detail: str) -> None:
        """Record an oddity of this place; of one document, as many as anyone would read."""
        if len(self.oddities) < _MAXIMUM_ODDITIES:
            self.oddities.append(f"{self.path}: {detail}")

    def member(self, key: str) -> "JsonValue":
        """An object's member; a value of None where it, or the object, is absent.

        The key may be written in other letters' case, as Go's `encoding/json` takes it, and
        with it the engines; of several that are the same to it, the last one counts. Either is
        an oddity, for other readers hold to the case.
        """
        held = self.value if isinstance(self.value, dict) else {}
        alike = [
            each
            for each in held
            if len(each) == len(key) and (each == key or each.casefold() == key.casefold())
        ]
        if alike and alike != [key]:
            self._note_case(key, alike)
        return self._below(_step(key), held[alike[-1]] if alike else None)

    def holds(self, key: str) -> bool:
        """Whether an object has a member under a key, in whatever case, even a null."""
        held = self.value if isinstance(self.value, dict) else {}
        return any(each.casefold() == key.casefold() for each in held)

    def _note_case(self, key: str, alike: list[str]) -> None:
        written = " and ".join(map(_shown, alike))
        oddity = f"the key {_shown(key)} is written {written}; engines take the last one"
        if f"{self.path}: {oddity}" not in self.oddities:
            self.note(oddity)

    def elements(self) -> Iterator["JsonValue"]:
        """A list's elements; none for null."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            self.note(f"expected a list, found {_name(self.value)}")
            return
        for position, element in enumerate(self.value):
            yield self._below(f"[{position}]", element)

    def members(self) -> Iterator[tuple[str, "JsonValue"]]:
        """An object's members in document order; none for null."""
        if self.value is None:
            return
        if not isinstance(self.value, dict):
            self.note(f"expected an object, found {_name(self.value)}")
            return
        for key, value in self.value.items():
            yield key, self._below(_step(key), value)

    def required_object(self) -> "JsonValue":
        """This value, which must be an object."""
        if not isinstance(self.value, dict):
            raise self.damaged(f"expected an object, found {_name(self.value)}")
        return self

    def required_elements(self) -> Iterator["JsonValue"]:
        """A list's elements; none for null, which Go writes for an empty list."""
        if self.value is not None and not isinstance(self.value, list):
            raise self.damaged(f"expected a list, found {_name(self.value)}")
        return self.elements()

    def required_text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.damaged(f"expected a string, found {_name(self.value)}")
        return self.value

    def required_digest(self) -> Digest:
        """A string that is a digest."""
        try:
            return Digest.parse(self.required_text())
        except ValueError as error:
            raise self.damaged(str(error)) from None

    def required_size(self) -> int:
        """A number of bytes."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.damaged(f"expected a number of bytes, found {_name(value)}")
        if not 0 <= value < 1 << 63:
            raise self.damaged(f"{_shown(value)} is no number of bytes")
        return value

    def text(self) -> str | None:
        """A string, or None."""
        if self.value is None or isinstance(self.value, str):
            return self.value
        self.note(f"expected a string, found {_name(self.value)}")
        return None

    def flag(self) -> bool:
        """A boolean; absent is false."""
        if self.value is None or isinstance(self.value, bool):
            return bool(self.value)
        self.note(f"expected true or false, found {_name(self.value)}")
        return False

    def digest(self) -> Digest | None:
        """A digest, or None."""
        text = self.text()
        try:
            return None if text is None else Digest.parse(text)
        except ValueError as error:
            self.note(str(error))
            return None

    def texts(self) -> tuple[str, ...]:
        """A list of strings; elements of another type are left out."""
        found = (element.text() for element in self.elements())
        return tuple(text for text in found if text is not None)

    def text_map(self) -> Text:
        """An object whose values are strings; others are left out."""
        pairs = ((key, member.text()) for key, member in self.members())
        found = {key: text for key, text in pairs if text is not None}
        return FrozenMapping(found) if found else _NO_TEXT

    def others(self, *known: str) -> Mapping[str, object]:
        """An object's members that have no field of their own, as parsed."""
        if not isinstance(self.value, dict):
            return _NO_TEXT
        folded = frozenset(key.casefold() for key in known)
        return FrozenMapping({k: v for k, v in self.value.items() if k.casefold() not in folded})

    def _below(self, step: str, value: object) -> "JsonValue":
        return JsonValue(self.document, self.path + step, value, self.oddities)


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{key!r}]"


def parse_json(data: bytes, document: str, limits: Limits = DEFAULT_LIMITS) -> JsonValue:
    """The document's root value; `document` is its name in messages.

    What engines get past is got past here, too, and is an oddity: a repeated key, of which the
    last value counts; bytes in strings that are not UTF-8, each of which becomes U+FFFD; what
    follows the first value. Raises :class:`~imgforensics.errors.DamagedDocumentError` for what
    is otherwise no JSON (RFC 8259), and :class:`~imgforensics.errors.LimitExceededError` for
    a document that is too long or nested too deep.
    """
    _check_bounds(data, document, limits)
    oddities: list[str] = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8-sig", "replace")
        oddities.append(f"not UTF-8: byte {data[error.start]:#04x} at offset {error.start}")
    try:
        value, end = _decoder(oddities).raw_decode(text, len(text) - len(text.lstrip(_BLANKS)))
    except ValueError as error:
        reasons = "; ".join([*oddities[:1], f"not JSON: {error}"])
        raise DamagedDocumentError(f"{document}: {reasons}") from None
    except RecursionError:
        raise DamagedDocumentError(f"{document}: nested deeper than can be read") from None
    if text[end:].strip(_BLANKS):
        oddities.append(f"something follows its end, at character {end}; not all readers take it")
    return JsonValue(document, "$", _printable(value, data), oddities)


def _decoder(oddities: list[str]) -> json.JSONDecoder:
    """A decoder that notes repeated keys."""

    def without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            found.clear()
            for key, value in pairs:  # each to stand where it stood last
                found.pop(key, None)
                found[key] = value
            if len(oddities) < _MAXIMUM_ODDITIES:
                repeated = _first_repeated(pairs)
                oddities.append(f"the key {_shown(repeated)} is repeated; its last value counts")
        return found

    return json.JSONDecoder(
        object_pairs_hook=without_repetition,
        parse_constant=_refuse_constant,
        parse_int=_whole_number,
    )


def _check_bounds(data: bytes, document: str, limits: Limits) -> None:
    if len(data) > limits.document_bytes:
        raise LimitExceededError(
            "document_bytes", limits.document_bytes, f"{document} has {len(data)} bytes"
        )
    structure = _structure(data, min(limits.json_depth, limits.json_values))
    values = structure.count(b",") + structure.count(b"[") + structure.count(b"{")
    if values > limits.json_values:
        raise LimitExceededError(
            "json_values", limits.json_values, f"{document} has {values} values"
        )
    if _depth_exceeds(structure, limits.json_depth):
        raise LimitExceededError(
            "json_depth", limits.json_depth, f"{document} is nested deeper than {limits.json_depth}"
        )


def _structure(data: bytes, enough: int) -> bytes:
    """The document without its strings; nothing when it is too small to need a look."""
    marks = data.count(b",") + data.count(b"[") + data.count(b"{")
    return _STRING.sub(b"", data) if marks > enough else b""


def _depth_exceeds(structure: bytes, limit: int) -> bool:
    depth = 0
    for run in _BRACKETS.finditer(structure):
        depth += len(run[0]) if run[0][:1] in b"[{" else -len(run[0])
        if depth > limit:
            return True
    return False


def _printable(value: object, data: bytes) -> object:
    """Lone surrogates, which only escapes can write, would break every later encoding."""
    if not _SURROGATE_ESCAPE.search(data):
        return value
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _whole_number(digits: str) -> int | float:
    # Converting takes the square of the length; nothing that is read is so large.
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def _first_repeated(pairs: list[tuple[str, object]]) -> str:
    counts = Counter(key for key, _ in pairs)
    return next(key for key, count in counts.items() if count > 1)


def _shown(value: object) -> str:
    text = hex(value) if isinstance(value, int) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _name(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "nothing" if value is None else "a number")
