"""The forms that are Parquet files, read by `datasets`: everything, Magma's traces, LeRobot's annotations."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from apart import written
from datasets import Image, load_dataset
from exports import export

from somtom.pipelines.config_rules import ConfigError
from somtom.schemas import iterate
from somtom.schemas.answers import parse_tom
from somtom.schemas.plan_table import read_plan
from somtom.schemas.record import parse_record
from somtom.schemas.sample import decode_traces
from somtom.schemas.tracks_table import StoredClip, read_tracks

PICTURES = {"image": "jpg", "clean_image": "clean.jpg", "h00": "h00.jpg", "cam1": "cam1.jpg"}


def read(out: Path, split: str, cache: Path, pictures: tuple[str, ...]) -> Iterator[Any]:
    """Rows as `datasets` loads them from the folder alone, pictures as their bytes."""
    data = load_dataset(str(out), split=split, cache_dir=str(cache))
    for name in pictures:
        assert data.features[name] == Image()
        data = data.cast_column(name, Image(decode=False))
    yield from data


def clips(folder: Path) -> dict[str, StoredClip]:
    return {clip.ref.key: clip for path in (folder / "tracks").iterdir() for clip in read_tracks(path)}


@pytest.mark.parametrize("split", ["train", "val"])
def test_datasets_reads_every_value_of_the_parquet_files(
    mixed_dataset: Path, tmp_path: Path, split: str
) -> None:
    out = export(mixed_dataset, "parquet", tmp_path / "out")

    truth = written(mixed_dataset, split)
    rows = list(read(out, split, tmp_path / "cache", tuple(PICTURES)))
    assert [row["id"] for row in rows] == [sample.key for sample in iterate(mixed_dataset, split)]
    for row in rows:
        members = truth[row["id"]]
        assert {name: row.pop(name)["bytes"] for name in PICTURES} == {
            name: members[member] for name, member in PICTURES.items()
        }
        traces = decode_traces(members["traces.npy"])
        np.testing.assert_array_equal(np.array(row.pop("traces"), np.float32).reshape(traces.shape), traces)
        # As text: Python says 1 == 1.0 == True.
        assert json.dumps(row, sort_keys=True) == json.dumps(parse_record(members["json"]), sort_keys=True)


def test_a_file_and_a_group_of_rows_stay_small(mixed_dataset: Path, tmp_path: Path) -> None:
    out = export(mixed_dataset, "parquet", tmp_path / "out", split="train", file_mb=1)

    files = sorted((out / "data").iterdir())
    assert [path.name for path in files] == [f"train-{number:05d}.parquet" for number in range(len(files))]
    assert sum(pq.ParquetFile(path).metadata.num_rows for path in files) == 23
    assert all(path.stat().st_size < 1_500_000 for path in files)


@pytest.mark.parametrize("split", ["train", "val"])
def test_magmas_traces_are_all_raw_tracks_at_256_pixels(
    mixed_dataset: Path, tmp_path: Path, split: str
) -> None:
    out = export(mixed_dataset, "magma", tmp_path / "out", frames=3)

    stored, truth = clips(mixed_dataset), written(mixed_dataset, split)
    rows = list(read(out, split, tmp_path / "cache", ("image",)))
    assert {row["key"] for row in rows} == {key for key in truth if stored[key].tracks is not None}
    for row in rows:
        clip = stored[row["key"]]
        assert clip.tracks is not None
        record = parse_record(truth[row["key"]]["json"])
        assert row["image"]["bytes"] == truth[row["key"]]["clean.jpg"]
        trace, visible = np.array(row["trace"]), np.array(row["trace_visibility"])
        assert trace.shape == (4, clip.tracks.xy.shape[1], 2) and visible.shape == trace.shape[:2]
        share = (trace + 0.5) / 256
        np.testing.assert_allclose(share * [clip.width, clip.height] - 0.5, clip.tracks.xy[:4], atol=1e-4)
        np.testing.assert_array_equal(visible, clip.tracks.visible[:4] >= 0.5)
        assert (row["dataset_name"], row["video_name"]) == (
            record["source"]["dataset"],
            record["source"]["uri"],
        )
        assert (row["action"], row["action_bins"]) == (record["action"]["values"], record["action"]["bins"])
        assert row["task_string"] == record["instruction"]


def test_frames_are_numbered_as_in_the_input(mixed_dataset: Path, tmp_path: Path) -> None:
    out = export(mixed_dataset, "magma", tmp_path / "out")

    frames = {row["key"]: row["frame_index"] for row in read(out, "train", tmp_path / "cache", ())}
    for spec in read_plan(mixed_dataset / "meta" / "plan.parquet"):
        for ref in spec.refs:
            if ref.key in frames and ref.kind == "lerobot":
                assert frames[ref.key] == ref.frames[ref.history]
            elif ref.key in frames:
                assert frames[ref.key] == 8 * ref.position  # clips of 4 steps of 0.08 s, 25 frames a second


@pytest.mark.parametrize("split", ["train", "val"])
def test_lerobots_rows_stand_at_its_own_frames(mixed_dataset: Path, tmp_path: Path, split: str) -> None:
    out = export(mixed_dataset, "lerobot-annotations", tmp_path / "out")

    truth = {
        sample.key: sample for sample in iterate(mixed_dataset, split) if sample.source.kind == "lerobot"
    }
    stored = clips(mixed_dataset)
    rows = list(read(out, split, tmp_path / "cache", ()))
    assert [row["key"] for row in rows] == list(truth)
    for row in rows:
        sample, clip = truth[row["key"]], stored[row["key"]]
        assert f"episode_{row['episode_index']:06d}" == sample.source.uri
        assert (
            row["frame_index"]
            == row["trace_frame_index"][0]
            == round(sample.source.start_s * sample.source.fps)
        )
        np.testing.assert_array_equal(np.array(row["traces"], np.float32), sample.traces)
        assert len(row["trace_frame_index"]) == len(sample.traces)
        assert row["marks"] == sample.record["marks"] and row["action"] == sample.record["action"]
        assert (row["source_width"], row["source_height"]) == (clip.source_width, clip.source_height)
        events = row["language_events"]
        assert all(tuple(one) == ("role", "content", "style", "camera", "tool_calls") for one in events)
        assert {one["camera"] for one in events} == {"observation.images.front"} and not any(
            one["tool_calls"] for one in events
        )
        answers = [turn.value for turn in sample.conversations if turn.speaker == "gpt"]
        said = [one["content"] for one in events if one["role"] == "assistant"]
        assert said == [answer for answer in answers if answer != sample.action.text]
        traced = [one["content"] for one in events if one["style"] == "trace"]
        assert len(traced) == (sample.traces.shape[0] > 1 and any(mark.foreground for mark in sample.marks))
        assert all(parse_tom(one) for one in traced)
        assert not any("<image>" in one["content"] for one in events)


@pytest.mark.parametrize("form", ["magma", "lerobot-annotations"])
def test_a_form_that_holds_none_of_the_samples_says_so(
    mixed_dataset: Path, tmp_path: Path, form: str
) -> None:
    with pytest.raises(ConfigError, match="none of the samples"):
        export(mixed_dataset, form, tmp_path / "out", where="task == 'ui'")

    assert not list(tmp_path.iterdir())
