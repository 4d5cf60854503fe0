"""A whole build with CoTracker3: its name, its weights and their licence reach every record."""

import hashlib
from pathlib import Path

import pytest
from builds import build, faults, quick_config
from drawn_videos import draw_videos

from somtom.schemas.record import parse_record
from somtom.schemas.tar import read_shard
from somtom.schemas.tracks_table import read_tracks

pytest.importorskip("torch", reason="torch is not installed: pip install 'somtom[cotracker]'")


def test_a_build_says_in_every_record_which_weights_made_it(tmp_path: Path) -> None:
    from somtom.tracking.cotracker3_made_up import write_made_up_weights

    weights = write_made_up_weights(tmp_path / "made_up.pth")
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    config = quick_config(
        draw_videos(tmp_path / "videos", 2, frames=12),
        tracking={
            "tracker": "cotracker3",
            "weights": str(weights),
            "weights_sha256": sha256,
            "accept_licence": "CC-BY-NC-4.0",
            "model_height": 64,
            "model_width": 64,
            "iterations": 1,
            "device": "cpu",
        },
        motion={"min_visible": 0.0},
    )

    totals = build(config, tmp_path / "out")

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
    for path in (tmp_path / "out" / "tracks").glob("*.parquet"):
        assert all(clip.tracker and clip.tracker.weights_sha256 == sha256 for clip in read_tracks(path))
