"""The names that users import: all there, loaded when first used, cheap until then."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

import imgforensics
import imgforensics.comparison
import imgforensics.errors
import imgforensics.filesystem
import imgforensics.layer
import imgforensics.scanners.packages
import imgforensics.testing
from imgforensics import _HOMES, __all__

HEAVY = (
    "pandas",
    "typer",
    "oras",
    "magic",
    "pylibmagic",
    "tqdm",
    "click",
    "requests",
    "zstandard",
    "isal",
)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_table_of_homes_is_the_list_of_names() -> None:
    assert sorted([*_HOMES, "__version__"]) == sorted(__all__)
    assert len(set(__all__)) == len(__all__)


@pytest.mark.parametrize("name", __all__)
def test_every_name_is_importable_and_documented(name: str) -> None:
    value = getattr(imgforensics, name)
    if name != "__version__":
        assert value is getattr(import_module(_HOMES[name]), name)
        assert inspect.getdoc(value)


def test_a_star_brings_them_all_and_nothing_else() -> None:
    code = "from imgforensics import *; print(*sorted(set(dir()) - {'__builtins__'}))"
    standard = {"__annotations__", "__doc__", "__loader__", "__name__", "__package__", "__spec__"}
    assert set(run(code).split()) - standard == set(__all__)
    assert set(dir(imgforensics)) == set(__all__)


def test_a_room_is_there_without_being_imported() -> None:
    code = "import imgforensics; print(imgforensics.errors.PathError, imgforensics.comparison.Rule)"
    assert "PathError" in run(code)


def test_every_error_is_among_them() -> None:
    errors = vars(imgforensics.errors).values()
    kinds = {each.__name__ for each in errors if inspect.isclass(each)}
    assert kinds <= set(__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        imgforensics.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    "module",
    [
        imgforensics.comparison,
        imgforensics.filesystem,
        imgforensics.layer,
        imgforensics.scanners.packages,
        imgforensics.testing,
    ],
)
def test_a_rooms_names_are_importable(module: object) -> None:
    names = getattr(module, "__all__")  # noqa: B009
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(module, name) for name in names)


@pytest.mark.parametrize(
    "code",
    [
        "import imgforensics",
        "from imgforensics import open_image, list_images, Image, ImagePath",
        "from imgforensics import extract, verify",
        "from imgforensics import diff, ImageDiff, DirectoryTree",
    ],
)
def test_importing_loads_nothing_heavy(code: str) -> None:
    told = run(f"import sys; {code}; print(*[name for name in {HEAVY!r} if name in sys.modules])")
    assert told.split() == []


def test_importing_the_package_alone_loads_no_room_of_it() -> None:
    told = run("import imgforensics, sys; print(*[m for m in sys.modules if 'imgforensics.' in m])")
    assert told.split() == []
