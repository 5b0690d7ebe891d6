"""Rows that do not pair with layers, and layers that no row tells of."""

import io

from imgforensics import open_image, recover_dockerfile
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    archive,
    file,
    oci_layout,
)
from tests.dockerfiles.building import BUILDKIT, NOP
from tests.dockerfiles.recovering import Json, row


class TestRowsAndLayersThatDoNotPair:
    """Anchored by what the layers hold, and never the end of it."""

    @staticmethod
    def found(layers: list[LayerSpec], rows: list[Json]) -> list[tuple[str, int | None]]:
        image = ImageBuilder(layers=layers, config_document={"history": rows})
        with open_image(io.BytesIO(archive(oci_layout(image)))) as opened:
            recovered = recover_dockerfile(opened)
        return [(str(each), each.layer) for each in recovered.instructions]

    def test_a_copy_belongs_to_the_layer_that_has_its_destination(self) -> None:
        layers = [LayerSpec([file(name, b"x")]) for name in ("one", "two", "three")]
        rows = [row("COPY two /two # buildkit", comment=BUILDKIT)]
        assert self.found(layers, rows)[-3:] == [
            ("COPY layer-0/ /", 0),
            ("COPY two /two", 1),
            ("COPY layer-2/ /", 2),
        ]

    def test_more_rows_than_layers(self) -> None:
        rows = [row(f"COPY {name} /{name} # buildkit", comment=BUILDKIT) for name in "abc"]
        found = self.found([LayerSpec([file("b", b"x")])], rows)
        assert found[-3:] == [("COPY a /a", None), ("COPY b /b", 0), ("COPY c /c", None)]

    def test_no_history_at_all(self) -> None:
        found = self.found([LayerSpec([file("a", b"x")]), LayerSpec([file("b", b"x")])], [])
        assert [line for line, _ in found][-2:] == ["COPY layer-0/ /", "COPY layer-1/ /"]

    def test_one_layer_for_all_steps_of_buildah(self) -> None:
        rows = [
            row(f"{NOP}COPY file:{'a' * 64} in /a ", comment="FROM scratch", empty=True),
            row("/bin/sh -c x", empty=True),
            row(f"{NOP}CMD x"),
        ]
        found = self.found([LayerSpec([file("a", b"x")])], rows)
        assert found == [("FROM scratch", None), ("COPY a /a", 0), ("RUN x", 0), ("CMD x", 0)]

    def test_a_squashed_build(self) -> None:
        rows = [
            row(None, comment="Imported from -", created="2020-01-01T00:00:00Z"),
            row("/bin/sh -c x", empty=True),
            row(f"{NOP}COPY file:{'a' * 64} in /c ", empty=True),
            row(f'{NOP} CMD ["sh"]', empty=True),
            row(None, comment=f"merge sha256:{'a' * 64} to sha256:{'b' * 64}"),
        ]
        layers = [LayerSpec([file("base", b"x")]), LayerSpec([file("c", b"x")])]
        assert self.found(layers, rows)[2:] == [
            ("RUN x", 1),
            ("COPY c /c", 1),
            ('CMD ["sh"]', None),
        ]
