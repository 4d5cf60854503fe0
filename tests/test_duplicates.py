"""Pictures that look the same: counted, named, and told when they stand in two splits."""

import json
from pathlib import Path

import pytest
from builds import build, faults, quick_config
from drawn_videos import draw_videos

from somtom.pipelines.cli import main
from somtom.pipelines.duplicates import duplicate_lines
from somtom.pipelines.output import OutputError
from somtom.schemas.duplicates import (
    DUPLICATE_COUNTS,
    duplicate_faults,
    find_duplicates,
    leak_warning,
    read_duplicates,
    write_duplicates,
)
from somtom.schemas.folder import removals_path
from somtom.schemas.meta_tables import read_samples
from somtom.schemas.packed_rows import PackedRows
from somtom.schemas.sample_rows import SampleRow

SCENE, NEAR, OTHER, FLAT = "00ff00ff12345678", "00ff00ff12345679", "ff00ff00edcba987", ""


def row(key: str, split: str, group: str, look: str) -> SampleRow:
    return {
        "key": key,
        "shard": f"{split}-000000",
        "split": split,
        "dataset": "toys",
        "uri": f"{group}.mp4",
        "group": group,
        "picture_hash": look,
    }


ROWS = [
    row("a0", "train", "a", SCENE),
    row("a1", "train", "a", NEAR),
    row("b0", "train", "b", OTHER),
    row("c0", "train", "c", NEAR),
    row("d0", "train", "d", FLAT),
    row("e0", "val", "e", SCENE),
    row("e1", "val", "e", FLAT),
]


def test_copies_are_told_from_a_groups_own_repeats() -> None:
    found = find_duplicates(ROWS)
    assert [(one["look"], one["key"], one["splits"]) for one in found.rows] == [
        (0, "a0", 2),
        (0, "a1", 2),
        (0, "c0", 2),
        (0, "e0", 2),
    ]
    assert found.counts == {
        "near_bits": 4,
        "samples": 7,
        "hashed": 5,
        "looks": 2,
        "repeats_in_groups": 1,
        "looks_of_several_groups": 1,
        "samples_of_several_groups": 4,
        "looks_across_splits": 1,
        "samples_across_splits": [{"split": "train", "samples": 3}, {"split": "val", "samples": 1}],
    }


def test_the_order_of_the_shards_does_not_matter() -> None:
    assert find_duplicates([*ROWS[5:], *ROWS[:5]]) == find_duplicates(ROWS)


def written(folder: Path, rows: list[SampleRow]) -> Path:
    (folder / "meta").mkdir()
    write_duplicates(folder, find_duplicates(rows))
    return folder


def test_what_is_written_is_read_back_and_held_against_the_samples(tmp_path: Path) -> None:
    folder = written(tmp_path, ROWS)
    assert tuple(read_duplicates(folder)) == find_duplicates(ROWS).rows
    assert list(duplicate_faults(folder, ROWS)) == []
    lines = list(duplicate_faults(folder, ROWS[:-2]))
    assert [line.split(": ")[0] for line in lines] == ["meta/duplicates.parquet", "meta/duplicates.json"]
    (folder / "meta" / DUPLICATE_COUNTS).unlink()
    assert len(list(duplicate_faults(folder, ROWS))) == 1


@pytest.mark.parametrize(
    ("split", "copies", "names"),
    [
        ("val", False, ["e0"]),
        ("val", True, ["e0", "c0"]),
        ("train", False, ["a0", "a1", "c0"]),
        ("train", True, ["a0", "a1", "c0"]),
        ("test", False, []),
    ],
)
def test_lines_name_what_is_to_go(tmp_path: Path, split: str, copies: bool, names: list[str]) -> None:
    lines = list(duplicate_lines(written(tmp_path, ROWS), split, copies))
    assert [line for line in lines if not line.startswith("#")] == names
    if names:
        assert lines[0] == ("# like e0 in val (e.mp4)" if split == "train" else "# like a0 in train (a.mp4)")


def test_a_warning_says_how_many_pictures_leak(tmp_path: Path) -> None:
    said = leak_warning(written(tmp_path, ROWS))
    assert said.startswith("1 pictures stand in more than one split (3 in train, 1 in val)")


def test_no_warning_where_none_does(tmp_path: Path) -> None:
    assert leak_warning(written(tmp_path, ROWS[:-2])) == ""


def test_a_copied_video_is_no_fault_and_can_be_taken_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = draw_videos(tmp_path / "in", 3)
    # One byte more: another file with another fingerprint, whose pictures are the same.
    (folder / "copy.mp4").write_bytes((folder / "v0.mp4").read_bytes() + b"\0")
    config, out = quick_config(folder, output={"val_fraction": 0.5, "clips_per_shard": 3}), tmp_path / "out"
    build(config, out)
    of_copies = [one for one in read_duplicates(out) if one["uri"] in ("copy.mp4", "v0.mp4")]
    assert {one["uri"] for one in of_copies} == {"copy.mp4", "v0.mp4"}
    counts = json.loads((out / "meta" / DUPLICATE_COUNTS).read_text())
    assert counts["looks_of_several_groups"] >= 4

    assert main(["check", str(out)]) == 0
    leaks = {one["split"] for one in of_copies} == {"train", "val"}
    assert ("warning: " in capsys.readouterr().out) == leaks

    assert main(["duplicates", str(out), "--copies"]) == 0
    removals_path(out).write_text(capsys.readouterr().out)
    build(config, out)
    assert faults(out) == []
    assert list(read_duplicates(out)) == []
    assert len({one["uri"] for one in read_samples(out)} & {"copy.mp4", "v0.mp4"}) == 1


def test_a_split_that_is_none_and_a_folder_without_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--from dev: must be one of train, val, test"):
        list(duplicate_lines(tmp_path, "dev", False))
    with pytest.raises(OutputError, match="finish its build first"):
        list(duplicate_lines(tmp_path, "val", False))


def test_packed_rows_come_back_as_they_were_added() -> None:
    packed = PackedRows()
    rows = [[f"k{number}", "\udc80é"] for number in range(2500)]
    for row in rows:
        packed.add(row)
    assert list(packed) == rows == list(packed)
