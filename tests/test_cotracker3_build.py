"""A whole build with CoTracker3: its name, its weights and their licence reach every record."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from builds import build, faults, quick_config
from drawn_videos import draw_videos

from somtom.pipelines.config import BuildConfig
from somtom.schemas.record import parse_record
from somtom.schemas.tar import read_shard
from somtom.schemas.tracks_table import StoredClip, read_tracks

pytest.importorskip("torch", reason="torch is not installed: pip install 'somtom[cotracker]'")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from somtom.tracking.cotracker3_made_up import write_made_up_weights

    return write_made_up_weights(tmp_path_factory.mktemp("weights") / "made_up.pth")


def config_of(tmp_path: Path, weights: Path, batch: int) -> BuildConfig:
    """Two videos of two clips, all in one shard, tracked `batch` at once."""
    return quick_config(
        draw_videos(tmp_path / "videos", 2, frames=12),
        tracking={
            "tracker": "cotracker3",
            "weights": str(weights),
            "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "accept_licence": "CC-BY-NC-4.0",
            "model_height": 64,
            "model_width": 64,
            "iterations": 1,
            "device": "cpu",
            "batch_clips": batch,
        },
        motion={"min_visible": 0.0},
        output={"val_fraction": 0.0, "clips_per_shard": 8},
    )


def stored(folder: Path) -> list[StoredClip]:
    return [clip for path in sorted((folder / "tracks").glob("*.parquet")) for clip in read_tracks(path)]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_build_says_in_every_record_which_weights_made_it(
    tmp_path: Path, weights: Path, batch: int
) -> None:
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()

    totals = build(config_of(tmp_path, weights, batch), tmp_path / "out")

    assert totals.samples == totals.clips == 4
    assert not faults(tmp_path / "out")
    shards = sorted((tmp_path / "out" / "shards").glob("*.tar"))
    records = [parse_record(members["json"]) for shard in shards for _, members in read_shard(shard)]
    assert len(records) == 4
    for record in records:
        assert record["tracker"] == {
            "name": "cotracker3",
            "version": "1",
            "weights_sha256": sha256,
            "licence": "Apache-2.0 AND CC-BY-NC-4.0",
        }
    assert all(clip.tracker and clip.tracker.weights_sha256 == sha256 for clip in stored(tmp_path / "out"))


def test_a_build_in_batches_stores_the_tracks_of_single_clips(tmp_path: Path, weights: Path) -> None:
    for batch in (1, 4):
        totals = build(config_of(tmp_path, weights, batch), tmp_path / f"{batch}")
        assert (totals.load.busy_s > 0) == (batch > 1)

    for alone, together in zip(stored(tmp_path / "1"), stored(tmp_path / "4"), strict=True):
        assert alone.ref == together.ref and alone.clean_jpeg == together.clean_jpeg
        assert alone.tracks is not None and together.tracks is not None
        assert np.abs(alone.tracks.xy - together.tracks.xy).max() <= 1e-4
        assert np.abs(alone.tracks.visible - together.tracks.visible).max() <= 1 / 255
