"""How many marks OCR reads, beside the reference's."""

from pathlib import Path

import pytest
from drawn_videos import draw_videos

from somtom.marks.draw import STYLES
from somtom.marks.read_back import is_installed
from somtom.pipelines.bench_figures import table_lines
from somtom.pipelines.bench_marks import WIDTHS, bench_marks
from somtom.schemas.reasons import DataError


@pytest.mark.skipif(not is_installed(), reason="tesseract is not installed")
def test_every_style_is_read_beside_the_reference_at_every_width(tmp_path: Path) -> None:
    found = bench_marks(draw_videos(tmp_path / "in", 1))
    shares = {one.name: one.value for one in found.figures}
    assert shares.keys() == {
        f"{style} {how}: {width} px"
        for style in ("reference", *STYLES)
        for how in ("as is", "scaled")
        for width in WIDTHS
    }
    assert all(0 <= share <= 100 for share in shares.values())
    for width in WIDTHS:
        assert shares[f"box as is: {width} px"] >= max(70, shares[f"reference as is: {width} px"])
    assert len(table_lines(found)) == 3 + 2 * (1 + len(STYLES)) + 1


def test_without_tesseract_there_are_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = bench_marks(tmp_path)
    assert found.figures == ()
    assert "not installed" in found.notes[0]


@pytest.mark.skipif(not is_installed(), reason="tesseract is not installed")
def test_a_folder_without_videos_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises((DataError, ValueError)):
        bench_marks(tmp_path)
