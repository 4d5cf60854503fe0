"""Contact sheets of a built data set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from somtom.marks.draw import draw_marks
from somtom.marks.text import write_conversations
from somtom.pipelines.show import draw_cell, said_of_marks, write_contact_sheets
from somtom.schemas.folder import shard_path
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.pictures import encode_jpeg
from somtom.schemas.sample import Sample
from somtom.schemas.settings import TextSettings
from somtom.schemas.tar import ShardWriter

ODD_TEXTS = ["", "pick up the cup", "コーヒー を 入れる", "אבג مرحبا", "☕\u200d\x07\x00 a\tb", "long" * 300]


def make_sample(key: str, instruction: str = "", width: int = 160, height: int = 120) -> Sample:
    picture = np.full((height, width, 3), 90, dtype=np.uint8)
    traces = np.ones((5, 2, 3), dtype=np.float32)
    traces[:, 0, 0], traces[:, 0, 1] = 30 + 20 * np.arange(5), height / 3
    traces[:, 1, :2] = width / 2, height / 1.5
    marks = Marks((Mark(1, 30, height / 3, foreground=True), Mark(2, width / 2, height / 1.5)), traces)
    talk = write_conversations(marks, width, height, instruction, TextSettings(), key)
    record = {
        "id": key,
        "split": "train",
        "task": talk.task,
        "instruction": instruction,
        "conversations": talk.turns,
        "marks": [vars(mark) for mark in marks.marks],
        "target_mark": -1,
        "history": [],
        "width": width,
        "height": height,
        "source": {"kind": "video", "dataset": "d", "uri": "a.mp4", "group": "g"},
    }
    marked = encode_jpeg(draw_marks(picture, marks.marks, "disc"), 90)
    return Sample(key, record, marked, encode_jpeg(picture, 90), traces)


def make_data_set(folder: Path, *samples: int) -> Path:
    """Shards with as many samples as given."""
    for number, count in enumerate(samples):
        path = shard_path(folder, f"train-{number:06d}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with ShardWriter(path) as writer:
            for index in range(count):
                writer.write(make_sample(f"s{number}-{index}", ODD_TEXTS[index % len(ODD_TEXTS)]))
    return folder


def test_every_sample_lands_on_a_sheet(tmp_path: Path) -> None:
    sheets = write_contact_sheets(make_data_set(tmp_path, 7, 3), None, per_sheet=4, limit=0)
    assert [sheet.name for sheet in sheets] == ["sheet-000.png", "sheet-001.png", "sheet-002.png"]
    assert all(sheet.parent == tmp_path / "meta" / "sheets" for sheet in sheets)


@pytest.mark.parametrize(("limit", "sheets"), [(1, 1), (3, 3), (6, 6), (9, 9), (20, 11)])
@pytest.mark.parametrize("samples", [(6, 2, 3), (2, 3, 6)])
def test_the_limit_is_spread_over_the_shards(
    tmp_path: Path, samples: tuple[int, ...], limit: int, sheets: int
) -> None:
    data_set = make_data_set(tmp_path, *samples)
    assert len(write_contact_sheets(data_set, tmp_path / "look", per_sheet=1, limit=limit)) == sheets


def test_traces_are_drawn_in_warm_colours_beside_their_marks(tmp_path: Path) -> None:
    (sheet,) = write_contact_sheets(make_data_set(tmp_path, 1), None)
    page = np.asarray(Image.open(sheet)).astype(int)
    # The cell is 640 wide and begins 24 px in: the picture is scaled by 4.
    on_trace = page[24 + 4 * 40 + 2, 24 + 4 * 100 + 2]
    assert on_trace[0] > on_trace[2] + 60
    assert np.ptp(page[24 + 4 * 10, 24 + 4 * 100]) < 10


def test_the_same_data_set_gives_the_same_sheets(tmp_path: Path) -> None:
    data_set = make_data_set(tmp_path, 2)
    first, second = (write_contact_sheets(data_set, tmp_path / name)[0].read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize(("cell", "width"), [(640, 640), (200, 200)])
def test_a_tall_page_may_be_three_cells_high(cell: int, width: int) -> None:
    page = make_sample("tall", width=120, height=360)
    drawn = draw_cell(page, cell)
    assert drawn.shape[1] == width and drawn.shape[0] > 3 * cell
    assert (drawn[cell, 4] == 90).all(), "it is as wide as the cell"
    upright = make_sample("upright", width=120, height=200)
    assert tuple(draw_cell(upright, cell)[cell // 2, 4]) == (250, 250, 248)


@pytest.mark.parametrize(
    ("task", "target", "said"),
    [
        ("tom", -1, "2 marks, 1 moving"),
        ("ui", 1, "2 marks, target mark 1"),
        ("ui", -1, "2 marks, no target"),
        ("vl", -1, "2 marks"),
    ],
)
def test_the_marks_in_the_foreground_are_said_to_be_what_they_are(task: str, target: int, said: str) -> None:
    record = make_sample("one").record | {"task": task, "target_mark": target}
    assert said_of_marks(record) == said


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no shards"):
        write_contact_sheets(tmp_path, None)
