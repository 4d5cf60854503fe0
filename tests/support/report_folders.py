"""Data sets of any size for the report: every task, tiny drawn pictures, texts as the test wants them."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from somtom.schemas.action_stats import ActionStats, write_action_stats
from somtom.schemas.annotation import Annotation
from somtom.schemas.books import SCAN, add_books, count_books
from somtom.schemas.folder import CONFIG, META, PROVENANCE, plan_path, shard_path, tracks_path
from somtom.schemas.manifest import make_manifest, write_manifest
from somtom.schemas.meta_tables import ItemRow, write_counts, write_items, write_rejects, write_samples
from somtom.schemas.picture_hash import picture_hash
from somtom.schemas.pictures import encode_jpeg
from somtom.schemas.plan_table import write_plan
from somtom.schemas.reasons import Reject
from somtom.schemas.record import complete_record
from somtom.schemas.refs import ItemFacts, Ref, ShardSpec
from somtom.schemas.sample import Sample
from somtom.schemas.sample_rows import sample_row
from somtom.schemas.tar import ShardWriter
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.schemas.tracks_table import StoredClip, TracksWriter

WIDTH, HEIGHT, FRAMES = 64, 48, 9
TASKS = ("tom", "ui", "robot", "som", "vl")
SOURCES = {"tom": "clips", "som": "clips", "ui": "pages", "robot": "arm", "vl": "pairs"}


def write_report_folder(folder: Path, count: int, text: str = "", finished: bool = True) -> Path:
    """Write a data set of `count` samples in shards of 100, the last one's last ref filtered.

    `text` stands in every field of text that a stranger's input can fill. Sample i has task i % 5 and looks
    like sample i - 50. Not `finished`: the second shard is missing, and what the finish stage writes.
    """
    numbers = list(range(count + 1))
    specs = [
        ShardSpec(f"{split}-{place:06d}", split, tuple(_ref(i, split, text) for i in some), "t", "l")
        for place, some in enumerate(numbers[at : at + 100] for at in range(0, len(numbers), 100))
        for split in [("train", "train", "val")[place % 3]]
    ]
    write_plan(plan_path(folder), specs)
    manifests = []
    for spec in specs if finished else [specs[0], *specs[2:]]:
        rows, rejects = [], []
        with (
            TracksWriter(tracks_path(folder, spec.name)) as tracks,
            ShardWriter(shard_path(folder, spec.name)) as shard,
        ):
            for ref in spec.refs:
                sample = _sample(ref, text)
                if ref.position < count:
                    shard.write(sample)
                    rows.append(sample_row(sample.record, spec.name, len(sample.traces)))
                    tracks.write(_stored(ref))
                else:
                    message = f"drawn so {text}"
                    rejects.append(Reject(ref.dataset, ref.uri, ref.key, "label", "no_texture", message, 1.0))
                    tracks.write(_stored(ref, sample.clean_jpeg))
        manifests.append(make_manifest(spec, shard, tracks, rows, rejects))
        write_manifest(folder, manifests[-1], {"decode": 0.5, "track": 1.25})
    datasets = sorted({ref.dataset for spec in specs for ref in spec.refs})
    items = [ItemRow(name, ItemFacts(f"{name} {text}", "f", 128, 96, warning=text), 3) for name in datasets]
    items.append(ItemRow(datasets[0], ItemFacts(f"notes{text}.txt"), 0, "not_video"))
    unread = [Reject(datasets[0], f"notes{text}.txt", "", "scan", "not_video", f"it is text {text}")]
    rejects = [*unread, *(reject for one in manifests for reject in one.rejects)]
    write_items(folder, items)
    write_rejects(folder, rejects if finished else unread)
    names = ("x", text or "grip")
    spread = {"q01": (-1.0, 0.0), "q99": (1.0, 1.0), "min": (-2.0, 0.0), "max": (2.0, 1.0)}
    stats = ActionStats(names, 500, **spread, mean=(0.0, 0.5), std=(0.5, 0.5), origin="measured")
    write_action_stats(folder, {f"arm{text}": stats})
    (folder / META / CONFIG).write_text(f"# {text}\n".replace("\n", " ") + "\n", encoding="utf-8")
    (folder / META / PROVENANCE).write_text('{"python": "3.11", "packages": {"somtom": "0.1.0"}}')
    if finished:
        write_samples(folder, (row for one in manifests for row in one.samples))
        inputs = {name: 1 + (name == datasets[0]) for name in datasets}
        scanned = count_books(SCAN, inputs, dict.fromkeys(datasets, 1), unread)
        write_counts(folder, add_books([*scanned, *(book for one in manifests for book in one.books())]))
    return folder


def _ref(number: int, split: str, text: str) -> Ref:
    task = TASKS[number % len(TASKS)]
    still = task in ("ui", "vl")
    return Ref(
        key=f"{task}-{number:06d}",
        source=0,
        kind="video",
        dataset=f"{SOURCES[task]}{text}",
        uri=f"{number // 2}{text}.mp4",
        locator="/somewhere",
        fingerprint=f"{number:032x}",
        licence=f"CC0-1.0{text}",
        group=f"{split}{number}{text}",
        run=0,
        position=number,
        start_s=-1.0 if still else number * 0.5,
        end_s=-1.0,
        step_s=-1.0 if still else 0.1,
        fps=-1.0 if still else 30.0,
        frames=(0,),
        instruction=f"do {number} {text}" if number % 3 else "",
        split=split,
    )


@cache
def _pictures(look: int) -> tuple[bytes, bytes, str]:
    """A checkerboard: the JPEG with white squares on the marks, the one without them, and its hash."""
    cells = np.random.default_rng(look).integers(40, 200, (6, 8, 3), dtype=np.uint8)
    clean = np.repeat(np.repeat(cells, 8, axis=0), 8, axis=1)
    marked = clean.copy()
    marked[10:16, 8:14] = marked[30:36, 40:46] = 255
    return encode_jpeg(marked, 90), encode_jpeg(clean, 90), picture_hash(clean)


def _stored(ref: Ref, clean_jpeg: bytes = b"") -> StoredClip:
    """A clip of one point, whatever the task is: the report looks at its picture alone."""
    queries, one = np.zeros((1, 3), np.float32), np.ones((FRAMES, 1), np.float32)
    tracks = Tracks(queries, np.zeros((FRAMES, 1, 2), np.float32), one, one)
    tracker = TrackerInfo("drawn", "1", "Apache-2.0")
    times_s = np.arange(FRAMES) * 0.1
    return StoredClip(ref, WIDTH, HEIGHT, 128, 96, times_s, tracks, tracker, Annotation(), clean_jpeg)


def _sample(ref: Ref, text: str) -> Sample:
    task, number = ref.key.split("-")[0], ref.position
    frames = FRAMES if ref.step_s > 0 else 1
    traces = np.ones((frames, 2, 3), np.float32)
    traces[:, 0, 0], traces[:, 0, 1] = 11 + 4 * np.arange(frames), 13
    traces[:, 1, :2] = 43, 33
    box = {"x0": 36.0, "y0": 26.0, "x1": 50.0, "y1": 40.0} if task == "ui" else {}
    marks: list[dict[str, Any]] = [
        {"id": 1, "x": 11.0, "y": 13.0, "foreground": task != "som", "text": text},
        {"id": 2, "x": 43.0, "y": 33.0, "role": text, **box},
    ]
    values = [np.sin(number), (number % 7) / 7] if task == "robot" else []
    marked, clean, look = _pictures(number % 50)
    record = {
        "id": ref.key,
        "split": ref.split,
        "task": task,
        "instruction": ref.instruction,
        "conversations": [
            {"from": "human", "value": f"<image>\nWhere are the marks? {text}"},
            {"from": "gpt", "value": f"Mark 1 at [44,69] {text}"},
        ],
        "marks": marks,
        "target_mark": 2 if task == "ui" else -1,
        "action": {
            "kind": {"robot": "robot", "ui": "click"}.get(task, ""),
            "text": text if task in ("robot", "ui") else "",
            "values": values,
            "bins": [128, number % 256] if values else [],
            "names": ["x", text or "grip"] if values else [],
        },
        "width": WIDTH,
        "height": HEIGHT,
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
        }
        | {"picture_hash": look},
        "quality": {"visible_share": (number % 100) / 100, "mark_overlap": 0.25},
    }
    if frames > 1:
        shift = np.tile(np.eye(3), (frames, 1, 1))
        shift[:, 0, 2] = np.arange(frames)
        record["motion"] = {
            "camera_moved": True,
            "homographies": shift.ravel(),
            "inlier_ratio": [1.0] * frames,
        }
    return Sample(ref.key, complete_record(record), marked, clean, traces)
