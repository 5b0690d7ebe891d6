"""Images for tests: documents as dictionaries, blobs under their digests, a tar around them."""

import io
import json
from collections.abc import Iterable

from imgforensics.catalogue import Catalogue, read_catalogue
from imgforensics.digests import Digest
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import ProblemCode
from imgforensics.sources.detect import open_source
from tests.sources.building import Member, tar_of

Json = dict[str, object]
OCI = "application/vnd.oci.image."
LAYER = OCI + "layer.v1.tar"


class Archive:
    """Files of a source that is being made."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, name: str, document: object) -> None:
        self.files[name] = json.dumps(document).encode()

    def blob(self, data: bytes, media_type: str, **members: object) -> Json:
        """Store a blob; its descriptor."""
        digest = Digest.of(data)
        self.files[f"blobs/sha256/{digest.hex}"] = data
        return {"mediaType": media_type, "digest": str(digest), "size": len(data), **members}

    def document(self, document: object, media_type: str, **members: object) -> Json:
        return self.blob(json.dumps(document).encode(), media_type, **members)

    def layers(self, *contents: bytes) -> list[Json]:
        return [self.blob(tar_of(Member("f", content)), LAYER) for content in contents]

    def image(self, *contents: bytes, platform: str = "linux/amd64", **members: object) -> Json:
        """Store an image with a layer per content; its manifest's descriptor."""
        return self.manifest(self.layers(*contents), self.config(contents, platform), **members)

    def config(self, contents: Iterable[bytes], platform: str = "linux/amd64") -> Json:
        system, architecture = platform.split("/")
        diff_ids = [str(Digest.of(tar_of(Member("f", content)))) for content in contents]
        document = {
            "os": system,
            "architecture": architecture,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created_by": f"step {n}"} for n in range(len(diff_ids))],
        }
        return self.document(document, OCI + "config.v1+json")

    def manifest(self, layers: list[Json], config: Json, **members: object) -> Json:
        kind = OCI + "manifest.v1+json"
        document = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}
        return self.document(document, kind, **members)

    def index(self, *manifests: Json, **members: object) -> Json:
        kind = OCI + "index.v1+json"
        document = {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}
        return self.document(document, kind, **members)

    def layout(self, *manifests: Json) -> "Archive":
        """Make it an OCI layout of these manifests."""
        self.put("oci-layout", {"imageLayoutVersion": "1.0.0"})
        self.put("index.json", {"schemaVersion": 2, "manifests": manifests})
        return self

    def drop(self, descriptor: Json) -> None:
        """Take a blob away again."""
        del self.files[blob_name(descriptor)]

    def tar(self) -> bytes:
        return tar_of(*(Member(name, data) for name, data in self.files.items()))

    def read(self, limits: Limits = DEFAULT_LIMITS) -> Catalogue:
        with open_source(io.BytesIO(self.tar())) as source:
            return read_catalogue(source, limits)


def blob_name(descriptor: Json) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def named(name: str) -> Json:
    return {"org.opencontainers.image.ref.name": name}


def containerd_named(name: str) -> Json:
    return {"io.containerd.image.name": name, **named(name.rpartition(":")[2])}


def platform(text: str) -> Json:
    parts = text.split("/")
    return dict(zip(("os", "architecture", "variant"), parts, strict=False))


def codes(catalogue: Catalogue) -> list[ProblemCode]:
    """Codes of all problems, the source's and the records'."""
    problems = list(catalogue.problems)
    for record in catalogue.records:
        problems += record.problems
    return [problem.code for problem in problems]
