"""Versions: what any layer held is living or deleted, and histories replay to the snapshots."""

from hypothesis import given, settings

from imgforensics import EntryKind, deleted_files
from imgforensics.testing import Entry
from imgforensics.versions import InFinalImage, Versions
from tests.filesystem.building import image_of
from tests.filesystem.overlay_model import snapshots
from tests.property.test_apply_property import detail_of, layers

Thing = tuple[bytes, str, bytes]
"""Path, kind, and content or link target."""


def things(state: object) -> set[Thing]:
    """What a snapshot of the model holds, directories left out."""
    return {
        (b"/".join(path), thing.kind, thing.detail)
        for path, thing in state.items()  # type: ignore[attr-defined]
        if thing.kind != "directory"
    }


@given(layers())
def test_what_any_layer_held_is_living_or_deleted(built: list[list[Entry]]) -> None:
    states = [things(state) for state in snapshots(built)]
    living = states[-1]
    with image_of(*built) as image:
        deleted = [each for each in deleted_files(image) if each.version.is_applied]
        told = {
            (each.path, str(each.version.node.kind), detail_of(image, each.version.node))
            for each in deleted
            if not each.version.node.is_directory
        }
        assert told | living == set.union(*states)
        for each in deleted:
            assert each.by is not None
            assert each.layer.index < each.by.index
            held = (each.path, str(each.version.node.kind), detail_of(image, each.version.node))
            if not each.version.node.is_directory:
                assert held in states[each.layer.index]
                assert held in states[each.by.index - 1]


@given(layers())
def test_every_version_is_in_the_final_image_or_deleted_and_none_is_both(
    built: list[list[Entry]],
) -> None:
    with image_of(*built) as image:
        image.scan_layers()
        versions = Versions(image)
        told = [versions.in_final_image(version) for version in versions]
        assert set(told) <= {InFinalImage.YES, InFinalImage.NO}
        assert told.count(InFinalImage.NO) == len(list(versions.deleted()))
        shown = {path for path, node in image.filesystem.walk() if not node.is_directory}
        assert shown == {
            version.path
            for version in versions
            if not version.node.is_directory
            and versions.in_final_image(version) is InFinalImage.YES
        }


@given(layers())
def test_each_stored_file_is_a_version(built: list[list[Entry]]) -> None:
    """Duplicates, and files that nothing shows, too; whiteouts only if they have content."""
    with image_of(*built) as image:
        image.scan_layers()
        contents = {id(version.node.entry) for version in Versions(image)}
        for entry in image.entries:
            if entry.kind is EntryKind.FILE and b".wh." not in entry.path and entry.path:
                assert id(entry) in contents


@given(layers())
@settings(max_examples=10)
def test_replaying_histories_gives_every_snapshot(built: list[list[Entry]]) -> None:
    states = [things(state) for state in snapshots(built)]
    with image_of(*built) as image:
        paths = {path for state in states for path, _, _ in state}
        replayed: list[set[Thing]] = [set() for _ in built]
        for path in paths:
            events = {event.layer.index: event for event in image.history_of(path)}
            standing = None
            for number in range(len(built)):
                standing = events[number].after if number in events else standing
                if standing is not None and not standing.is_directory:
                    detail = detail_of(image, standing)
                    replayed[number].add((path, str(standing.kind), detail))
        assert replayed == states
