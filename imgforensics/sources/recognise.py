"""What a file is by its first bytes, when it is no image."""

from typing import NamedTuple

from imgforensics.filetype import describe

HEAD_BYTES = 36 << 10
"""Enough to see the furthest of the signatures, an ISO 9660 volume's."""


class Signature(NamedTuple):
    """Bytes that stand at a fixed place in files of one kind."""

    offset: int
    magic: bytes
    what: str
    advice: str = ""


_NONE_INSIDE = "container images are not read from disk images"
# Those that responders meet instead of images, with what to do; libmagic names the others.
# Sources: each format's own specification, as gathered in file(1)'s magic database.
_SIGNATURES = (
    Signature(0, b"PK\x03\x04", "a zip archive", "unzip it first and open what is inside"),
    Signature(0, b"PK\x05\x06", "an empty zip archive"),
    Signature(0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    Signature(0, b"Rar!\x1a\x07", "a RAR archive", "unpack it first"),
    Signature(0, b"hsqs", "a squashfs filesystem", "mount or unsquash it"),
    Signature(0, b"QFI\xfb", "a qcow2 disk image", _NONE_INSIDE),
    Signature(0, b"KDMV", "a VMDK disk image", _NONE_INSIDE),
    Signature(0, b"conectix", "a VHD disk image", _NONE_INSIDE),
    Signature(0, b"vhdxfile", "a VHDX disk image", _NONE_INSIDE),
    Signature(32769, b"CD001", "an ISO 9660 image", _NONE_INSIDE),
    Signature(1080, b"\x53\xef", "an ext filesystem", _NONE_INSIDE),
    Signature(32, b"SIF_MAGIC", "a Singularity image (SIF)", "convert it to an OCI image first"),
)


def recognise(head: bytes) -> str:
    """What a file with these first bytes is, with an advice where there is one."""
    known = recognise_signature(head)
    if known is not None:
        return known
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "an empty archive, or nothing but zeros"
    if head.lstrip()[:1] in (b"{", b"["):
        return "a JSON document; open the archive or layout that it came from"
    return describe(head) or "of no known kind"


def recognise_signature(head: bytes) -> str | None:
    """What the signature at its place says, if any of those known is there."""
    for signature in _SIGNATURES:
        if head.startswith(signature.magic, signature.offset):
            return signature.what + (f"; {signature.advice}" if signature.advice else "")
    return None
