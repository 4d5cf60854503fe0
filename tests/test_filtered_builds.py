"""Builds whose settings leave samples out by their scores."""

from pathlib import Path
from statistics import median

import pytest
from builds import THREADS, build, contents, faults, quick_config
from drawn_videos import draw_videos

from somtom.marks.read_back import is_installed
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.relabel import relabel_data_set
from somtom.schemas.meta_tables import read_counts, read_rejects, read_samples


def test_marks_are_read_when_the_settings_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = draw_videos(tmp_path / "in", 1)
    build(quick_config(folder), tmp_path / "plain")
    assert {row["quality_marks_read"] for row in read_samples(tmp_path / "plain")} == {-1.0}
    if is_installed():
        relabel_data_set(tmp_path / "plain", tmp_path / "read", ["quality.read_marks=true"], THREADS, False)
        rows = list(read_samples(tmp_path / "read"))
        assert min(row["quality_marks_read"] for row in rows) > 0.5
        assert faults(tmp_path / "read") == []
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="tesseract is not installed"):
        build(quick_config(folder, quality={"read_marks": True}), tmp_path / "without")


def test_samples_outside_of_the_limits_are_left_out_and_counted_and_come_back(tmp_path: Path) -> None:
    folder = draw_videos(tmp_path / "in", 3)
    everything, some, fresh, back = (tmp_path / name for name in ("all", "some", "fresh", "back"))
    build(quick_config(folder), everything)
    scores = {row["key"]: row["quality_confidence"] for row in read_samples(everything)}
    least = median(scores.values())
    assert min(scores.values()) < least

    relabel_data_set(everything, some, [f"filter.confidence={{min={least!r}}}"], THREADS, overwrite=False)
    build(quick_config(folder, filter={"confidence": {"min": least}}), fresh)
    relabel_data_set(some, back, ["filter.confidence={}"], THREADS, overwrite=False)

    assert faults(some) == []
    dropped = {key for key, score in scores.items() if score < least}
    assert {row["key"] for row in read_samples(some)} == scores.keys() - dropped
    assert {one.key for one in read_rejects(some) if one.reason == "filter_confidence"} == dropped
    counted = {reason: count for one in read_counts(some) for reason, count in one.reasons}
    assert counted["filter_confidence"] == len(dropped)
    assert contents(some) == contents(fresh)
    assert contents(back) == contents(everything)
