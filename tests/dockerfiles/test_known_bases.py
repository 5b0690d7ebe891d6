"""A user's own catalogue of base images."""

import io
import json
from pathlib import Path

import pytest

from imgforensics import open_image, recover_dockerfile
from imgforensics.dockerfile import Evidence, read_known_bases
from imgforensics.errors import SourceUnreadableError
from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    archive,
    docker_layout,
    file,
    oci_layout,
)
from tests.dockerfiles.recovering import own_lines


class TestKnownBases:
    """A user's own catalogue."""

    BASE = ImageBuilder(
        layers=[
            LayerSpec([file("base", b"1")], created_by="COPY base / # buildkit"),
            Instruction("ENV BASE=1"),
        ],
        tags=["example.com/known:1"],
    )

    def child(self) -> ImageBuilder:
        own = LayerSpec([file("own", b"2")], created_by="COPY own / # buildkit")
        return ImageBuilder(layers=[*self.BASE.layers, Instruction("ENV OWN=1"), own])

    def test_the_longest_one_that_fits_is_taken(self, tmp_path: Path) -> None:
        shorter = ImageBuilder(layers=self.BASE.layers[:1], tags=["example.com/shorter:1"])
        longer = ImageBuilder(
            layers=[*self.BASE.layers, LayerSpec([file("more", b"")])], tags=["example.com/more:1"]
        )
        for name, base in (("a", shorter), ("b", self.BASE), ("c", longer)):
            (tmp_path / f"{name}.tar").write_bytes(archive(docker_layout(base)))
        with open_image(io.BytesIO(archive(oci_layout(self.child())))) as image:
            found = recover_dockerfile(image, bases=read_known_bases(tmp_path))
        assert found.base.evidence is Evidence.CATALOGUE
        assert found.base.score == 1
        assert found.base.name == "example.com/known:1"
        assert found.base.digest is None
        assert own_lines(found) == ["ENV OWN=1", "COPY own /"]

    def test_rows_without_a_layer_that_are_the_bases_stay_below(self, tmp_path: Path) -> None:
        (tmp_path / "base.tar").write_bytes(archive(docker_layout(self.BASE)))
        with open_image(io.BytesIO(archive(oci_layout(self.child())))) as image:
            found = recover_dockerfile(image, bases=read_known_bases(tmp_path))
        assert [str(each) for each in found.instructions] == [
            "FROM example.com/known:1",
            "ENV OWN=1",
            "COPY own /",
        ]

    def test_an_index_of_diff_ids_will_do(self, tmp_path: Path) -> None:
        diff_id = self.BASE.build().layers[0].diff_id
        (tmp_path / "bases.json").write_text(json.dumps({"quay.io/known:2": [diff_id]}))
        with open_image(io.BytesIO(archive(oci_layout(self.child())))) as image:
            found = recover_dockerfile(image, bases=read_known_bases(tmp_path))
        assert str(found.instructions[0]) == "FROM quay.io/known:2"

    @pytest.mark.parametrize("content", ["", "[]", '{"a": []}', '{"a": ["no digest"]}', '{"a": 1}'])
    def test_what_is_no_index_is_a_problem(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "bases.json").write_text(content)
        known = read_known_bases(tmp_path)
        assert known.bases == ()
        assert len(known.problems) == 1
        assert "bases.json" in str(known.problems[0])

    def test_no_directory_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceUnreadableError, match="missing"):
            read_known_bases(tmp_path / "missing")
