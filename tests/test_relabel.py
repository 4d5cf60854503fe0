"""Relabelling: no source and no tracker is touched, and the bytes are those of a fresh build."""

from pathlib import Path
from typing import Any

import pytest
from bad_trackers import BEHAVIOUR
from builds import THREADS, build, contents, faults, quick_config, reasons, written
from drawn_videos import draw_video, draw_videos

from somtom.pipelines.build import plan_data_set
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.output import OutputError
from somtom.pipelines.relabel import relabel_data_set
from somtom.schemas.meta_tables import read_samples

TRACKING = {"tracker": "bad_trackers:OnMarked"}
LABELS: dict[str, dict[str, Any]] = {"motion": {"epsilon": 0.7}, "marks": {"style": "disc", "min_points": 20}}
OVERRIDES = ["motion.epsilon=0.7", "marks.style=disc", "marks.min_points=20"]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Two videos, one of which the tracker may refuse a clip, and one that is cut off."""
    folder = draw_videos(tmp_path / "in", 2)
    draw_video(folder / "refused.mp4", seed=5, marked=range(5, 8))
    (folder / "cut.mp4").write_bytes((folder / "v0.mp4").read_bytes()[:3000])
    return folder


def test_relabelling_gives_the_bytes_of_a_fresh_build(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, "refuse")
    old, new, fresh = tmp_path / "old", tmp_path / "new", tmp_path / "fresh"
    build(quick_config(sources, tracking=TRACKING), old)
    build(quick_config(sources, tracking=TRACKING, **LABELS), fresh)
    before = contents(old)
    sources.rename(tmp_path / "away")
    monkeypatch.setenv(BEHAVIOUR, "must not be made")
    ours = "tracking.tracker=bad_trackers:OnMarked"
    totals = relabel_data_set(old, new, [*OVERRIDES, ours], THREADS, overwrite=False)
    assert contents(old) == before
    assert faults(new) == []
    assert contents(new) == contents(fresh)
    assert contents(new)["meta/samples.parquet"] != before["meta/samples.parquet"]
    assert "tracker_failed" in reasons(new).values() and totals.samples > 0


def test_relabelling_there_and_back_gives_the_first_bytes(sources: Path, tmp_path: Path) -> None:
    old, strict, back = tmp_path / "old", tmp_path / "strict", tmp_path / "back"
    build(quick_config(sources), old)
    relabel_data_set(old, strict, ["marks.min_points=4000"], THREADS, overwrite=False)
    assert set(reasons(strict).values()) >= {"too_few_points"}
    relabel_data_set(strict, back, ["marks.min_points=4"], THREADS, overwrite=False)
    assert contents(back) == contents(old)


def test_relabelling_goes_on_where_it_was_stopped(sources: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    build(quick_config(sources), old)
    relabel_data_set(old, new, OVERRIDES, THREADS, overwrite=False)
    whole, kept = contents(new), written(new)
    lost = "meta/manifests/train-000000.json"
    (new / lost).unlink()
    relabel_data_set(old, new, OVERRIDES, THREADS, overwrite=False)
    assert contents(new) == whole
    assert {name for name, one in written(new).items() if one != kept[name]} == {
        lost,
        "shards/train-000000.tar",
        "tracks/train-000000.parquet",
    }


def test_a_relabelled_data_set_can_be_built_on(sources: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    build(quick_config(sources), old)
    relabel_data_set(old, new, ["motion.epsilon=0.7"], THREADS, overwrite=False)
    kept = written(new)
    draw_video(sources / "v9.mp4", seed=9)
    build(quick_config(sources, motion={"epsilon": 0.7}), new, append=True)
    assert faults(new) == []
    assert {name: one for name, one in written(new).items() if name in kept} == kept


def test_marks_that_nothing_names_need_not_be_drawn(sources: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    build(quick_config(sources), old)
    relabel_data_set(old, new, ["marks.style=none", "text.numbers=false"], THREADS, overwrite=False)
    assert faults(new) == []
    assert all(row["marks"] and row["quality_mark_height_px"] == -1.0 for row in read_samples(new))


@pytest.mark.parametrize(
    "override",
    [
        "clips.steps=8",
        "tracking.grid=9",
        "output.clips_per_shard=9",
        "source.dataset=x",
        "shots.detector=none",
    ],
)
def test_other_sections_are_refused(sources: Path, tmp_path: Path, override: str) -> None:
    build(quick_config(sources), tmp_path / "old")
    with pytest.raises(
        ConfigError, match="only motion, marks, text, robot, ui, vl, quality, filter and weights"
    ):
        relabel_data_set(tmp_path / "old", tmp_path / "new", [override], THREADS, overwrite=False)
    assert not (tmp_path / "new").exists()


def test_the_same_folder_is_refused(sources: Path, tmp_path: Path) -> None:
    build(quick_config(sources), tmp_path / "old")
    before = contents(tmp_path / "old")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    for same in (tmp_path / "old", tmp_path / "link", tmp_path / "in" / ".." / "old"):
        with pytest.raises(OutputError, match="choose another --out"):
            relabel_data_set(tmp_path / "old", same, OVERRIDES, THREADS, overwrite=True)
    assert contents(tmp_path / "old") == before


def test_an_unfinished_data_set_is_refused(sources: Path, tmp_path: Path) -> None:
    plan_data_set(quick_config(sources), tmp_path / "old", THREADS)
    with pytest.raises(OutputError, match="is not finished"):
        relabel_data_set(tmp_path / "old", tmp_path / "new", OVERRIDES, THREADS, overwrite=False)
    assert not (tmp_path / "new").exists()


def test_a_data_set_that_lost_a_shard_is_refused(sources: Path, tmp_path: Path) -> None:
    build(quick_config(sources), tmp_path / "old")
    (tmp_path / "old" / "shards" / "train-000000.tar").unlink()
    with pytest.raises(OutputError, match="train-000000"):
        relabel_data_set(tmp_path / "old", tmp_path / "new", OVERRIDES, THREADS, overwrite=False)


def test_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds no build"):
        relabel_data_set(tmp_path, tmp_path / "new", OVERRIDES, THREADS, overwrite=False)


def test_another_relabelling_in_the_way_is_refused(sources: Path, tmp_path: Path) -> None:
    build(quick_config(sources), tmp_path / "old")
    relabel_data_set(tmp_path / "old", tmp_path / "new", OVERRIDES, THREADS, overwrite=False)
    with pytest.raises(OutputError, match=r"motion\.epsilon: 0\.7 -> 3\.0"):
        relabel_data_set(tmp_path / "old", tmp_path / "new", ["motion.epsilon=3"], THREADS, overwrite=False)
    relabel_data_set(tmp_path / "old", tmp_path / "new", ["motion.epsilon=3"], THREADS, overwrite=True)
    assert faults(tmp_path / "new") == []
