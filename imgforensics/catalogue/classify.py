"""Tells images from what is stored in their form: attestations, signatures, artifacts."""

from imgforensics.catalogue.records import ImageKind
from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.manifest import CONFIG_MEDIA_TYPES, Manifest

# https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
_REFERENCE_TYPE = "vnd.docker.reference.type"
_IN_TOTO = "application/vnd.in-toto"
# https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md, notation's
# https://github.com/notaryproject/specifications, and sigstore bundles.
_SIGNATURE_MARKS = (
    "application/vnd.dev.cosign.simplesigning",
    "application/vnd.dev.cosign.artifact.sig",
    "application/vnd.cncf.notary.signature",
    "application/vnd.dev.sigstore.bundle",
    "application/vnd.dev.cosign.signature",
)
_LAYER_TYPES = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")
# Attestations that cosign signs are wrapped in this (https://github.com/secure-systems-lab/dsse).
_DSSE = "application/vnd.dsse.envelope"


def classify(descriptor: Descriptor, names: tuple[str, ...], manifest: Manifest) -> ImageKind:
    """Tell what a manifest stands for, by its own words and by those that lead to it.

    What an engine would run is an image, whatever else an annotation says of it: or an
    annotation would be enough to hide it.
    """
    if manifest.encrypted_layers:
        return ImageKind.UNSUPPORTED
    if _is_runnable(manifest):
        return ImageKind.IMAGE
    types = _types(descriptor, manifest)
    if _is_attestation(descriptor, types):
        return ImageKind.ATTESTATION
    if any(kind.startswith(_SIGNATURE_MARKS) for kind in types) or _has_suffix(names, ".sig"):
        return ImageKind.SIGNATURE
    is_artifact = _is_artifact(descriptor, manifest) or _has_suffix(names, ".sbom")
    return ImageKind.ARTIFACT if is_artifact else ImageKind.IMAGE


def classify_unread(descriptor: Descriptor) -> ImageKind | None:
    """What a descriptor alone tells of a manifest that does not parse."""
    return ImageKind.ATTESTATION if _REFERENCE_TYPE in descriptor.annotations else None


def _is_runnable(manifest: Manifest) -> bool:
    """Whether config and layers have the types of an image's, and there is a layer."""
    return (
        manifest.config is not None
        and manifest.config.media_type in CONFIG_MEDIA_TYPES
        and bool(manifest.layers)
        and all(layer.media_type.startswith(_LAYER_TYPES) for layer in manifest.layers)
    )


def _types(descriptor: Descriptor, manifest: Manifest) -> list[str]:
    config = manifest.config.media_type if manifest.config else ""
    artifacts = (descriptor.artifact_type, manifest.artifact_type)
    layers = (layer.media_type for layer in manifest.layers)
    return [kind for kind in (*artifacts, config, *layers) if kind]


def _is_attestation(descriptor: Descriptor, types: list[str]) -> bool:
    return _REFERENCE_TYPE in descriptor.annotations or any(
        kind.startswith((_IN_TOTO, _DSSE)) for kind in types
    )


def _is_artifact(descriptor: Descriptor, manifest: Manifest) -> bool:
    if manifest.config is None or manifest.config.media_type not in CONFIG_MEDIA_TYPES:
        return True
    if descriptor.platform is not None and descriptor.platform.is_unknown:
        return True
    return bool(manifest.artifact_type or descriptor.artifact_type)


def _has_suffix(names: tuple[str, ...], suffix: str) -> bool:
    """Whether a name is cosign's own: `sha256-<hex>.sig` as a tag."""
    return any(name.endswith(suffix) and "sha256-" in name for name in names)
