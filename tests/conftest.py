"""What the tests share."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mixed_dataset import draw_mixed_dataset
from numpy.typing import NDArray
from s3_server import S3, s3_with_bucket

from somtom.pipelines.card import write_card
from somtom.schemas.answers import format_som, format_tom, quantise
from somtom.schemas.books import SCAN, add_books, count_books
from somtom.schemas.croissant import write_croissant
from somtom.schemas.duplicates import find_duplicates, write_duplicates
from somtom.schemas.energon import write_energon
from somtom.schemas.folder import CONFIG, META, PROVENANCE, plan_path, shard_path, tracks_path
from somtom.schemas.keys import sample_key
from somtom.schemas.manifest import make_manifest, write_manifest
from somtom.schemas.meta_tables import (
    ItemRow,
    write_counts,
    write_features,
    write_items,
    write_rejects,
    write_samples,
    write_wids,
)
from somtom.schemas.pictures import encode_jpeg
from somtom.schemas.plan_table import write_plan
from somtom.schemas.reasons import Reject
from somtom.schemas.record import complete_record
from somtom.schemas.refs import ItemFacts, Ref, ShardSpec
from somtom.schemas.sample import Sample
from somtom.schemas.sample_rows import sample_row
from somtom.schemas.shard_index import write_dali_index
from somtom.schemas.tar import BLOCK, RECORD_BYTES, ShardWriter, member_header, read_members
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.schemas.tracks_table import StoredClip, TracksWriter

Members = list[tuple[str, bytes]]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server process with an empty bucket, which all of s3:// leads to."""
    with s3_with_bucket(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real inputs; skips where it is absent."""
    folder = (ROOT / os.environ.get("SOMTOM_TEST_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set SOMTOM_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def _drawn_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "out"
    draw_dataset(folder)
    return folder


@pytest.fixture
def small_dataset(_drawn_dataset: Path, tmp_path: Path) -> Iterator[Path]:
    """A data set of 5 samples in 2 shards, with a filtered clip, a crashed one and a file that is no video.

    The test may break it: each has its own copy.
    """
    yield Path(shutil.copytree(_drawn_dataset, tmp_path / "out"))


@pytest.fixture(scope="session")
def mixed_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Screenshots, then a robot, videos and pairs, in 9 shards or so; nobody may change it."""
    folder = tmp_path_factory.mktemp("mixed")
    draw_mixed_dataset(folder / "in", folder / "out")
    return folder / "out"


@pytest.fixture
def repack() -> Callable[[Path, Callable[[Members], Members]], None]:
    """Changes the members of a tar, whatever rule they break; the tar's own form stays right."""

    def change_members(path: Path, change: Callable[[Members], Members]) -> None:
        with path.open("rb") as file:
            members = change([(member.name, data) for member, data in read_members(file)])
        whole = b"".join(
            member_header(name, len(data)) + data + bytes(-len(data) % BLOCK) for name, data in members
        )
        path.write_bytes(whole + bytes(2 * BLOCK + -(len(whole) + 2 * BLOCK) % RECORD_BYTES))

    return change_members


def draw_ref(uri: str, position: int, split: str) -> Ref:
    """A ref to a clip that nobody reads; `uri` is its group."""
    start_s = position * 0.2
    return Ref(
        key=sample_key("video", "toys", uri, "", start_s),
        source=0,
        kind="video",
        dataset="toys",
        uri=uri,
        locator=f"/somewhere/{uri}",
        fingerprint=f"{ord(uri[0]):032x}",
        licence="CC0-1.0",
        group=uri,
        run=0,
        position=position,
        start_s=start_s,
        end_s=start_s + 0.2,
        step_s=0.1,
        fps=30.0,
        frames=(position, position + 3, position + 6),
        instruction="a square moves" if position == 0 else "",
        split=split,
    )


def draw_stored_clip(ref: Ref) -> StoredClip:
    """Three points on 64 x 48 pixels in 3 frames; the first moves 3 px a frame to the right."""
    xy = np.tile(np.array([[10, 12], [30, 24], [50, 36]], np.float32), (3, 1, 1))
    xy[:, 0, 0] += np.arange(3, dtype=np.float32) * 3
    sure = np.ones((3, 3), np.float32)
    queries = np.concatenate([np.zeros((3, 1), np.float32), xy[0]], axis=1)
    times_s = ref.start_s + np.arange(3) * 0.1
    tracker = TrackerInfo("drawn", "1", "Apache-2.0")
    return StoredClip(ref, 64, 48, 128, 96, times_s, Tracks(queries, xy, sure, sure), tracker)


def draw_picture(seed: int, marked: bool) -> NDArray[np.uint8]:
    """A coloured ramp, with white squares on the three points where it is marked."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[..., 0] = np.arange(64) * 3
    picture[..., 1] = np.arange(48)[:, None] * 4
    picture[..., 2] = seed % 256
    for x, y in ((10, 12), (30, 24), (50, 36)) if marked else ():
        picture[y - 4 : y + 5, x - 4 : x + 5] = 255
    return picture


def draw_sample(clip: StoredClip) -> Sample:
    """The sample of a drawn clip: its three points are the marks."""
    ref = clip.ref
    assert clip.tracks is not None and clip.tracker is not None
    seen = clip.tracks.seen[..., None].astype(np.float32)
    traces = np.concatenate([clip.tracks.xy, seen], axis=2)
    bins, _ = quantise(traces[..., :2], 64, 48)
    points = [[(int(x), int(y)) for x, y in row] for row in bins]
    turns = [
        ("human", "<image>\nWhere are the marks?"),
        ("gpt", format_som({k + 1: points[0][k] for k in range(3)})),
        ("human", "Which move?"),
        ("gpt", format_tom({1: [points[t][0] for t in (1, 2)]})),
    ]
    record = {
        "id": ref.key,
        "split": ref.split,
        "task": "tom",
        "instruction": ref.instruction,
        "conversations": [{"from": who, "value": said} for who, said in turns],
        "marks": [
            {"id": k + 1, "x": traces[0, k, 0], "y": traces[0, k, 1], "foreground": k == 0} for k in range(3)
        ],
        "width": 64,
        "height": 48,
        "source": {
            name: getattr(ref, name)
            for name in (
                "kind",
                "dataset",
                "uri",
                "fingerprint",
                "licence",
                "group",
                "start_s",
                "end_s",
                "fps",
                "step_s",
            )
        },
        "motion": {
            "homographies": np.tile(np.eye(3).ravel(), 3),
            "inlier_ratio": [1.0] * 3,
            "epsilon": 0.25,
            "moving": 1,
            "static": 2,
        },
        "tracker": {
            "name": clip.tracker.name,
            "version": clip.tracker.version,
            "licence": clip.tracker.licence,
        },
        "quality": {"visible_share": 1.0},
    }
    marked, clean = (encode_jpeg(draw_picture(ref.position * 40, one), 90) for one in (True, False))
    return Sample(ref.key, complete_record(record), marked, clean, traces)


def draw_dataset(folder: Path) -> None:
    """Write a whole data set; of b.mp4's clips one is filtered and one crashed, so that a shard is empty."""
    specs = [
        ShardSpec(
            "train-000000", "train", tuple(draw_ref("a.mp4", i, "train") for i in range(3)), "t0", "l0"
        ),
        ShardSpec(
            "train-000001", "train", tuple(draw_ref("b.mp4", i, "train") for i in range(2)), "t1", "l1"
        ),
        ShardSpec("val-000000", "val", tuple(draw_ref("c.mp4", i, "val") for i in range(2)), "t2", "l2"),
    ]
    write_plan(plan_path(folder), specs)
    manifests = []
    for spec in specs:
        rows, rejects = [], []
        with (
            TracksWriter(tracks_path(folder, spec.name)) as tracks,
            ShardWriter(shard_path(folder, spec.name)) as shard,
        ):
            for ref in spec.refs:
                clip = draw_stored_clip(ref)
                sample = draw_sample(clip)
                if ref.uri != "b.mp4":
                    shard.write(sample)
                    tracks.write(clip)
                    rows.append(sample_row(sample.record, spec.name, len(sample.traces)))
                    continue
                reason = "crashed" if ref.position else "too_few_points"
                rejects.append(Reject("toys", ref.uri, ref.key, "label", reason, "drawn so", ref.start_s))
                if reason == "crashed":
                    clip = StoredClip(ref, reject=rejects[-1])
                tracks.write(clip if clip.reject else replace(clip, clean_jpeg=sample.clean_jpeg))
        write_dali_index(folder, spec.name, shard.members)
        manifests.append(make_manifest(spec, shard, tracks, rows, rejects))
        write_manifest(folder, manifests[-1], {"decode": 0.5})
    items = [
        ItemRow("toys", ItemFacts(uri, "f", 128, 96), refs)
        for uri, refs in (("a.mp4", 3), ("b.mp4", 2), ("c.mp4", 2))
    ]
    items.append(ItemRow("toys", ItemFacts("notes.txt"), 0, "not_video"))
    unread = [Reject("toys", "notes.txt", "", "scan", "not_video", "it is text")]
    books = [*count_books(SCAN, {"toys": 4}, {"toys": 3}, unread)]
    for manifest in manifests:
        books += manifest.books()
    write_items(folder, items)
    write_samples(folder, (row for manifest in manifests for row in manifest.samples))
    write_rejects(folder, [*unread, *(reject for manifest in manifests for reject in manifest.rejects)])
    write_counts(folder, add_books(books))
    write_wids(folder, "toys", manifests)
    write_duplicates(folder, find_duplicates(row for manifest in manifests for row in manifest.samples))
    write_features(folder)
    write_energon(folder, manifests)
    write_croissant(folder, "toys", manifests)
    (folder / META / CONFIG).write_text("")
    (folder / META / PROVENANCE).write_text("{}")
    write_card(folder, "toys")
