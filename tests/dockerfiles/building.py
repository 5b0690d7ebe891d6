"""Images with attestations, and histories as builders write them."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

from imgforensics import Image, open_image
from imgforensics.testing import (
    ImageBuilder,
    IndexSpec,
    Instruction,
    LayerSpec,
    Packing,
    archive,
    attestation,
    oci_layout,
)
from imgforensics.testing.tarball import Member

BUILDKIT = "buildkit.dockerfile.v0"
"""The comment of every row that BuildKit writes."""
NOP = "/bin/sh -c #(nop) "
BUILDKIT_STEPS = "RUN /bin/sh -c apk add curl # buildkit"

Json = dict[str, Any]


def opened(*roots: ImageBuilder | IndexSpec, choice: int | None = None) -> Image:
    """Open what these make as an OCI archive."""
    return open_image(BytesIO(archive(oci_layout(*roots))), image=choice)


def attested(
    image: ImageBuilder, *statements: bytes, others: Sequence[ImageBuilder] = ()
) -> AbstractContextManager[Image]:
    """Open an image with an attestation manifest for each statement beside it."""
    beside = [attestation(image, statement) for statement in statements]
    return opened(IndexSpec([image, *others, *beside]))


def digest_of(image: ImageBuilder) -> str:
    """Hexadecimal digest of the manifest that `oci_layout` gives the image."""
    return image.build(Packing.GZIP).manifest_digest.partition(":")[2]


def encoded(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def source_infos(name: str, data: str) -> Json:
    """What BuildKit keeps of a source file."""
    return {"infos": [{"filename": name, "language": "Dockerfile", "data": data}]}


def statement(predicate: Json, version: str = "v1", subject: Sequence[Json] = ()) -> bytes:
    """An in-toto statement of SLSA provenance."""
    document = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": f"https://slsa.dev/provenance/{version}",
        "subject": list(subject),
        "predicate": predicate,
    }
    return json.dumps(document).encode()


def version_1(
    *,
    source: Json | None = None,
    steps: Sequence[Json] | None = None,
    materials: Sequence[Json] = (),
    request: Json | None = None,
    name: str = "Dockerfile",
) -> Json:
    """A predicate of version 1, as BuildKit writes it."""
    internal: Json = {} if steps is None else {"buildConfig": {"llbDefinition": list(steps)}}
    return {
        "buildDefinition": {
            "externalParameters": {"configSource": {"path": name}, "request": request or {}},
            "internalParameters": internal,
            "resolvedDependencies": list(materials),
        },
        "runDetails": {
            "metadata": {
                "buildkit_metadata": {
                    "source": source or {},
                    "vcs": {"source": "https://git.example.com/a", "revision": "abc"},
                }
            }
        },
    }


def version_0_2(
    *, source: Json | None = None, materials: Sequence[Json] = (), request: Json | None = None
) -> Json:
    """A predicate of version 0.2, as BuildKit writes it."""
    return {
        "materials": list(materials),
        "invocation": {
            "configSource": {"entryPoint": "Dockerfile"},
            "parameters": request or {},
        },
        "metadata": {
            "https://mobyproject.org/buildkit@v1#metadata": {
                "source": source or {},
                "vcs": {"source": "https://git.example.com/a", "revision": "abc"},
            }
        },
    }


def material(reference: str, digest: str) -> Json:
    """An image among the materials."""
    return {"uri": f"pkg:docker/{reference}?platform=linux%2Famd64", "digest": {"sha256": digest}}


def classic_hash(
    name: str,
    content: bytes,
    *,
    mode: int = 0o100644,
    kind: str = "0",
    owner: str = "",
    uid: int = 0,
    link: str = "",
) -> str:
    """What Docker hashes of one file: each header field by name, then the content."""
    fields: Mapping[str, object] = {
        "name": name,
        "mode": mode,
        "uid": uid,
        "gid": uid,
        "size": len(content),
        "typeflag": kind,
        "linkname": link,
        "uname": owner,
        "gname": owner,
        "devmajor": 0,
        "devminor": 0,
    }
    header = "".join(f"{key}{value}" for key, value in fields.items())
    return hashlib.sha256(header.encode() + content).hexdigest()


def joined(hashes: Sequence[str]) -> str:
    """The hash of several hashes."""
    return hashlib.sha256(",".join(hashes).encode()).hexdigest()


def classic_image(*steps: tuple[str, Sequence[Member]], words: str = "") -> ImageBuilder:
    """An image by the classic builder: a base, then a layer for each step."""
    rows: list[Any] = [
        LayerSpec([], created_by=f"{NOP} ADD file:{'0' * 64} in / "),
        Instruction(f'{NOP} CMD ["sh"]'),
        Instruction(f"{NOP} LABEL about={words}"),
    ]
    rows += [LayerSpec(list(members), created_by=text) for text, members in steps]
    return ImageBuilder(rows)
