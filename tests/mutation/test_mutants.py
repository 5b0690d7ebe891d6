"""A few hundred mutants; `python -m tests.mutation.run` judges as many as one likes."""

from dataclasses import replace
from random import Random

from tests.mutation.changes import reorder
from tests.mutation.judging import (
    Outcome,
    against_oracles,
    against_sound,
    judge,
    opened,
    sound_listing,
    subject_of,
)
from tests.mutation.listing import Listing, list_source
from tests.mutation.mutants import Mutant, Place, mutant
from tests.mutation.oracles import listed_by_tarfile
from tests.mutation.run import judge_all
from tests.mutation.subjects import subjects

MUTANTS = 500


def test_no_mutant_is_a_crash_a_hang_or_a_silent_loss() -> None:
    counts, failures = judge_all(range(MUTANTS))
    assert failures == []
    assert counts.total() == MUTANTS


def first(place: Place, change: str) -> Mutant:
    """The first small mutant of this kind that opens in another way than the sound source."""
    for number in range(10_000):
        one = mutant(number)
        if (one.place, one.change) == (place, change) and judge(one).outcome is Outcome.TOLD:
            return one
    raise AssertionError


def listing_of(one: Mutant) -> Listing:
    with opened(subject_of(one.subject), one.file, one.data, one.form) as source:
        return list_source(source)


def silenced(listing: Listing) -> Listing:
    """What a reader says that keeps its problems to itself."""
    images = [replace(image, problems=frozenset(), errors=()) for image in listing.images]
    return replace(listing, images=tuple(images))


def without_last_row(listing: Listing, layer: int) -> Listing:
    """What a reader says that overlooks a layer's last member."""
    (image,) = listing.images
    layers = list(image.layers)
    layers[layer] = replace(layers[layer], rows=layers[layer].rows[:-1])
    return replace(listing, images=(replace(image, layers=tuple(layers)),))


def test_members_that_are_reordered_are_all_there_still() -> None:
    for subject in subjects():
        for tar in (layer.end for layer in subject.layers):
            members = listed_by_tarfile(tar)
            reordered = reorder(Random(subject.name), tar)
            assert listed_by_tarfile(reordered) == members
            assert (reordered != tar) is (len(members) > 1)


def test_a_number_always_means_the_same_mutant() -> None:
    assert [mutant(number) for number in range(40)] == [mutant(number) for number in range(40)]


def test_a_change_without_a_problem_is_found_out() -> None:
    one = first(Place.LAYER, "doubled")
    listing, sound = listing_of(one), sound_listing(one.subject, one.form)
    assert against_sound(listing, sound).outcome is Outcome.TOLD
    assert against_sound(silenced(listing), sound).outcome is Outcome.SILENT


def test_a_problem_of_another_layer_accounts_for_nothing() -> None:
    one = first(Place.LAYER, "flipped")
    listing, sound = listing_of(one), sound_listing(one.subject, one.form)
    (image,) = listing.images
    elsewhere = frozenset(
        replace(problem, where=replace(problem.where, layer=one.layer + 1))
        for problem in image.problems
    )
    moved = replace(listing, images=(replace(image, problems=elsewhere),))
    assert against_sound(moved, sound).outcome is Outcome.SILENT


def test_a_member_that_another_tool_lists_is_missed() -> None:
    one = replace(mutant(0), place=Place.NEW_LAYER, form=0, layer=0)
    sound = sound_listing(one.subject, 0)
    tar = replace(one, tar=subject_of(one.subject).layers[0].end)
    assert against_oracles(tar, sound, sound).outcome is Outcome.SAME
    assert against_oracles(tar, without_last_row(sound, 0), sound).outcome is Outcome.SILENT
